"""A test of the checker: defects are planted in copies of the tables of a healthy shop, and each must be found."""

import asyncio
import sqlite3
import time
from pathlib import Path

from ..checker import Checker
from ..run import Scenario
from ..tables import Tables
from ..topology import SERVICES, WITH_DATABASE, program_of

ORDER = "(SELECT order_id FROM order_headlines WHERE status = '{}' ORDER BY order_id LIMIT 1)"
POSITION = "(SELECT min(rowid) FROM inbox_positions)"
# The defect, the service, the statements that plant it, and the invariant that must be violated.
DEFECTS = [
    ("an order is lost", "orders", f"DELETE FROM order_headlines WHERE order_id = {ORDER.format('completed')}", "I1"),
    ("an order stays open", "orders", f"UPDATE order_headlines SET status = 'pending' WHERE order_id = {ORDER.format('completed')}", "I11"),
    ("an agreed order that exists twice", "orders",
     "DROP INDEX orders_by_reference; UPDATE order_headlines SET reference = 'chaos-twice' WHERE order_id IN"
     " (SELECT order_id FROM order_headlines ORDER BY order_id LIMIT 2)", "I9"),
    ("an order that no client placed", "orders",
     f"CREATE TEMP TABLE ghost AS SELECT * FROM order_headlines WHERE order_id = {ORDER.format('rejected')};"
     "UPDATE ghost SET order_id = 'ghost', reference = NULL; INSERT INTO order_headlines SELECT * FROM ghost", "I2"),
    ("a second capture", "provider",
     "CREATE TEMP TABLE again AS SELECT * FROM ledger WHERE kind = 'capture' LIMIT 1;"
     "UPDATE again SET entry_id = 'again'; INSERT INTO ledger SELECT * FROM again", "I3"),
    ("a refund that was never made", "provider",
     "DELETE FROM ledger WHERE entry_id = (SELECT min(entry_id) FROM ledger WHERE kind = 'refund')", "I3"),
    ("another total than was acknowledged", "orders",
     f"UPDATE order_headlines SET total = total + 1 WHERE order_id = {ORDER.format('rejected')}", "I3"),
    ("a debit without its credit", "payments", "UPDATE ledger SET debit = debit + 1 WHERE debit > 0", "I4"),
    ("one unit sold too many", "inventory",
     "UPDATE stock SET sold = sold + 1, on_hand = on_hand - 1, available = available - 1 WHERE sku = 'CHAOS-03'", "I5"),
    ("stock that does not add up", "inventory", "UPDATE stock SET received = received + 1 WHERE sku = 'CHAOS-04'", "I5"),
    ("a reservation that was not released", "inventory",
     "UPDATE reservations SET status = 'held' WHERE id = (SELECT min(id) FROM reservations)", "I6"),
    ("an authorisation that was not voided", "provider",
     "UPDATE payments SET status = 'authorised' WHERE provider_id = (SELECT min(provider_id) FROM payments WHERE status = 'cancelled')",
     "I7"),
    ("an event that was never sent", "orders",
     "UPDATE outbox SET sent_at = NULL WHERE rowid = (SELECT min(rowid) FROM outbox)", "I8"),
    ("an event that is missing in the log", "eventlog",
     "DELETE FROM log_events WHERE rowid = (SELECT min(rowid) FROM log_events WHERE sequence = 1)", "I8"),
    ("two events in the wrong order", "eventlog",
     "UPDATE log_events SET sequence = CASE sequence WHEN 1 THEN 2 ELSE 1 END WHERE sequence IN (1, 2) AND key ="
     " (SELECT key FROM log_events WHERE source = 'orders' AND sequence = 2 LIMIT 1) AND source = 'orders'", "I10"),
    ("a consumer that has not handled an event", "carts",
     f"UPDATE inbox_positions SET last_sequence = last_sequence - 1 WHERE rowid = {POSITION}", "I8"),
    ("a consumer that handled an event that was never published", "inventory",
     f"UPDATE inbox_positions SET last_sequence = last_sequence + 1 WHERE rowid = {POSITION}", "I2"),
    ("a run that needs a human", "orders",
     "UPDATE workflow_runs SET state = 'needs_human' WHERE id = (SELECT min(id) FROM workflow_runs)", "I11"),
    ("an event that was parked", "carts",
     "INSERT INTO inbox_parked (group_name, topic, key, source, epoch, sequence, id, time, tenant, body, error, attempts, parked_at)"
     " VALUES ('carts', 't', 'k', 's', 1, 1, 'id', 0, '', x'00', 'broken', 5, 0)", "I11"),
    ("a stream with a gap", "orders", "DELETE FROM es_events WHERE version = 2 AND stream = (SELECT min(stream) FROM es_events)", "I16"),
]  # fmt: skip


class Control(Scenario):
    """No fault: the checker finds no violation in a healthy shop, and each planted defect in a copy of its tables."""

    name = "control"
    is_quick = True
    rate = 40.0

    async def inject(self, run):
        await asyncio.sleep(4)
        run.load.stop()
        limit = time.monotonic() + 30
        while run.tables.in_flight() and time.monotonic() < limit:
            await asyncio.sleep(0.2)
        await asyncio.sleep(1)
        for what, service, change, invariant in DEFECTS:
            found = self.violated(run, service, change)
            run.faults.record(f"planted: {what}")
            run.require("control", invariant in found, f"{what} was not found as {invariant}, but as {sorted(found)}")

    def violated(self, run, service, change):
        """The invariants that are violated in a copy with this change."""
        copy = Copy(run.shop)
        with sqlite3.connect(copy.database(program_of(service))) as connection:
            for statement in change.split(";"):
                changed = connection.execute(statement).rowcount
        connection.close()
        if not changed:
            return {"no row to change"}
        checker = Checker(copy, Tables(copy), run.observer)
        return {violation["invariant"] for violation in checker.reconcile()}


class Copy:
    """A copy of the tables of a shop."""

    def __init__(self, shop):
        self.folder = Path(shop.folder) / "copy"
        self.folder.mkdir(exist_ok=True)
        for program in WITH_DATABASE:
            self.database(program).unlink(missing_ok=True)
            with sqlite3.connect(f"file:{shop.database(program)}?mode=ro", uri=True) as source:
                with sqlite3.connect(self.database(program)) as target:
                    source.backup(target)
                target.execute("PRAGMA journal_mode=DELETE")
                target.close()
            source.close()

    def database(self, program):
        return self.folder / f"{SERVICES[program]}.sqlite"

    def unexpected_exits(self):
        return []
