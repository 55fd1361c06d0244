"""A full disk under the orders' database: writes are refused, nothing is half done, and it goes on when there is room."""

import asyncio
import time

from .. import machine
from ..run import Scenario
from ..web import NoAnswer

SECONDS = 6.0


class DiskFull(Scenario):
    name = "disk-full"
    covers = ("F20",)
    rate = 40.0

    async def inject(self, stage):
        if reason := machine.missing("root", "mount"):
            stage.skipped["F20"] = reason
            return
        for program in ("ordersd", "eventlogd") if stage.options.long else ("ordersd",):
            await self.fill(stage, program)

    async def fill(self, stage, program):
        shop, daemon = stage.shop, stage.shop.daemons[program]
        disk = machine.SmallDisk(shop.folder / f"disk-{program}", 64)
        await disk.mount()
        shop.cleanups.append(disk.unmount)
        await daemon.end()
        shop.move(program, disk.place)
        await daemon.again()
        await daemon.ready()
        await asyncio.sleep(1)
        starts = daemon.starts
        disk.fill()
        answers = {}
        limit = time.monotonic() + SECONDS
        number = 0
        while time.monotonic() < limit:
            number += 1
            status = await self.order(stage, f"full-{program}-{number}")
            answers[str(status)] = answers.get(str(status), 0) + 1
            # What is written meanwhile is freed and written again; so is the ballast.
            disk.fill()
            await asyncio.sleep(0.05)
        stage.faults.did(f"disk full under {program} for {SECONDS:.0f} s")
        disk.free()
        freed = time.monotonic()
        stage.faults.heal()
        if program == "ordersd":
            refused = sum(count for status, count in answers.items() if status in ("503", "507"))
            stage.require("F20", refused, f"nothing was refused while the disk was full: {answers}")
            odd = {status: count for status, count in answers.items() if status not in ("200", "503", "507", "None")}
            stage.require("F20", not odd, f"a full disk was answered with {odd}")
        while await self.order(stage, f"freed-{program}-{time.monotonic()}") != 200 and time.monotonic() < freed + 20:
            await asyncio.sleep(0.1)
        back = time.monotonic() - freed
        stage.require("F20", back < 15, f"{program} took {back:.1f} s to take orders again")
        restarts = daemon.starts - starts
        stage.remarks["F20"] = stage.remarks.get("F20", "") + (
            f"{program}: answers while full {answers}, again after {back:.1f} s, {restarts} restarts; ")

    async def order(self, stage, key):
        """One attempt; a client that is refused goes away, so what it was told must hold all the same."""
        customer, request = stage.load.wish(stage.chance, "pm_test_ok")
        import json

        headers = {"Authorization": f"Bearer {stage.load.tokens[customer]}", "Content-Type": "application/json",
                   "Idempotency-Key": key}  # fmt: skip
        try:
            answer = await stage.shop.http.send("POST", "/v1/orders", headers, json.dumps(request).encode(), 10)
        except NoAnswer:
            stage.observer.unknown.add(key)
            return None
        if answer.status == 200:
            stage.observer.placed(key, answer.json()["order"], answer.body)
        elif answer.status >= 500:
            stage.observer.unknown.add(key)
        return answer.status
