"""A patch of Tests/NewService: the change that adds a service."""

import os
import shutil
import subprocess
from pathlib import Path

FOLDER = "Tests/NewService"


def patches(root):
    """The patches, by name."""
    return sorted((root / FOLDER).glob("*.patch"))


class ServicePatch:
    def __init__(self, path):
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines()
        pairs = [(before, after) for before, after in zip(lines, lines[1:]) if before.startswith("--- ") and after.startswith("+++ b/")]
        self.files = [after.removeprefix("+++ b/") for _, after in pairs]
        self.created = [after.removeprefix("+++ b/") for before, after in pairs if before == "--- /dev/null"]

    @property
    def edited(self):
        """The files that exist before."""
        return [path for path in self.files if path not in self.created]

    def copy_edited(self, root, tree):
        for path in self.edited:
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            if (root / path).is_file():
                shutil.copyfile(root / path, tree / path)

    def apply(self, tree):
        """Raises `ValueError` when the patch does not apply."""
        # Prevents git from using a repository above the tree.
        environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(Path(tree).resolve().parent)}
        command = ["git", "apply", "--whitespace=nowarn", str(self.path.resolve())]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, env=environment)
        if done.returncode != 0:
            raise ValueError(done.stderr.strip().removeprefix("error: ").splitlines()[0])
