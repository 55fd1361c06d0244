"""Events that no consumer can decode, in the orders' outbox, as if a faulty program had published them."""

import asyncio
import json
import sqlite3
import time

from .topology import consumers

TOPIC = "shop.orders.v1.orders"
CONSUMERS = tuple(consumers(TOPIC))
BYTES = b"\xff\xff\xff\xff\x01"


class PoisonMessages:
    PREFIX = "chaos-poison-"

    def __init__(self, run):
        self.run = run
        self.planted = 0

    def key(self, number):
        return f"{self.PREFIX}{number}"

    async def plant(self, count, body=BYTES):
        """Inserts events while the orders' daemon is down, since a file has one owner."""
        shop = self.run.shop
        daemon = shop.daemons["ordersd"]
        await daemon.stop()
        connection = sqlite3.connect(shop.database("ordersd"))
        with connection:
            epoch = connection.execute("SELECT epoch FROM outbox_source").fetchone()[0]
            now = int(time.time() * 1_000_000)
            for _ in range(count):
                self.planted += 1
                key = self.key(self.planted)
                connection.execute(
                    "INSERT INTO outbox_keys (topic, key, next_sequence, last_time) VALUES (?, ?, 2, ?)", (TOPIC, key, now))
                connection.execute(
                    "INSERT INTO outbox (topic, key, epoch, sequence, partition, time, body) VALUES (?, ?, ?, 1, 0, ?, ?)",
                    (TOPIC, key, epoch, now, body))  # fmt: skip
        connection.close()
        await daemon.start_again()
        self.run.faults.record("events that cannot be read", count, of=("F41", "F42") if count > 100 else "F41")

    async def parked(self, count, programs=CONSUMERS, timeout=60.0):
        """Waits until each of the consumers has parked `count` events."""
        limit = time.monotonic() + timeout
        while time.monotonic() < limit:
            if all(len(self.rows([program])) >= count for program in programs):
                return True
            await asyncio.sleep(0.1)
        return False

    async def redrive(self):
        await self.run.shop.martlet("events", "parked", "redrive", "--all", "--reason", "chaos", statuses=(0, 1))

    async def repair(self, timeout=60.0):
        """Edits and redrives every parked event. True when none is left."""
        shop = self.run.shop
        await shop.all_become_ready()
        limit = time.monotonic() + timeout
        while self.rows() and time.monotonic() < limit:
            await self.edit()
            await self.redrive()
            await asyncio.sleep(1.0)
        return not self.rows()

    async def edit(self):
        """Replaces every parked body by a readable one."""
        shop = self.run.shop
        for group, key, event in self.rows():
            body = shop.folder / "body.json"
            body.write_text(json.dumps({"order_id": key, "kind": "KIND_CONFIRMED"}))
            await shop.martlet(
                "events", "parked", "edit", event, "--group", group, "--topic", TOPIC, "--body", str(body),
                "--reason", "chaos", statuses=(0, 1))  # fmt: skip

    def rows(self, programs=CONSUMERS):
        found = []
        for program in programs:
            found += self.run.tables.rows(
                program, "SELECT group_name, key, event_id FROM audit_parked_events WHERE key LIKE ? ORDER BY 1, 2",
                f"{self.PREFIX}%")  # fmt: skip
        return found
