"""A registry that is empty, invalid or missing: daemons continue with the last valid one."""

import asyncio

from ..probe import Probe
from ..run import Scenario
from ..topology import EVENT_LOG, GATEWAY, PROGRAMS

# All others call at least the event log.
CALLERS = [program for program in PROGRAMS if program != EVENT_LOG]


class Discovery(Scenario):
    name = "discovery"
    is_quick = True
    covers = ("F67",)
    rate = 40.0

    async def inject(self, run):
        shop = run.shop
        for what, text in (("invalid", "{"), ("an empty file", ""), ("without services", '{"version": 1, "services": {}}')):
            async with Probe(shop) as probe:
                for program in CALLERS:
                    shop.view(program).write_text(text)
                    run.faults.record(f"the registry is {what}", healed=False)
                await asyncio.sleep(4)
                for program in CALLERS:
                    shop.write_view(program)
            share = probe.share_of_success()
            run.require("F67", share == 1.0, f"while the registry was {what}, {1 - share:.0%} of requests failed: {probe.statuses()}")
            run.remarks["F67"] = run.remarks.get("F67", "") + f"{what}: {share:.0%} succeeded; "
            run.faults.heal()
            await asyncio.sleep(1)
        async with Probe(shop) as probe:
            shop.view(GATEWAY).unlink()
            run.faults.record("the registry is missing", healed=False)
            await asyncio.sleep(3)
            shop.write_view(GATEWAY)
        run.require("F67", probe.share_of_success() == 1.0, f"without a registry requests failed: {probe.statuses()}")
        run.faults.heal()
