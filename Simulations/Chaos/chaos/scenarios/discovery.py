"""A registry that says nothing, or nonsense: what was known stays known."""

import asyncio

from ..probe import Probe
from ..run import Scenario

ASKING = ("gatewayd", "ordersd", "paymentsd", "inventoryd")


class Discovery(Scenario):
    name = "discovery"
    is_quick = True
    covers = ("F67",)
    rate = 40.0

    async def inject(self, stage):
        shop = stage.shop
        for what, text in (("nonsense", "{"), ("an empty file", ""), ("no services", '{"version": 1, "services": {}}')):
            async with Probe(shop) as probe:
                for program in ASKING:
                    shop.view(program).write_text(text)
                    stage.faults.did(f"the registry is {what}", healed=False)
                await asyncio.sleep(4)
                for program in ASKING:
                    shop.write_view(program)
            share = probe.share_of_success()
            stage.require("F67", share == 1.0, f"with {what} as registry {1 - share:.0%} of requests failed: {probe.statuses()}")
            stage.remarks["F67"] = stage.remarks.get("F67", "") + f"{what}: {share:.0%} answered; "
            stage.faults.heal()
            await asyncio.sleep(1)
        async with Probe(shop) as probe:
            shop.view("gatewayd").unlink()
            stage.faults.did("the registry is gone", healed=False)
            await asyncio.sleep(3)
            shop.write_view("gatewayd")
        stage.require("F67", probe.share_of_success() == 1.0, f"without a registry requests failed: {probe.statuses()}")
        stage.faults.heal()
