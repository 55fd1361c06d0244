"""A full disk under the orders' database: writes are refused whole, `/readyz` names it, and all succeed with space again."""

import asyncio
import time

from .. import machine
from ..run import Scenario
from ..web import NoResponse

SECONDS = 6.0


class DiskFull(Scenario):
    name = "disk-full"
    covers = ("F20",)
    rate = 40.0

    async def inject(self, run):
        if reason := machine.missing("root", "mount"):
            run.skipped["F20"] = reason
            return
        for program in ("ordersd", "eventlogd") if run.options.long else ("ordersd",):
            await self.fill(run, program)

    async def fill(self, run, program):
        shop, daemon = run.shop, run.shop.daemons[program]
        disk = machine.SmallDisk(shop.folder / f"disk-{program}", 64)
        await disk.mount()
        shop.cleanups.append(disk.unmount)
        await daemon.stop()
        shop.move(program, disk.mount_point)
        await daemon.start_again()
        await daemon.becomes_ready()
        await asyncio.sleep(1)
        starts = daemon.starts
        disk.fill()
        statuses = {}
        limit = time.monotonic() + SECONDS
        number = 0
        while time.monotonic() < limit:
            number += 1
            status = await self.order(run, f"full-{program}-{number}")
            statuses[str(status)] = statuses.get(str(status), 0) + 1
            # Checkpoints free space; it is filled again.
            disk.fill()
            await asyncio.sleep(0.05)
        run.faults.record(f"disk full under {program} for {SECONDS:.0f} s")
        status, text = await daemon.readiness()
        is_named = status == 503 and "disk" in text
        run.require("F20", status == 0 or is_named, f"/readyz of {program} does not name the full disk: {status} {text}")
        disk.free()
        freed = time.monotonic()
        run.faults.heal()
        if program == "ordersd":
            refused = sum(count for status, count in statuses.items() if status in ("503", "507"))
            run.require("F20", refused, f"nothing was refused while the disk was full: {statuses}")
            unexpected = {status: count for status, count in statuses.items() if status not in ("200", "503", "507", "None")}
            run.require("F20", not unexpected, f"a full disk led to statuses {unexpected}")
        while await self.order(run, f"freed-{program}-{time.monotonic()}") != 200 and time.monotonic() < freed + 20:
            await asyncio.sleep(0.1)
        recovery = time.monotonic() - freed
        run.require("F20", recovery < 15, f"{program} accepted orders only {recovery:.1f} s later")
        restarts = daemon.starts - starts
        run.remarks["F20"] = run.remarks.get("F20", "") + (
            f"{program}: statuses while full {statuses}, again after {recovery:.1f} s, {restarts} restarts; ")

    async def order(self, run, key):
        """One attempt without retries."""
        customer, request = run.load.random_order(run.rng, "pm_test_ok")
        import json

        headers = {"Authorization": f"Bearer {run.load.tokens[customer]}", "Content-Type": "application/json",
                   "Idempotency-Key": key}  # fmt: skip
        try:
            response = await run.shop.http.send("POST", "/v1/orders", headers, json.dumps(request).encode(), 10)
        except NoResponse:
            run.observer.unknown.add(key)
            return None
        if response.status == 200:
            run.observer.placed(key, response.json()["order"], response.body)
        elif response.status >= 500:
            run.observer.unknown.add(key)
        return response.status
