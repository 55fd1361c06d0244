"""What a suite found: a difference between what was expected of a program and what it did."""

import threading
from dataclasses import asdict, dataclass

ALL = "all"


@dataclass(frozen=True)
class Finding:
    # Its name, or `ALL` for what no suite has caused alone.
    suite: str
    case: str
    # Program, kind of listener and port, as `cartsd grpc 20123`.
    target: str
    expected: str
    seen: str
    seed: int

    @property
    def text(self):
        only = "" if self.suite == ALL else f" --only {self.suite}"
        repeat = f"Scripts/hostile{only} --seed {self.seed}"
        return f"{self.suite}: {self.case}, at {self.target}: expected {self.expected}; seen {self.seen}; repeat: {repeat}"

    def as_json(self):
        return asdict(self)


class Findings:
    """All findings of a run. May be used by several threads."""

    # Of one case: further ones, usually at other targets, are only counted.
    PRINTED_MAX = 3
    # Of the text of an answer.
    SEEN_CHARACTERS_MAX = 300

    def __init__(self, note):
        self.note = note
        self.all = []
        self._lock = threading.Lock()
        self._counts = {}

    def add(self, finding):
        if len(finding.seen) > self.SEEN_CHARACTERS_MAX:
            finding = Finding(**{**asdict(finding), "seen": finding.seen[: self.SEEN_CHARACTERS_MAX] + "…"})
        with self._lock:
            self.all.append(finding)
            count = self._counts[finding.suite, finding.case] = self._counts.get((finding.suite, finding.case), 0) + 1
        if count <= self.PRINTED_MAX:
            self.note(f"FINDING  {finding.text}")

    def summary(self):
        """One line for each case with findings."""
        lines = []
        for (suite, case), count in sorted(self._counts.items()):
            first = next(finding for finding in self.all if (finding.suite, finding.case) == (suite, case))
            more = f" (and {count - 1} more)" if count > 1 else ""
            lines.append(f"{first.text}{more}")
        return lines
