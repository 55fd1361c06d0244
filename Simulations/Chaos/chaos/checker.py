"""Checks the invariants of a quiescent shop from outside, to the last unit."""

import asyncio
import time
from collections import Counter, defaultdict

from .invariants import stored
from .topology import BLUEPRINTS, EVENT_LOG, SERVICES

CONVERGE_SECONDS = 30.0
EXAMPLES = 5


class Checker:
    """Collects violations; each names the invariant and a few examples."""

    def __init__(self, shop, tables, observer, expected_parked=()):
        self.shop, self.tables, self.observer = shop, tables, observer
        # Prefixes of keys that an injected fault parks.
        self.expected_parked = tuple(expected_parked)
        self.violations = []
        self.figures = {}

    def check(self, invariant, what, broken):
        """Adds a violation unless the list `broken` is empty."""
        if broken:
            examples = "; ".join(str(each) for each in broken[:EXAMPLES])
            self.violations.append({"invariant": invariant, "what": f"{what}: {len(broken)}, such as {examples}"})

    async def converge(self, since, limit, timeout=240.0):
        """Waits until nothing is in flight.

        Later than `limit` after `since` is a violation; the wait then continues up to `timeout`, so that the other
        invariants can be checked.
        """
        left, quiet = "", 0
        while time.monotonic() - since < timeout:
            try:
                left = self.tables.in_flight()
            except Exception as error:  # A table may be unavailable while its daemon starts.
                left = f"the tables cannot be read: {error}"
            quiet = quiet + 1 if not left else 0
            # Twice in a row: nothing arrived between two polls.
            if quiet == 2:
                break
            await asyncio.sleep(0.1)
        seconds = time.monotonic() - since
        self.figures["converged_seconds"] = round(seconds, 2)
        if quiet < 2:
            self.violations.append({"invariant": "I11", "what": f"not quiescent within {timeout:.0f} s: {left}"})
        elif seconds > limit:
            self.violations.append({"invariant": "I11", "what": f"quiescent after {seconds:.1f} s, more than {limit} s"})

    def reconcile(self):
        self.violations += self.observer.violations
        self.violations += [{"invariant": "I14", "what": text} for text in self.shop.unexpected_exits()]
        self.stored_invariants()
        self.orders()
        self.money()
        self.stock()
        self.events()
        return self.violations

    def stored_invariants(self):
        for program in BLUEPRINTS:
            for invariant, what, query in stored(SERVICES[program]):
                self.check(invariant, what, self.tables.rows(program, query))

    def orders(self):
        rows = self.tables.rows("ordersd", "SELECT order_id, status, total, captured, refunded FROM audit_orders")
        self.summaries = {row[0]: row[1:] for row in rows}
        acknowledged = self.observer.acknowledged
        self.figures |= {"orders_acknowledged": len(acknowledged), "orders_on_file": len(self.summaries)}
        self.figures["statuses"] = dict(sorted(Counter(row[1] for row in rows).items()))
        self.check("I1", "acknowledged orders that are lost", [o for o in acknowledged if o not in self.summaries])
        self.check(
            "I3", "orders with another total than was acknowledged",
            [o for o, facts in acknowledged.items() if o in self.summaries and self.summaries[o][1] != facts["total"]])  # fmt: skip
        # Every request was retried until it had a response, so there is one order for each acknowledged key and no other.
        placed = {order for order, _ in self.observer.orders.values()}
        if not getattr(self, "has_other_clients", False):
            unknown = [order for order in self.summaries if order not in placed]
            if len(unknown) > len(self.observer.unknown):
                self.check("I2", "orders that no client placed", unknown)
        for order, facts in acknowledged.items():
            row = self.summaries.get(order)
            if row and facts.get("cancel"):
                _, _, captured, refunded = row
                if captured != refunded:
                    self.check("I3", "cancelled orders that were not refunded", [(order, row)])
            if row and sum(facts.get("refunds", {}).values()) > row[3]:
                self.check("I3", "acknowledged returns that were not refunded", [(order, row, facts)])

    def money(self):
        ledger = self.tables.rows("testproviderd", "SELECT kind, reference, amount, provider_id FROM audit_provider_ledger")
        kinds = Counter(kind for kind, *_ in ledger)
        self.figures |= {"captures": kinds["capture"], "provider_entries": dict(sorted(kinds.items()))}
        balance = defaultdict(lambda: [0, 0])
        payment_of = dict(self.tables.rows("testproviderd", "SELECT provider_id, reference FROM audit_provider_payments"))
        for kind, reference, amount, provider_id in ledger:
            order = payment_of.get(provider_id, reference)
            if kind == "capture":
                balance[order][0] += amount
            if kind == "refund":
                balance[order][1] += amount
        wrong = []
        for order, (status, total, captured, refunded) in self.summaries.items():
            charged, paid_back = balance.pop(order, (0, 0))
            due = (total, refunded) if status == "completed" else (captured, refunded)
            if (
                (charged, paid_back) != due
                or (captured, refunded) != (charged, paid_back)
                or (status != "completed" and charged != paid_back)
            ):
                wrong.append((order, status, f"total {total}, ours {captured}-{refunded}, the provider's {charged}-{paid_back}"))
        self.check("I3", "orders whose money is not the provider's", wrong)
        self.check("I3", "money of orders that do not exist", sorted(balance))

    def stock(self):
        rows = self.tables.rows("inventoryd", "SELECT sku, received, sold, returned FROM audit_stock")
        wanted = self.units_by_orders()
        wrong = [(sku, f"sold {sold - returned}, by the orders {wanted.get(sku, 0)}") for sku, _, sold, returned in rows
                 if sold - returned != wanted.get(sku, 0)]  # fmt: skip
        self.check("I5", "goods whose sold units differ from the orders", wrong)
        self.figures["units_sold"] = sum(sold for _, _, sold, _ in rows)
        self.figures["scarce"] = next(
            ({"had": received, "sold": sold, "returned": returned} for sku, received, sold, returned in rows
             if sku == "CHAOS-SCARCE"), {})  # fmt: skip

    def units_by_orders(self):
        """Units by SKU of completed orders, less returned ones, from the events alone."""
        units = Counter()
        for sku, sold in self.tables.rows(
            "ordersd", "SELECT l.code, l.quantity FROM audit_order_lines l JOIN audit_stream_events e"
            " ON e.stream = l.order_id AND e.type = 'completed' WHERE l.is_goods"):  # fmt: skip
            units[sku] += sold
        for sku, returned in self.tables.rows(
            "ordersd", "SELECT l.code, r.quantity FROM audit_returned_lines r JOIN audit_order_lines l"
            " ON l.order_id = r.order_id AND l.line = r.line WHERE l.is_goods"):  # fmt: skip
            units[sku] -= returned
        return units

    def events(self):
        self.check("I8", "events that were never sent", sorted(self.tables.unsent().items()))
        published = defaultdict(set)
        disorder, last, total = [], {}, 0
        for topic, source, epoch, key, sequence in self.tables.rows(
            EVENT_LOG,
            "SELECT topic, source, epoch, key, sequence FROM audit_log_events ORDER BY topic, partition, number"):  # fmt: skip
            total += 1
            name = (topic, source, epoch, key)
            if sequence not in published[name]:
                if sequence < last.get(name, 0):
                    disorder.append((name, sequence, "after", last[name]))
                last[name] = max(last.get(name, 0), sequence)
            published[name].add(sequence)
        self.check("I10", "events out of order within their key", disorder)
        self.check("I8", "keys with a gap in the log", [n for n, s in published.items() if len(s) != max(s)])
        lost = []
        for program in BLUEPRINTS:
            service = SERVICES[program]
            epochs = {epoch for _, source, epoch, _ in published if source == service}
            for topic, key, sequence in self.tables.rows(program, "SELECT topic, key, last_sequence FROM audit_outbox_keys"):
                in_log = set().union(*(published.get((topic, service, epoch, key), ()) for epoch in epochs), ())
                if sequence > 0 and sequence not in in_log:
                    lost.append((topic, key, sequence))
        self.check("I8", "keys whose last event is not in the log", lost)
        self.consumers(published)
        unique = sum(len(sequences) for sequences in published.values())
        self.figures |= {"events": unique, "events_published_again": total - unique}
        # No stored invariant: a scenario may have injected the cause, and an event of its keys may stay parked.
        unexplained = [row for row in self.tables.parked() if not any(prefix in row for prefix in self.expected_parked)]
        self.check("I11", "parked events without an injected cause", unexplained)
        self.figures["parked"] = len(self.tables.parked())

    def consumers(self, published):
        """Each consumer's inbox position is the last event of each key: it handled all of them, in order, and no other.

        A position advances by one event at a time, in the transaction of the handler's effect. That each effect exists once
        is checked by the simulation, since no consumer of the shop stores one row for each event.
        """
        last, handled, parked = {}, {}, set()
        for (topic, source, epoch, key), sequences in published.items():
            last[topic, source, key] = max(last.get((topic, source, key), (0, 0)), (epoch, max(sequences)))
        for program in BLUEPRINTS:
            for group, topic, source, key, epoch, sequence in self.tables.rows(
                program, "SELECT group_name, topic, source, key, epoch, last_sequence FROM audit_inbox_positions"):  # fmt: skip
                handled[group, topic, source, key] = (epoch, sequence)
            parked |= set(self.tables.rows(program, "SELECT group_name, topic, key FROM audit_parked_keys"))
        groups = self.tables.rows(EVENT_LOG, "SELECT DISTINCT group_name, topic FROM audit_log_groups")
        due = {(group, topic, source, key): end for group, subscribed in groups for (topic, source, key), end in last.items()
               if topic == subscribed and (group, topic, key) not in parked}  # fmt: skip
        behind = [(name, handled.get(name, (0, 0)), end) for name, end in sorted(due.items()) if handled.get(name, (0, 0)) < end]
        ahead = [(name, at) for name, at in sorted(handled.items()) if at > last.get(name[1:], (0, 0))]
        self.check("I8", "keys of which a consumer has not handled all events", behind)
        self.check("I2", "keys of which a consumer handled an event that was never published", ahead)
