"""Database files that are held, damaged, removed, or wanted by a second process."""

import asyncio
import os
import sqlite3
import threading
import time

from ..run import Scenario
from ..web import NoAnswer

READER_SECONDS = 12.0
LOG_BYTES_MAX = 256 << 20


class Files(Scenario):
    name = "files"
    covers = ("F14", "F24", "F25", "F26", "F33", "F34", "F37", "F52")
    rate = 30.0

    async def inject(self, stage):
        await self.long_reader(stage)
        await self.foreign_writers(stage)
        await self.second_owner(stage)
        await self.bad_snapshots(stage)
        await self.no_right(stage)
        await self.torn_log(stage)
        await self.damaged_header(stage)

    async def long_reader(self, stage):
        """A backup that takes long: it holds the write-ahead log, and nothing waits for it."""
        database = stage.shop.database("ordersd")
        held = [sqlite3.connect(f"file:{database}?mode=ro", uri=True) for _ in range(3)]
        for connection in held:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM es_events").fetchone()
        begun = len(stage.load.accepts)
        await asyncio.sleep(READER_SECONDS)
        size = os.path.getsize(f"{database}-wal")
        for connection in held:
            connection.close()
        slowest = max(stage.load.accepts[begun:], default=99)
        stage.faults.did(f"3 readers hold a snapshot for {READER_SECONDS:.0f} s", of=("F26", "F33"))
        stage.require("F26", slowest < 2, f"an order waited {slowest:.1f} s beside long readers")
        stage.require("F26", size < LOG_BYTES_MAX, f"the write-ahead log grew to {size >> 20} MiB")
        stage.remarks["F33"] = stage.remarks["F26"] = f"slowest order {slowest:.2f} s, write-ahead log {size >> 10} KiB"

    async def foreign_writers(self, stage):
        """Eight strangers take the write lock in turn, as a careless tool would."""
        database, over = str(stage.shop.database("ordersd")), threading.Event()
        taken = []

        def hold(number):
            connection = sqlite3.connect(database, timeout=0.2, isolation_level=None)
            while not over.is_set():
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    time.sleep(0.05)
                    connection.execute("ROLLBACK")
                    taken.append(number)
                except sqlite3.OperationalError:
                    pass
                time.sleep(0.05)
            connection.close()

        threads = [threading.Thread(target=hold, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        await asyncio.sleep(6)
        over.set()
        await asyncio.to_thread(lambda: [thread.join() for thread in threads])
        stage.faults.did("a stranger holds the write lock for 50 ms", len(taken), of="F26")
        await asyncio.sleep(1)

    async def second_owner(self, stage):
        """A second process on the same files must not even start: leases of one process, migrations of one process."""
        daemon = stage.shop.daemons["ordersd"]
        arguments = list(daemon.arguments)
        for index, flag in enumerate(arguments):
            if flag.endswith("-port"):
                arguments[index + 1] = "0"
        process = await asyncio.create_subprocess_exec(
            daemon.path, *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            env={key: value for key, value in os.environ.items() if not key.startswith("MARTLET_")})  # fmt: skip
        try:
            _, words = await asyncio.wait_for(process.communicate(), 20)
            stage.require("F52", process.returncode != 0, "a second owner of the orders' file ended with 0")
            stage.remarks["F34"] = stage.remarks["F52"] = f"a second process is refused with status {process.returncode}"
        except asyncio.TimeoutError:
            process.kill()
            stage.found("F52", "a second process runs on the orders' file")
        stage.faults.did("a second process is started on the same file", of=("F34", "F52"))

    async def change_stopped(self, stage, program, change):
        daemon = stage.shop.daemons[program]
        await daemon.end()
        try:
            change(stage.shop.database(program))
        finally:
            await daemon.again()
        return await daemon.ready(20)

    async def bad_snapshots(self, stage):
        def spoil(path):
            # Where there is one, and where there is none: nobody may believe it for standing there.
            with sqlite3.connect(path) as connection:
                self.spoiled = connection.execute(
                    "INSERT OR REPLACE INTO es_snapshots (stream, version, schema, state, at)"
                    " SELECT stream, max(version), CASE WHEN row_number() OVER () % 2 THEN 999 ELSE 1 END, '{', 0"
                    " FROM es_events GROUP BY stream ORDER BY stream DESC LIMIT 100").rowcount
            connection.close()

        stage.require("F37", await self.change_stopped(stage, "ordersd", spoil), "ordersd does not start with bad snapshots")
        stage.faults.did("snapshots are nonsense or too new", self.spoiled, of="F37")
        stage.remarks["F37"] = f"{self.spoiled} snapshots spoiled"
        with_snapshot = stage.tables.rows("ordersd", "SELECT stream FROM es_snapshots ORDER BY stream DESC LIMIT 100")
        wrong = []
        for (order,) in with_snapshot:
            found = await stage.load.ask("GET", f"/v1/orders/{order}", stage.shop.merchant)
            if found.json().get("order", {}).get("order_id") != order:
                wrong.append(order)
        stage.require("F37", not wrong, f"orders with a bad snapshot cannot be read: {wrong[:3]}")

    async def no_right(self, stage):
        """The file is gone from its place while the process has it open."""
        shop, daemon = stage.shop, stage.shop.daemons["catalogd"]
        path = shop.database("catalogd")
        hidden = path.with_suffix(".hidden")
        os.rename(path, hidden)
        stage.faults.did("the catalogue's file is moved away under the living process", healed=False, of="F25")
        limit, was_seen = time.monotonic() + 15, False
        daemon.excuse = "its file is gone"
        # A daemon that is started again without its file begins with an empty one: a supervisor cannot know better.
        daemon.revive = False
        while time.monotonic() < limit and not was_seen:
            was_seen = not await daemon.is_ready()
            await asyncio.sleep(0.1)
        daemon.revive = False
        await daemon.end()
        # What it made anew in its place is not its data.
        for leftover in path.parent.glob(f"{path.name}*"):
            if leftover != hidden and leftover.suffix != ".hidden" and leftover.name == path.name:
                leftover.unlink()
        os.rename(hidden, path)
        await daemon.again()
        daemon.excuse = None
        stage.require("F25", await daemon.ready(20), "catalogd does not come back with its file")
        stage.require("F25", was_seen, "catalogd stays ready for 15 s after its database file was moved away")
        stage.faults.heal()

    async def torn_log(self, stage):
        """The tail of the write-ahead log is cut in the middle of a frame, as a crash of the machine leaves it.

        Done to a copy: what the cut takes away was promised, and a machine that loses it has broken its own promise.
        """
        daemon = stage.shop.daemons["catalogd"]
        await daemon.end()
        path = stage.shop.database("catalogd")
        log = path.with_name(path.name + "-wal")
        size = log.stat().st_size if log.exists() else 0
        with open(log, "ab") as tail:
            # Half a frame that was never finished.
            tail.write(b"\x5a" * 2_000)
        await daemon.again()
        stage.require("F24", await daemon.ready(20), "catalogd does not start with half a frame at the end of its log")
        stage.faults.did("half a frame stands at the end of the write-ahead log", of="F24")
        stage.remarks["F24"] = f"half a frame after {size} bytes of log is passed over; "

    async def damaged_header(self, stage):
        """A file that is damaged is refused at the start; the others serve, and the daemon is not spun."""
        shop, daemon = stage.shop, stage.shop.daemons["catalogd"]
        await daemon.end()
        path = shop.database("catalogd")
        # Everything into the file itself: without its log a good file would merely be old.
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        good = path.read_bytes()
        damaged = bytearray(good)
        for page in range(1, len(good) // 4_096):
            # The first bytes of a page say what it is.
            damaged[page * 4_096 : page * 4_096 + 8] = b"\xff" * 8
        path.write_bytes(damaged)
        daemon.excuse = "its file is damaged"
        before = daemon.starts
        await daemon.again()
        answered = await daemon.ready(4)
        status = None
        if answered:
            try:
                status = (await shop.http.send("GET", "/v1/products?page_size=1", timeout=5)).status
            except NoAnswer:
                status = None
        served = await self.others_serve(stage)
        starts = daemon.starts - before
        daemon.revive = False
        await daemon.end()
        for log in path.parent.glob(f"{path.name}-*"):
            log.unlink()
        path.write_bytes(good)
        await daemon.again()
        daemon.excuse = None
        stage.require("F24", status != 200, "a damaged catalogue is served as if it were whole")
        stage.require("F14", served, "others do not serve beside a daemon that cannot start")
        stage.require("F24", await daemon.ready(20), "catalogd does not come back with the good file")
        stage.faults.did("every page of the catalogue is damaged", of=("F14", "F24"))
        stage.remarks["F24"] += f"damaged pages: ready {answered}, answers {status}; "
        stage.remarks["F14"] = f"{starts} starts in 4 s, each ended by itself: {not answered}; others served; backoff is the supervisor's"
        stage.faults.heal()

    async def others_serve(self, stage):
        try:
            answer = await stage.shop.http.send(
                "GET", "/v1/orders:summary", {"Authorization": f"Bearer {stage.shop.merchant}"}, timeout=5)  # fmt: skip
            return answer.status == 200
        except NoAnswer:
            return False


