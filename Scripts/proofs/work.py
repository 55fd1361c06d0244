"""Runs the pieces of a part, and remembers those that are done."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def say(text):
    print(f"==> {text}", file=sys.stderr, flush=True)


class Broken(Exception):
    """A piece that gave no answer, in words for a reader."""


class Work:
    """One part at work."""

    # Of one piece, in seconds: longer than any takes, so that nothing hangs for a night.
    SECONDS_MAX = 4 * 3_600
    # What a piece that is interrupted may take to tidy up, in seconds.
    TIDY_SECONDS_MAX = 30
    # Of a piece that has something to say: all held, or something did not.
    STATUSES = (0, 1)

    def __init__(self, part, root, records, plan, jobs, anew):
        self.part = part
        self.root = root
        self.records = records
        self.plan = plan
        self.jobs = jobs
        self.anew = anew
        # Of all its pieces, those of earlier goes among them.
        self.seconds = 0.0
        self.commands = []
        self.findings = []

    def file(self, *names):
        """A file of this part."""
        return self.records.path(self.part, *names)

    def piece(self, name, command, answer=None, keeps=None):
        """What a command answers as JSON, on its output or in the file `answer`.

        What is done is not done again, unless the file that it `keeps` is gone.
        """
        words = [str(word) for word in command]
        shown = " ".join(word.replace(f"{self.root}/", "") for word in words)
        self.commands.append(shown)
        known = None if self.anew else self.records.read(self.part, f"{name}.json")
        if known and known["command"] == shown and (keeps is None or keeps.exists()):
            say(f"{self.part}: {name} was done before, in {known['seconds']:.0f} s")
        else:
            known = self.run(name, words, answer) | {"command": shown}
            self.records.write(known, self.part, f"{name}.json")
        self.seconds += known["seconds"]
        return known["answer"]

    def run(self, name, words, answer):
        say(f"{self.part}: {name}")
        begun = time.monotonic()
        if answer:
            Path(answer).unlink(missing_ok=True)
        log = self.file(f"{name}.log")
        with open(log, "wb") as output:
            ended = self.call(words, output)
        text = Path(answer).read_text() if answer and Path(answer).exists() else log.read_text(errors="replace")
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if ended not in self.STATUSES or found is None:
            raise Broken(f"{name}: {' '.join(words[:2])} … ended with {ended}; see {log}")
        seconds = time.monotonic() - begun
        say(f"{self.part}: {name} took {seconds:.0f} s")
        return {"answer": found, "seconds": round(seconds, 1)}

    def call(self, words, output):
        # In a group of its own, so that its children can be ended with it; the terminal's Ctrl-C then comes to us alone.
        process = subprocess.Popen(
            words, cwd=self.root, stdin=subprocess.DEVNULL, stdout=output, start_new_session=True
        )
        try:
            return process.wait(self.SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return f"no end after {self.SECONDS_MAX} s"
        finally:
            if process.poll() is None:
                self.end(process)

    def end(self, process):
        """Ends a piece and all its children."""
        try:
            # As Ctrl-C: who has mounted or stopped something undoes it.
            os.killpg(process.pid, signal.SIGINT)
            process.wait(self.TIDY_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            say(f"{self.part}: does not end, and is killed")
        finally:
            # Also who outlived the first of them, and after a second Ctrl-C.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def found(self, what):
        self.findings.append(what)
