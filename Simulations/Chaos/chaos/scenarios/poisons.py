"""Events that cannot be decoded: their keys are parked, other keys continue, and a repaired event is handled once."""

import asyncio

from .. import machine
from ..poison_messages import CONSUMERS, PoisonMessages
from ..run import Scenario

MEASURED_SECONDS = 5.0


class Poisons(Scenario):
    name = "poisons"
    covers = ("F41", "F42")
    rate = 30.0

    async def inject(self, run):
        poison = PoisonMessages(run)
        run.checker.expected_parked = (PoisonMessages.PREFIX,)
        await poison.plant(3)
        run.require("F41", await poison.parked(3), "events that cannot be read were not parked within 60 s")
        # Other keys continue meanwhile: the load runs, and the checker finds no lag.
        run.require("F41", await poison.repair(), "repaired events stay parked")
        run.remarks["F41"] = "parked by every group, repaired, redriven; the others continued"
        count = 10_000 if run.options.long else 500
        await poison.plant(count)
        parked = await poison.parked(count, timeout=240.0)
        run.require("F42", parked, f"not all of {count} events were parked within 240 s")
        run.load.stop()
        await asyncio.sleep(5)
        busy = {}
        for program in CONSUMERS:
            pid = run.shop.daemons[program].pid
            before = machine.cpu_seconds(pid)
            await asyncio.sleep(MEASURED_SECONDS)
            busy[program] = (machine.cpu_seconds(pid) - before) / MEASURED_SECONDS
            run.require("F42", busy[program] < 0.5, f"{program} is in a busy loop: {busy[program]:.0%} of a core")
        run.remarks["F42"] = f"{count} parked; afterwards " + ", ".join(f"{p} {b:.0%} of a core" for p, b in busy.items())
        run.faults.heal()
