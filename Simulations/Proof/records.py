"""The records of the parts: JSON files beside the build, with the state of the sources that they belong to."""

import datetime
import hashlib
import json
import os
import platform
import subprocess
from pathlib import Path

PAGE = "Docs/Proof.md"


def git(root, *arguments):
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout


def state(root, *excluded):
    """The last commit of the sources without `excluded`, and a hash of uncommitted changes."""
    sources = ["--", ".", *(f":!{path}" for path in excluded)]
    commit = git(root, "log", "-1", "--format=%h", *sources).strip()
    changes = git(root, "diff", "HEAD", *sources)
    for path in sorted(git(root, "ls-files", "--others", "--exclude-standard", *sources).splitlines()):
        changes += f"{path} {hashlib.sha256((root / path).read_bytes()).hexdigest()}\n"
    return f"{commit}+{hashlib.sha256(changes.encode()).hexdigest()[:8]}" if changes else commit


def cores():
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def machine():
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    gibibytes = int(memory.split()[1]) / 1024 / 1024
    return f"{cores()} cores, {gibibytes:.0f} GiB, {platform.machine()}"


def load():
    return " ".join(Path("/proc/loadavg").read_text().split()[:3])


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


class Records:
    # Documents do not affect the results.
    DOCUMENTS = ("Docs", "*.md")
    SIMULATED = (
        "Simulations/Shop", "Simulations/Cluster", "Simulations/Disk", "Simulations/Mutants", "Toolkit/Simulation",
        "Tests/Simulation",
    )  # fmt: skip
    REAL = ("Simulations/Chaos",)

    def __init__(self, root, folder):
        self.folder = Path(folder)
        self.state = state(root, *self.DOCUMENTS)
        self.simulated, self.real = state(root, *self.DOCUMENTS, *self.REAL), state(root, *self.DOCUMENTS, *self.SIMULATED)

    def state_of(self, name):
        """The state for the part of this record: without sources that the part does not run."""
        return self.real if name.removesuffix(".json") in ("kills", "chaos") else self.simulated

    def path(self, *names):
        path = self.folder.joinpath(*names)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def read(self, *names):
        """The record for these sources; `None` when there is none, or it belongs to other sources."""
        try:
            record = json.loads(self.path(*names).read_text())
        except (OSError, ValueError):
            return None
        return record if record.get("state") == self.state_of(names[0]) else None

    def write(self, record, *names):
        path = self.path(*names)
        # Atomic, since an interrupted proof continues from the existing records.
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(record | {"state": self.state_of(names[0])}, indent=1, sort_keys=True) + "\n")
        fresh.replace(path)
