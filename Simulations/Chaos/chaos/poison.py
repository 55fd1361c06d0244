"""Events that no consumer can read, planted in the orders' outbox as a broken program would leave them."""

import asyncio
import json
import sqlite3
import time

TOPIC = "shop.orders.v1.orders"
CONSUMERS = ("cartsd", "inventoryd")
BYTES = b"\xff\xff\xff\xff\x01"


class Poison:
    PREFIX = "chaos-poison-"

    def __init__(self, stage):
        self.stage = stage
        self.planted = 0

    def key(self, number):
        return f"{self.PREFIX}{number}"

    async def plant(self, count, body=BYTES):
        """While the orders' daemon is down: a file has one owner."""
        shop = self.stage.shop
        daemon = shop.daemons["ordersd"]
        await daemon.end()
        connection = sqlite3.connect(shop.database("ordersd"))
        with connection:
            epoch = connection.execute("SELECT epoch FROM outbox_source").fetchone()[0]
            now = int(time.time() * 1_000_000)
            for _ in range(count):
                self.planted += 1
                key = self.key(self.planted)
                connection.execute("INSERT INTO outbox_keys VALUES (?, ?, 2, ?)", (TOPIC, key, now))
                connection.execute(
                    "INSERT INTO outbox (topic, key, epoch, sequence, partition, time, body) VALUES (?, ?, ?, 1, 0, ?, ?)",
                    (TOPIC, key, epoch, now, body))  # fmt: skip
        connection.close()
        await daemon.again()
        self.stage.faults.did("events that cannot be read", count, of=("F41", "F42") if count > 100 else "F41")

    async def parked(self, count, programs=CONSUMERS, patience=60.0):
        """Waits until each of the consumers has parked so many."""
        limit = time.monotonic() + patience
        while time.monotonic() < limit:
            if all(len(self.rows([program])) >= count for program in programs):
                return True
            await asyncio.sleep(0.1)
        return False

    async def redrive(self):
        await self.stage.shop.martlet("events", "parked", "redrive", "--all", "--reason", "chaos", statuses=(0, 1))

    async def mend(self, patience=60.0):
        """Gives every parked one a body that can be read, and has it handled. True when nothing is left parked."""
        shop = self.stage.shop
        await shop.all_ready()
        limit = time.monotonic() + patience
        while self.rows() and time.monotonic() < limit:
            await self.edit()
            await self.redrive()
            await asyncio.sleep(1.0)
        return not self.rows()

    async def edit(self):
        """Gives every parked one a body that can be read."""
        shop = self.stage.shop
        for group, key, event in self.rows():
            body = shop.folder / "body.json"
            body.write_text(json.dumps({"order_id": key, "kind": "KIND_CONFIRMED"}))
            await shop.martlet(
                "events", "parked", "edit", event, "--group", group, "--topic", TOPIC, "--body", str(body),
                "--reason", "chaos", statuses=(0, 1))  # fmt: skip

    def rows(self, programs=CONSUMERS):
        found = []
        for program in programs:
            found += self.stage.tables.rows(
                program, "SELECT group_name, key, id FROM inbox_parked WHERE key LIKE ? ORDER BY 1, 2", f"{self.PREFIX}%")
        return found
