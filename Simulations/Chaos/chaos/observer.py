"""The observer's log: the responses that clients received, and the violations that they detected."""

import json
import time


class Observer:
    """Append-only; the file is written before the client continues."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")
        # Idempotency key to the acknowledged order and its response.
        self.orders = {}
        # Order to the acknowledged facts.
        self.acknowledged = {}
        self.violations = []
        self.responses = {}
        # Keys of requests that a client gave up without a final response: an order may exist or not.
        self.unknown = set()
        self.without_response = 0
        self.retries = 0

    def write(self, kind, **facts):
        self.file.write(json.dumps({"at": round(time.time(), 6), "kind": kind, **facts}, sort_keys=True) + "\n")
        self.file.flush()

    def responded(self, status):
        self.responses[status] = self.responses.get(status, 0) + 1

    def violated(self, invariant, what):
        self.violations.append({"invariant": invariant, "what": what})
        self.write("violation", invariant=invariant, what=what)

    def placed(self, key, order, body):
        """The order under `key` was acknowledged to its client."""
        order_id = order["order_id"]
        before = self.orders.setdefault(key, (order_id, body))
        if before[0] != order_id:
            self.violated("I3", f"the key {key} has the orders {before[0]} and {order_id}")
        elif before[1] != body:
            self.violated("I9", f"the key {key} has two different responses")
        self.acknowledged.setdefault(order_id, {"key": key, "total": int(order["total"]["minor_units"])})
        self.write("placed", key=key, order=order_id)

    def cancelled(self, order_id):
        self.acknowledged[order_id]["cancel"] = True
        self.write("cancelled", order=order_id)

    def returned(self, order_id, return_id, pence):
        self.acknowledged[order_id].setdefault("refunds", {})[return_id] = pence
        self.write("returned", order=order_id, back=return_id, pence=pence)

    def close(self):
        self.file.close()
