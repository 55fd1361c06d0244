"""Shoppers and a merchant who keep the shop busy, and repeat with the same key what was not answered."""

import asyncio
import json
import random
import time

from .web import NoAnswer

GOODS = 20
UNITS = 1_000_000
SCARCE = "CHAOS-SCARCE"
SCARCE_UNITS = 100
CUSTOMERS = ["ann", "bob", "cid", "dot"]
ATTEMPT_SECONDS = 15.0
PATIENCE_SECONDS = 240.0
# Amounts by whose last digits the test provider fails: declined, stored failure, answer lost after and before acting.
BY_AMOUNT = {2: "declined", 5: "stored failure", 8: "answer lost after acting", 9: "answer lost before acting"}
# A request that a client may have to send again: nothing was decided, or it is on its way.
REPEATABLE_CONFLICTS = ("idempotency.in_progress", "conflict")


# Journeys and how often each is made.
WEIGHTS = {"order": 40, "cancel": 16, "give_back": 12, "by_amount": 14, "declined": 4, "scarce": 8, "repeat": 6}


class Refused(Exception):
    def __init__(self, answer):
        super().__init__(f"{answer.status} {answer.body[:300]!r}")
        self.status = answer.status
        self.reason = answer.json().get("reason", "")


class Load:
    """Journeys from a seed: which client does what depends on it alone, when they do it depends on the machine."""

    def __init__(self, shop, observer, seed, concurrency=16, rate=40.0):
        self.shop, self.observer = shop, observer
        self.seed, self.concurrency, self.rate = seed, concurrency, rate
        self.weights = WEIGHTS
        # While clocks are wrong, a good token may be refused.
        self.repeats_unauthorised = False
        self.tokens = {}
        self.stopped = asyncio.Event()
        self.stopped_at = None
        self.journeys = {}
        self.begun = 0
        # Journeys that ended with a refusal nobody had to expect.
        self.oddities = []
        self.payment_kinds = {}
        # Amounts of accept times, in seconds.
        self.accepts = []
        self.next_due = 0.0

    async def stock(self):
        for customer in CUSTOMERS:
            self.tokens[customer] = await self.shop.token("--customer", customer)
        products, lines = [], []
        for number in range(GOODS):
            price = {"currency": "GBP", "units": 1 + number % 7, "nanos": 10_000_000 * (number * 13 % 100)}
            products.append(product(f"CHAOS-{number:02}", price))
            lines.append({"sku": f"CHAOS-{number:02}", "quantity": UNITS})
        products.append(product(SCARCE, {"currency": "GBP", "units": 3, "nanos": 0}))
        lines.append({"sku": SCARCE, "quantity": SCARCE_UNITS})
        merchant = self.shop.merchant
        # A delivery's line holds so many units at most.
        await self.ask("POST", "/v1/products:import", merchant, {"products": products})
        for piece in range(10):
            part = [{"sku": line["sku"], "quantity": max(1, line["quantity"] // 10)} for line in lines]
            await self.ask("PUT", f"/v1/deliveries/chaos-{piece}", merchant,
                           {"kind": "DELIVERY_KIND_PURCHASE", "lines": part})  # fmt: skip

    async def run(self):
        """Until `stop`; journeys that are on their way are finished."""
        self.next_due = time.monotonic()
        await asyncio.gather(*(self.shopper(number) for number in range(self.concurrency)))

    def stop(self):
        """No new journeys; a repeat does nothing."""
        if not self.stopped.is_set():
            self.stopped_at = time.monotonic()
        self.stopped.set()

    async def shopper(self, number):
        chance = random.Random(f"{self.seed}/shopper/{number}")
        turn = 0
        while not self.stopped.is_set():
            due = self.next_due = max(self.next_due + 1 / self.rate, time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self.stopped.is_set():
                return
            kind = chance.choices(list(self.weights), self.weights.values())[0]
            self.begun += 1
            self.journeys[kind] = self.journeys.get(kind, 0) + 1
            name = f"{self.seed}-{number}-{turn}"
            turn += 1
            try:
                await getattr(self, kind)(name, chance)
            except Refused as refusal:
                self.oddities.append(f"{kind} {name}: {refusal}")
            except NoAnswer as trouble:
                self.observer.violated("I11", f"{kind} {name}: no answer within {PATIENCE_SECONDS} s: {trouble}")

    # The journeys.

    async def order(self, name, chance):
        return await self.place(name, chance, "pm_test_ok")

    async def repeat(self, name, chance):
        """The impatient: the same request twice at once, and once more later."""
        customer, request = self.wish(chance, "pm_test_ok")
        both = await asyncio.gather(*(self.send_order(name, customer, request) for _ in range(2)))
        again = await self.send_order(name, customer, request)
        if len({order["order_id"] for order in (*both, again)}) != 1:
            self.observer.violated("I3", f"{name} was ordered more than once")

    async def cancel(self, name, chance):
        order = await self.place(name, chance, "pm_test_ok")
        # From before the reservation to after the capture.
        await asyncio.sleep(chance.choice([0, 0, 0.005, 0.01, 0.02, 0.03, 0.06, 0.3]))
        customer = order["customer_id"]
        try:
            await self.ask("POST", f"/v1/orders/{order['order_id']}:cancel", self.tokens[customer], {}, f"{name}/cancel")
        except Refused as refusal:
            if refusal.reason != "orders.not_cancellable":
                raise
            return
        self.observer.cancelled(order["order_id"])

    async def declined(self, name, chance):
        await self.place(name, chance, "pm_test_declined")

    async def scarce(self, name, chance):
        request = {"lines": [{"sku": SCARCE, "quantity": chance.randint(1, 3)}], "payment_method": "pm_test_ok"}
        await self.send_order(name, chance.choice(CUSTOMERS), request)

    async def by_amount(self, name, chance):
        digits = chance.choice([*BY_AMOUNT, 0])
        kind = BY_AMOUNT.get(digits, "works")
        self.payment_kinds[kind] = self.payment_kinds.get(kind, 0) + 1
        price = {"currency": "GBP", "units": chance.randint(1, 9), "nanos": digits * 10_000_000}
        line = {"sku": f"CHAOS-{chance.randrange(GOODS):02}", "name": "agreed", "quantity": 1, "unit_price": price}
        request = {
            "reference": name,
            "customer_id": chance.choice(CUSTOMERS),
            "payment_method": "pm_test_by_amount",
            "lines": [line],
        }
        answer = await self.ask("POST", "/v1/orders:agreed", self.shop.merchant, request, name)
        self.observer.placed(name, answer.json()["order"], answer.body)

    async def give_back(self, name, chance):
        order = await self.place(name, chance, "pm_test_ok")
        order_id, token = order["order_id"], self.tokens[order["customer_id"]]
        limit = time.monotonic() + PATIENCE_SECONDS
        while order["status"] not in ("ORDER_STATUS_COMPLETED", "ORDER_STATUS_REJECTED", "ORDER_STATUS_CANCELLED"):
            if time.monotonic() > limit:
                return self.observer.violated("I11", f"{order_id} stays {order['status']}")
            await asyncio.sleep(0.05)
            order = (await self.ask("GET", f"/v1/orders/{order_id}", token)).json()["order"]
        if order["status"] != "ORDER_STATUS_COMPLETED":
            return
        line = chance.choice(order["lines"])
        for part in range(chance.randint(1, 2)):
            wish = {"lines": [{"line": line["number"], "quantity": 1}]}
            if part >= line["quantity"]:
                break
            # A repeat of the same return is the same return.
            for _ in range(chance.randint(1, 2)):
                answer = await self.ask("PUT", f"/v1/orders/{order_id}/returns/{part}", token, wish, f"{name}/{part}")
                self.observer.returned(order_id, str(part), int(answer.json()["refund"]["minor_units"]))

    # What they are made of.

    def wish(self, chance, method):
        """Lines in a random order, so that two orders may want the same goods the other way round."""
        goods = chance.sample(range(GOODS), chance.randint(1, 10))
        lines = [{"sku": f"CHAOS-{number:02}", "quantity": chance.randint(1, 3)} for number in goods]
        return chance.choice(CUSTOMERS), {"lines": lines, "payment_method": method}

    async def place(self, name, chance, method):
        customer, request = self.wish(chance, method)
        order = await self.send_order(name, customer, request)
        if chance.random() < 0.3:
            await self.look(order, self.tokens[customer])
        return order

    async def send_order(self, name, customer, request):
        begun = time.monotonic()
        answer = await self.ask("POST", "/v1/orders", self.tokens[customer], request, name)
        self.accepts.append(time.monotonic() - begun)
        order = answer.json()["order"]
        self.observer.placed(name, order, answer.body)
        return order

    async def look(self, order, token):
        """Who was told of an order finds it."""
        try:
            found = (await self.ask("GET", f"/v1/orders/{order['order_id']}", token)).json()["order"]
        except Refused as refusal:
            return self.observer.violated("I12", f"{order['order_id']} was told and is not found: {refusal}")
        if found["order_id"] != order["order_id"] or found["customer_id"] != order["customer_id"]:
            self.observer.violated("I15", f"{order['order_id']} was asked for and {found['order_id']} answered")

    async def ask(self, method, path, token, body=None, key=None):
        """Repeats until there is a final answer.

        Raises Refused for a refusal, NoAnswer when patience is over.
        """
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        data = b""
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        limit = time.monotonic() + PATIENCE_SECONDS
        pause, last = 0.05, "nothing was tried"
        while time.monotonic() < limit:
            try:
                answer = await self.shop.http.send(method, path, headers, data, ATTEMPT_SECONDS)
            except NoAnswer as trouble:
                self.observer.unanswered += 1
                last = str(trouble)
            else:
                self.observer.answered(method, path, answer.status)
                if 200 <= answer.status < 300:
                    if not answer.is_whole():
                        self.observer.violated("I15", f"{method} {path} was answered {answer.status} with a part")
                    return answer
                if not is_worth_a_repeat(answer) and not (answer.status == 401 and self.repeats_unauthorised):
                    raise Refused(answer)
                last = f"{answer.status} {answer.body[:200]!r}"
            self.observer.repeats += 1
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 1.0)
        raise NoAnswer(last)


def is_worth_a_repeat(answer):
    if answer.status in (408, 429) or answer.status >= 500:
        return True
    return answer.status == 409 and answer.json().get("reason") in REPEATABLE_CONFLICTS


def product(sku, price):
    return {
        "sku": sku,
        "name": sku.lower(),
        "stocked": True,
        "prices": [{"unit_price": price, "effective_from": "2020-01-01T00:00:00Z"}],
    }
