"""An ordinary customer beside the hostile clients, who must not notice them."""

import json
import threading
import time

from . import frames, wire

# Of the customer's own connections: limits by address must not count the hostile clients'.
SOURCE = "127.0.0.2"
# Between two steps of the customer, and two questions about health.
PAUSE_SECONDS, LIVEZ_SECONDS = 0.3, 0.7
# In which an order must be completed.
ORDER_SECONDS_MAX = 30


class Present:
    """What the suites are doing now."""

    def __init__(self):
        self.label = "the start"


class Bystander:
    """Places orders at the gateway and asks each listener whether it lives, in threads of its own."""

    def __init__(self, shop, limits, present, report):
        """`report` gets the case, the target, what was expected and what was seen."""
        self.shop, self.limits, self.present, self.report = shop, limits, present, report
        self.asked, self.orders, self.slowest = 0, 0, 0.0
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._customer, daemon=True)]
        self._threads += [threading.Thread(target=self._livez, args=(target,), daemon=True) for target in shop.targets]

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    # MARK: Health

    def _livez(self, target):
        while not self._stopped.wait(LIVEZ_SECONDS):
            self.check(target)

    def check(self, target):
        """Asks a listener whether it lives; an answer that is wrong or late is reported."""
        if target.kind == "http":
            self._timed("/livez", target, lambda: self._ask(target, "GET", "/livez"), lambda answer: answer == 200)
        else:
            self._timed("a call of health", target, lambda: frames.is_answered(target, self.limits.bystander, SOURCE), bool)

    def _ask(self, target, method, path):
        answer = wire.ask(target, method, path, self.limits.bystander, source=SOURCE)
        return answer.status if isinstance(answer, wire.Answer) else answer

    def _timed(self, what, target, ask, is_right):
        """The result of a question, which must be right and in time."""
        begun, doing = time.monotonic(), self.present.label
        try:
            seen = ask()
        except (OSError, wire.Hang) as error:
            seen = f"{type(error).__name__} {error}".rstrip()
        seconds = time.monotonic() - begun
        with self._lock:
            self.asked += 1
            self.slowest = max(self.slowest, seconds)
        if not is_right(seen) or seconds > self.limits.bystander:
            expected = f"an answer to {what} within {self.limits.bystander:g} s"
            self.report(f"bystander: {what}", target, expected, f"{shown(seen)} after {seconds:.1f} s, meanwhile {doing}")
        return seen

    # MARK: Orders

    def _customer(self):
        number = 0
        while not self._stopped.wait(PAUSE_SECONDS):
            number += 1
            order = self._call("an order", "POST", "/v1/orders", key=f"bystander-{number}", body={
                "lines": [{"sku": self.shop.sku, "quantity": 1}], "payment_method": "pm_test_ok",
            })  # fmt: skip
            self._call("a cart", "PUT", f"/v1/carts/me/lines/{self.shop.sku}", body={"quantity": 1 + number % 5})
            if order:
                self._follow(order["order"]["order_id"])

    def _follow(self, order):
        """Waits until the order is completed."""
        begun, doing, status = time.monotonic(), self.present.label, ""
        while not self._stopped.is_set() and time.monotonic() - begun < ORDER_SECONDS_MAX:
            answer = self._call("an order's status", "GET", f"/v1/orders/{order}")
            status = answer["order"]["status"] if answer else status
            if status == "ORDER_STATUS_COMPLETED":
                self.orders += 1
                return
            self._stopped.wait(PAUSE_SECONDS)
        if not self._stopped.is_set():
            expected = f"an order that is completed within {ORDER_SECONDS_MAX} s"
            self.report("bystander: an order", self.shop.gateway, expected, f"{status}, meanwhile since {doing}")

    def _call(self, what, method, path, key=None, body=None):
        """One request of the customer; the answer's JSON, `None` when it failed."""
        headers = [("Authorization", f"Bearer {self.shop.customer}")] + ([("Idempotency-Key", key)] if key else [])
        data = None if body is None else json.dumps(body).encode()

        def ask():
            return wire.ask(self.shop.gateway, method, path, self.limits.bystander, headers, data, SOURCE)

        def is_right(answer):
            return isinstance(answer, wire.Answer) and answer.status == 200

        answer = self._timed(what, self.shop.gateway, ask, is_right)
        return json.loads(answer.body) if is_right(answer) else None


def shown(seen):
    return f"{seen.status} {seen.text[:150]}" if isinstance(seen, wire.Answer) else seen
