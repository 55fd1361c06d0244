"""What must hold once nothing is on its way any more, told from outside: invariant by invariant, to the last unit."""

import asyncio
import json
import time
from collections import Counter, defaultdict

from .tables import FINAL
from .topology import BLUEPRINTS, EVENT_LOG, SERVICES

CONVERGE_SECONDS = 30.0
EXAMPLES = 5


class Judge:
    """Collects violations; each names the invariant and a few of those that broke it."""

    def __init__(self, shop, tables, observer, expected_parked=()):
        self.shop, self.tables, self.observer = shop, tables, observer
        # Prefixes of parked keys that a fault of ours explains.
        self.expected_parked = tuple(expected_parked)
        self.violations = []
        self.figures = {}

    def expect(self, invariant, what, broken):
        """`broken` is a list; nothing may stand in it."""
        if broken:
            examples = "; ".join(str(each) for each in broken[:EXAMPLES])
            self.violations.append({"invariant": invariant, "what": f"{what}: {len(broken)}, such as {examples}"})

    async def converge(self, since, limit, patience=240.0):
        """Waits until nothing is on its way.

        Later than `limit` after `since` is a violation, and then it is waited on, for what else may be learnt.
        """
        left, quiet = "", 0
        while time.monotonic() - since < patience:
            try:
                left = self.tables.on_its_way()
            except Exception as trouble:  # A table may be away for a moment, while its daemon starts.
                left = f"the tables cannot be read: {trouble}"
            quiet = quiet + 1 if not left else 0
            # Twice in a row: between two looks nothing came from elsewhere.
            if quiet == 2:
                break
            await asyncio.sleep(0.1)
        seconds = time.monotonic() - since
        self.figures["converged_seconds"] = round(seconds, 2)
        if quiet < 2:
            self.violations.append({"invariant": "I11", "what": f"never came to rest: {left}"})
        elif seconds > limit:
            self.violations.append({"invariant": "I11", "what": f"came to rest after {seconds:.1f} s, more than {limit} s"})

    def reconcile(self):
        self.violations += self.observer.violations
        self.violations += [{"invariant": "I14", "what": surprise} for surprise in self.shop.surprises()]
        self.orders()
        self.money()
        self.stock()
        self.events()
        self.workflows()
        return self.violations

    def orders(self):
        rows = self.tables.rows("ordersd", "SELECT order_id, status, total, captured, refunded FROM order_headlines")
        self.headlines = {row[0]: row[1:] for row in rows}
        told = self.observer.told
        self.figures |= {"orders_told": len(told), "orders_on_file": len(self.headlines)}
        self.figures["statuses"] = dict(sorted(Counter(row[1] for row in rows).items()))
        self.expect("I1", "orders that a client was told of and that are lost", [o for o in told if o not in self.headlines])
        self.expect("I1", "orders in no terminal state", [o for o, row in self.headlines.items() if row[0] not in FINAL])
        self.expect(
            "I3", "orders with another total than the client was told",
            [o for o, facts in told.items() if o in self.headlines and self.headlines[o][1] != facts["total"]])  # fmt: skip
        # Every request was repeated until it was answered, so there is an order for each answered key and no other.
        placed = {order for order, _ in self.observer.orders.values()}
        ours = self.tables.rows("ordersd", "SELECT order_id, coalesce(reference, '') FROM order_headlines")
        references = Counter(reference for _, reference in ours if reference)
        self.expect("I3", "merchant's numbers that stand twice", [r for r, n in references.items() if n > 1])
        if not getattr(self, "has_other_clients", False):
            strange = [order for order in self.headlines if order not in placed]
            if len(strange) > len(self.observer.unknown):
                self.expect("I2", "orders that no client was told of, or is in doubt of", strange)
        for order, facts in told.items():
            row = self.headlines.get(order)
            if row and facts.get("cancel"):
                _, _, captured, refunded = row
                if captured != refunded:
                    self.expect("I3", "cancelled orders whose money was kept", [(order, row)])
            if row and sum(facts.get("refunds", {}).values()) > row[3]:
                self.expect("I3", "returns that were told and not refunded", [(order, row, facts)])

    def money(self):
        ledger = self.tables.rows("testproviderd", "SELECT kind, reference, amount, provider_id FROM ledger")
        captures = Counter(reference for kind, reference, _, _ in ledger if kind == "capture")
        self.figures |= {"captures": sum(captures.values()), "provider_entries": dict(sorted(Counter(k for k, *_ in ledger).items()))}
        self.expect("I3", "orders that were captured more than once", [o for o, n in captures.items() if n > 1])
        balance = defaultdict(lambda: [0, 0])
        payment_of = dict(self.tables.rows("testproviderd", "SELECT provider_id, reference FROM payments"))
        for kind, reference, amount, provider_id in ledger:
            order = payment_of.get(provider_id, reference)
            if kind == "capture":
                balance[order][0] += amount
            if kind == "refund":
                balance[order][1] += amount
        wrong = []
        for order, (status, total, captured, refunded) in self.headlines.items():
            taken, given = balance.pop(order, (0, 0))
            due = (total, refunded) if status == "completed" else (captured, refunded)
            if (taken, given) != due or (captured, refunded) != (taken, given) or (status != "completed" and taken != given):
                wrong.append((order, status, f"total {total}, ours {captured}-{refunded}, the provider's {taken}-{given}"))
        self.expect("I3", "orders whose money is not the provider's", wrong)
        self.expect("I3", "money of orders that do not exist", sorted(balance))
        held = self.tables.rows("testproviderd", "SELECT reference, amount FROM payments WHERE status = 'authorised'")
        self.expect("I7", "authorisations that nobody gave back", held)
        sums = self.tables.rows("paymentsd", "SELECT currency, sum(debit), sum(credit) FROM ledger GROUP BY currency")
        self.expect("I4", "currencies whose debits are not their credits", [row for row in sums if row[1] != row[2]])

    def stock(self):
        rows = self.tables.rows("inventoryd", "SELECT sku, available, on_hand, received, sold, returned, corrected FROM stock")
        self.expect("I5", "goods with less than nothing", [row for row in rows if row[1] < 0 or row[2] < 0])
        self.expect("I5", "goods that were sold and never had", [row for row in rows if row[4] - row[5] > row[3] + row[6]])
        self.expect("I5", "goods that do not add up", [row for row in rows if row[3] - row[4] + row[5] + row[6] != row[2]])
        self.expect("I6", "goods that are promised to nobody", [row for row in rows if row[1] != row[2]])
        held = self.tables.rows("inventoryd", "SELECT id FROM reservations WHERE status = 'held'")
        self.expect("I6", "reservations that were left", held)
        wanted = self.units_by_orders()
        wrong = [(row[0], f"sold {row[4] - row[5]}, by the orders {wanted.get(row[0], 0)}") for row in rows
                 if row[4] - row[5] != wanted.get(row[0], 0)]  # fmt: skip
        self.expect("I5", "goods of which more or less went than orders say", wrong)
        self.figures["units_sold"] = sum(row[4] for row in rows)
        self.figures["scarce"] = next(
            ({"had": row[3], "sold": row[4], "returned": row[5]} for row in rows if row[0] == "CHAOS-SCARCE"), {})

    def units_by_orders(self):
        """Units by SKU that completed orders took and did not give back, from the events alone."""
        lines, units = {}, Counter()
        events = self.tables.rows("ordersd", "SELECT stream, type, body FROM es_events ORDER BY stream, version")
        for stream, kind, body in events:
            if kind == "placed":
                lines[stream] = json.loads(body)["placed"]["_0"]["lines"]
            elif kind == "completed":
                for line in lines[stream]:
                    if line["isGoods"]:
                        units[line["code"]] += line["quantity"]
            elif kind == "return_requested":
                for back in json.loads(body)["returnRequested"]["_0"]["lines"]:
                    line = lines[stream][back["line"]]
                    if line["isGoods"]:
                        units[line["code"]] -= back["quantity"]
        return units

    def events(self):
        gaps = self.tables.rows(
            "ordersd", "SELECT stream, count(*), max(version) FROM es_events GROUP BY stream HAVING count(*) != max(version)")
        self.expect("I16", "streams with gaps", gaps)
        self.expect("I8", "events that were never sent", sorted(self.tables.unsent().items()))
        published = defaultdict(set)
        disorder, last, total = [], {}, 0
        for topic, source, epoch, key, sequence in self.tables.rows(
            EVENT_LOG, "SELECT t.name, e.source, e.epoch, e.key, e.sequence FROM log_events e JOIN log_topics t"
            " ON t.id = e.topic_id ORDER BY e.topic_id, e.partition, e.number"):  # fmt: skip
            total += 1
            name = (topic, source, epoch, key)
            if sequence not in published[name]:
                if sequence < last.get(name, 0):
                    disorder.append((name, sequence, "after", last[name]))
                last[name] = max(last.get(name, 0), sequence)
            published[name].add(sequence)
        self.expect("I10", "events out of order within their key", disorder)
        self.expect("I8", "keys with a gap in the log", [n for n, s in published.items() if len(s) != max(s)])
        lost = []
        for program in BLUEPRINTS:
            service = SERVICES[program]
            epochs = {epoch for _, source, epoch, _ in published if source == service}
            for topic, key, following in self.tables.rows(program, "SELECT topic, key, next_sequence FROM outbox_keys"):
                known = set().union(*(published.get((topic, service, epoch, key), ()) for epoch in epochs), ())
                if following > 1 and following - 1 not in known:
                    lost.append((topic, key, following - 1))
        self.expect("I8", "keys whose last event is not in the log", lost)
        self.consumers(published)
        unique = sum(len(sequences) for sequences in published.values())
        self.figures |= {"events": unique, "events_published_again": total - unique}
        unexplained = [row for row in self.tables.parked() if not any(word in row for word in self.expected_parked)]
        self.expect("I11", "parked events that nothing explains", unexplained)
        self.figures["parked"] = len(self.tables.parked())

    def consumers(self, published):
        """Each consumer's inbox stands at the last event of each key: it took all of them, in their order, and no other.

        A position only goes up by one event at a time, in the transaction of its effect; that an effect is there once is
        judged by the audit of the simulation, since no consumer of the shop leaves one row for each event.
        """
        last, taken, parked = {}, {}, set()
        for (topic, source, epoch, key), sequences in published.items():
            last[topic, source, key] = max(last.get((topic, source, key), (0, 0)), (epoch, max(sequences)))
        for program in BLUEPRINTS:
            for group, topic, source, key, epoch, sequence in self.tables.rows(
                program, "SELECT group_name, topic, source, key, epoch, last_sequence FROM inbox_positions"):  # fmt: skip
                taken[group, topic, source, key] = (epoch, sequence)
            parked |= set(self.tables.rows(program, "SELECT group_name, topic, key FROM inbox_parked_keys"))
        groups = self.tables.rows(
            EVENT_LOG, "SELECT DISTINCT q.group_name, t.name FROM log_positions q JOIN log_topics t ON t.id = q.topic_id")
        due = {(group, topic, source, key): end for group, read in groups for (topic, source, key), end in last.items()
               if topic == read and (group, topic, key) not in parked}  # fmt: skip
        behind = [(name, taken.get(name, (0, 0)), end) for name, end in sorted(due.items()) if taken.get(name, (0, 0)) < end]
        ahead = [(name, at) for name, at in sorted(taken.items()) if at > last.get(name[1:], (0, 0))]
        self.expect("I8", "keys of which a consumer has not taken all", behind)
        self.expect("I2", "keys of which a consumer took what was never published", ahead)

    def workflows(self):
        stuck = []
        for program in BLUEPRINTS:
            stuck += self.tables.rows(program, "SELECT id, state, error FROM workflow_runs WHERE state != 'completed'")
        self.expect("I11", "runs that did not end", stuck)
