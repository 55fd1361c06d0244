"""What each part came to, kept as JSON beside the build, with the state of the sources that it is true of."""

import datetime
import hashlib
import json
import os
import platform
import subprocess
from pathlib import Path

PAGE = "Docs/Proof.md"


def git(root, *words):
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout


def state(root, *apart):
    """The last commit of the sources but for `apart`, and a mark of what is not committed."""
    sources = ["--", ".", *(f":!{path}" for path in apart)]
    commit = git(root, "log", "-1", "--format=%h", *sources).strip()
    changes = git(root, "diff", "HEAD", *sources)
    for path in sorted(git(root, "ls-files", "--others", "--exclude-standard", *sources).splitlines()):
        changes += f"{path} {hashlib.sha256((root / path).read_bytes()).hexdigest()}\n"
    return f"{commit}+{hashlib.sha256(changes.encode()).hexdigest()[:8]}" if changes else commit


def cores():
    """How many this process may use."""
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
    # What is only read by people proves nothing.
    WORDS = ("Docs", "*.md")
    SIMULATED = ("Simulations/Shop", "Simulations/Disk", "Simulations/Mutants", "Toolkit/Simulation", "Tests/Simulation")
    REAL = ("Simulations/Chaos",)

    def __init__(self, root, folder):
        self.folder = Path(folder)
        self.state = state(root, *self.WORDS)
        self.simulated, self.real = state(root, *self.WORDS, *self.REAL), state(root, *self.WORDS, *self.SIMULATED)

    def state_of(self, name):
        """Of the part whose record has this name: what a part does not run may change, and the part need not run again."""
        return self.real if name.removesuffix(".json") in ("kills", "chaos") else self.simulated

    def path(self, *names):
        path = self.folder.joinpath(*names)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def read(self, *names):
        """A record of these sources; nothing when there is none, or it is of others."""
        try:
            record = json.loads(self.path(*names).read_text())
        except (OSError, ValueError):
            return None
        return record if record.get("state") == self.state_of(names[0]) else None

    def write(self, record, *names):
        path = self.path(*names)
        # Whole or not at all: an interrupted proof goes on from what is there.
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(record | {"state": self.state_of(names[0])}, indent=1, sort_keys=True) + "\n")
        fresh.replace(path)
