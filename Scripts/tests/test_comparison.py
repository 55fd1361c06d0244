"""Tests of Scripts/benchmarks/comparison.py."""

import sys
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import comparison
import replay as replays
from traced import Collector


def replay(orders, cpu, memory):
    return {
        "ordersPerSecond": orders,
        "acceptMilliseconds": [{"percentile": p, "milliseconds": p / 10} for p in (50, 90, 99, 100)],
        "cpuMillisecondsPerOrder": cpu,
        "memoryBytes": {name: size << 20 for name, size in memory.items()},
    }


class ComparisonTests(unittest.TestCase):
    def test_quantities_are_for_each_process_and_for_all(self):
        found = comparison.quantities(replay(200, {"b": 2.0, "a": 1.5}, {"a": 20, "b": 30}), {"server": 20.0, "client": 30.0})
        self.assertEqual(found, {
            "orders per second (more is better)": 200, "accepted after, p50, ms": 5, "accepted after, p99, ms": 9.9,
            "CPU ms per order, all processes": 3.5, "CPU ms per order, a": 1.5, "CPU ms per order, b": 2.0,
            "memory, all processes, MiB": 50, "memory, a, MiB": 20, "memory, b, MiB": 30,
            "CPU µs per echo, server": 20.0, "CPU µs per echo, client": 30.0,
        })  # fmt: skip
        self.assertFalse(any("echo" in name for name in comparison.quantities(replay(1, {"a": 1}, {"a": 1}))))

    def test_the_time_to_the_end_is_compared_where_it_was_measured(self):
        run = replay(1, {"a": 1}, {"a": 1})
        self.assertFalse(any("ended" in name for name in comparison.quantities(run)))
        run["endMilliseconds"] = replays.at_percentiles(range(1_000, 101_000, 1_000))
        found = comparison.quantities(run)
        self.assertEqual(found["ended after acceptance, p50, ms"], 50)
        self.assertEqual(found["ended after acceptance, p99, ms"], 99)
        self.assertEqual(replays.at_percentiles([]), [])

    def test_the_order_of_the_sides_alternates(self):
        self.assertEqual([comparison.order(number) for number in range(3)], [(0, 1), (1, 0), (0, 1)])

    def test_a_ratio_is_the_median_of_the_rounds_ratios(self):
        # The machine was half as fast in the second round, for both.
        rows = comparison.compared([({"x": 9}, {"x": 10}), ({"x": 22}, {"x": 20}), ({"x": 8}, {"x": 10})])
        self.assertEqual(rows, [{"name": "x", "this": 9, "other": 10, "ratio": 0.9, "least": 0.8, "most": 1.1}])

    def test_what_only_one_side_has_or_what_is_zero_has_no_ratio(self):
        rows = comparison.compared([({"new": 1.0, "zero": 0.0}, {"old": 2.0, "zero": 0.0})])
        self.assertEqual(rows, [
            {"name": "new", "this": 1.0, "other": None}, {"name": "zero", "this": 0.0, "other": 0.0},
            {"name": "old", "this": None, "other": 2.0},
        ])  # fmt: skip
        self.assertIn("| old | - | 2.00 | - | - |", comparison.table(rows, "a", "b"))

    def test_the_table_shows_the_ratio_with_its_spread(self):
        rows = comparison.compared([({"x": 150.0}, {"x": 100.0}), ({"x": 120.0}, {"x": 100.0}), ({"x": 90.0}, {"x": 100.0})])
        self.assertIn("| x | 120 | 100 | 1.20 | 0.90 – 1.50 |", comparison.table(rows, "this", "that"))

    def test_a_page_has_one_section_at_its_end(self):
        page = "# Benchmarks\n\n## Calls\n\ntext\n"
        first = comparison.with_section(page, f"{comparison.HEADING}\n\nfirst\n")
        self.assertEqual(first, f"{page}\n{comparison.HEADING}\n\nfirst\n")
        self.assertEqual(comparison.found_section(first), f"{comparison.HEADING}\n\nfirst\n")
        between = f"# Benchmarks\n\n{comparison.HEADING}\n\nfirst\n\n## Calls\n\ntext\n"
        second = comparison.with_section(between, f"{comparison.HEADING}\n\nsecond\n")
        self.assertEqual(second.count(comparison.HEADING), 1)
        self.assertTrue(second.endswith("text\n\n" + comparison.HEADING + "\n\nsecond\n"))
        self.assertNotIn("first", second)
        self.assertEqual(comparison.found_section(page), "")
        self.assertEqual(comparison.with_section(page, ""), page)

    def test_the_section_of_traces_stands_beside_the_other(self):
        page = comparison.with_section("# Benchmarks\n", f"{comparison.HEADING}\n\nfirst\n")
        facts = {"this": "a", "other": "b", "rounds": 1, "invoices": 1, "date": "today", "load": "0", "warnings": []}
        traced = comparison.section(facts, [], comparison.TRACED_HEADING)
        page = comparison.with_section(page, traced, comparison.TRACED_HEADING)
        page = comparison.with_section(page, traced, comparison.TRACED_HEADING)
        self.assertEqual(page.count(comparison.TRACED_HEADING), 1)
        self.assertEqual(comparison.found_section(page, comparison.TRACED_HEADING), traced)
        self.assertEqual(comparison.found_section(page), f"{comparison.HEADING}\n\nfirst\n")

    def test_a_collector_takes_what_each_daemon_sends_it(self):
        with Collector() as collector:
            settings = collector.settings(["ordersd", "gatewayd"])
            self.assertEqual([setting.split("=")[0] for setting in settings], [
                "ordersd.traces-endpoint", "ordersd.traces-share", "gatewayd.traces-endpoint", "gatewayd.traces-share",
            ])  # fmt: skip
            url = settings[0].split("=", 1)[1] + "/v1/traces"
            with urllib.request.urlopen(urllib.request.Request(url, data=b"abc", method="POST"), timeout=30) as response:
                self.assertEqual((response.status, response.read()), (200, b""))
            self.assertEqual((collector.batches, collector.bytes), (1, 3))


if __name__ == "__main__":
    unittest.main()
