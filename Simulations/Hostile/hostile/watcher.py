"""Watches the processes of a shop: their ids, their memory, their logs and the supervisor's."""

import re
import threading
import time
from pathlib import Path

INTERVAL_SECONDS = 0.5
RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB", re.MULTILINE)
# Lines by which the Swift runtime and the supervisor report the end of a process.
CRASH = re.compile(r"Program crashed|Fatal error|\bcrashed\b|\bsignal \d+|\bexited with\b|is killed")
# Of a daemon's log: what an operator would have to look at.
ERROR = re.compile(r'"level":"(?:error|critical)"')
# Of one suite: the first lines of a log that are reported.
LINES_MAX = 3


def resident_bytes(pid):
    """The resident memory of a process; `None` when it has ended."""
    try:
        match = RESIDENT.search(Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return None
    return int(match.group(1)) * 1024 if match else None


class Log:
    """A log file, of which each line is read once."""

    def __init__(self, name, path):
        self.name, self.path, self.offset = name, Path(path), 0

    def new_lines(self):
        try:
            with open(self.path, "rb") as file:
                if self.path.stat().st_size < self.offset:
                    self.offset = 0  # It was rotated.
                file.seek(self.offset)
                data = file.read()
        except OSError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self.offset += len(whole)
        return whole.decode("utf-8", "replace").splitlines()


class Watcher:
    """Samples the memory of each process in a thread of its own, between `start` and `stop`.

    What an idle process needs is what it has when the watcher is made: make it after a warm-up.
    """

    # The largest growth of one process during a suite: its budget of bytes in flight, and what its libraries take with it.
    RISE_BYTES_MAX = 400 << 20
    # What may stay of it, as a share of what the idle process needs, and besides: Docs/Security/Hostile.md has the measurement.
    REST_SHARE_MAX = 0.2
    REST_BYTES_MAX = 16 << 20

    def __init__(self, processes, logs, memory=resident_bytes):
        """`processes` maps names to process ids; `logs` are `Log`s."""
        self.processes, self.logs, self.memory = dict(processes), logs, memory
        self.idle = self.sample()
        self.peaks = dict(self.idle)
        self.ended = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopped.set()
        self._thread.join()

    def _run(self):
        while not self._stopped.wait(INTERVAL_SECONDS):
            for name, size in self.sample().items():
                if size is not None:
                    self.peaks[name] = max(self.peaks.get(name) or 0, size)

    def sample(self):
        """Resident bytes by name; `None` for a process that has ended."""
        return {name: self.memory(pid) for name, pid in self.processes.items()}

    def memory_rows(self):
        """The resident bytes of each process when it was idle and now, those that have grown most first."""
        rows = [{"process": name, "idleBytes": self.idle.get(name), "bytes": size} for name, size in self.sample().items()]
        return sorted(rows, key=lambda row: (row["idleBytes"] or 0) - (row["bytes"] or 0))

    def begin_suite(self):
        self.before = self.sample()
        self.peaks = dict(self.before)
        for log in self.logs:
            log.new_lines()

    @property
    def largest_rise(self):
        """The process that grew most since `begin_suite`, and by how many bytes."""
        rises = {name: (peak or 0) - (self.before.get(name) or 0) for name, peak in self.peaks.items()}
        name = max(sorted(rises), key=rises.get)
        return name, rises[name]

    def end_suite(self):
        """What happened to the processes since `begin_suite`: triples of case, process and what was expected and seen."""
        found = []
        for name, size in self.sample().items():
            if size is None and name not in self.ended:
                self.ended.add(name)
                found.append(("pids", name, "the same process as before", f"process {self.processes[name]} has ended"))
            rise = (self.peaks.get(name) or 0) - (self.before.get(name) or 0)
            if rise > self.RISE_BYTES_MAX:
                limit = f"at most {self.RISE_BYTES_MAX >> 20} MiB more than before"
                found.append(("memory", name, limit, f"{rise >> 20} MiB more"))
        return found + self.log_findings()

    def log_findings(self):
        found = []
        for log in self.logs:
            lines = [line for line in log.new_lines() if CRASH.search(line) or ERROR.search(line)]
            found += [("log", log.name, "no crash and no error", line) for line in lines[:LINES_MAX]]
        return found

    def wait_for_memory(self, seconds):
        """Waits until each process is back at about its idle memory; what is not after so many seconds."""
        until = time.monotonic() + seconds
        while True:
            over = []
            for name, size in self.sample().items():
                idle = self.idle.get(name) or 0
                allowed = int(idle * (1 + self.REST_SHARE_MAX)) + self.REST_BYTES_MAX
                if size is not None and size > allowed:
                    expected = f"at most {allowed >> 20} MiB after {seconds:.0f} s, {idle >> 20} MiB idle"
                    over.append(("memory afterwards", name, expected, f"{size >> 20} MiB"))
            if not over or time.monotonic() > until:
                return over
            time.sleep(INTERVAL_SECONDS)
