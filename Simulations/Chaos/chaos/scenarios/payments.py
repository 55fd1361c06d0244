"""A payment provider whose answers are lost, late or failures, and clients who change their minds meanwhile."""

import asyncio

from ..run import Scenario

# WorkflowLimits.pauseMax: the longest pause between two attempts of a step.
WORKFLOW_PAUSE_SECONDS_MAX = 60.0

# Orders that were to be cancelled while or after their money was taken, and before they had come to their end.
RACES = (
    "SELECT c.stream FROM es_events c JOIN es_events p ON p.stream = c.stream AND p.type = 'capture_requested'"
    " LEFT JOIN es_events e ON e.stream = c.stream AND e.type = 'completed'"
    " WHERE c.type = 'cancel_requested' AND (e.version IS NULL OR c.version < e.version) GROUP BY c.stream")

OF = {
    "answer lost after acting": "F70",
    "answer lost before acting": "F71",
    "stored failure": "F72",
    "declined": "F73",
}


class Payments(Scenario):
    """By the amount: declined, stored failure, answer lost after and before acting. By the proxy: the same to any call."""

    name = "payments"
    covers = ("F70", "F71", "F72", "F73", "F78")
    rate = 60.0
    weights = {"order": 5, "cancel": 35, "give_back": 25, "by_amount": 30, "declined": 5, "scarce": 0, "repeat": 0}

    def rest_seconds(self, options):
        """What was refused for more than a minute asks again after a pause that has grown as long."""
        return super().rest_seconds(options) + (WORKFLOW_PAUSE_SECONDS_MAX if options.long else 0)

    async def inject(self, stage):
        stage.load.weights = self.weights
        shop = stage.shop
        await shop.detour("paymentsd", "provider")
        await shop.detour("ordersd", "payments")
        rounds = 4 if stage.options.long else 2
        for _ in range(rounds):
            for asking, asked in (("paymentsd", "provider"), ("ordersd", "payments")):
                await self.hurt(stage, asking, asked, 2, "F70", "answers lost after acting", cut_after=40, cut_share=0.5, reset=True)
                await self.hurt(stage, asking, asked, 2, "F71", "requests lost before acting", cut_after=90, cut_side="request",
                                cut_share=0.5, reset=True)  # fmt: skip
                await self.hurt(stage, asking, asked, 2, "F71", "refused", refuse=True)
                await self.hurt(stage, asking, asked, 2, (), "late by up to 0.8 s", jitter_ms=800)
            await asyncio.sleep(1)
        kinds = stage.load.payment_kinds
        for kind, fault in OF.items():
            stage.faults.did(f"the provider, by the amount: {kind}", kinds.get(kind, 0), of=fault)
        raced = len(stage.tables.rows("ordersd", RACES))
        stage.faults.did("a cancellation beside a capture", raced, of="F78")
        stage.require("F70", kinds.get("answer lost after acting"), "no amount lost its answer after acting")
        stage.require("F71", kinds.get("answer lost before acting"), "no amount lost its answer before acting")
        stage.require("F72", kinds.get("stored failure"), "no amount had a stored failure")
        stage.require("F78", raced, "no cancellation came to an order whose capture was asked for")
        stage.remarks["F73"] = "declines and stored failures by amount; 409 and 429 are Services/Payments' tests"

    async def hurt(self, stage, asking, asked, seconds, of, what, **fault):
        await stage.shop.proxies.cut(asking, asked)
        await stage.shop.proxies.set(asking, asked, **fault)
        stage.faults.did(f"{asking} > {asked}: {what}", healed=False, of=of)
        await asyncio.sleep(seconds)
        await stage.shop.proxies.set(asking, asked)
        stage.faults.heal()


class Oversell(Scenario):
    """500 buyers at once for 100 units, and carts of ten goods in random order."""

    name = "oversell"
    is_quick = True
    covers = ("F80",)
    rate = 20.0
    buyers = 500

    async def inject(self, stage):
        from ..load import CUSTOMERS, SCARCE, SCARCE_UNITS

        stage.load.weights = {"order": 100}
        request = {"lines": [{"sku": SCARCE, "quantity": 1}], "payment_method": "pm_test_ok"}
        gate = asyncio.Semaphore(100)

        async def buy(number):
            async with gate:
                await stage.load.send_order(f"buyer-{number}", CUSTOMERS[number % len(CUSTOMERS)], request)

        stage.faults.did(f"{self.buyers} buyers for {SCARCE_UNITS} units", healed=False)
        await asyncio.gather(*(buy(number) for number in range(self.buyers)))
        stage.faults.heal()
        await asyncio.sleep(3)
        sold = stage.tables.number("inventoryd", "SELECT sold FROM stock WHERE sku = ?", SCARCE)
        stage.require("F80", sold == SCARCE_UNITS, f"{sold} of {SCARCE_UNITS} units were sold to {self.buyers} buyers")
        stage.remarks["F80"] = f"{sold} sold"
