"""One scenario on one shop: workload, faults, recovery, quiescence, check of the invariants."""

import asyncio
import time

from .checker import CONVERGE_SECONDS, Checker
from .load import Load
from .observer import Observer
from .tables import Tables


class Faults:
    """Counts the injected faults, and stores when the last of them ended."""

    def __init__(self, note):
        self.note = note
        self.counts = {}
        # The same by fault id; without one, an injection counts for every fault that the scenario covers.
        self.by_fault = {}
        self.covers = ()
        self.healed = time.monotonic()
        self.history = []

    def record(self, what, number=1, healed=True, of=None):
        self.counts[what] = self.counts.get(what, 0) + number
        for fault in self.covers if of is None else (of,) if isinstance(of, str) else of:
            self.by_fault[fault] = self.by_fault.get(fault, 0) + number
        self.history.append((round(time.time(), 3), what))
        if healed:
            self.healed = time.monotonic()

    def heal(self):
        self.healed = time.monotonic()


class ScenarioRun:
    """One run of a scenario: its shop, workload, records and findings."""

    def __init__(self, shop, load, observer, faults, tables, checker, rng, options):
        self.shop, self.load, self.observer, self.faults = shop, load, observer, faults
        self.tables, self.checker, self.rng, self.options = tables, checker, rng, options
        # Findings of the scenario itself.
        self.findings = []
        # Remarks by fault id.
        self.remarks = {}
        # Faults that cannot be injected on this machine: reasons by fault id.
        self.skipped = {}

    def add_finding(self, fault, what):
        self.findings.append({"invariant": fault, "what": what})

    def require(self, fault, holds, what):
        if not holds:
            self.add_finding(fault, what)


async def run_scenario(scenario, shop, rng, options):
    """Runs a scenario under load on a running shop; returns its outcome as a dictionary."""
    begun = time.monotonic()
    observer = Observer(shop.folder / "responses.jsonl")
    tables = Tables(shop)
    load = Load(shop, observer, f"{options.seed}-{scenario.name}", scenario.concurrency, scenario.rate)
    checker = Checker(shop, tables, observer)
    faults = Faults(shop.note)
    faults.covers = scenario.covers
    run = ScenarioRun(shop, load, observer, faults, tables, checker, rng, options)
    await load.stock()
    working = asyncio.ensure_future(load.run())
    await asyncio.sleep(scenario.warm_up)
    try:
        await scenario.inject(run)
    finally:
        load.stop()
    await working
    await shop.all_become_ready()
    # Counted from the last fault; restarts and retries of clients are included. Where a scenario continues the load after
    # its last fault, to check that the shop accepts orders again, counted from the end of the load.
    await checker.converge(max(faults.healed, load.stopped_at), limit=scenario.quiescence_seconds_max(options))
    violations = checker.reconcile() + run.findings
    accepts = sorted(load.accepts)
    return {
        "scenario": scenario.name,
        "covers": list(scenario.covers),
        "holds": not violations and not load.unexpected_refusals,
        "violations": violations,
        "oddities": load.unexpected_refusals[:20],
        "injected": dict(sorted(faults.counts.items())),
        "injected_by_fault": dict(sorted(faults.by_fault.items())),
        "network": await shop.proxies.counts(),
        "remarks": run.remarks,
        "skipped": run.skipped,
        "seconds": round(time.monotonic() - begun, 1),
        "figures": checker.figures | {
            "journeys": dict(sorted(load.journeys.items())),
            "payments": dict(sorted(load.payment_kinds.items())),
            "answers": dict(sorted(observer.responses.items())),
            "unanswered": observer.without_response,
            "repeats": observer.retries,
            "accept_seconds": {f"p{share}": round(accepts[len(accepts) * share // 100], 4) for share in (50, 99)} if accepts else {},
            "ends": {name: [status for _, status in daemon.exits] for name, daemon in shop.daemons.items() if daemon.exits},
        },
    }  # fmt: skip


class Scenario:
    """Subclasses define the name, the covered fault ids and the injection."""

    name = ""
    covers = ()
    concurrency = 16
    rate = 60.0
    warm_up = 1.0
    # Runs by default; the others run with --all, or by name.
    is_quick = False

    def quiescence_seconds_max(self, options):
        """The time in which the shop must become quiescent."""
        return CONVERGE_SECONDS

    async def inject(self, run):
        raise NotImplementedError
