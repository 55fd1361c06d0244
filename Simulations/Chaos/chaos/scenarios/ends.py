"""SIGTERM under load: what is on its way is finished, readiness goes first, and the status is 0."""

import asyncio
import signal
import time

from ..run import Scenario
from ..topology import PROGRAMS

GRACE_SECONDS = 15.0


class Ends(Scenario):
    name = "ends"
    is_quick = True
    covers = ("F11", "F12")
    rate = 50.0

    async def inject(self, stage):
        for program in PROGRAMS:
            await self.once(stage, program)
        for program in stage.chance.sample(PROGRAMS, 3):
            await self.twice(stage, program)
        for program in stage.chance.sample(PROGRAMS, 3):
            await self.cut_short(stage, program)

    async def once(self, stage, program):
        daemon = stage.shop.daemons[program]
        await daemon.ready()
        process, begun = daemon.process, time.monotonic()
        daemon.revive = False
        daemon.expected += 1
        daemon.send(signal.SIGTERM)
        said_not_ready = False
        while process.returncode is None and time.monotonic() < begun + GRACE_SECONDS + 5:
            said_not_ready |= not await daemon.is_ready()
            await asyncio.sleep(0.01)
        stage.faults.did(f"SIGTERM {program}", of="F11")
        seconds = time.monotonic() - begun
        if process.returncode is None:
            stage.found("F11", f"{program} had not ended {seconds:.0f} s after SIGTERM")
            daemon.send(signal.SIGKILL)
            await daemon.ended.wait()
        else:
            stage.require("F11", process.returncode == 0, f"{program} ended with {process.returncode} after SIGTERM")
            stage.require("F11", said_not_ready, f"{program} said that it was ready until its end")
        stage.remarks["F11"] = stage.remarks.get("F11", "") + f"{program} {seconds:.1f} s; "
        await daemon.again()
        stage.faults.heal()

    async def twice(self, stage, program):
        daemon = stage.shop.daemons[program]
        await daemon.ready()
        daemon.excuse = "SIGTERM twice"
        process = daemon.process
        daemon.send(signal.SIGTERM)
        await asyncio.sleep(0.05)
        daemon.send(signal.SIGTERM)
        stage.faults.did(f"SIGTERM twice {program}", of="F12")
        try:
            await asyncio.wait_for(process.wait(), GRACE_SECONDS + 5)
        except asyncio.TimeoutError:
            stage.found("F12", f"{program} did not end after two SIGTERM")
            daemon.send(signal.SIGKILL)
        await asyncio.sleep(0.8)
        daemon.excuse = None
        stage.faults.heal()

    async def cut_short(self, stage, program):
        """As at the end of a grace: killed in the midst of ending."""
        daemon = stage.shop.daemons[program]
        await daemon.ready()
        daemon.excuse = "SIGTERM, then SIGKILL"
        daemon.send(signal.SIGTERM)
        await asyncio.sleep(stage.chance.choice([0.001, 0.01, 0.05]))
        daemon.send(signal.SIGKILL)
        stage.faults.did(f"SIGTERM, then SIGKILL {program}", of="F12")
        await asyncio.sleep(0.8)
        daemon.excuse = None
        stage.faults.heal()
