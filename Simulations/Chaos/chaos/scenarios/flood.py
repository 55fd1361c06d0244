"""More than can be carried: an outbox full of rows, and clients who come faster than they are served."""

import asyncio
import json
import os
import sqlite3
import time

from .. import machine
from ..load import CUSTOMERS, GOODS
from ..run import Scenario
from ..web import NoAnswer

TOPIC = "shop.catalog.v1.products"
KEYS = 1_000
ROWS = 100_000
ROWS_ALL = 1_000_000
RATE_MIN = 5_000
GROWTH_BYTES_MAX = 256 << 20
# Requests that wait for their answers at the same time.
OPEN_MAX = 1_000
# Seconds in which what waits for its checkout is worked off, and after which a refused client comes again.
WAITING_SECONDS = 30.0
PAUSE = 0.5
# Of the machine, that others may have while goodput is compared with the peak.
OTHERS_MAX = 0.1


class Backlog(Scenario):
    """So many rows wait in an outbox when its daemon starts; new events are not starved by them."""

    name = "backlog"
    covers = ("F49",)
    rate = 15.0

    async def inject(self, stage):
        rows = ROWS_ALL if stage.options.long else ROWS
        shop, daemon = stage.shop, stage.shop.daemons["catalogd"]
        await daemon.end()
        self.fill(shop.database("catalogd"), rows)
        await daemon.again()
        await daemon.ready()
        begun = time.monotonic()
        first = machine.resident_bytes(daemon.pid)
        most = first
        left = rows
        while left and time.monotonic() < begun + rows / 500:
            await asyncio.sleep(0.5)
            left = stage.tables.unsent().get("catalog", 0)
            most = max(most, machine.resident_bytes(daemon.pid))
        seconds = time.monotonic() - begun
        stage.faults.did("rows wait in the outbox at the start", rows)
        stage.require("F49", not left, f"{left} of {rows} rows were not sent after {seconds:.0f} s")
        # Beside eight other processes, the load and the observer, all on the machine's few cores.
        stage.remarks["F49"] = (
            f"{rows} rows in {seconds:.1f} s, {rows / seconds:.0f} a second (wanted: {RATE_MIN} on a machine of its own); "
            f"memory grew by {(most - first) >> 20} MiB")
        stage.require("F49", most - first < GROWTH_BYTES_MAX, f"memory grew by {(most - first) >> 20} MiB")
        stage.faults.heal()

    def fill(self, path, rows):
        connection = sqlite3.connect(path)
        with connection:
            epoch = connection.execute("SELECT epoch FROM outbox_source").fetchone()[0]
            now = int(time.time() * 1_000_000)
            each = rows // KEYS
            connection.executemany(
                "INSERT INTO outbox_keys VALUES (?, ?, ?, ?)", ((TOPIC, f"flood-{key}", each + 1, now) for key in range(KEYS)))
            connection.executemany(
                "INSERT INTO outbox (topic, key, epoch, sequence, partition, time, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((TOPIC, f"flood-{key}", epoch, sequence, key % 8, now, b"\x0a\x05flood")
                 for key in range(KEYS) for sequence in range(1, each + 1)))  # fmt: skip
        connection.close()


class Goodput:
    """Orders that come to an end, from here on."""

    def __init__(self, stage):
        self.stage = stage
        self.begun, self.used, self.before = time.monotonic(), time.process_time(), self.completed()

    def completed(self):
        return self.stage.tables.number("ordersd", "SELECT count(*) FROM workflow_runs WHERE state = 'completed'")

    def end(self):
        seconds = time.monotonic() - self.begun
        self.rate = (self.completed() - self.before) / seconds
        # Each second, had the clients run on another machine.
        cores = os.cpu_count() or 1
        self.to_itself = self.rate * cores / (cores - (time.process_time() - self.used) / seconds)
        return self


class Overload(Scenario):
    """First as fast as the shop can, then three times that, whether it answers or not.

    What counts is what comes to an end: orders of which the shop takes on too many are of no use to anybody.
    """

    name = "overload"
    covers = ("F66",)
    rate = 5.0
    # So long is the peak looked for, until the shop takes on no more than it works off, and so long measured.
    filling_seconds = 15.0
    peak_seconds = 10.0
    seconds = 20.0
    seconds_long = 60.0

    def rest_seconds(self, options):
        """However long the flood was, no more waits afterwards than WorkflowLimits.waitingLimit."""
        return super().rest_seconds(options) + WAITING_SECONDS

    async def inject(self, stage):
        pids = [daemon.pid for daemon in stage.shop.daemons.values()] + [stage.shop.proxies.process.pid]
        share = machine.Share(pids)
        peak, normal = await self.closed(stage, self.filling_seconds)
        others = [share.taken()]
        seconds = self.seconds_long if stage.options.long else self.seconds
        share = machine.Share(pids)
        good, admitted, refused, offered = await self.open(stage, 3 * peak.rate, seconds)
        others.append(share.taken())
        stage.faults.did("orders offered beyond the capacity", offered)
        stage.faults.did("orders refused as too many", refused)
        healed = time.monotonic()
        back = await self.recovery(stage, normal, healed)
        # Before and after: the machine itself is not equally fast all the time.
        again, _ = await self.closed(stage, 0.0)
        stage.faults.heal()
        most = (peak.to_itself + again.to_itself) / 2
        stage.remarks["F66"] = (
            f"peak {peak.rate:.0f} orders/s completed before and {again.rate:.0f} after (p99 of acceptance {normal * 1000:.0f} ms); "
            f"offered {offered / seconds:.0f}/s of {3 * peak.rate:.0f}/s, {refused / offered:.0%} refused as too many, "
            f"{good.rate:.0f}/s completed, {good.to_itself / most:.0%} of the peak without the processor time of the clients on the "
            f"same cores, p99 of acceptance {admitted * 1000:.0f} ms, normal again after {back:.1f} s; "
            f"others had {others[0]:.0%} of the machine at the peak, {others[1]:.0%} under overload")
        if max(others) <= OTHERS_MAX:
            stage.require("F66", good.to_itself >= 0.8 * most, f"goodput fell to {good.to_itself / most:.0%} of the peak")
        else:
            stage.skipped["F66"] = "goodput is not judged on a machine that is busy with something else"
        stage.require("F66", back <= 10, f"normal again only after {back:.1f} s")

    async def closed(self, stage, filling_seconds):
        times, over = [], time.monotonic() + filling_seconds + self.peak_seconds

        async def client(number):
            turn = 0
            while time.monotonic() < over:
                begun = time.monotonic()
                if await self.order(stage, f"peak-{filling_seconds:.0f}-{number}-{turn}", 10) == 200:
                    times.append(time.monotonic() - begun)
                else:
                    await asyncio.sleep(PAUSE)
                turn += 1

        async def measured():
            await asyncio.sleep(filling_seconds)
            goodput = Goodput(stage)
            await asyncio.sleep(self.peak_seconds)
            return goodput.end()

        peak, *_ = await asyncio.gather(measured(), *(client(number) for number in range(24)))
        return peak, sorted(times)[len(times) * 99 // 100]

    async def open(self, stage, rate, seconds):
        times, tasks, offered, refused = [], set(), 0, 0
        begun, goodput = time.monotonic(), Goodput(stage)

        async def one(number):
            nonlocal refused
            start = time.monotonic()
            status = await self.order(stage, f"over-{number}", 5)
            if status == 200:
                times.append(time.monotonic() - start)
            refused += status == 429

        while (now := time.monotonic()) < begun + seconds:
            # Not more at once than this one process can look after: what waits here would look like the shop's delay.
            while offered < (now - begun) * rate and len(tasks) < OPEN_MAX:
                task = asyncio.ensure_future(one(offered))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                offered += 1
            await asyncio.sleep(0.005)
        good = goodput.end()
        await asyncio.gather(*tasks)
        return good, sorted(times)[len(times) * 99 // 100] if times else 99.0, refused, offered


    async def recovery(self, stage, normal, since):
        """Until ten orders in a row are as fast as they were."""
        fast = turn = 0
        while fast < 10 and time.monotonic() < since + 60:
            begun = time.monotonic()
            status = await self.order(stage, f"after-{turn}", 5)
            fast = fast + 1 if status == 200 and time.monotonic() - begun <= max(3 * normal, 0.1) else 0
            turn += 1
        return time.monotonic() - since

    async def order(self, stage, key, timeout):
        """One attempt, never repeated: a client that goes away."""
        number = hash(key) % GOODS
        body = json.dumps({"lines": [{"sku": f"CHAOS-{number:02}", "quantity": 1}], "payment_method": "pm_test_ok"}).encode()
        token = stage.load.tokens[CUSTOMERS[number % len(CUSTOMERS)]]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": key}
        try:
            answer = await stage.shop.http.send("POST", "/v1/orders", headers, body, timeout)
        except NoAnswer:
            stage.observer.unknown.add(key)
            return None
        if answer.status == 200:
            stage.observer.placed(key, answer.json()["order"], answer.body)
        elif answer.status >= 500:
            stage.observer.unknown.add(key)
        return answer.status
