"""What a suite works with: its targets, its share of the time, and where its findings go."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .finding import Finding


@dataclass(frozen=True)
class Limits:
    """How long a target may take, in seconds."""

    # An answer, or the end of a connection. Longer than a loaded machine needs, shorter than any timeout of the shop.
    answer: float = 10
    # The answer to a bystander.
    bystander: float = 5


class Context:
    """The run of one suite."""

    # Between two lines of progress, in seconds.
    PROGRESS_SECONDS = 10

    def __init__(self, suite, *, seed, seconds, shop, findings, watcher, corpora, leaks, limits, note, present):
        self.suite, self.seed, self.seconds = suite, seed, seconds
        self.shop, self.findings, self.watcher = shop, findings, watcher
        self.corpora, self.leaks, self.limits = corpora, leaks, limits
        self.note, self.present = note, present
        self.random = random.Random(f"{seed}/{suite}")
        self.begun = time.monotonic()
        self.cases = 0
        self._said = self.begun
        self._lock = threading.Lock()

    # MARK: Targets

    def targets(self, *kinds):
        return [target for target in self.shop.targets if target.kind in kinds]

    @property
    def gateway(self):
        return next(target for target in self.targets("http") if target.is_gateway)

    def target(self, program, kind):
        return next(target for target in self.targets(kind) if target.program == program)

    def each(self, targets, work, count=None):
        """Runs `work` with each target, all or so many at the same time; an error of one is raised after all have ended."""
        with ThreadPoolExecutor(count or max(1, len(targets))) as pool:
            for future in [pool.submit(work, target) for target in targets]:
                future.result()

    def rng(self, target):
        """Random numbers of their own for a target, so that threads do not take them from one another."""
        return random.Random(f"{self.seed}/{self.suite}/{target.program}/{target.kind}")

    # MARK: Time

    @property
    def left(self):
        """Seconds of the suite's share that are left; below 0 when it is used up."""
        return self.seconds - (time.monotonic() - self.begun)

    # MARK: Results

    def at(self, case, target=""):
        """Notes what is being done now, for what a bystander finds meanwhile, and counts it."""
        self.present.label = f"{self.suite}: {case} {target}".rstrip()
        with self._lock:
            self.cases += 1
            now = time.monotonic()
            if now - self._said < self.PROGRESS_SECONDS:
                return
            self._said = now
        self.note(f"{self.suite}: {self.cases} cases after {now - self.begun:.0f} s")

    def finding(self, case, target, *, expected, seen):
        self.findings.add(Finding(self.suite, case, str(target), expected, str(seen), self.seed))

    def check_leaks(self, case, target, texts):
        """No answer may show the inside of a program."""
        for text in texts:
            leak = self.leaks.find(text)
            if leak:
                self.finding(case, target, expected="a text for callers", seen=f"{leak!r} in {text[:200]!r}")
                return

    def memory(self, target, bytes_max, what):
        """Checks in a `with` block that a target's process grows by at most so many bytes, and still runs."""
        return MemoryCheck(self, target, bytes_max, what)


class MemoryCheck:
    def __init__(self, context, target, bytes_max, what):
        self.context, self.target, self.bytes_max, self.what = context, target, bytes_max, what

    def __enter__(self):
        self.before = self.context.watcher.memory(self.target.pid)
        return self

    @property
    def growth(self):
        """In bytes; `None` when the process has ended."""
        now = self.context.watcher.memory(self.target.pid)
        return None if now is None or self.before is None else now - self.before

    def __exit__(self, *error):
        growth = self.growth
        expected = f"a process that grows by at most {self.bytes_max >> 20} MiB"
        if growth is None:
            self.context.finding(self.what, self.target, expected=expected, seen=f"process {self.target.pid} has ended")
        elif growth > self.bytes_max:
            self.context.finding(self.what, self.target, expected=expected, seen=f"{growth >> 20} MiB more")
