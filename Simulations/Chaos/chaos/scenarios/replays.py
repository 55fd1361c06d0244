"""A file of invoices is replayed while daemons are killed, and reconciled by `martlet replay` to the last penny."""

import asyncio
import json

from ..run import Scenario
from ..topology import PROGRAMS


class Replays(Scenario):
    """The shop's own reconciliation, against figures computed from the file alone, beside the observer's."""

    name = "replays"
    is_quick = True
    covers = ("F01", "F07")
    rate = 10.0
    invoices = 1_000
    invoices_all = 4_000

    async def inject(self, stage):
        shop = stage.shop
        stage.judge.has_other_clients = True
        # It compares everything with its file, so nobody else may order meanwhile.
        stage.load.stop()
        await asyncio.sleep(3)
        file = str(shop.folder / "invoices.csv")
        count = self.invoices_all if stage.options.long else self.invoices
        await shop.martlet_alone("sample", "--seed", str(stage.options.seed), "--invoices", str(count), "--output", file)
        arguments = ("replay", file, "--url", f"http://127.0.0.1:{shop.port}", "--concurrency", "12", "--json")
        replay = asyncio.ensure_future(shop.martlet(*arguments, statuses=(0, 1)))
        turns = []
        while not replay.done():
            await asyncio.sleep(stage.chance.uniform(0.4, 1.0))
            turns = turns or ["ordersd", "paymentsd", *stage.chance.sample(PROGRAMS, len(PROGRAMS))]
            program = turns.pop(0)
            if replay.done() or sum(stage.faults.counts.values()) >= (60 if stage.options.long else 12):
                continue
            if shop.daemons[program].kill():
                stage.faults.did(f"kill -9 {program}", of="F07" if program == "paymentsd" else "F01" if program == "ordersd" else ())
        outcome = json.loads(await replay)
        different = [f"{check['what']}: expected {check['expected']}, found {check['found']}"
                     for check in outcome["checks"] if check["expected"] != check["found"]]  # fmt: skip
        stage.require("I4", not different, f"martlet replay found differences: {different}")
        again = json.loads(await shop.martlet(*arguments, statuses=(0, 1)))
        stage.require("I3", again["newOrders"] == 0, f"replaying again made {again['newOrders']} orders")
        stage.remarks["F07"] = f"{outcome['orders']} invoices, {len(outcome['checks'])} comparisons, none different; again: no new order"
        # The replay is the load here, and this its end.
        stage.faults.heal()
