"""A mutant: a patch of Simulations/Mutants, read by the check and by Scripts/mutants."""

import os
import re
import shutil
import subprocess
from pathlib import Path

BREAKS = re.compile(r"^# Breaks ([IF]\d+: .+\.)$")


def patches(root):
    """The patches, by name."""
    return sorted((root / Mutant.FOLDER).glob("*.patch"))


class Mutant:
    FOLDER = "Simulations/Mutants"

    def __init__(self, path):
        self.path = path
        self.name = path.stem
        self.lines = path.read_text(encoding="utf-8").splitlines()
        head = self.lines[:2] + ["", ""]
        self.bug = head[0].removeprefix("# ") if head[0].startswith("# ") else ""
        match = BREAKS.match(head[1])
        self.breaks = match.group(1) if match else ""

    @property
    def files(self):
        """The files that the patch changes, relative to the project."""
        return [line.removeprefix("+++ b/") for line in self.lines if line.startswith("+++ b/")]

    def declares(self, pattern):
        """Whether the patch changes a declaration, and not only function bodies."""
        return any(pattern.match(line) for line in self.lines if not line.startswith(("+++", "---")))

    def apply(self, root, tree):
        """Copies the changed files to `tree` and applies the patch; returns them by their path in the project.

        Raises `ValueError` when the patch does not apply.
        """
        for path in self.files:
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            if (root / path).is_file():
                shutil.copyfile(root / path, tree / path)
        # Prevents git from using a repository above the tree.
        environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(Path(tree).resolve().parent)}
        command = ["git", "apply", "--whitespace=nowarn", str(self.path.resolve())]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            raise ValueError(done.stderr.strip().removeprefix("error: ").splitlines()[0])
        return {path: tree / path for path in self.files}
