"""The files that a run writes into a package."""

import json

from configuration import Refusal
from toolchain import write

GENERATED = (".pb.swift", ".martlet.swift")


class Outputs:
    """Collects the generated sources of each folder, then makes the folders equal to them."""

    def __init__(self, package):
        self.package = package
        self.folders = {}

    def add(self, folder, sources):
        self.folders.setdefault(folder, {}).update({source.name: source.read_bytes() for source in sources})

    def install(self):
        """Returns the paths of the files that have changed.

        Unchanged files keep their dates, so that they are not compiled again. Files written by hand stay.
        """
        changed = []
        for folder, wanted in self.folders.items():
            target = self.package / folder
            target.mkdir(parents=True, exist_ok=True)
            for old in sorted(target.iterdir()):
                if old.name.endswith(GENERATED) and old.name not in wanted:
                    old.unlink()
                    changed.append(f"{folder}/{old.name}")
            changed += [f"{folder}/{name}" for name, content in sorted(wanted.items()) if write(target / name, content)]
        return changed


def one_row_per_line(topology):
    """The topology as JSON, each member of its lists in one line."""
    members = []
    for name, value in topology.items():
        if isinstance(value, list) and value:
            rows = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in value)
            members.append(f'  "{name}": [\n{rows}\n  ]')
        else:
            members.append(f'  "{name}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(members) + "\n}\n"


def update_topology(package, path, contracts):
    """Updates topics, scopes and methods in the topology; what each scope permits is kept, and empty for a new one.

    Returns the path if the file has changed.
    """
    file = package / path
    if not file.exists():
        raise Refusal(f"there is no {path}, the topology: Docs/Guides/Operating.md of Martlet describes it")
    topology = json.loads(file.read_text(encoding="utf-8"))
    about = {scope["name"]: scope.get("about", "") for scope in topology.get("scopes", [])}
    topology["topics"] = contracts["topics"]
    topology["scopes"] = [{"name": name, "about": about.get(name, "")} for name in contracts["scopes"]]
    topology["methods"] = contracts["methods"]
    return [path] if write(file, one_row_per_line(topology).encode()) else []
