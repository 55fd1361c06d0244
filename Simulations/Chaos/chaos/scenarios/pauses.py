"""SIGSTOP for longer than a lease, then SIGCONT: the process resumes with expired leases."""

import asyncio
import signal

from ..run import Scenario
from ..topology import EVENT_LOG, PROGRAMS, program_of

# Leases of outbox and workflows last 30 s.
SECONDS = 33
# EventLogLimits.acknowledgementTimeout, after which a member that holds a delivery is expelled, is 300 s; --long waits for it.
HOLDING_SECONDS = 303
COORDINATOR = program_of("orders")


def groups():
    """Coordinator and event log alone, the others in pairs."""
    others = [program for program in PROGRAMS if program not in (COORDINATOR, EVENT_LOG)]
    return [[COORDINATOR], [EVENT_LOG]] + [others[at : at + 2] for at in range(0, len(others), 2)]


class Pauses(Scenario):
    """The coordinator; with --long every daemon, in groups that leave work for the others."""

    name = "pauses"
    covers = ("F10", "F09")
    rate = 30.0

    async def inject(self, run):
        for group in groups() if run.options.long else groups()[:1]:
            for program in group:
                if run.shop.daemons[program].send_signal(signal.SIGSTOP):
                    run.faults.record(f"SIGSTOP {program} for {SECONDS} s", of=("F09", "F10") if program == COORDINATOR else "F10")
            await asyncio.sleep(SECONDS)
            for program in group:
                run.shop.daemons[program].send_signal(signal.SIGCONT)
            run.faults.heal()
            await asyncio.sleep(3)
        if run.options.long:
            await self.outlive_membership(run)
        run.remarks["F09"] = (
            "the process resumes and finds its leases expired; a takeover by another replica is simulated, "
            "since a SQLite file has one owner")

    async def outlive_membership(self, run):
        """Suspends a consumer until the event log expels it; orders do not need the carts."""
        if run.shop.daemons["cartsd"].send_signal(signal.SIGSTOP):
            run.faults.record(f"SIGSTOP cartsd for {HOLDING_SECONDS} s", of="F10")
        await asyncio.sleep(HOLDING_SECONDS)
        run.shop.daemons["cartsd"].send_signal(signal.SIGCONT)
        run.faults.heal()
        await asyncio.sleep(3)
