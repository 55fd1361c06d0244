"""One scenario on one shop: load, faults, healing, rest, judgement."""

import asyncio
import time

from .judge import CONVERGE_SECONDS, Judge
from .load import Load
from .observer import Observer
from .tables import Tables


class Faults:
    """Counts what was really done, by fault, and when the last of it was healed."""

    def __init__(self, note):
        self.note = note
        self.counts = {}
        # The same, by the fault that it was done for; all that the scenario covers when it does not say.
        self.by_fault = {}
        self.covers = ()
        self.healed = time.monotonic()
        self.history = []

    def did(self, what, number=1, healed=True, of=None):
        self.counts[what] = self.counts.get(what, 0) + number
        for fault in self.covers if of is None else (of,) if isinstance(of, str) else of:
            self.by_fault[fault] = self.by_fault.get(fault, 0) + number
        self.history.append((round(time.time(), 3), what))
        if healed:
            self.healed = time.monotonic()

    def heal(self):
        self.healed = time.monotonic()


class Stage:
    """What a scenario has at hand."""

    def __init__(self, shop, load, observer, faults, tables, judge, chance, options):
        self.shop, self.load, self.observer, self.faults = shop, load, observer, faults
        self.tables, self.judge, self.chance, self.options = tables, judge, chance, options
        # Findings of the scenario itself: (fault, what) in words.
        self.findings = []
        # Fault ids to their own words, where one scenario covers several.
        self.remarks = {}
        # Fault ids that this machine or this system could not be given, with the reason.
        self.skipped = {}

    def found(self, fault, what):
        self.findings.append({"invariant": fault, "what": what})

    def require(self, fault, holds, what):
        if not holds:
            self.found(fault, what)


async def perform(scenario, shop, chance, options):
    """Runs a scenario under load on a shop that is up; its outcome as a dictionary."""
    begun = time.monotonic()
    observer = Observer(shop.folder / "told.jsonl")
    tables = Tables(shop)
    load = Load(shop, observer, f"{options.seed}-{scenario.name}", scenario.concurrency, scenario.rate)
    judge = Judge(shop, tables, observer)
    faults = Faults(shop.note)
    faults.covers = scenario.covers
    stage = Stage(shop, load, observer, faults, tables, judge, chance, options)
    await load.stock()
    working = asyncio.ensure_future(load.run())
    await asyncio.sleep(scenario.warm_up)
    try:
        await scenario.inject(stage)
    finally:
        load.stop()
    await working
    await shop.all_ready()
    # From the last fault, restarts and the repeats of clients within it. Where a scenario goes on with the load after its last
    # fault, to see that the shop takes orders again, from the end of the load: until then there is always something on its way.
    await judge.converge(max(faults.healed, load.stopped_at), limit=scenario.rest_seconds(options))
    violations = judge.reconcile() + stage.findings
    accepts = sorted(load.accepts)
    return {
        "scenario": scenario.name,
        "covers": list(scenario.covers),
        "holds": not violations and not load.oddities,
        "violations": violations,
        "oddities": load.oddities[:20],
        "injected": dict(sorted(faults.counts.items())),
        "injected_by_fault": dict(sorted(faults.by_fault.items())),
        "network": await shop.proxies.counts(),
        "remarks": stage.remarks,
        "skipped": stage.skipped,
        "seconds": round(time.monotonic() - begun, 1),
        "figures": judge.figures | {
            "journeys": dict(sorted(load.journeys.items())),
            "payments": dict(sorted(load.payment_kinds.items())),
            "answers": dict(sorted(observer.answers.items())),
            "unanswered": observer.unanswered,
            "repeats": observer.repeats,
            "accept_seconds": {f"p{share}": round(accepts[len(accepts) * share // 100], 4) for share in (50, 99)} if accepts else {},
            "ends": {name: [status for _, status in daemon.ends] for name, daemon in shop.daemons.items() if daemon.ends},
        },
    }  # fmt: skip


class Scenario:
    """Subclasses name themselves, say which faults they cover, and inject."""

    name = ""
    covers = ()
    concurrency = 16
    rate = 60.0
    warm_up = 1.0
    # True for what runs when nobody says which; the others run with --all, or by name.
    is_quick = False

    def rest_seconds(self, options):
        """Within which all must have come to rest."""
        return CONVERGE_SECONDS

    async def inject(self, stage):
        raise NotImplementedError
