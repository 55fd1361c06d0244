"""Counts the allocations of an order's paths through real processes, and fails when they have grown. See --help.

`Scripts/benchmarks/allocations.c` counts them in each process. The shop is quiet; time is cut into slots of one length, each
with one request or none, and the figure of a request is what a process allocates in such a slot less what it does in one
without a request. Jobs that run every few seconds make some slots larger, and an order that is late makes one smaller: of the
slots of one kind, the one of rank RANK counts.
"""

import argparse
import json
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from shop import Shop

FOLDER = Path(__file__).resolve().parent
SOURCE, ACCEPTED = FOLDER / "allocations.c", FOLDER / "allocations.json"
KINDS = ("allocations", "bytes")
LINES = 25
WARM_UP = 12
SAMPLES = 12
RANK = 2
# A slot takes this, or so many times what an order took while the shop warmed up.
SLOT_SECONDS_MIN, SLOT_SECONDS_MAX, SLOT_ORDERS = 0.5, 1.2, 4
POLL_SECONDS = 0.02
ORDER_SECONDS_MAX = 30
# What a figure may be above the accepted one: a share of it, and a number. Runs of the same programs differ, most of all between
# a busy machine and an idle one, on which events go out in smaller batches: by up to 57 allocations of 2,120, 51 of 718 and
# 32 of 212, or 75 kB of 418 and 7 kB of 72.
TOLERANCE = {"allocations": (0.05, 60), "bytes": (0.15, 24576)}
NOTHING = "nothing"


def compiler():
    """The C compiler of the Swift toolchain."""
    return Path(shutil.which("swift") or "swift").resolve().parent / "clang"


def library(folder):
    """Compiles the library that counts; returns its path."""
    path = Path(folder) / "allocations.so"
    options = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]
    subprocess.run([compiler(), *options, "-o", path, SOURCE], check=True)
    return path


def counted(folder, pid):
    """The allocations of a process since it began, and their bytes."""
    try:
        return struct.unpack("QQ", (Path(folder) / str(pid)).read_bytes())
    except FileNotFoundError:
        raise SystemExit(f"error: process {pid} has not loaded the library that counts") from None


class CountedShop(Shop):
    """A shop whose processes count their allocations."""

    def __init__(self, programs, folder):
        super().__init__(programs)
        self.counts_folder = folder
        # `martlet up` passes on its environment, but no variable whose name begins with MARTLET_.
        self.prefix = ("env", f"LD_PRELOAD={library(folder)}", f"ALLOCATIONS_FOLDER={folder}")

    def allocated(self):
        return {name: counted(self.counts_folder, pid) for name, pid in self.processes.items()}


class Requests:
    """The requests whose allocations are counted."""

    def __init__(self, shop):
        self.shop = shop
        self.skus = [f"{number}" for number in range(20000, 20000 + LINES)]
        products = [{"sku": sku, "name": f"Product {sku}"} for sku in self.skus]
        shop.call("POST", "/v1/products:import", {"products": products}, key="import")
        for sku in self.skus:
            stock = {"sku": sku, "change": 10000, "note": "for the count"}
            shop.call("PUT", f"/v1/corrections/{sku}", stock, key=f"stock-{sku}")

    def place(self, reference, price, service):
        lines = [{"sku": sku, "quantity": 1, "unit_price": price, "service": service} for sku in self.skus]
        order = {"reference": reference, "customer_id": "one", "payment_method": "pm_test_ok", "lines": lines}
        return self.shop.call("POST", "/v1/orders:agreed", order, key=reference)["order"]["order_id"]

    def order(self, name):
        """An order of goods: four remote steps."""
        return self.place(f"order-{name}", {"currency": "GBP", "units": "1", "nanos": 250000000}, service=False)

    def free_order(self, name):
        """An order of services at no charge: no stock, no payment, and so no remote step."""
        return self.place(f"free-{name}", {"currency": "GBP", "units": "0"}, service=True)

    def product(self, name):
        """A change of a product: an event that no group takes."""
        self.shop.call("PUT", f"/v1/products/{self.skus[0]}", {"name": f"Product {name}"}, key=f"product-{name}")

    def status(self, order_id):
        return self.shop.call("GET", f"/v1/orders/{order_id}")["order"]["status"]

    def completed(self, order_id):
        """Waits until an order is completed."""
        begun = time.monotonic()
        while self.status(order_id) != "ORDER_STATUS_COMPLETED":
            if time.monotonic() - begun > ORDER_SECONDS_MAX:
                raise SystemExit(f"error: the order {order_id} was not completed after {ORDER_SECONDS_MAX} s")
            time.sleep(POLL_SECONDS)

    def warm_up(self):
        """Returns how many seconds an order took at the end, the median: one write that the disk delays does not count."""
        seconds = []
        for number in range(WARM_UP):
            self.product(f"warm-{number:02}")
            for place in (self.order, self.free_order):
                begun = time.monotonic()
                self.completed(place(f"warm-{number:02}"))
                seconds.append(time.monotonic() - begun)
        return statistics.median(seconds[WARM_UP:])

    def sampled(self, slot):
        """What each process allocates in each slot, by the kind of its request."""
        kinds = {NOTHING: lambda _: None, "order": self.order, "free order": self.free_order, "product": self.product}
        samples = {kind: [] for kind in kinds}
        orders = []
        before = self.shop.allocated()
        for number in range(SAMPLES):
            for kind, request in kinds.items():
                until = time.monotonic() + slot
                orders.append(request(f"{number:02}"))
                time.sleep(max(0, until - time.monotonic()))
                after = self.shop.allocated()
                samples[kind].append({
                    name: tuple(now - then for now, then in zip(after[name], before[name])) for name in after
                })  # fmt: skip
                before = after
        for order_id in filter(None, orders):
            self.completed(order_id)
        return samples


def figures(samples):
    """The allocations and bytes of each path, and of an order by process."""

    def of(kind, name):
        """Of one process in a slot of one kind."""
        return [sorted(each[name][unit] for each in samples[kind])[RANK] for unit in range(len(KINDS))]

    def own(kind, *names):
        """Of some processes for one request."""
        return [
            sum(of(kind, name)[unit] - of(NOTHING, name)[unit] for name in names) for unit in range(len(KINDS))
        ]  # fmt: skip

    rows = {
        "place": own("free order", "gatewayd", "ordersd"),
        # The four remote steps, which only an order of goods has.
        "step": [goods - services for goods, services in zip(of("order", "ordersd"), of("free order", "ordersd"))],
        "publish": own("product", "catalogd", "eventlogd"),
        "consume": own("free order", "cartsd"),
    }
    for name in sorted(samples["order"][0]):
        rows[f"order: {name}"] = own("order", name)
    return {row: dict(zip(KINDS, (max(0, count) for count in counts))) for row, counts in rows.items()}


def least(found, again):
    """The lower figure of two runs."""
    rows = found.keys() | again.keys()
    return {
        row: {kind: min(run[row][kind] for run in (found, again) if row in run) for kind in KINDS} for row in sorted(rows)
    }  # fmt: skip


def highest(accepted, kind):
    share, number = TOLERANCE[kind]
    return accepted * (1 + share) + number


def compared(found, accepted):
    """What has grown, and what is so much less that it can be accepted, each in words."""
    grown, less = [], []
    for row in sorted(found.keys() | accepted.keys()):
        if row not in found or row not in accepted:
            grown.append(f"{row}: {'no longer counted' if row in accepted else 'no accepted figure'}")
            continue
        for kind in KINDS:
            now, before = found[row][kind], accepted[row][kind]
            change = f"{row}: {now:,} {kind}, accepted are {before:,} ({now - before:+,}, {percent(now, before)})"
            if now > highest(before, kind):
                grown.append(change)
            elif before > highest(now, kind):
                less.append(change)
    return grown, less


def percent(now, before):
    return f"{(now / before - 1) * 100:+.1f} %" if before else "from nothing"


def table(found, accepted):
    lines = [f"{'':22}{'allocations':>12}{'accepted':>12}{'bytes':>12}{'accepted':>12}"]
    for row, counts in found.items():
        cells = [value for kind in KINDS for value in (counts[kind], accepted.get(row, {}).get(kind, "-"))]
        lines.append(f"{row:22}" + "".join(f"{cell:>12,}" if isinstance(cell, int) else f"{cell:>12}" for cell in cells))
    return "\n".join(lines)


def measured(programs):
    with tempfile.TemporaryDirectory(prefix="martlet-allocations-") as folder, CountedShop(programs, folder) as shop:
        requests = Requests(shop)
        usual = requests.warm_up()
        if usual > SLOT_SECONDS_MAX:
            raise SystemExit(f"error: an order took {usual:.1f} s on the quiet shop: the machine is too busy for this count")
        slot = min(SLOT_SECONDS_MAX, max(SLOT_SECONDS_MIN, SLOT_ORDERS * usual))
        time.sleep(slot)
        return figures(requests.sampled(slot))


def main(arguments=None, measure=measured):
    """Returns the exit status: 1 when a figure has grown."""
    # So that `with` blocks stop the shop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(
        prog="Scripts/allocations",
        description="Counts the allocations of the paths place, step, publish and consume, and of an order by process, through "
        "a shop of real processes; fails when they have grown. It takes half a minute.",
    )
    parser.add_argument("--programs", required=True, help="the folder of the release programs")
    parser.add_argument("--accept", action="store_true", help="accept the figures of this run: commit the file, and state why")
    parser.add_argument("--accepted", default=ACCEPTED, type=Path, help="the file of accepted figures")
    options = parser.parse_args(arguments)
    programs = Path(options.programs).resolve()
    found = measure(programs)
    accepted = json.loads(options.accepted.read_text()) if options.accepted.exists() else {}
    print(table(found, accepted))
    if not options.accept and compared(found, accepted)[0]:
        # What has grown has grown in each run; what the machine did in one run has not.
        print("allocations: a figure is above the accepted one: counting again")
        found = least(found, measure(programs))
        print(table(found, accepted))
    if options.accept:
        options.accepted.write_text(json.dumps(found, indent=2) + "\n")
        print(f"allocations: these figures are accepted in {options.accepted}")
        return 0
    grown, less = compared(found, accepted)
    for change in less:
        print(f"less: {change}")
    if less:
        print("allocations: accept what is less, so that it stays: make allocations ARGS=--accept")
    for change in grown:
        print(f"GROWN: {change}")
    if grown:
        print("allocations: make it less; or accept it on purpose, by make allocations ARGS=--accept in a commit that states why")
        return 1
    print(f"allocations: {len(found)} rows, none above its accepted figure")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
