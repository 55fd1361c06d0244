"""A payment provider whose responses are lost, late or failures, and clients who cancel meanwhile."""

import asyncio

from ..run import Scenario

# WorkflowLimits: the longest delay between two attempts of a step.
RETRY_DELAY_SECONDS_MAX = 60.0

# Orders with a cancellation after the capture was requested and before they were completed.
RACES = (
    "SELECT c.stream FROM audit_stream_events c"
    " JOIN audit_stream_events p ON p.stream = c.stream AND p.type = 'capture_requested'"
    " LEFT JOIN audit_stream_events e ON e.stream = c.stream AND e.type = 'completed'"
    " WHERE c.type = 'cancel_requested' AND (e.version IS NULL OR c.version < e.version) GROUP BY c.stream")

FAULTS = {
    "answer lost after acting": "F70",
    "answer lost before acting": "F71",
    "stored failure": "F72",
    "declined": "F73",
}


class Payments(Scenario):
    """Declines, stored failures, responses lost after and before acting: by the amount, and by the proxy for any call."""

    name = "payments"
    covers = ("F70", "F71", "F72", "F73", "F78")
    rate = 60.0
    weights = {"order": 5, "cancel": 35, "give_back": 25, "by_amount": 30, "declined": 5, "scarce": 0, "repeat": 0}

    def quiescence_seconds_max(self, options):
        """After a long outage, workflows wait up to the longest retry delay."""
        return super().quiescence_seconds_max(options) + (RETRY_DELAY_SECONDS_MAX if options.long else 0)

    async def inject(self, run):
        run.load.weights = self.weights
        shop = run.shop
        await shop.insert_proxy("paymentsd", "provider")
        await shop.insert_proxy("ordersd", "payments")
        rounds = 4 if run.options.long else 2
        for _ in range(rounds):
            for caller, callee in (("paymentsd", "provider"), ("ordersd", "payments")):
                await self.inject_fault(run, caller, callee, 2, "F70", "responses lost after acting", cut_after=40,
                                        cut_share=0.5, reset=True)  # fmt: skip
                await self.inject_fault(run, caller, callee, 2, "F71", "requests lost before acting", cut_after=90,
                                        cut_side="request", cut_share=0.5, reset=True)  # fmt: skip
                await self.inject_fault(run, caller, callee, 2, "F71", "refused", refuse=True)
                await self.inject_fault(run, caller, callee, 2, (), "late by up to 0.8 s", jitter_ms=800)
            await asyncio.sleep(1)
        kinds = run.load.payment_kinds
        for kind, fault in FAULTS.items():
            run.faults.record(f"the provider, by the amount: {kind}", kinds.get(kind, 0), of=fault)
        raced = len(run.tables.rows("ordersd", RACES))
        run.faults.record("a cancellation concurrent with a capture", raced, of="F78")
        run.require("F70", kinds.get("answer lost after acting"), "no amount lost its response after acting")
        run.require("F71", kinds.get("answer lost before acting"), "no amount lost its response before acting")
        run.require("F72", kinds.get("stored failure"), "no amount had a stored failure")
        run.require("F78", raced, "no order was cancelled after its capture was requested")
        run.remarks["F73"] = "declines and stored failures by amount; 409 and 429 are tested in Services/Payments"

    async def inject_fault(self, run, caller, callee, seconds, of, what, **fault):
        await run.shop.proxies.cut(caller, callee)
        await run.shop.proxies.set(caller, callee, **fault)
        run.faults.record(f"{caller} > {callee}: {what}", healed=False, of=of)
        await asyncio.sleep(seconds)
        await run.shop.proxies.set(caller, callee)
        run.faults.heal()


class Oversell(Scenario):
    """500 concurrent buyers for 100 units, and carts of ten goods in random order."""

    name = "oversell"
    is_quick = True
    covers = ("F80",)
    rate = 20.0
    buyers = 500

    async def inject(self, run):
        from ..load import CUSTOMERS, SCARCE, SCARCE_UNITS

        run.load.weights = {"order": 100}
        request = {"lines": [{"sku": SCARCE, "quantity": 1}], "payment_method": "pm_test_ok"}
        gate = asyncio.Semaphore(100)

        async def buy(number):
            async with gate:
                await run.load.send_order(f"buyer-{number}", CUSTOMERS[number % len(CUSTOMERS)], request)

        run.faults.record(f"{self.buyers} buyers for {SCARCE_UNITS} units", healed=False)
        await asyncio.gather(*(buy(number) for number in range(self.buyers)))
        run.faults.heal()
        await asyncio.sleep(3)
        sold = run.tables.number("inventoryd", "SELECT sold FROM audit_stock WHERE sku = ?", SCARCE)
        run.require("F80", sold == SCARCE_UNITS, f"{sold} of {SCARCE_UNITS} units were sold to {self.buyers} buyers")
        run.remarks["F80"] = f"{sold} sold"
