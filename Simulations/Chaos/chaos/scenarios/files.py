"""Database files that are locked, damaged, moved, or opened by a second process."""

import asyncio
import os
import signal
import sqlite3
import threading
import time

from ..run import Scenario
from ..web import NoResponse

READER_SECONDS = 12.0
LOG_BYTES_MAX = 256 << 20


class Files(Scenario):
    name = "files"
    covers = ("F14", "F24", "F25", "F26", "F33", "F34", "F37", "F52")
    rate = 30.0

    async def inject(self, run):
        await self.long_reader(run)
        await self.foreign_writers(run)
        await self.second_owner(run)
        await self.bad_snapshots(run)
        await self.moved_away(run)
        await self.torn_log(run)
        await self.damaged_header(run)

    async def long_reader(self, run):
        """A long backup holds the write-ahead log; nothing waits for it."""
        database = run.shop.database("ordersd")
        readers = [sqlite3.connect(f"file:{database}?mode=ro", uri=True) for _ in range(3)]
        for connection in readers:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM audit_stream_events").fetchone()
        begun = len(run.load.accepts)
        await asyncio.sleep(READER_SECONDS)
        size = os.path.getsize(f"{database}-wal")
        for connection in readers:
            connection.close()
        slowest = max(run.load.accepts[begun:], default=99)
        run.faults.record(f"3 readers hold a snapshot for {READER_SECONDS:.0f} s", of=("F26", "F33"))
        run.require("F26", slowest < 2, f"an order took {slowest:.1f} s beside long readers")
        run.require("F26", size < LOG_BYTES_MAX, f"the write-ahead log grew to {size >> 20} MiB")
        run.remarks["F33"] = run.remarks["F26"] = f"slowest order {slowest:.2f} s, write-ahead log {size >> 10} KiB"

    async def foreign_writers(self, run):
        """Eight unknown connections take the write lock in turn, as a careless tool would."""
        database, stop = str(run.shop.database("ordersd")), threading.Event()
        locks = []

        def hold(number):
            connection = sqlite3.connect(database, timeout=0.2, isolation_level=None)
            while not stop.is_set():
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    time.sleep(0.05)
                    connection.execute("ROLLBACK")
                    locks.append(number)
                except sqlite3.OperationalError:
                    pass
                time.sleep(0.05)
            connection.close()

        threads = [threading.Thread(target=hold, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        await asyncio.sleep(6)
        stop.set()
        await asyncio.to_thread(lambda: [thread.join() for thread in threads])
        run.faults.record("another process holds the write lock for 50 ms", len(locks), of="F26")
        await asyncio.sleep(1)

    async def second_owner(self, run):
        """A second process on the same files must not start, since leases and migrations have one owner."""
        daemon = run.shop.daemons["ordersd"]
        arguments = list(daemon.arguments)
        for index, flag in enumerate(arguments):
            if flag.endswith("-port"):
                arguments[index + 1] = "0"
        process = await asyncio.create_subprocess_exec(
            daemon.path, *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            env={key: value for key, value in os.environ.items() if not key.startswith("MARTLET_")})  # fmt: skip
        try:
            await asyncio.wait_for(process.communicate(), 20)
            run.require("F52", process.returncode != 0, "a second owner of the orders' file exited with 0")
            run.remarks["F34"] = run.remarks["F52"] = f"a second process is refused with status {process.returncode}"
        except asyncio.TimeoutError:
            process.kill()
            run.add_finding("F52", "a second process runs on the orders' file")
        run.faults.record("a second process is started on the same file", of=("F34", "F52"))

    async def change_stopped(self, run, program, change):
        daemon = run.shop.daemons[program]
        await daemon.stop()
        try:
            change(run.shop.database(program))
        finally:
            await daemon.start_again()
        return await daemon.becomes_ready(20)

    async def bad_snapshots(self, run):
        def corrupt(path):
            # Existing snapshots are replaced, missing ones added; all must be ignored.
            with sqlite3.connect(path) as connection:
                self.corrupted = connection.execute(
                    "INSERT OR REPLACE INTO es_snapshots (stream, version, schema, state, at)"
                    " SELECT stream, max(version), CASE WHEN row_number() OVER () % 2 THEN 999 ELSE 1 END, '{', 0"
                    " FROM audit_stream_events GROUP BY stream ORDER BY stream DESC LIMIT 100"
                    " RETURNING stream").fetchall()
            connection.close()

        run.require("F37", await self.change_stopped(run, "ordersd", corrupt), "ordersd does not start with bad snapshots")
        run.faults.record("snapshots are invalid or too new", len(self.corrupted), of="F37")
        run.remarks["F37"] = f"{len(self.corrupted)} snapshots corrupted"
        wrong = []
        for (order,) in self.corrupted:
            found = await run.load.call("GET", f"/v1/orders/{order}", run.shop.merchant)
            if found.json().get("order", {}).get("order_id") != order:
                wrong.append(order)
        run.require("F37", not wrong, f"orders with a bad snapshot cannot be read: {wrong[:3]}")

    async def moved_away(self, run):
        """The file is moved while the process has it open."""
        shop, daemon = run.shop, run.shop.daemons["catalogd"]
        path = shop.database("catalogd")
        hidden = path.with_suffix(".hidden")
        os.rename(path, hidden)
        run.faults.record("the catalogue's file is moved away under the running process", healed=False, of="F25")
        limit, was_seen = time.monotonic() + 15, False
        daemon.allowed_exit = "its file was moved away"
        # A daemon that is restarted without its file would create an empty one.
        daemon.is_restarted = False
        while time.monotonic() < limit and not was_seen:
            was_seen = not await daemon.is_ready()
            await asyncio.sleep(0.1)
        daemon.is_restarted = False
        await daemon.stop()
        # A new file that it may have created is deleted.
        for leftover in path.parent.glob(f"{path.name}*"):
            if leftover != hidden and leftover.suffix != ".hidden" and leftover.name == path.name:
                leftover.unlink()
        os.rename(hidden, path)
        await daemon.start_again()
        daemon.allowed_exit = None
        run.require("F25", await daemon.becomes_ready(20), "catalogd does not become ready with its file")
        run.require("F25", was_seen, "catalogd stays ready for 15 s after its database file was moved away")
        run.faults.heal()

    async def torn_log(self, run):
        """The write-ahead log ends with half a frame, as after a crash of the machine.

        It is appended: cutting the log would remove committed transactions. The daemon is killed, since one that ends
        in order leaves no log.
        """
        daemon = run.shop.daemons["catalogd"]
        await daemon.stop(signal.SIGKILL)
        path = run.shop.database("catalogd")
        log = path.with_name(path.name + "-wal")
        size = log.stat().st_size if log.exists() else 0
        with open(log, "ab") as tail:
            # Half a frame.
            tail.write(b"\x5a" * 2_000)
        await daemon.start_again()
        run.require("F24", await daemon.becomes_ready(20), "catalogd does not start with half a frame at the end of its log")
        run.faults.record("half a frame at the end of the write-ahead log", of="F24")
        run.remarks["F24"] = f"half a frame after {size} bytes of log is ignored; "

    async def damaged_header(self, run):
        """A damaged file is refused at the start; the other daemons serve, and there is no restart loop."""
        shop, daemon = run.shop, run.shop.daemons["catalogd"]
        await daemon.stop()
        path = shop.database("catalogd")
        # Moves the log's contents into the file, so that the copy is complete.
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        intact = path.read_bytes()
        damaged = bytearray(intact)
        for page in range(1, len(intact) // 4_096):
            # A page starts with its type.
            damaged[page * 4_096 : page * 4_096 + 8] = b"\xff" * 8
        path.write_bytes(damaged)
        daemon.allowed_exit = "its file is damaged"
        before = daemon.starts
        await daemon.start_again()
        is_ready = await daemon.becomes_ready(4)
        status = None
        if is_ready:
            try:
                status = (await shop.http.send("GET", "/v1/products?page_size=1", timeout=5)).status
            except NoResponse:
                status = None
        served = await self.others_serve(run)
        starts = daemon.starts - before
        daemon.is_restarted = False
        await daemon.stop()
        for log in path.parent.glob(f"{path.name}-*"):
            log.unlink()
        path.write_bytes(intact)
        await daemon.start_again()
        daemon.allowed_exit = None
        run.require("F24", status != 200, "a damaged catalogue is served")
        run.require("F14", served, "others do not serve beside a daemon that cannot start")
        run.require("F24", await daemon.becomes_ready(20), "catalogd does not become ready with the intact file")
        run.faults.record("every page of the catalogue is damaged", of=("F14", "F24"))
        run.remarks["F24"] += f"damaged pages: ready {is_ready}, status {status}; "
        run.remarks["F14"] = (
            f"{starts} starts in 4 s, each exited by itself: {not is_ready}; others served; backoff belongs to the supervisor")
        run.faults.heal()

    async def others_serve(self, run):
        try:
            response = await run.shop.http.send(
                "GET", "/v1/orders:summary", {"Authorization": f"Bearer {run.shop.merchant}"}, timeout=5)  # fmt: skip
            return response.status == 200
        except NoResponse:
            return False
