"""The proto files of a package, and the Swift targets that their code belongs to."""

import json
import re
import subprocess
import tempfile

from configuration import FILE, Refusal

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
PACKAGE = re.compile(r"^\s*package\s+([\w.]+)\s*;", re.MULTILINE)
# What the generator provides: nothing is generated for a copy of these.
PROVIDED = ("google/", "martlet/options/")


def packages(folder, shown):
    """The proto files of each package, sorted, relative to `folder`.

    `shown` is the folder's name in messages.
    """
    if not folder.is_dir():
        raise Refusal(f'there is no folder {shown}: put the protos there, or name their folder in {FILE}, as in {{"protos": "…"}}')
    found = {}
    for path in sorted(folder.rglob("*.proto")):
        name = path.relative_to(folder).as_posix()
        if name.startswith(PROVIDED) or name.startswith(".") or "/." in name:
            continue
        declared = PACKAGE.search(COMMENT.sub("", path.read_text(encoding="utf-8")))
        if not declared:
            raise Refusal(f"{shown}/{name}: has no package, as in `package acme.links.v1;`")
        package = declared.group(1)
        wanted = package.replace(".", "/") + "/" + path.name
        if name != wanted:
            raise Refusal(f"{shown}/{name}: a file of package {package} belongs in {shown}/{wanted}")
        found.setdefault(package, []).append(name)
    if not found:
        raise Refusal(f"{shown} has no .proto files")
    return found


def targets(folder):
    """The name and the path, if it has one, of each target of the package's manifest."""
    if not (folder / "Package.swift").exists():
        raise Refusal(f"there is no Package.swift in {folder}: give the folder of a Swift package")
    with tempfile.TemporaryDirectory() as scratch:
        command = ["swift", "package", "--package-path", str(folder), "--scratch-path", scratch, "dump-package"]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            raise Refusal("swift is missing: https://www.swift.org/install") from None
    if done.returncode != 0:
        raise Refusal(f"Package.swift cannot be read:\n{done.stderr.strip() or done.stdout.strip()}")
    return {target["name"]: target.get("path") for target in json.loads(done.stdout)["targets"]}


def check_targets(modules, targets):
    """Refuses a module that no target builds, and a folder outside its target."""
    for package, module in modules.items():
        if module.name not in targets:
            raise Refusal(
                f"package {package}: Package.swift has no target {module.name}: add one with its sources in {module.sources}, "
                f"or name another module in {FILE}"
            )
        path = targets[module.name]
        roots = [path] if path else [f"{folder}/{module.name}" for folder in ("Sources", "Source", "src", "srcs")]
        if not any(root == "." or f"{module.sources}/".startswith(root.removeprefix("./").rstrip("/") + "/") for root in roots):
            raise Refusal(
                f"package {package}: {module.sources} is not in {roots[0]}, the folder of target {module.name}: name another "
                f"folder as its sources in {FILE}"
            )
