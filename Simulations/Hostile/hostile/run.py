"""One run: a shop, a bystander, a watcher, and the suites one at a time."""

import json
import time
from pathlib import Path

from .bystander import Bystander, Present
from .context import Context, Limits
from .finding import ALL, Finding, Findings
from .leak import Leaks
from .shop import HostileShop
from .warmup import warm_up
from .watcher import Watcher

# After the warm-up: until the customer and the guest of the bystander were served, too, and at least so long, so that few
# orders are in flight.
SERVED_SECONDS, SERVED_SECONDS_MAX = 3, 60
# How long a shop has to return to its idle memory: at the end of a short run, and after each suite of a long one.
MEMORY_SECONDS_SHORT, MEMORY_SECONDS_LONG = 25, 60
# From this budget on a run is long.
LONG_SECONDS = 300


class Run:
    def __init__(self, options, suites, note):
        self.options, self.suites, self.note = options, suites, note
        self.findings, self.limits, self.present = Findings(note), Limits(), Present()
        self.suite = ALL
        self.rows, self.memory = [], []

    def run(self):
        """Whether there is no finding; also an interrupted run prints what it has found."""
        begun = time.monotonic()
        try:
            self.run_suites(begun)
        finally:
            self.print_summary(time.monotonic() - begun)
        return not self.findings.all

    def run_suites(self, begun):
        with HostileShop(self.options.programs) as shop:
            self.note(f"the shop runs after {time.monotonic() - begun:.0f} s, with {len(shop.targets)} listeners; seed {self.options.seed}")
            bystander = Bystander(shop, self.limits, self.present, self.add)
            bystander.start()
            self.warm_up(shop, bystander)
            watcher = Watcher(shop.processes, shop.logs)
            watcher.start()
            try:
                for suite in self.suites:
                    self.run_suite(suite, shop, watcher, bystander)
                self.suite = ALL
                if not self.is_long:
                    self.wait_for_memory(watcher, MEMORY_SECONDS_SHORT)
                self.memory = watcher.memory_rows()
            finally:
                bystander.stop()
                watcher.stop()
            if not bystander.orders:
                self.add("bystander: orders", shop.gateway, "at least one completed order", f"none, after {bystander.asked} requests")
            if not bystander.carts:
                self.add("bystander: carts", shop.gateway, "at least one cart of a guest", f"none, after {bystander.asked} requests")
            served = f"{bystander.orders} orders, {bystander.carts} carts of a guest, {bystander.asked} requests"
            self.note(f"bystander: {served}, the slowest took {bystander.slowest:.1f} s")

    def warm_up(self, shop, bystander):
        begun = time.monotonic()
        orders = warm_up(shop, self.limits)
        self.note(f"warm-up: {orders:,} orders in {time.monotonic() - begun:.0f} s")
        begun = time.monotonic()
        while (taken := time.monotonic() - begun) < SERVED_SECONDS_MAX:
            if taken >= SERVED_SECONDS and bystander.orders and bystander.carts:
                return
            time.sleep(0.2)

    @property
    def is_long(self):
        return self.options.seconds >= LONG_SECONDS

    def run_suite(self, suite, shop, watcher, bystander):
        self.suite = suite.name
        seconds = self.options.seconds * suite.share / sum(suite.share for suite in self.suites)
        context = Context(
            suite.name,
            seed=self.options.seed,
            seconds=seconds,
            shop=shop,
            findings=self.findings,
            watcher=watcher,
            corpora=self.options.corpora,
            leaks=Leaks(shop.folders),
            limits=self.limits,
            note=self.note,
            present=self.present,
        )
        self.note(f"{suite.name}: {suite.about}, {seconds:.0f} s")
        watcher.begin_suite()
        before = len(self.findings.all)
        suite.run(context)
        self.present.label = f"after {suite.name}"
        for case, name, expected, seen in watcher.end_suite():
            self.add(case, name, expected, seen)
        taken = time.monotonic() - context.begun
        if self.is_long:
            self.wait_for_memory(watcher, MEMORY_SECONDS_LONG)
        name, rise = watcher.largest_rise
        found = len(self.findings.all) - before
        self.rows.append(
            {
                "suite": suite.name,
                "cases": context.cases,
                "seconds": round(taken, 1),
                "findings": found,
                "largestRiseBytes": rise,
                "of": name,
            }
        )
        self.note(f"{suite.name}: {context.cases} cases, {found} findings, {taken:.0f} s; most memory: {name}, {rise >> 20} MiB more")

    def wait_for_memory(self, watcher, seconds):
        for case, name, expected, seen in watcher.wait_for_memory(seconds):
            self.add(case, name, expected, seen)

    def add(self, case, target, expected, seen):
        self.findings.add(Finding(self.suite, case, str(target), expected, str(seen), self.options.seed))

    def print_summary(self, seconds):
        cases = sum(row["cases"] for row in self.rows)
        print()
        for row in self.rows:
            print(f"{'ok  ' if not row['findings'] else 'FAIL'}  {row['suite']:12}  {row['cases']:7,} cases  {row['seconds']:6.0f} s")
        for line in self.findings.summary():
            print(f"      {line}")
        for row in self.memory[:1]:
            before, after = ((row[key] or 0) >> 20 for key in ("idleBytes", "bytes"))
            print(f"      memory: {row['process']} has grown most: {before} MiB idle, {after} MiB at the end")
        count = len(self.findings.all)
        print(f"{cases:,} cases, {'no finding' if not count else f'{count} findings'}, {seconds:.0f} s", flush=True)
        if self.options.json:
            outcome = {
                "seed": self.options.seed,
                "seconds": round(seconds, 1),
                "suites": self.rows,
                "memory": self.memory,
                "findings": [finding.as_json() for finding in self.findings.all],
            }
            Path(self.options.json).write_text(json.dumps(outcome, indent=1) + "\n")
