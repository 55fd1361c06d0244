"""Ordinary load before the first suite, so that what caches and first requests need is not counted as growth."""

import itertools
import json
import threading
import time

from . import wire

# ordersd grows with its first orders, and has stopped after about 1,200: Docs/Security/Hostile.md.
ORDERS, CUSTOMERS, SECONDS_MAX = 1_200, 8, 20
# A customer of its own, with the address of the ordinary one.
SOURCE = "127.0.0.2"


def warm_up(shop, limits, orders=ORDERS, seconds=SECONDS_MAX):
    """Places so many orders, or as many as fit into the time; the number of those that were accepted."""
    until, numbers, accepted = time.monotonic() + seconds, itertools.count(), []
    body = json.dumps({"lines": [{"sku": shop.sku, "quantity": 1}], "payment_method": "pm_test_ok"}).encode()
    authorization = ("Authorization", f"Bearer {shop.token_of('--customer', 'warm-up')}")

    def customer():
        while (number := next(numbers)) < orders and time.monotonic() < until:
            headers = [authorization, ("Idempotency-Key", f"warm-up-{number}")]
            answer = wire.ask(shop.gateway, "POST", "/v1/orders", limits.answer, headers, body, SOURCE)
            if isinstance(answer, wire.Answer) and answer.status == 200:
                accepted.append(number)

    threads = [threading.Thread(target=customer) for _ in range(CUSTOMERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(accepted)
