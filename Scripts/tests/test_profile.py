"""Tests of the parts of Scripts/profile."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from collections import Counter
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SCRIPTS / "benchmarks"))
import flamegraph
import profile_tables
import recording
import stacks
import stages
from stacks import Frame, Stack

SCRIPT = """\
101
	          4709b3 swift_retain (/opt/swift/usr/lib/swift/linux/libswiftCore.so)
	          572bc4 $s6Orders0A7HandlerV8getOrder (/build/release/ordersd)
	          572bc0 $s6Orders0A7HandlerV8getOrderTA (/build/release/ordersd)
	    7f7008082c60 [unknown] ([unknown])
	           891f5 start_thread (/usr/lib/x86_64-linux-gnu/libc.so.6)

101
	          4709b3 swift_retain (/opt/swift/usr/lib/swift/linux/libswiftCore.so)
	          572bc4 $s6Orders0A7HandlerV8getOrder (/build/release/ordersd)
	           891f5 start_thread (/usr/lib/x86_64-linux-gnu/libc.so.6)

101
	           22d10 [unknown] (/usr/lib/x86_64-linux-gnu/libsqlite3.so.0.8.6)
	           22d40 sqlite3_step (/usr/lib/x86_64-linux-gnu/libsqlite3.so.0.8.6)
	    7f7008082c60 [unknown] ([unknown])

102
	ffffffff8144f461 __futex_wait ([kernel.kallsyms])
	           109c13 epoll_ctl (/usr/lib/x86_64-linux-gnu/libc.so.6 (deleted))

102
	    7f7008082c60 [unknown] ([unknown])

999
	           109c13 epoll_ctl (/usr/lib/x86_64-linux-gnu/libc.so.6)
"""
NAMES = {101: "ordersd", 102: "gatewayd"}
DEMANGLED = {
    "$s6Orders0A7HandlerV8getOrder": "specialized OrdersHandler.getOrder(_:_:)",
    "$s6Orders0A7HandlerV8getOrderTA": "partial apply for OrdersHandler.getOrder(_:_:)",
}
GET = Stack("ordersd", (
    Frame("start_thread", "libc"), Frame("OrdersHandler.getOrder(_:_:)", "ordersd"), Frame("swift_retain", "libswiftCore"),
))  # fmt: skip
SPECIALIZED = Stack("ordersd", (
    Frame("start_thread", "libc"), Frame("specialized OrdersHandler.getOrder(_:_:)", "ordersd"), Frame("swift_retain", "libswiftCore"),
))  # fmt: skip
SQLITE = Stack("ordersd", (
    Frame("libsqlite3: callers unknown", "libsqlite3"), Frame("sqlite3_step", "libsqlite3"), Frame("libsqlite3, no symbol", "libsqlite3"),
))  # fmt: skip
GATEWAY = Stack("gatewayd", (Frame("libc: callers unknown", "libc"), Frame("epoll_ctl", "libc"), Frame("__futex_wait", "kernel")))
COUNTS = Counter({GET: 1, SPECIALIZED: 1, SQLITE: 1, GATEWAY: 1})
FACTS = {
    "date": "today", "programs": "commit abc", "load": "0 0 0", "cores": 2, "invoices": 10, "orders": 8, "holds": True, "ordersPerSecond": 9.0,
    "profiled": ["gatewayd", "idled", "ordersd"], "cpuMillisecondsPerOrder": {"ordersd": 3.0, "gatewayd": 1.0, "idled": 0.0},
    "switchesPerOrder": {"ordersd": [2.0, 0.5]},
    "callsPerOrder": {
        "orders /shop.orders.v1.OrdersService/GetOrder": 1.5,
        "orders /martlet.operate.v1.OperateService/ListParkedKeys": 1.0,
    },
    "transactionsPerOrder": {"payments authorise: key": 1.0, "orders workflow.intent": 4.0},
}  # fmt: skip


class StackTests(unittest.TestCase):
    def test_stacks_are_read_outermost_first_by_process_with_demangled_names(self):
        self.assertEqual(stacks.read(SCRIPT, NAMES, DEMANGLED), COUNTS)

    def test_a_stack_that_ends_early_is_below_its_library(self):
        self.assertEqual([stack for stack in COUNTS if stacks.is_broken(stack)], [SQLITE, GATEWAY])

    def test_libraries_have_short_names(self):
        paths = ["/usr/lib/x86_64-linux-gnu/libc.so.6", "/lib/ld-linux-x86-64.so.2", "[kernel.kallsyms]", "[vdso]", "/build/ordersd"]
        self.assertEqual([stacks.library(path) for path in paths], ["libc", "ld-linux-x86-64", "kernel", "vdso", "ordersd"])

    def test_folded_stacks_are_read_again(self):
        odd = Stack("ordersd", (Frame("closure #1 in [A; B] (x)", "ordersd"),))
        text = stacks.folded(COUNTS + Counter({odd: 3}))
        path = "ordersd;libsqlite3: callers unknown [libsqlite3];sqlite3_step [libsqlite3];libsqlite3, no symbol [libsqlite3]"
        self.assertIn(f"{path} 1\n", text)
        found = stacks.unfolded(text)
        self.assertEqual(found.pop(Stack("ordersd", (Frame("closure #1 in [A, B] (x)", "ordersd"),))), 3)
        self.assertEqual(found, COUNTS)

    def test_swift_names_are_demangled_by_the_toolchain_and_others_are_not(self):
        found = stacks.demangle({"$s10MartletSQL11GroupWriterC5write_4next2onyAA6SQLJobV_AHSgyXEAA13SQLConnection_ptF", "malloc"})
        self.assertEqual(list(found.values()), ["GroupWriter.write(_:next:on:)"])
        self.assertEqual(stacks.demangle({"malloc"}), {})


class StageTests(unittest.TestCase):
    def test_a_stack_belongs_to_the_first_stage_that_matches(self):
        names = {GET: "read", SPECIALIZED: "read", SQLITE: "any stage: callers unknown", GATEWAY: "accept at the gateway"}
        self.assertEqual({stack: stages.of_stack(stack) for stack in COUNTS}, names)
        confirm = Stack("ordersd", tuple(
            Frame(f"closure #1 in {name}(_:_:)", "ordersd") for name in ("WorkflowContext.intend", "Checkout.confirm")
        ))  # fmt: skip
        self.assertEqual(stages.of_stack(confirm), "confirm")
        self.assertEqual(stages.of_stack(Stack("ordersd", confirm.frames[:1])), "every step: journal, replay, claims")
        self.assertEqual(stages.of_stack(Stack("cartsd", (Frame("main", "cartsd"),))), stages.OTHER)

    def test_transactions_and_calls_belong_to_stages(self):
        transactions = {"orders: request": "place", "orders: workflow.settle": "settle", "orders: workflow.local": "capture",
                        "orders: workflow.intent": "every step: journal, replay, claims", "payments: capture: answer": "capture",
                        "carts: outbox.mark": "publish", "eventlog: log.publish": "publish", "eventlog: log.acknowledge": "deliver",
                        "carts: inbox.take": "deliver", "carts: something": stages.OTHER}  # fmt: skip
        self.assertEqual({name: stages.of_transaction(*name.split(": ", 1)) for name in transactions}, transactions)
        self.assertEqual(stages.of_call("gateway", "POST /v1/orders:agreed"), "accept at the gateway")
        self.assertEqual(stages.of_call("provider", "/shop.provider.v1.ProviderService/CreatePayment"), "authorise")
        self.assertIsNone(stages.of_call("orders", "/martlet.operate.v1.OperateService/ListParkedKeys"))

    def test_the_budget_divides_the_processor_time_of_each_process_by_its_samples(self):
        spent = {"ordersd": 3.0, "gatewayd": 1.0, "cartsd": 0.5}
        rows = {row["name"]: row for row in stages.budget(COUNTS, spent, {("orders", "request"): 2.0}, {})}
        self.assertEqual(rows["read"]["milliseconds"], {"ordersd": 2.0})
        self.assertEqual(rows["any stage: callers unknown"]["milliseconds"], {"ordersd": 1.0})
        self.assertEqual(rows[stages.OTHER]["milliseconds"], {"cartsd": 0.5})
        self.assertEqual(rows["place"]["transactions"], 2.0)
        self.assertEqual(sum(sum(row["milliseconds"].values()) for row in rows.values()), 4.5)

    def test_each_function_of_a_stage_is_in_the_sources(self):
        # A renamed type would move its samples to another row without notice.
        patterns = " ".join(pattern.pattern for one in stages.STAGES for pattern in one.functions.values())
        words = set(re.findall(r"\b[A-Z][A-Za-z]+(?=\\\.)", patterns))
        self.assertGreater(len(words), 10)
        root = SCRIPTS.parent
        text = "\n".join(path.read_text() for folder in ("Toolkit", "Services") for path in (root / folder).rglob("Sources/**/*.swift"))
        declared = set(re.findall(r"\b(?:struct|class|enum|actor)\s+(\w+)", text))
        self.assertEqual(sorted(words - declared), [])


class TableTests(unittest.TestCase):
    def test_the_tables_have_shares_of_processes_libraries_and_functions(self):
        text = profile_tables.report(COUNTS, FACTS)
        self.assertIn("| ordersd | 3.00 | 75.0 | 33.3 | 2.0 | 0.5 |", text)
        self.assertIn("| idled | 0.00 | 0.0 | - | 0.0 | 0.0 |", text)
        self.assertIn("| **all** | **4.00** | 100.0 | 50.0 | **2.0** | **0.5** |", text)
        self.assertIn("| libswiftCore | 50.0 | 66.7 | 0.0 |", text)
        own, inclusive = text.split("## Functions of ordersd")[1].split("## Functions of gatewayd")[0].split("| inclusive |")
        self.assertIn("| `swift_retain` | libswiftCore | 66.7 |", own)
        self.assertNotIn("start_thread", own)
        self.assertIn("| `start_thread` | libc | 66.7 |", inclusive)
        self.assertNotIn("callers unknown", own + inclusive)

    def test_the_tables_of_a_part_state_its_share(self):
        text = profile_tables.report(COUNTS, FACTS, part=Counter({GET: 1}), only="read")
        whole, part = text.split("All tables below are of **read**: 1 samples, 25.0 % of all.")
        self.assertIn("| ordersd | 3.00 | 75.0 | 33.3 | 2.0 | 0.5 |", whole)
        self.assertIn("| libswiftCore | 100.0 | 100.0 |", part)
        self.assertNotIn("epoll_ctl", part)

    def test_callers_are_the_functions_of_programs_above_a_match(self):
        text = profile_tables.callers(COUNTS, "swift_retain")
        self.assertIn("50.0 % of the samples", text)
        self.assertIn("| `OrdersHandler.getOrder(_:_:)` | 25.0 |", text)
        self.assertIn("| callers unknown | 25.0 |", profile_tables.callers(COUNTS, "sqlite3_step"))

    def test_the_budget_replaces_the_one_of_a_page(self):
        page = f"# Performance\n\n{profile_tables.START}\n\nold\n\n{profile_tables.END}\n\nend\n"
        once = profile_tables.with_budget(page, COUNTS, FACTS)
        self.assertNotIn("old", once)
        self.assertIn("| read | - | 1.5 | 2.00 | 50.0 | ordersd 2.00 |", once)
        self.assertIn("| every step: journal, replay, claims | 4.0 | - | 0.00 | 0.0 |  |", once)
        self.assertTrue(once.endswith(f"{profile_tables.END}\n\nend\n"))
        self.assertEqual(profile_tables.with_budget(once, COUNTS, FACTS), once)
        with self.assertRaises(SystemExit):
            profile_tables.with_budget("# Performance\n", COUNTS, FACTS)

    def test_a_function_name_does_not_break_its_row(self):
        self.assertEqual(profile_tables.code("a | `b`"), "`a \\| 'b'`")
        self.assertEqual(len(profile_tables.code("x" * 300)), profile_tables.NAME_LENGTH_MAX + 2)


class FlameGraphTests(unittest.TestCase):
    def drawn(self, counts):
        """The frames of a graph, in the order of the file: name, depth, start, samples, x, width and text."""
        top = xml.fromstring(flamegraph.svg(counts, Frame("all", "all"), "a <title>"))
        found = []
        for group in top.iter("{http://www.w3.org/2000/svg}g"):
            if group.get("class") == "f":
                rect, text = group.find("{*}rect"), group.find("{*}text")
                found.append((group.get("data-n"), int(group.get("data-d")), int(group.get("data-s")), int(group.get("data-c")),
                              float(rect.get("x")), float(rect.get("width")), text.text or ""))  # fmt: skip
        return found

    def test_each_frame_is_inside_of_its_parent_and_as_wide_as_its_samples(self):
        found = self.drawn(COUNTS)
        whole = flamegraph.WIDTH - 2 * flamegraph.MARGIN
        self.assertEqual(found[0][:4], ("all", 0, 0, 4))
        self.assertAlmostEqual(found[0][5], whole, places=1)
        for name, depth, start, count, x, width, _ in found:
            self.assertAlmostEqual(width, whole * count / 4, places=1, msg=name)
            self.assertAlmostEqual(x, flamegraph.MARGIN + whole * start / 4, places=1, msg=name)
            if depth:
                parents = [one for one in found if one[1] == depth - 1 and one[2] <= start and one[2] + one[3] >= start + count]
                self.assertEqual(len(parents), 1, name)
        for depth in (0, 1, 2):
            self.assertEqual(sum(one[3] for one in found if one[1] == depth), 4)
        self.assertEqual([one[0] for one in found if one[1] == 1], ["ordersd", "gatewayd"])
        self.assertFalse(any("[unknown]" in one[0] for one in found))

    def test_names_are_escaped_and_no_text_is_wider_than_its_frame(self):
        names = ['static Array<Int> & "x"', "y" * 500, "z"]
        counts = Counter({Stack("ordersd", (Frame(name, "ordersd"),)): count for name, count in zip(names, (1, 60, 900))})
        found = self.drawn(counts)
        self.assertEqual({one[0] for one in found if one[1] == 2}, set(names))
        for name, _, _, _, _, width, text in found:
            self.assertLessEqual(len(text) * flamegraph.FONT * flamegraph.CHARACTER, max(0, width), name)
        self.assertEqual(next(one[6] for one in found if one[0] == "z"), "z")
        self.assertTrue(next(one[6] for one in found if one[0] == names[1]).endswith("…"))

    def test_the_file_needs_no_other_file(self):
        text = flamegraph.svg(COUNTS, Frame("all", "all"), "a title")
        self.assertEqual(re.findall(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[\w.]+", text), [])
        self.assertNotIn("href", text)


class RecordingTests(unittest.TestCase):
    def test_context_switches_are_those_between_two_readings_of_every_thread(self):
        self.assertEqual(recording.switched({"1": (5, 1), "2": (7, 0), "3": (9, 9)}, {"1": (6, 1), "2": (17, 3), "4": (2, 1)}), (13, 4))
        own = recording.switches(os.getpid())
        self.assertIn(str(os.getpid()), own)

    def test_a_refusal_names_the_setting_and_what_to_do(self):
        text = recording.refusal("Error:\nNo permission\n", "3", False)
        self.assertIn("perf_event_paranoid is 3", text)
        self.assertIn("sysctl", text)
        self.assertIn("CAP_PERFMON", recording.refusal("", "2", True))
        self.assertIn("no perf events", recording.refusal("", "", True))

    def test_a_perf_that_may_not_record_is_reported_before_a_shop_is_started(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, body in (("perf", "echo 'No permission to record' >&2; exit 255"), ("martlet", f"touch {folder}/started")):
                (Path(folder) / name).write_text(f"#!/bin/sh\n{body}\n")
                (Path(folder) / name).chmod(0o755)
            command = [str(SCRIPTS / "benchmarks/profile"), "--programs", folder, "--output", f"{folder}/out"]
            environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            self.assertEqual(done.returncode, 1)
            self.assertIn("perf may not record: No permission to record", done.stderr)
            self.assertFalse((Path(folder) / "started").exists())

    def test_perf_is_stopped_when_the_block_fails(self):
        # Stands in for a perf that acknowledges the command and ends by SIGINT.
        body = """import os, re, signal, sys, time
numbers = re.search(r"fd:(\\d+),(\\d+)", " ".join(sys.argv))
os.read(int(numbers[1]), 7)
os.write(int(numbers[2]), b"ack\\n")
open(sys.argv[sys.argv.index("-o") + 1], "w").write(str(os.getpid()))
while True: time.sleep(60)
"""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "perf").write_text(f"#!{sys.executable}\n{body}")
            (Path(folder) / "perf").chmod(0o755)
            path, os.environ["PATH"] = os.environ["PATH"], f"{folder}:{os.environ['PATH']}"
            try:
                subject = recording.Recording([os.getpid()], f"{folder}/perf.data")
                with self.assertRaises(KeyError), subject:
                    raise KeyError
            finally:
                os.environ["PATH"] = path
            self.assertIsNotNone(subject.perf.poll())


if __name__ == "__main__":
    unittest.main()
