"""The workload: customers and a merchant who retry with the same key until they have a response."""

import asyncio
import json
import random
import time

from .web import NoResponse

GOODS = 20
UNITS = 1_000_000
SCARCE = "CHAOS-SCARCE"
SCARCE_UNITS = 100
CUSTOMERS = ["ann", "bob", "cid", "dot"]
ATTEMPT_SECONDS = 15.0
TIMEOUT_SECONDS = 240.0
# The test provider's failures, by the last digit of the amount.
BY_AMOUNT = {2: "declined", 5: "stored failure", 8: "answer lost after acting", 9: "answer lost before acting"}
# Conflicts that a client retries: nothing was decided, or the request is in flight.
RETRYABLE_CONFLICTS = ("idempotency.in_progress", "conflict")

# Journeys and their weights.
WEIGHTS = {"order": 40, "cancel": 16, "give_back": 12, "by_amount": 14, "declined": 4, "scarce": 8, "repeat": 6}


class Refused(Exception):
    def __init__(self, response):
        super().__init__(f"{response.status} {response.body[:300]!r}")
        self.status = response.status
        self.reason = response.json().get("reason", "")


class Load:
    """Journeys from a seed. It determines what each client does; the timing depends on the machine."""

    def __init__(self, shop, observer, seed, concurrency=16, rate=40.0):
        self.shop, self.observer = shop, observer
        self.seed, self.concurrency, self.rate = seed, concurrency, rate
        self.weights = WEIGHTS
        # While clocks are wrong, a valid token may be refused.
        self.retries_unauthorised = False
        self.tokens = {}
        self.stopped = asyncio.Event()
        self.stopped_at = None
        self.journeys = {}
        self.begun = 0
        # Journeys that ended with a refusal that is not part of them.
        self.unexpected_refusals = []
        self.payment_kinds = {}
        # Times of accepted orders, in seconds.
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
        await self.call("POST", "/v1/products:import", merchant, {"products": products})
        # Ten deliveries: the units of one line are limited.
        for number in range(10):
            part = [{"sku": line["sku"], "quantity": max(1, line["quantity"] // 10)} for line in lines]
            await self.call("PUT", f"/v1/deliveries/chaos-{number}", merchant,
                            {"kind": "DELIVERY_KIND_PURCHASE", "lines": part})  # fmt: skip

    async def run(self):
        """Runs until `stop`; journeys in flight are finished."""
        self.next_due = time.monotonic()
        await asyncio.gather(*(self.customer(number) for number in range(self.concurrency)))

    def stop(self):
        """Starts no new journeys; a repeat does nothing."""
        if not self.stopped.is_set():
            self.stopped_at = time.monotonic()
        self.stopped.set()

    async def customer(self, number):
        rng = random.Random(f"{self.seed}/customer/{number}")
        turn = 0
        while not self.stopped.is_set():
            due = self.next_due = max(self.next_due + 1 / self.rate, time.monotonic() - 1)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self.stopped.is_set():
                return
            kind = rng.choices(list(self.weights), self.weights.values())[0]
            self.begun += 1
            self.journeys[kind] = self.journeys.get(kind, 0) + 1
            name = f"{self.seed}-{number}-{turn}"
            turn += 1
            try:
                await getattr(self, kind)(name, rng)
            except Refused as refusal:
                self.unexpected_refusals.append(f"{kind} {name}: {refusal}")
            except NoResponse as error:
                self.observer.violated("I11", f"{kind} {name}: no response within {TIMEOUT_SECONDS} s: {error}")

    # Journeys. Their names are keys of the report.

    async def order(self, name, rng):
        return await self.place(name, rng, "pm_test_ok")

    async def repeat(self, name, rng):
        """The same request twice concurrently, and once more later."""
        customer, request = self.random_order(rng, "pm_test_ok")
        both = await asyncio.gather(*(self.send_order(name, customer, request) for _ in range(2)))
        again = await self.send_order(name, customer, request)
        if len({order["order_id"] for order in (*both, again)}) != 1:
            self.observer.violated("I3", f"{name} was ordered more than once")

    async def cancel(self, name, rng):
        order = await self.place(name, rng, "pm_test_ok")
        # From before the reservation to after the capture.
        await asyncio.sleep(rng.choice([0, 0, 0.005, 0.01, 0.02, 0.03, 0.06, 0.3]))
        customer = order["customer_id"]
        try:
            await self.call("POST", f"/v1/orders/{order['order_id']}:cancel", self.tokens[customer], {}, f"{name}/cancel")
        except Refused as refusal:
            if refusal.reason != "orders.not_cancellable":
                raise
            return
        self.observer.cancelled(order["order_id"])

    async def declined(self, name, rng):
        await self.place(name, rng, "pm_test_declined")

    async def scarce(self, name, rng):
        request = {"lines": [{"sku": SCARCE, "quantity": rng.randint(1, 3)}], "payment_method": "pm_test_ok"}
        await self.send_order(name, rng.choice(CUSTOMERS), request)

    async def by_amount(self, name, rng):
        digits = rng.choice([*BY_AMOUNT, 0])
        kind = BY_AMOUNT.get(digits, "works")
        self.payment_kinds[kind] = self.payment_kinds.get(kind, 0) + 1
        price = {"currency": "GBP", "units": rng.randint(1, 9), "nanos": digits * 10_000_000}
        line = {"sku": f"CHAOS-{rng.randrange(GOODS):02}", "name": "agreed", "quantity": 1, "unit_price": price}
        request = {
            "reference": name,
            "customer_id": rng.choice(CUSTOMERS),
            "payment_method": "pm_test_by_amount",
            "lines": [line],
        }
        response = await self.call("POST", "/v1/orders:agreed", self.shop.merchant, request, name)
        self.observer.placed(name, response.json()["order"], response.body)

    async def give_back(self, name, rng):
        order = await self.place(name, rng, "pm_test_ok")
        order_id, token = order["order_id"], self.tokens[order["customer_id"]]
        limit = time.monotonic() + TIMEOUT_SECONDS
        while order["status"] not in ("ORDER_STATUS_COMPLETED", "ORDER_STATUS_REJECTED", "ORDER_STATUS_CANCELLED"):
            if time.monotonic() > limit:
                return self.observer.violated("I11", f"{order_id} stays {order['status']}")
            await asyncio.sleep(0.05)
            order = (await self.call("GET", f"/v1/orders/{order_id}", token)).json()["order"]
        if order["status"] != "ORDER_STATUS_COMPLETED":
            return
        line = rng.choice(order["lines"])
        for part in range(rng.randint(1, 2)):
            request = {"lines": [{"line": line["number"], "quantity": 1}]}
            if part >= line["quantity"]:
                break
            # A repeated return has no further effect.
            for _ in range(rng.randint(1, 2)):
                response = await self.call("PUT", f"/v1/orders/{order_id}/returns/{part}", token, request, f"{name}/{part}")
                self.observer.returned(order_id, str(part), int(response.json()["refund"]["minor_units"]))

    # Parts of journeys.

    def random_order(self, rng, method):
        """Lines are in random order, so that two orders may reserve the same goods in opposite order."""
        goods = rng.sample(range(GOODS), rng.randint(1, 10))
        lines = [{"sku": f"CHAOS-{number:02}", "quantity": rng.randint(1, 3)} for number in goods]
        return rng.choice(CUSTOMERS), {"lines": lines, "payment_method": method}

    async def place(self, name, rng, method):
        customer, request = self.random_order(rng, method)
        order = await self.send_order(name, customer, request)
        if rng.random() < 0.3:
            await self.verify_visible(order, self.tokens[customer])
        return order

    async def send_order(self, name, customer, request):
        begun = time.monotonic()
        response = await self.call("POST", "/v1/orders", self.tokens[customer], request, name)
        self.accepts.append(time.monotonic() - begun)
        order = response.json()["order"]
        self.observer.placed(name, order, response.body)
        return order

    async def verify_visible(self, order, token):
        """An acknowledged order can be read."""
        try:
            found = (await self.call("GET", f"/v1/orders/{order['order_id']}", token)).json()["order"]
        except Refused as refusal:
            return self.observer.violated("I12", f"{order['order_id']} was acknowledged and is not found: {refusal}")
        if found["order_id"] != order["order_id"] or found["customer_id"] != order["customer_id"]:
            self.observer.violated("I15", f"{order['order_id']} was requested and {found['order_id']} returned")

    async def call(self, method, path, token, body=None, key=None):
        """Retries until there is a final response.

        Raises Refused for a refusal, NoResponse after the timeout.
        """
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        data = b""
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        limit = time.monotonic() + TIMEOUT_SECONDS
        delay, last = 0.05, "no attempt"
        while time.monotonic() < limit:
            try:
                response = await self.shop.http.send(method, path, headers, data, ATTEMPT_SECONDS)
            except NoResponse as error:
                self.observer.without_response += 1
                last = str(error)
            else:
                self.observer.responded(response.status)
                if 200 <= response.status < 300:
                    if not response.is_complete():
                        self.observer.violated("I15", f"{method} {path} has status {response.status} and a truncated body")
                    return response
                if not is_retryable(response) and not (response.status == 401 and self.retries_unauthorised):
                    raise Refused(response)
                last = f"{response.status} {response.body[:200]!r}"
            self.observer.retries += 1
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(delay * 2, 1.0)
        raise NoResponse(last)


def is_retryable(response):
    if response.status in (408, 429) or response.status >= 500:
        return True
    return response.status == 409 and response.json().get("reason") in RETRYABLE_CONFLICTS


def product(sku, price):
    return {
        "sku": sku,
        "name": sku.lower(),
        "stocked": True,
        "prices": [{"unit_price": price, "effective_from": "2020-01-01T00:00:00Z"}],
    }
