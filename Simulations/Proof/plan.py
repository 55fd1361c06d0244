"""The size of each part of the proof."""

from dataclasses import dataclass
from pathlib import Path

MUTANTS = Path(__file__).resolve().parents[1] / "Mutants"


def mutants_all():
    return len(list(MUTANTS.glob("*.patch")))


@dataclass
class Plan:
    # Worlds of the first run, and how many of them are run a second time.
    seeds: int = 10_000
    orders: int = 100
    again: int = 10_000
    # Worlds per simulator process; results are kept after each process.
    chunk: int = 500
    # Seeds that the debug and the release build both simulate.
    builds: int = 48
    builds_orders: int = 20
    crash_points: str = "pairs"
    kills: int = 300
    # `None` means all mutants.
    mutants: int | None = None
    mutant_seeds: int = 200
    control: int = 1_000
    control_orders: int = 30
    is_long: bool = True

    @staticmethod
    def slice():
        """The CI run of a change: at most ten minutes on two cores."""
        return Plan(
            seeds=300, again=50, chunk=150, builds=16, crash_points="single", kills=30, mutants=10,
            control=24, control_orders=12, is_long=False,
        )  # fmt: skip

    def scaled(self, factor):
        """The plan with its sizes multiplied by `factor`."""
        if factor == 1:
            return self
        self.seeds = max(20, round(self.seeds * factor))
        self.again = max(10, round(self.again * factor))
        self.chunk = max(10, min(self.chunk, -(-self.seeds // 4)))
        self.builds = max(4, min(self.builds, self.seeds))
        # Fewer kills would not include each kind of kill.
        self.kills = max(30, round(self.kills * factor))
        self.mutants = max(2, round(mutants_all() * factor))
        self.control = max(20, round(self.control * factor))
        self.is_long = factor >= 1
        return self
