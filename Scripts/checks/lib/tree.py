"""The project's files, and the report of a check.

A check has a root directory as argument, so that it runs on the project and on its violations.
"""

import os
import subprocess
import sys
from pathlib import Path

SKIPPED_FOLDERS = {".git", "__pycache__"}
VIOLATIONS = "Scripts/checks/violations/"


def root_from_arguments():
    """The directory to check: the first argument, or the project itself."""
    here = Path(__file__).resolve().parents[3]
    return Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else here


def files(root, *suffixes):
    """Sorted relative paths of the project's files: those that git does not ignore, or all of a plain directory."""
    if (root / ".git").exists():
        command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
        names = [name for name in names if name and (root / name).is_file()]
    else:
        names = []
        for folder, folders, found in os.walk(root):
            folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS and not f.startswith(".build")]
            names += [str((Path(folder) / name).relative_to(root)) for name in found]
    names = [name for name in names if not name.startswith(VIOLATIONS)]
    return sorted({name for name in names if not suffixes or name.endswith(suffixes)})


def is_generated(path):
    """Whether a file is generated: formatting and style rules do not apply to it."""
    return path.endswith((".pb.swift", ".martlet.swift")) or "/Generated/" in path


def hand_written_swift(root):
    return [path for path in files(root, ".swift") if not is_generated(path)]


def read(root, path):
    """The text of a file; empty for one that is not text or was just removed."""
    try:
        return (root / path).read_text(encoding="utf-8")
    except (UnicodeDecodeError, FileNotFoundError):
        return ""


class Report:
    """The findings of one check. Prints a summary line when there are none."""

    def __init__(self, name):
        self.name = name
        self.findings = []

    def add(self, path, line, message):
        self.findings.append((path, line, message))

    def finish(self, summary):
        for path, line, message in sorted(set(self.findings), key=lambda f: (f[0], f[1] or 0, f[2])):
            print(f"{path}:{line}: {message}" if line else f"{path}: {message}")
        if self.findings:
            print(f"{self.name}: {len(set(self.findings))} findings")
            sys.exit(1)
        print(f"{self.name}: {summary}")
