"""SIGTERM under load: readiness ends first, requests in flight are finished, and the exit status is 0."""

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

    async def inject(self, run):
        for program in PROGRAMS:
            await self.once(run, program)
        for program in run.rng.sample(PROGRAMS, 3):
            await self.twice(run, program)
        for program in run.rng.sample(PROGRAMS, 3):
            await self.killed_in_shutdown(run, program)

    async def once(self, run, program):
        daemon = run.shop.daemons[program]
        await daemon.becomes_ready()
        process, begun = daemon.process, time.monotonic()
        daemon.is_restarted = False
        daemon.expected_exits += 1
        daemon.send_signal(signal.SIGTERM)
        was_not_ready = False
        while process.returncode is None and time.monotonic() < begun + GRACE_SECONDS + 5:
            was_not_ready |= not await daemon.is_ready()
            await asyncio.sleep(0.01)
        run.faults.record(f"SIGTERM {program}", of="F11")
        seconds = time.monotonic() - begun
        if process.returncode is None:
            run.add_finding("F11", f"{program} had not exited {seconds:.0f} s after SIGTERM")
            daemon.send_signal(signal.SIGKILL)
            await daemon.exited.wait()
        else:
            run.require("F11", process.returncode == 0, f"{program} exited with {process.returncode} after SIGTERM")
            run.require("F11", was_not_ready, f"{program} was ready until its exit")
        run.remarks["F11"] = run.remarks.get("F11", "") + f"{program} {seconds:.1f} s; "
        await daemon.start_again()
        run.faults.heal()

    async def twice(self, run, program):
        daemon = run.shop.daemons[program]
        await daemon.becomes_ready()
        daemon.allowed_exit = "SIGTERM twice"
        process = daemon.process
        daemon.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.05)
        daemon.send_signal(signal.SIGTERM)
        run.faults.record(f"SIGTERM twice {program}", of="F12")
        try:
            await asyncio.wait_for(process.wait(), GRACE_SECONDS + 5)
        except asyncio.TimeoutError:
            run.add_finding("F12", f"{program} did not exit after two SIGTERM")
            daemon.send_signal(signal.SIGKILL)
        await asyncio.sleep(0.8)
        daemon.allowed_exit = None
        run.faults.heal()

    async def killed_in_shutdown(self, run, program):
        """As after a grace period: killed during the shutdown."""
        daemon = run.shop.daemons[program]
        await daemon.becomes_ready()
        daemon.allowed_exit = "SIGTERM, then SIGKILL"
        daemon.send_signal(signal.SIGTERM)
        await asyncio.sleep(run.rng.choice([0.001, 0.01, 0.05]))
        daemon.send_signal(signal.SIGKILL)
        run.faults.record(f"SIGTERM, then SIGKILL {program}", of="F12")
        await asyncio.sleep(0.8)
        daemon.allowed_exit = None
        run.faults.heal()
