"""Runs the steps of a part, and records the results of completed ones."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def info(text):
    print(f"==> {text}", file=sys.stderr, flush=True)


class NoResult(Exception):
    """A step without a result, with a message for the user."""


class Work:
    """The run of one part."""

    # The timeout of one step in seconds, longer than any step takes.
    SECONDS_MAX = 4 * 3_600
    # The time for cleanup of an interrupted step, in seconds.
    CLEANUP_SECONDS_MAX = 30
    # Exit statuses of a step with a result: no violation, or violations.
    STATUSES = (0, 1)

    def __init__(self, part, root, records, plan, jobs, rerun):
        self.part = part
        self.root = root
        self.records = records
        self.plan = plan
        self.jobs = jobs
        self.rerun = rerun
        # The time of all steps, including those of earlier runs.
        self.seconds = 0.0
        self.commands = []
        self.findings = []
        # What the part completed within its budget of time, when that was not everything.
        self.stopped = None
        self.begun = time.monotonic()

    @property
    def budget(self):
        """The part's budget of time; `None` when its size is fixed."""
        return self.plan.budgets.get(self.part)

    def may_begin(self, done, step=1):
        """Whether the next `step` of the part may begin, after `done`: within its budget, or until its least size."""
        if not self.budget:
            return True
        elapsed = time.monotonic() - self.begun
        if done < self.budget.least:
            return elapsed < self.budget.seconds_max
        # As long as the steps before, and not longer than the rest.
        return elapsed + elapsed * step / done <= self.budget.seconds

    def completed(self, done, count, what):
        """Notes how far a part with a budget came."""
        if not self.budget or done >= count:
            return
        self.stopped = f"{done:,} of at most {count:,} {what} in {self.budget.seconds:.0f} s"
        if done < self.budget.least:
            self.add_finding(
                f"only {done:,} of at least {self.budget.least:,} {what} "
                f"after {time.monotonic() - self.begun:.0f} s: the machine is too slow, or something hangs"
            )

    def file(self, *names):
        """A file of this part."""
        return self.records.path(self.part, *names)

    def step(self, name, command, report_file=None, artifact=None):
        """Runs a command; returns its JSON result, from its output or from `report_file`.

        A completed step is not repeated, unless its `artifact` file is missing.
        """
        arguments = [str(argument) for argument in command]
        shown = " ".join(argument.replace(f"{self.root}/", "") for argument in arguments)
        self.commands.append(shown)
        known = None if self.rerun else self.records.read(self.part, f"{name}.json")
        if known and known["command"] == shown and (artifact is None or artifact.exists()):
            info(f"{self.part}: {name} was already completed, in {known['seconds']:.0f} s")
        else:
            known = self.run(name, arguments, report_file) | {"command": shown}
            self.records.write(known, self.part, f"{name}.json")
        self.seconds += known["seconds"]
        return known["answer"]

    def run(self, name, arguments, report_file):
        info(f"{self.part}: {name}")
        begun = time.monotonic()
        if report_file:
            Path(report_file).unlink(missing_ok=True)
        log = self.file(f"{name}.log")
        with open(log, "wb") as output:
            status = self.call(arguments, output)
        has_report = report_file and Path(report_file).exists()
        text = Path(report_file).read_text() if has_report else log.read_text(errors="replace")
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if status not in self.STATUSES or found is None:
            raise NoResult(f"{name}: {' '.join(arguments[:2])} … exited with {status}; see {log}")
        seconds = time.monotonic() - begun
        info(f"{self.part}: {name} took {seconds:.0f} s")
        return {"answer": found, "seconds": round(seconds, 1)}

    def call(self, arguments, output):
        # In its own process group, so that its children stop with it; the terminal's Ctrl-C reaches only this script.
        process = subprocess.Popen(
            arguments, cwd=self.root, stdin=subprocess.DEVNULL, stdout=output, start_new_session=True
        )
        try:
            return process.wait(self.SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return f"a timeout after {self.SECONDS_MAX} s"
        finally:
            if process.poll() is None:
                self.end(process)

    def end(self, process):
        """Stops a step and all its children."""
        try:
            # As Ctrl-C, so that a step can undo mounts and stopped processes.
            os.killpg(process.pid, signal.SIGINT)
            process.wait(self.CLEANUP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            info(f"{self.part}: does not stop, and is killed")
        finally:
            # Also children that outlived the first process, and after a second Ctrl-C.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def add_finding(self, what):
        self.findings.append(what)
