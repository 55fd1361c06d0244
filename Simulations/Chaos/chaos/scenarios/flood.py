"""More than can be carried: an outbox full of rows, and clients who come faster than they are served."""

import asyncio
import json
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


class Overload(Scenario):
    """First as fast as the shop can, then three times that, whether it answers or not."""

    name = "overload"
    covers = ("F66",)
    rate = 5.0
    peak_seconds = 10.0
    seconds = 20.0
    seconds_long = 60.0

    def rest_seconds(self, options):
        """What was taken on beyond the capacity is worked off afterwards."""
        return super().rest_seconds(options) + 3 * (self.seconds_long if options.long else self.seconds)

    async def inject(self, stage):
        pids = [daemon.pid for daemon in stage.shop.daemons.values()] + [stage.shop.proxies.process.pid]
        share = machine.Share(pids)
        peak, normal = await self.closed(stage)
        others = [share.taken()]
        seconds = self.seconds_long if stage.options.long else self.seconds
        share = machine.Share(pids)
        good, admitted, offered = await self.open(stage, 3 * peak, seconds)
        others.append(share.taken())
        stage.faults.did("orders offered beyond the capacity", offered)
        healed = time.monotonic()
        back = await self.recovery(stage, normal, healed)
        stage.faults.heal()
        stage.remarks["F66"] = (
            f"peak {peak:.0f} orders/s (p99 {normal * 1000:.0f} ms); offered {offered / seconds:.0f}/s of {3 * peak:.0f}/s, goodput {good:.0f}/s "
            f"({good / peak:.0%}), p99 of admitted {admitted * 1000:.0f} ms, normal again after {back:.1f} s; "
            "times are the client's own, which has to share the machine's cores with the shop; "
            f"others had {others[0]:.0%} of the machine at the peak, {others[1]:.0%} under overload")
        if max(others) <= OTHERS_MAX:
            stage.require("F66", good >= 0.8 * peak, f"goodput fell to {good / peak:.0%} of the peak")
        else:
            stage.skipped["F66"] = "goodput is not judged on a machine that is busy with something else"
        stage.require("F66", back <= 10, f"normal again only after {back:.1f} s")

    async def closed(self, stage):
        times, over = [], time.monotonic() + self.peak_seconds

        async def client(number):
            turn = 0
            while time.monotonic() < over:
                begun = time.monotonic()
                if await self.order(stage, f"peak-{number}-{turn}", 10) == 200:
                    times.append(time.monotonic() - begun)
                turn += 1

        await asyncio.gather(*(client(number) for number in range(24)))
        return len(times) / self.peak_seconds, sorted(times)[len(times) * 99 // 100]

    async def open(self, stage, rate, seconds):
        times, tasks, offered = [], set(), 0
        begun = time.monotonic()

        async def one(number):
            start = time.monotonic()
            if await self.order(stage, f"over-{number}", 5) == 200:
                times.append(time.monotonic() - start)

        while (now := time.monotonic()) < begun + seconds:
            # Not more at once than this one process can look after: what waits here would look like the shop's delay.
            while offered < (now - begun) * rate and len(tasks) < OPEN_MAX:
                task = asyncio.ensure_future(one(offered))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                offered += 1
            await asyncio.sleep(0.005)
        await asyncio.gather(*tasks)
        return len(times) / seconds, sorted(times)[len(times) * 99 // 100] if times else 99.0, offered

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
