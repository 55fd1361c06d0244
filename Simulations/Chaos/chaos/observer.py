"""The outside observer's own log: what each client was told, when, and what the clients found wrong on the spot."""

import json
import time


class Observer:
    """Append-only; the file is written before the client goes on, so it outlives the shop."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")
        # Key of a request to the order that the client was told of.
        self.orders = {}
        # Order to what was told of it.
        self.told = {}
        self.violations = []
        self.answers = {}
        # Keys of requests that a client sent, gave up, and was told nothing final of: an order may be there or not.
        self.unknown = set()
        self.unanswered = 0
        self.repeats = 0

    def write(self, kind, **facts):
        self.file.write(json.dumps({"at": round(time.time(), 6), "kind": kind, **facts}, sort_keys=True) + "\n")
        self.file.flush()

    def answered(self, method, path, status):
        self.answers[status] = self.answers.get(status, 0) + 1

    def violated(self, invariant, what):
        self.violations.append({"invariant": invariant, "what": what})
        self.write("violation", invariant=invariant, what=what)

    def placed(self, key, order, body):
        """A client was told of its order under `key`."""
        order_id = order["order_id"]
        before = self.orders.setdefault(key, (order_id, body))
        if before[0] != order_id:
            self.violated("I3", f"the key {key} gave the orders {before[0]} and {order_id}")
        elif before[1] != body:
            self.violated("I9", f"the key {key} was answered with two bodies")
        self.told.setdefault(order_id, {"key": key, "total": int(order["total"]["minor_units"])})
        self.write("placed", key=key, order=order_id)

    def cancelled(self, order_id):
        self.told[order_id]["cancel"] = True
        self.write("cancelled", order=order_id)

    def returned(self, order_id, return_id, pence):
        self.told[order_id].setdefault("refunds", {})[return_id] = pence
        self.write("returned", order=order_id, back=return_id, pence=pence)

    def close(self):
        self.file.close()
