"""Measures a replay of sample invoices through the processes of a shop."""

import contextlib
import json
import sys

from shop import difference

SEED = 5
# Requests that are open at a time.
CONCURRENCY = 64


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
        "cpuMillisecondsPerOrder": {name: value / orders for name, value in sorted(spent.items())},
        "services": commits_and_transactions(shop, before),
        "memoryBytes": shop.memory_bytes(),
    }
