"""Wall clocks that jump in one process while the others keep time."""

import asyncio
import time

from .. import machine
from ..run import Scenario

# The first three are the short form. The longest comes first, to a process whose timers were all set under the right clock:
# under libfaketime, a job whose timer was set under a wrong one was seen to sleep on.
JUMPS = ("+3d", "+10m", "-10m", "+1h", "-1h")
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
PAUSE = 5.0
# Longer than a reservation lasts, which is a day: by the wrong clock, all that are held are due. Nothing may expire all the same
# within a minute of a jump (ClockWatch.rest), which is longer than the clock stays wrong here.
EARLY = "+3d"
# How often the inventory looks for what has expired.
EXPIRY_SECONDS = 5.0
HELD = "SELECT id FROM reservations WHERE status = 'held' AND expires_at <= ?"
ALARM = "the wall clock jumped"
EXPIRED = "SELECT id FROM reservations WHERE status = 'expired'"


def offset(jump):
    """In seconds."""
    return int(jump[:-1]) * SECONDS[jump[-1]]


class Clocks(Scenario):
    """Nothing may expire early, no order of events may rest on the wall clock, and nothing may be lost."""

    name = "clocks"
    covers = ("F53", "F91")
    rate = 30.0

    async def inject(self, stage):
        if reason := machine.missing("faketime"):
            stage.skipped |= {"F53": reason, "F91": reason}
            return
        # A token may be too old or too young for a daemon whose clock is wrong; it is asked again.
        stage.load.repeats_unauthorised = True
        for program in ("inventoryd", "ordersd", "eventlogd", "paymentsd"):
            await self.live_with(stage, program)

    async def live_with(self, stage, program):
        daemon = stage.shop.daemons[program]
        file = stage.shop.folder / f"clock-{program}"
        file.write_text("+0\n")
        await daemon.end()
        await daemon.again({
            "LD_PRELOAD": str(machine.FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1"})  # fmt: skip
        await daemon.ready()
        for jump in JUMPS if stage.options.long else JUMPS[:3]:
            is_early = program == "inventoryd" and jump == EARLY
            if is_early:
                await self.hold(stage)
            file.write_text(f"{offset(jump):+}\n")
            stage.faults.did(f"the clock of {program} jumps by {jump}", of="F53" if "m" in jump else "F91")
            await asyncio.sleep(PAUSE + EXPIRY_SECONDS if is_early else PAUSE)
            if is_early:
                await self.let_go(stage)
            file.write_text("+0\n")
            await asyncio.sleep(PAUSE / 2)
        await daemon.end()
        await daemon.again()
        await daemon.ready()
        stage.faults.heal()

    async def hold(self, stage):
        """No order can pay: what is reserved stays so, and is there to expire when the clock jumps."""
        await stage.shop.detour("ordersd", "payments")
        await stage.shop.proxies.cut("ordersd", "payments")
        await stage.shop.proxies.set("ordersd", "payments", refuse=True)
        for _ in range(50):
            if self.held(stage):
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        self.waiting = self.held(stage)
        self.alarms = self.alarmed(stage)

    async def let_go(self, stage):
        # The same ones: others were reserved under the wrong clock.
        waited = self.waiting & self.held(stage)
        expired = stage.tables.rows("inventoryd", EXPIRED)
        stage.require("F91", self.waiting, f"nothing that a jump of {EARLY} makes due was reserved, so nothing could expire")
        stage.require("F91", self.alarmed(stage) > self.alarms, f"inventoryd did not notice a jump of {EARLY}")
        stage.require("F91", not expired, f"{len(expired)} reservations expired while the clock was wrong by {EARLY}")
        stage.remarks["F91"] = f"{len(waited)} of {len(self.waiting)} reservations outlasted a jump of {EARLY}"
        await stage.shop.proxies.set("ordersd", "payments")

    def alarmed(self, stage):
        return stage.shop.log("inventoryd").read_text(errors="replace").count(ALARM)

    def held(self, stage):
        """Those that are due by the clock that has jumped."""
        due = int((time.time() + offset(EARLY)) * 1_000_000)
        return {id for id, in stage.tables.rows("inventoryd", HELD, due)}
