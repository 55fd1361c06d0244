"""The wall clock of one process jumps."""

import asyncio
import time

from .. import machine
from ..run import Scenario

# The first three without --long. The longest comes first, while all timers of the process were set under the right
# clock: under libfaketime, a timer that was set under a wrong clock may not fire.
JUMPS = ("+3d", "+10m", "-10m", "+1h", "-1h")
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
JUMP_SECONDS = 5.0
# Longer than a reservation, which lasts a day: by the wrong clock all are due. Expiry is suspended for a minute after a
# jump (ClockWatch), which is longer than the clock is wrong here, so none may expire.
EARLY = "+3d"
# The interval at which the inventory expires reservations.
EXPIRY_SECONDS = 5.0
HELD = "SELECT reservation_id FROM audit_reservations WHERE status = 'held' AND expires_at <= ?"
JUMP_LOGGED = "the wall clock jumped"
EXPIRED = "SELECT reservation_id FROM audit_reservations WHERE status = 'expired'"


def offset(jump):
    """In seconds."""
    return int(jump[:-1]) * SECONDS[jump[-1]]


class Clocks(Scenario):
    """Nothing expires early, nothing is lost, and the order of events does not depend on the wall clock."""

    name = "clocks"
    covers = ("F53", "F91")
    rate = 30.0

    async def inject(self, run):
        if reason := machine.missing("faketime"):
            run.skipped |= {"F53": reason, "F91": reason}
            return
        # A daemon whose clock is wrong may refuse a valid token.
        run.load.retries_unauthorised = True
        for program in ("inventoryd", "ordersd", "eventlogd", "paymentsd"):
            await self.jump(run, program)

    async def jump(self, run, program):
        daemon = run.shop.daemons[program]
        file = run.shop.folder / f"clock-{program}"
        file.write_text("+0\n")
        await daemon.stop()
        await daemon.start_again({
            "LD_PRELOAD": str(machine.FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1"})  # fmt: skip
        await daemon.becomes_ready()
        for jump in JUMPS if run.options.long else JUMPS[:3]:
            is_early = program == "inventoryd" and jump == EARLY
            if is_early:
                await self.hold_reservations(run)
            file.write_text(f"{offset(jump):+}\n")
            run.faults.record(f"the clock of {program} jumps by {jump}", of="F53" if "m" in jump else "F91")
            await asyncio.sleep(JUMP_SECONDS + EXPIRY_SECONDS if is_early else JUMP_SECONDS)
            if is_early:
                await self.check_reservations(run)
            file.write_text("+0\n")
            await asyncio.sleep(JUMP_SECONDS / 2)
        await daemon.stop()
        await daemon.start_again()
        await daemon.becomes_ready()
        run.faults.heal()

    async def hold_reservations(self, run):
        """Makes payments fail, so that reservations are held when the clock jumps."""
        await run.shop.insert_proxy("ordersd", "payments")
        await run.shop.proxies.cut("ordersd", "payments")
        await run.shop.proxies.set("ordersd", "payments", refuse=True)
        for _ in range(50):
            if self.held(run):
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        self.held_before = self.held(run)
        self.jumps_before = self.logged_jumps(run)

    async def check_reservations(self, run):
        # Only those from before the jump: others were reserved under the wrong clock.
        remaining = self.held_before & self.held(run)
        expired = run.tables.rows("inventoryd", EXPIRED)
        run.require("F91", self.held_before, f"no reservation was due by a jump of {EARLY}")
        run.require("F91", self.logged_jumps(run) > self.jumps_before, f"inventoryd did not notice a jump of {EARLY}")
        run.require("F91", not expired, f"{len(expired)} reservations expired while the clock was wrong by {EARLY}")
        run.remarks["F91"] = f"{len(remaining)} of {len(self.held_before)} reservations remained after a jump of {EARLY}"
        await run.shop.proxies.set("ordersd", "payments")

    def logged_jumps(self, run):
        return run.shop.log("inventoryd").read_text(errors="replace").count(JUMP_LOGGED)

    def held(self, run):
        """Held reservations that are due by the wrong clock."""
        due = int((time.time() + offset(EARLY)) * 1_000_000)
        return {id for id, in run.tables.rows("inventoryd", HELD, due)}
