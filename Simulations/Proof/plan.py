"""The size of each part of the proof."""

from dataclasses import dataclass, field
from pathlib import Path

MUTANTS = Path(__file__).resolve().parents[1] / "Mutants"


def mutants_all():
    return len(list(MUTANTS.glob("*.patch")))


@dataclass(frozen=True)
class Budget:
    """The time of a part whose size is only an upper limit."""

    # The part begins nothing new after so many seconds.
    seconds: float
    # The least size, which a part on a slow machine reaches in up to `FACTOR_MAX` times its seconds, or fails.
    least: int

    FACTOR_MAX = 3

    @property
    def seconds_max(self):
        return self.FACTOR_MAX * self.seconds


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
    # By part; a part without a budget runs its whole size.
    budgets: dict = field(default_factory=dict)

    @staticmethod
    def slice():
        """The CI run of a change.

        On two ordinary cores the simulated parts take about four minutes, and the kills less than one. The parts that
        cannot be divided are small: they are the least that proves anything.
        """
        return Plan(
            seeds=300, again=60, chunk=20, builds=16, crash_points="single", kills=30, mutants=10,
            control=24, control_orders=12, is_long=False,
            budgets={"worlds": Budget(60, 60), "again": Budget(15, 20), "mutants": Budget(60, 2)},
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
