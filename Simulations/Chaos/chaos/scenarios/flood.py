"""Load beyond the capacity: an outbox full of rows, and clients faster than the shop."""

import asyncio
import json
import os
import sqlite3
import time

from .. import machine
from ..load import CUSTOMERS, GOODS
from ..run import Scenario
from ..web import NoResponse

TOPIC = "shop.catalog.v1.products"
KEYS = 1_000
ROWS = 100_000
ROWS_ALL = 1_000_000
RATE_MIN = 5_000
GROWTH_BYTES_MAX = 256 << 20
# Concurrent requests.
IN_FLIGHT_MAX = 1_000
# Within which waiting checkouts are processed.
WAITING_SECONDS = 30.0
# After which a refused client retries.
RETRY_DELAY_SECONDS = 0.5
# Share of the machine that other programs may use while goodput is compared with the peak.
OTHERS_MAX = 0.1


class Backlog(Scenario):
    """An outbox is full when its daemon starts; memory stays bounded, and every row is sent."""

    name = "backlog"
    covers = ("F49",)
    rate = 15.0

    async def inject(self, run):
        rows = ROWS_ALL if run.options.long else ROWS
        shop, daemon = run.shop, run.shop.daemons["catalogd"]
        await daemon.stop()
        self.fill(shop.database("catalogd"), rows)
        await daemon.start_again()
        await daemon.becomes_ready()
        begun = time.monotonic()
        first = machine.resident_bytes(daemon.pid)
        most = first
        left = rows
        while left and time.monotonic() < begun + rows / 500:
            await asyncio.sleep(0.5)
            left = run.tables.unsent().get("catalog", 0)
            most = max(most, machine.resident_bytes(daemon.pid))
        seconds = time.monotonic() - begun
        run.faults.record("rows wait in the outbox at the start", rows)
        run.require("F49", not left, f"{left} of {rows} rows were not sent after {seconds:.0f} s")
        # Beside eight other processes and the load on the same cores.
        run.remarks["F49"] = (
            f"{rows} rows in {seconds:.1f} s, {rows / seconds:.0f} a second (expected: {RATE_MIN} on a machine of its own); "
            f"memory grew by {(most - first) >> 20} MiB")
        run.require("F49", most - first < GROWTH_BYTES_MAX, f"memory grew by {(most - first) >> 20} MiB")
        run.faults.heal()

    def fill(self, path, rows):
        connection = sqlite3.connect(path)
        with connection:
            epoch = connection.execute("SELECT epoch FROM outbox_source").fetchone()[0]
            now = int(time.time() * 1_000_000)
            each = rows // KEYS
            connection.executemany(
                "INSERT INTO outbox_keys (topic, key, next_sequence, last_time) VALUES (?, ?, ?, ?)",
                ((TOPIC, f"flood-{key}", each + 1, now) for key in range(KEYS)))
            connection.executemany(
                "INSERT INTO outbox (topic, key, epoch, sequence, partition, time, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((TOPIC, f"flood-{key}", epoch, sequence, key % 8, now, b"\x0a\x05flood")
                 for key in range(KEYS) for sequence in range(1, each + 1)))  # fmt: skip
        connection.close()


class Goodput:
    """The rate of completed orders from now on."""

    def __init__(self, run):
        self.run = run
        self.begun, self.used, self.before = time.monotonic(), time.process_time(), self.completed()

    def completed(self):
        return self.run.tables.number("ordersd", "SELECT count(*) FROM audit_workflow_runs WHERE state = 'completed'")

    def finish(self):
        seconds = time.monotonic() - self.begun
        self.rate = (self.completed() - self.before) / seconds
        # The rate if the clients ran on another machine.
        cores = os.cpu_count() or 1
        self.without_clients = self.rate * cores / (cores - (time.process_time() - self.used) / seconds)
        return self


class Overload(Scenario):
    """First a closed loop at capacity, then an open loop at three times that rate.

    Completed orders are counted, not accepted ones.
    """

    name = "overload"
    covers = ("F66",)
    rate = 5.0
    # Until accepted and completed orders are in balance, and how long the peak is measured then.
    filling_seconds = 15.0
    peak_seconds = 10.0
    seconds = 20.0
    seconds_long = 60.0

    def quiescence_seconds_max(self, options):
        """At most WorkflowLimits.waitingLimit runs wait after the overload, where calls have failed meanwhile."""
        return super().quiescence_seconds_max(options) + WAITING_SECONDS

    async def inject(self, run):
        pids = [daemon.pid for daemon in run.shop.daemons.values()] + [run.shop.proxies.process.pid]
        share = machine.ProcessorShare(pids)
        peak, normal = await self.closed_loop(run, self.filling_seconds)
        others = [share.of_others()]
        seconds = self.seconds_long if run.options.long else self.seconds
        share = machine.ProcessorShare(pids)
        good, admitted, refused, offered = await self.open_loop(run, 3 * peak.rate, seconds)
        others.append(share.of_others())
        run.faults.record("orders offered beyond the capacity", offered)
        run.faults.record("orders refused as too many", refused)
        healed = time.monotonic()
        recovery = await self.recovery(run, normal, healed)
        # Before and after, since the machine's speed varies.
        again, _ = await self.closed_loop(run, 0.0)
        run.faults.heal()
        most = (peak.without_clients + again.without_clients) / 2
        run.remarks["F66"] = (
            f"peak {peak.rate:.0f} orders/s completed before and {again.rate:.0f} after (p99 of acceptance {normal * 1000:.0f} ms); "
            f"offered {offered / seconds:.0f}/s of {3 * peak.rate:.0f}/s, {refused / offered:.0%} refused as too many, "
            f"{good.rate:.0f}/s completed, {good.without_clients / most:.0%} of the peak without the processor time of the clients on the "
            f"same cores, p99 of acceptance {admitted * 1000:.0f} ms, normal again after {recovery:.1f} s; "
            f"others used {others[0]:.0%} of the machine at the peak, {others[1]:.0%} under overload")
        if max(others) <= OTHERS_MAX:
            run.require("F66", good.without_clients >= 0.8 * most, f"goodput fell to {good.without_clients / most:.0%} of the peak")
        else:
            run.skipped["F66"] = "goodput is not evaluated while other programs use the machine"
        run.require("F66", recovery <= 10, f"normal again only after {recovery:.1f} s")

    async def closed_loop(self, run, filling_seconds):
        times, end = [], time.monotonic() + filling_seconds + self.peak_seconds

        async def client(number):
            turn = 0
            while time.monotonic() < end:
                begun = time.monotonic()
                if await self.order(run, f"peak-{filling_seconds:.0f}-{number}-{turn}", 10) == 200:
                    times.append(time.monotonic() - begun)
                else:
                    await asyncio.sleep(RETRY_DELAY_SECONDS)
                turn += 1

        async def measured():
            await asyncio.sleep(filling_seconds)
            goodput = Goodput(run)
            await asyncio.sleep(self.peak_seconds)
            return goodput.finish()

        peak, *_ = await asyncio.gather(measured(), *(client(number) for number in range(24)))
        return peak, sorted(times)[len(times) * 99 // 100]

    async def open_loop(self, run, rate, seconds):
        times, tasks, offered, refused = [], set(), 0, 0
        begun, goodput = time.monotonic(), Goodput(run)

        async def one(number):
            nonlocal refused
            start = time.monotonic()
            status = await self.order(run, f"over-{number}", 5)
            if status == 200:
                times.append(time.monotonic() - start)
            refused += status == 429

        while (now := time.monotonic()) < begun + seconds:
            # Limited to what this process can serve: its own delays would count as the shop's.
            while offered < (now - begun) * rate and len(tasks) < IN_FLIGHT_MAX:
                task = asyncio.ensure_future(one(offered))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                offered += 1
            await asyncio.sleep(0.005)
        good = goodput.finish()
        await asyncio.gather(*tasks)
        return good, sorted(times)[len(times) * 99 // 100] if times else 99.0, refused, offered

    async def recovery(self, run, normal, since):
        """Waits until ten orders in a row are as fast as before; returns the seconds."""
        fast = turn = 0
        while fast < 10 and time.monotonic() < since + 60:
            begun = time.monotonic()
            status = await self.order(run, f"after-{turn}", 5)
            fast = fast + 1 if status == 200 and time.monotonic() - begun <= max(3 * normal, 0.1) else 0
            turn += 1
        return time.monotonic() - since

    async def order(self, run, key, timeout):
        """One attempt without retries."""
        number = hash(key) % GOODS
        body = json.dumps({"lines": [{"sku": f"CHAOS-{number:02}", "quantity": 1}], "payment_method": "pm_test_ok"}).encode()
        token = run.load.tokens[CUSTOMERS[number % len(CUSTOMERS)]]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": key}
        try:
            response = await run.shop.http.send("POST", "/v1/orders", headers, body, timeout)
        except NoResponse:
            run.observer.unknown.add(key)
            return None
        if response.status == 200:
            run.observer.placed(key, response.json()["order"], response.body)
        elif response.status >= 500:
            run.observer.unknown.add(key)
        return response.status
