"""Ordinary customers beside the hostile clients, who must not notice them: one with a token and a guest."""

import json
import threading
import time

from . import frames, wire
from .target import Target

# Addresses of the customer and of the guest: limits by address must not count the hostile clients'.
SOURCE, GUEST_SOURCE = "127.0.0.2", "127.0.0.3"
# Between two steps of the customer, and two questions about health.
PAUSE_SECONDS, LIVEZ_SECONDS = 0.3, 0.7
# Between two steps of the guest: of four steps one opens a cart, and the gateway lets one address open 60 in a minute.
GUEST_PAUSE_SECONDS = 0.4
# In which an order must be completed.
ORDER_SECONDS_MAX = 30


class Present:
    """What the suites are doing now."""

    def __init__(self):
        self.label = "the start"


class Bystander:
    """Two callers of the gateway and one of each listener's health, in threads of its own; all are judged the same way.

    The customer has a token and places orders. The guest has none: a search, a product's page, a new cart, a line in it.
    """

    def __init__(self, shop, limits, present, report):
        """`report` gets the case, the target, what was expected and what was seen."""
        self.shop, self.limits, self.present, self.report = shop, limits, present, report
        # Questions, completed orders of the customer, carts with a line of the guest.
        self.asked, self.orders, self.carts, self.slowest = 0, 0, 0, 0.0
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._customer, self._guest)]
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
        if target.kind in Target.HTTP:
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
        """One request of the customer; the answer's object, `None` when it failed."""
        return self._request(what, method, path, key, body, [("Authorization", f"Bearer {self.shop.customer}")], SOURCE)

    # MARK: The guest

    def _guest(self):
        number = 0
        while not self._stopped.is_set():
            number += 1
            self.visit(number)

    def visit(self, number):
        """One visit without a token."""
        sku = self.shop.sku
        self._ask_as_guest("a guest's search", "GET", "/v1/products?query=thing")
        self._ask_as_guest("a guest's product page", "GET", f"/v1/products/{sku}")
        cart = self._ask_as_guest("a guest's cart", "POST", "/v1/carts", f"guest-{number}", {})
        if cart is None:
            return
        line = self._ask_as_guest("a guest's line", "PUT", f"/v1/carts/{cart.get('cart_id')}/lines/{sku}", None, {"quantity": 1})
        self.carts += line is not None

    def _ask_as_guest(self, what, method, path, key=None, body=None):
        """One step of a guest, and the pause behind it; as `_call`."""
        answer = self._request(what, method, path, key, body, [], GUEST_SOURCE)
        self._stopped.wait(GUEST_PAUSE_SECONDS)
        return answer

    # MARK: Requests

    def _request(self, what, method, path, key, body, headers, source):
        """One request at the gateway, which must get 200 with a JSON object in time; the object, `None` when it failed."""
        headers = headers + ([("Idempotency-Key", key)] if key else [])
        data = None if body is None else json.dumps(body).encode()

        def ask():
            return wire.ask(self.shop.gateway, method, path, self.limits.bystander, headers, data, source)

        return document(self._timed(what, self.shop.gateway, ask, lambda answer: document(answer) is not None))


def document(answer):
    """The JSON object of an answer with status 200; `None` for anything else."""
    try:
        found = json.loads(answer.body) if isinstance(answer, wire.Answer) and answer.status == 200 else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def shown(seen):
    return f"{seen.status} {seen.text[:150]}" if isinstance(seen, wire.Answer) else seen
