"""`martlet replay` replays a file of invoices while daemons are killed, and reconciles it to the last penny."""

import asyncio
import json

from ..run import Scenario
from ..topology import PROGRAMS


class Replays(Scenario):
    """The shop's own reconciliation, against figures computed from the file alone, besides the checker's."""

    name = "replays"
    is_quick = True
    covers = ("F01", "F07")
    rate = 10.0
    invoices = 1_000
    invoices_all = 4_000

    async def inject(self, run):
        shop = run.shop
        run.checker.has_other_clients = True
        # It compares the whole shop with its file, so no other client may order meanwhile.
        run.load.stop()
        await asyncio.sleep(3)
        file = str(shop.folder / "invoices.csv")
        count = self.invoices_all if run.options.long else self.invoices
        await shop.martlet_alone("sample", "--seed", str(run.options.seed), "--invoices", str(count), "--output", file)
        arguments = ("replay", file, "--url", f"http://127.0.0.1:{shop.port}", "--concurrency", "12", "--json")
        replay = asyncio.ensure_future(shop.martlet(*arguments, statuses=(0, 1)))
        turns = []
        while not replay.done():
            await asyncio.sleep(run.rng.uniform(0.4, 1.0))
            turns = turns or ["ordersd", "paymentsd", *run.rng.sample(PROGRAMS, len(PROGRAMS))]
            program = turns.pop(0)
            if replay.done() or sum(run.faults.counts.values()) >= (60 if run.options.long else 12):
                continue
            if shop.daemons[program].kill():
                run.faults.record(f"kill -9 {program}", of="F07" if program == "paymentsd" else "F01" if program == "ordersd" else ())
        outcome = json.loads(await replay)
        different = [f"{check['what']}: expected {check['expected']}, found {check['found']}"
                     for check in outcome["checks"] if check["expected"] != check["found"]]  # fmt: skip
        run.require("I4", not different, f"martlet replay found differences: {different}")
        again = json.loads(await shop.martlet(*arguments, statuses=(0, 1)))
        run.require("I3", again["newOrders"] == 0, f"a repeated replay placed {again['newOrders']} orders")
        run.remarks["F07"] = f"{outcome['orders']} invoices, {len(outcome['checks'])} comparisons without difference; repeated: no new order"
        # The end of the replay is the end of the load.
        run.faults.heal()
