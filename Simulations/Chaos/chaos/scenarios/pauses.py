"""SIGSTOP for longer than a lease, then SIGCONT: the process wakes up and believes that no time has passed."""

import asyncio
import signal

from ..run import Scenario
from ..topology import PROGRAMS

# Leases of outbox and workflows last 30 s.
SECONDS = 33
# EventLogLimits.holding, after which a member that holds a delivery is expelled, is 300 s; the form with --long waits for it.
HOLDING_SECONDS = 303


class Pauses(Scenario):
    """The coordinator alone; in the long form every daemon, in groups that leave the others something to do."""

    name = "pauses"
    covers = ("F10", "F09")
    rate = 30.0
    groups = (("ordersd",), ("paymentsd", "cartsd"), ("eventlogd",), ("inventoryd", "gatewayd"), ("testproviderd", "catalogd"))

    async def inject(self, stage):
        assert {program for group in self.groups for program in group} == set(PROGRAMS)
        for group in self.groups if stage.options.long else self.groups[:1]:
            for program in group:
                if stage.shop.daemons[program].send(signal.SIGSTOP):
                    stage.faults.did(f"SIGSTOP {program} for {SECONDS} s", of=("F09", "F10") if program == "ordersd" else "F10")
            await asyncio.sleep(SECONDS)
            for program in group:
                stage.shop.daemons[program].send(signal.SIGCONT)
            stage.faults.heal()
            await asyncio.sleep(3)
        if stage.options.long:
            await self.outlive_membership(stage)
        stage.remarks["F09"] = (
            "the zombie wakes and finds its leases expired; that another replica has taken over meanwhile is the simulation's: "
            "a SQLite file has one owner")

    async def outlive_membership(self, stage):
        """A consumer that sleeps until the event log has given it up; orders do not need the carts."""
        if stage.shop.daemons["cartsd"].send(signal.SIGSTOP):
            stage.faults.did(f"SIGSTOP cartsd for {HOLDING_SECONDS} s", of="F10")
        await asyncio.sleep(HOLDING_SECONDS)
        stage.shop.daemons["cartsd"].send(signal.SIGCONT)
        stage.faults.heal()
        await asyncio.sleep(3)
