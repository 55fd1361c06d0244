"""Measures a replay of sample invoices through the processes of a shop."""

import contextlib
import json
import math
import sqlite3
import sys
from pathlib import Path

from shop import difference

SEED = 5
# Requests that are open at a time.
CONCURRENCY = 64
# From the commit that accepts an order to the one that ends its checkout, in microseconds.
ENDED_AFTER = (
    "SELECT updated_at - created_at FROM audit_workflow_runs"
    " WHERE workflow = 'checkout' AND state IN ('completed', 'failed')")
PERCENTILES = (50, 90, 99, 99.9, 100)


def write_invoices(shop, invoices):
    """Writes sample invoices; returns the path of the file."""
    file = f"{shop.data}/sample.csv"
    shop.run("sample", "--seed", str(SEED), "--invoices", str(invoices), "--output", file)
    return file


def commits_and_transactions(shop, before):
    transactions = difference(shop.counts()[0], before[0])
    commits = difference(shop.counts()[1], before[1])
    services = sorted(commits)
    return {
        service: {
            "transactions": sum(count for (owner, _), count in transactions.items() if owner == service),
            "commits": commits[service],
        }
        for service in services
    }


def at_percentiles(values):
    """Microseconds as milliseconds, at PERCENTILES by nearest rank."""
    ranked = sorted(values)
    if not ranked:
        return []
    ranks = {one: math.ceil(one * len(ranked) / 100) for one in PERCENTILES}
    return [{"percentile": one, "milliseconds": ranked[rank - 1] / 1000} for one, rank in ranks.items()]


def ended_after(shop):
    """Milliseconds from the acceptance of an order to the end of its checkout; empty for a shop without the view."""
    try:
        connection = sqlite3.connect(f"file:{Path(shop.data) / 'orders.sqlite'}?mode=ro", uri=True)
        try:
            return at_percentiles(row[0] for row in connection.execute(ENDED_AFTER))
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return []


def replayed(shop, file, invoices, during=contextlib.nullcontext()):
    """The replay of a whole file of invoices, inside of the context `during`."""
    shop.run("import", file, "--data", shop.data, "--url", shop.url, "--json")
    shop.wait_until_quiescent()
    before, used = shop.counts(), shop.cpu_milliseconds()
    options = ["--concurrency", str(CONCURRENCY), "--data", shop.data, "--url", shop.url, "--json"]
    with during:
        report = json.loads(shop.run("replay", file, *options, statuses=(0, 1)) or "{}")
    if not report:
        raise SystemExit("error: the replay did not finish")
    for check in report["checks"]:
        if check["expected"] != check["found"]:
            print(f"warning: {check['what']}: expected {check['expected']}, found {check['found']}", file=sys.stderr)
    spent = {name: value - used[name] for name, value in shop.cpu_milliseconds().items()}
    orders = report["newOrders"]
    return {
        "invoices": invoices,
        "orders": orders,
        "returns": report["returns"],
        "corrections": report["corrections"],
        "holds": report["holds"],
        "ordersPerSecond": report["ordersPerSecond"],
        "totalSeconds": report["totalSeconds"],
        "acceptMilliseconds": report["acceptMilliseconds"],
        "endMilliseconds": ended_after(shop),
        "cpuMillisecondsPerOrder": {name: value / orders for name, value in sorted(spent.items())},
        "services": commits_and_transactions(shop, before),
        "memoryBytes": shop.memory_bytes(),
    }
