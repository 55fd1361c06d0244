"""Events that nobody can read: parked by key, the others go on, and a mended one works once."""

import asyncio

from .. import machine
from ..poison import CONSUMERS, Poison
from ..run import Scenario

CALM_SECONDS = 5.0


class Poisons(Scenario):
    name = "poisons"
    covers = ("F41", "F42")
    rate = 30.0

    async def inject(self, stage):
        poison = Poison(stage)
        stage.judge.expected_parked = (Poison.PREFIX,)
        await poison.plant(3)
        stage.require("F41", await poison.parked(3), "events that cannot be read were not parked within 60 s")
        # Other keys flow meanwhile: the load goes on, and the judge finds no lag.
        stage.require("F41", await poison.mend(), "mended events stay parked")
        stage.remarks["F41"] = "parked by every group, mended, redriven; the others went on"
        count = 10_000 if stage.options.long else 500
        await poison.plant(count)
        parked = await poison.parked(count, patience=240.0)
        stage.require("F42", parked, f"not all of {count} events were parked within 240 s")
        stage.load.stop()
        await asyncio.sleep(5)
        busy = {}
        for program in CONSUMERS:
            pid = stage.shop.daemons[program].pid
            before = machine.cpu_seconds(pid)
            await asyncio.sleep(CALM_SECONDS)
            busy[program] = (machine.cpu_seconds(pid) - before) / CALM_SECONDS
            stage.require("F42", busy[program] < 0.5, f"{program} turns in circles: {busy[program]:.0%} of a core")
        stage.remarks["F42"] = f"{count} parked; afterwards " + ", ".join(f"{p} {b:.0%} of a core" for p, b in busy.items())
        stage.faults.heal()
