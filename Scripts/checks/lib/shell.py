"""Runs the commands of documents."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

SHELL_SECONDS = 600
STOP_SECONDS = 60


class Shell:
    """A running shell command and its output."""

    def __init__(self, command, folder, log, environment=None):
        self.log = log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                ["bash", "-c", command], cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env=environment, start_new_session=True)  # fmt: skip

    def printed(self):
        return Path(self.log).read_text(encoding="utf-8", errors="replace")

    def stop(self):
        """Sends Ctrl-C, and SIGKILL when that has no effect."""
        for number in (signal.SIGINT, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass
            try:
                return self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                print(f"a command did not stop within {STOP_SECONDS} s of Ctrl-C")
        return None


def run_script(script, folder, log, environment=None):
    """Runs a script, which keeps its place in `__at`; returns whether it succeeded, and what it printed."""
    head = 'set -Eeuo pipefail\n__at=\ntrap \'echo "$__at: exit status $?: $BASH_COMMAND"\' ERR\n'
    shell = Shell(head + script, folder, log, environment)
    try:
        status = shell.process.wait(SHELL_SECONDS)
    except subprocess.TimeoutExpired:
        shell.stop()
        status = f"over {SHELL_SECONDS} s"
    if status != 0:
        return False, f"{shell.printed()}a block failed ({status})\n"
    return True, shell.printed()


def start(command, folder, log, seconds, environment=None):
    """Starts a command that stays, and waits until it prints a line that begins with `Ready`.

    Returns the shell, and `None` when the command exits or takes longer than `seconds`.
    """
    shell = Shell(command, folder, log, environment)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and shell.process.poll() is None:
        if re.search(r"^Ready", shell.printed(), re.MULTILINE):
            return shell
        time.sleep(0.2)
    print(shell.printed()[-6000:])
    print(f"'{command}' exited or was not ready within {seconds} s")
    shell.stop()
    return None


def has_ended_by_interrupt(status):
    """Whether a command that got Ctrl-C has ended because of it, and not by a failure."""
    return status in (0, 2, 130, -signal.SIGINT)
