"""The services' databases, opened read-only, through their views for auditors: see Docs/Guides/Operating.md."""

import sqlite3
from contextlib import contextmanager

from .topology import BLUEPRINTS, EVENT_LOG, SERVICES

FINAL = ("completed", "rejected", "cancelled")


class Tables:
    def __init__(self, shop):
        self.shop = shop

    @contextmanager
    def of(self, program):
        connection = sqlite3.connect(f"file:{self.shop.database(program)}?mode=ro", uri=True, timeout=10)
        try:
            yield connection
        finally:
            connection.close()

    def rows(self, program, query, *values):
        with self.of(program) as connection:
            return connection.execute(query, values).fetchall()

    def number(self, program, query, *values):
        return self.rows(program, query, *values)[0][0] or 0

    # Work in flight.

    def unsent(self):
        return {
            SERVICES[program]: count
            for program in BLUEPRINTS
            if (count := self.number(program, "SELECT count(*) FROM audit_outbox WHERE sent_at IS NULL"))
        }

    def open_runs(self):
        return {
            SERVICES[program]: count
            for program in BLUEPRINTS
            if (count := self.number(program, "SELECT count(*) FROM audit_workflow_runs WHERE state = 'open'"))
        }

    def open_orders(self):
        placeholders = ", ".join("?" for _ in FINAL)
        return self.number(
            "ordersd", f"SELECT count(*) FROM audit_orders WHERE status NOT IN ({placeholders}) OR open_returns > 0", *FINAL)

    def lag(self):
        """Events without an acknowledgement, over all groups."""
        return self.number(EVENT_LOG, "SELECT sum(published - acknowledged) FROM audit_log_groups")

    def in_flight(self):
        """A description of the work in flight; empty when there is none."""
        found = []
        if unsent := self.unsent():
            found.append(f"unsent events {unsent}")
        if runs := self.open_runs():
            found.append(f"open runs {runs}")
        if orders := self.open_orders():
            found.append(f"{orders} orders in no terminal state")
        if lag := self.lag():
            found.append(f"{lag} events wait for a group")
        return ", ".join(found)

    def parked(self):
        found = []
        for program in BLUEPRINTS:
            rows = self.rows(program, "SELECT group_name, topic, key, error, attempts FROM audit_parked_events ORDER BY 1, 2, 3")
            found += [f"{group} {topic} {key}: {error} ({attempts} attempts)" for group, topic, key, error, attempts in rows]
        return found
