"""What a caller may spend of others: short deadlines, and writes without a token."""

import http.client
import json
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from .. import wire

# Addresses of this machine, one for each thread, so that a limit by address does not end the flood of short deadlines.
THREADS = 24
SOURCE = "127.0.4.{}".format
# Of all threads together.
DEADLINES_PER_SECOND = 200
# In milliseconds, and as shares of what the same request takes without one: so some end while one service calls another.
TIMEOUTS, TIMEOUT_SHARES = (2, 4, 6, 8, 10, 15), (0.3, 0.5, 0.7, 0.9, 1.1, 1.5, 2.0)
MEASURED = 15
# What a request whose caller hardly waits may be answered; a circuit that is open is none of these.
ANSWERS = {200, 429, 503, 504}
# Of one address: more anonymous carts in a minute than any shop would let one caller open.
WRITES_MAX = 1_000
WRITES_SECONDS_MAX = 30
SECONDS_MIN = 5
PAUSE_SECONDS = 0.02


class RequestLimits:
    name = "limits"
    share = 0.07
    about = "short deadlines and anonymous writes at the gateway, beside an ordinary customer"

    def run(self, context):
        self.deadlines(context)
        self.writes(context)

    # MARK: Deadlines

    def deadlines(self, context):
        """Requests whose callers hardly wait for them; another customer asks for the same, and is served."""
        stopped = threading.Event()
        timeouts = self.timeouts(context)
        mallory = context.shop.token_of("--customer", "mallory")
        until = time.monotonic() + max(SECONDS_MIN, context.left - 2)
        with ThreadPoolExecutor(THREADS) as pool:
            futures = [
                pool.submit(self.flood, context, number, mallory if number % 2 else None, timeouts, stopped) for number in range(THREADS)
            ]
            try:
                self.ordinary(context, until)
            finally:
                stopped.set()
            for future in futures:
                future.result()

    def timeouts(self, context):
        """Timeouts around the usual time of a request, in milliseconds."""
        token = [("Authorization", f"Bearer {context.shop.customer}")]
        taken = []
        for _ in range(MEASURED):
            begun = time.monotonic()
            wire.ask(
                context.gateway,
                "PUT",
                f"/v1/carts/me/lines/{context.shop.sku}",
                context.limits.answer,
                token,
                b'{"quantity":1}',
                SOURCE(201),
            )
            taken.append((time.monotonic() - begun) * 1_000)
        usual = statistics.median(taken)
        return [*TIMEOUTS, *(max(1, round(share * usual)) for share in TIMEOUT_SHARES)]

    def flood(self, context, number, token, timeouts, stopped):
        """One caller: with a token orders, without one a guest's cart."""
        gateway, sku, source = context.gateway, context.shop.sku, SOURCE(number + 1)
        if token:
            method, path, body = "POST", "/v1/orders", f'{{"lines":[{{"sku":"{sku}","quantity":1}}],"payment_method":"pm_test_ok"}}'
        else:
            opened = wire.ask(
                gateway, "POST", "/v1/carts", context.limits.answer, [("Idempotency-Key", f"deadlines-{number}")], b"{}", source
            )
            if not cart_of(opened):
                return context.finding("a cart for a guest", gateway, expected="200 with a cart", seen=opened)
            method, path, body = "PUT", f"/v1/carts/{cart_of(opened)}/lines/{sku}", '{"quantity":1}'
        connection, sent = None, 0
        while not stopped.wait(THREADS / DEADLINES_PER_SECOND):
            sent += 1
            timeout = timeouts[(number + sent) % len(timeouts)]
            context.at("a short deadline", gateway)
            headers = {"Content-Type": "application/json", "x-request-timeout": timeout, "Idempotency-Key": f"deadline-{number}-{sent}"}
            headers |= {"Authorization": f"Bearer {token}"} if token else {}
            connection = connection or http.client.HTTPConnection(
                gateway.host, gateway.port, timeout=context.limits.answer, source_address=(source, 0)
            )
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                text = answer.read().decode("utf-8", "replace")
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                connection = None
                if isinstance(error, TimeoutError):
                    context.finding("a short deadline", gateway, expected="an answer", seen=f"none within {context.limits.answer:g} s")
                continue
            if answer.status not in ANSWERS or "circuit_open" in text:
                context.finding(
                    "a short deadline", gateway, expected="200, 504, 503 or 429, and no open circuit", seen=f"{answer.status} {text[:200]}"
                )

    def ordinary(self, context, until):
        """A customer without a deadline of their own, who asks for the same."""
        gateway, sku, number = context.gateway, context.shop.sku, 0
        token = [("Authorization", f"Bearer {context.shop.token_of('--customer', 'ordinary')}")]
        order = f'{{"lines":[{{"sku":"{sku}","quantity":1}}],"payment_method":"pm_test_ok"}}'.encode()
        while time.monotonic() < until:
            number += 1
            for what, answer in (
                (
                    "a line",
                    wire.ask(gateway, "PUT", f"/v1/carts/me/lines/{sku}", context.limits.answer, token, b'{"quantity":2}', SOURCE(200)),
                ),
                (
                    "an order",
                    wire.ask(
                        gateway,
                        "POST",
                        "/v1/orders",
                        context.limits.answer,
                        [*token, ("Idempotency-Key", f"ordinary-{number}")],
                        order,
                        SOURCE(200),
                    ),
                ),
            ):
                if not isinstance(answer, wire.Answer) or answer.status != 200:
                    seen = f"{answer.status} {answer.text[:200]}" if isinstance(answer, wire.Answer) else answer
                    context.finding(f"{what} of another customer, beside short deadlines", gateway, expected="200", seen=seen)
            time.sleep(PAUSE_SECONDS)

    # MARK: Writes

    def writes(self, context):
        """One address opens carts until it is refused."""
        gateway, case = context.gateway, "carts of one address without a token"
        until, answer, number = time.monotonic() + WRITES_SECONDS_MAX, None, 0
        while number < WRITES_MAX and time.monotonic() < until:
            number += 1
            context.at(case, gateway)
            answer = wire.ask(
                gateway, "POST", "/v1/carts", context.limits.answer, [("Idempotency-Key", f"writes-{number}")], b"{}", "127.0.6.1"
            )
            if not isinstance(answer, wire.Answer) or answer.status not in (200, 429):
                return context.finding(case, gateway, expected="200 or 429", seen=answer)
            if answer.status == 429:
                break
        else:
            return context.finding(case, gateway, expected=f"429 before {WRITES_MAX:,} in a minute", seen=f"{number} times 200")
        retry = answer.header("retry-after")
        if not retry or not retry.isdigit() or int(retry) < 1:
            context.finding(case, gateway, expected="429 with Retry-After in seconds", seen=answer.headers)
        if not any(name in ("ratelimit", "ratelimit-limit") for name, _ in answer.headers):
            context.finding(case, gateway, expected="429 with RateLimit", seen=answer.headers)
        other = wire.ask(gateway, "POST", "/v1/carts", context.limits.answer, [("Idempotency-Key", "other")], b"{}", "127.0.6.2")
        if not cart_of(other):
            context.finding("a cart of another address", gateway, expected="200 beside the refused one", seen=other)


def cart_of(answer):
    try:
        return json.loads(answer.body)["cart_id"]
    except (AttributeError, ValueError, KeyError):
        return None
