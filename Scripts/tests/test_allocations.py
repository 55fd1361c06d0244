"""Tests of Scripts/benchmarks/allocations.py and of the library that counts."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import allocations

# Allocates as often as its argument states, by each function in turn, then in a forked child, then ends or executes itself.
PROGRAM = r"""
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
void *volatile last;
int main(int count, char **arguments) {
    for (int each = atoi(arguments[1]); each > 0; each--) {
        void *memory = 0;
        switch (each % 6) {
            case 0: last = malloc(100); break;
            case 1: last = calloc(10, 10); break;
            case 2: last = realloc(last, 100); break;
            case 3: last = memalign(64, 100); break;
            case 4: last = aligned_alloc(64, 100); break;
            default: if (!posix_memalign(&memory, 64, 100)) last = memory;
        }
    }
    if (count < 3) return 0;
    if (!fork()) {
        for (int each = 0; each < 1000; each++) last = malloc(7);
        _exit(0);
    }
    wait(0);
    return execl(arguments[0], arguments[0], arguments[2], (char *)0);
}
"""


class CountTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kept = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.kept.cleanup)
        cls.folder = Path(cls.kept.name)
        cls.library = allocations.library(cls.folder)
        source = cls.folder / "program.c"
        source.write_text(PROGRAM)
        cls.program = cls.folder / "program"
        subprocess.run([allocations.compiler(), "-o", cls.program, source], check=True)

    def counted(self, *arguments):
        """The allocations and bytes of a run of the program."""
        environment = {**os.environ, "LD_PRELOAD": str(self.library), "ALLOCATIONS_FOLDER": str(self.folder)}
        process = subprocess.Popen([self.program, *map(str, arguments)], env=environment)
        self.assertEqual(process.wait(), 0)
        return allocations.counted(self.folder, process.pid)

    def difference(self, arguments, others):
        return tuple(one - other for one, other in zip(self.counted(*arguments), self.counted(*others)))

    def test_each_function_is_counted_once_with_its_bytes(self):
        self.assertEqual(self.difference([600], [0]), (600, 60000))

    def test_a_forked_child_counts_for_itself_and_an_executed_program_goes_on(self):
        self.assertEqual(self.difference([600, 60], [0, 0]), (660, 66000))

    def test_a_process_without_the_library_is_an_error(self):
        with self.assertRaisesRegex(SystemExit, "has not loaded the library"):
            allocations.counted(self.folder, 0)

    def test_planted_allocations_are_found(self):
        def row(number):
            return {"program": dict(zip(allocations.KINDS, self.counted(number)))}

        before = row(1000)
        self.assertEqual(allocations.compared(row(1000), before), ([], []))
        (growth, _), _ = allocations.compared(row(1400), before)
        self.assertIn("(+400, ", growth)
        self.assertEqual(len(allocations.compared(row(600), before)[1]), 2)


class FigureTests(unittest.TestCase):
    PROCESSES = ("cartsd", "catalogd", "eventlogd", "gatewayd", "ordersd")

    def samples(self, **changes):
        """Every process allocates 10 times in each slot, 100 bytes; a request adds what `changes` has."""
        kinds = {allocations.NOTHING: {}, "order": {"ordersd": 90, "cartsd": 4}, "free order": {"ordersd": 50, "gatewayd": 7}}
        kinds |= {"product": {"catalogd": 5, "eventlogd": 6}}
        return {
            kind: [
                {name: (10 + more.get(name, 0), 100) for name in self.PROCESSES} for _ in range(allocations.SAMPLES)
            ] for kind, more in {**kinds, **changes}.items()
        }  # fmt: skip

    def test_a_figure_is_what_a_request_adds(self):
        found = {row: counts["allocations"] for row, counts in allocations.figures(self.samples()).items()}
        self.assertEqual(found, {
            "place": 57, "step": 40, "publish": 11, "consume": 0, "order: cartsd": 4, "order: catalogd": 0,
            "order: eventlogd": 0, "order: gatewayd": 0, "order: ordersd": 90,
        })  # fmt: skip

    def test_jobs_in_most_slots_and_two_late_orders_change_nothing(self):
        samples = self.samples()
        for number, each in enumerate(samples["order"]):
            if number < allocations.RANK:
                each["ordersd"] = (10, 100)
            elif number > allocations.RANK:
                each["ordersd"] = (5000, 5000)
        self.assertEqual(allocations.figures(samples), allocations.figures(self.samples()))


class CheckTests(unittest.TestCase):
    FOUND = {"place": {"allocations": 3000, "bytes": 900000}, "step": {"allocations": 400, "bytes": 100000}}

    def run_main(self, accepted, *arguments, measure=None):
        """The exit status, what was printed, and the accepted figures afterwards."""
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as output:
            file = Path(folder) / "accepted.json"
            file.write_text(json.dumps(accepted))
            options = ["--programs", "none", "--accepted", str(file), *arguments]
            status = allocations.main(options, measure=measure or (lambda _: self.FOUND))
            return status, output.getvalue(), json.loads(file.read_text())

    def changed(self, row, kind, value):
        return {**self.FOUND, row: {**self.FOUND[row], kind: value}}

    def test_passes_at_the_tolerance_and_fails_one_above(self):
        for kind, at in (("allocations", 400), ("bytes", 100000)):
            limit = allocations.highest(at, kind)
            found = self.changed("step", kind, int(limit))
            self.assertEqual(allocations.compared(found, self.FOUND), ([], []))
            found = self.changed("step", kind, int(limit) + 1)
            self.assertEqual(len(allocations.compared(found, self.FOUND)[0]), 1)

    def test_growth_fails_and_says_what_by_how_much_and_how_to_accept_it(self):
        status, printed, _ = self.run_main(self.changed("step", "allocations", 320))
        self.assertEqual(status, 1)
        self.assertIn("GROWN: step: 400 allocations, accepted are 320 (+80, +25.0 %)", printed)
        self.assertIn("make allocations ARGS=--accept", printed)
        self.assertNotIn("place:", printed)

    def test_what_grew_in_one_run_only_passes(self):
        high = self.changed("step", "allocations", 900)
        for runs, expected in (([high, self.FOUND], 0), ([high, high], 1), ([high, self.changed("place", "bytes", 2000000)], 0)):
            rest = iter(runs)
            status, printed, _ = self.run_main(self.FOUND, measure=lambda _: next(rest))
            self.assertEqual(status, expected)
            self.assertIn("counting again", printed)
            self.assertEqual(list(rest), [])

    def test_what_is_less_passes_and_is_named(self):
        status, printed, _ = self.run_main(self.changed("place", "bytes", 1200000))
        self.assertEqual(status, 0)
        self.assertIn("less: place: 900,000 bytes, accepted are 1,200,000 (-300,000, -25.0 %)", printed)

    def test_a_row_on_one_side_only_fails(self):
        status, printed, _ = self.run_main({"place": self.FOUND["place"], "old": self.FOUND["step"]})
        self.assertEqual(status, 1)
        self.assertIn("GROWN: old: no longer counted", printed)
        self.assertIn("GROWN: step: no accepted figure", printed)

    def test_accept_writes_the_figures(self):
        status, _, accepted = self.run_main({}, "--accept")
        self.assertEqual((status, accepted), (0, self.FOUND))
        self.assertEqual(self.run_main(accepted)[0], 0)

    def test_a_stop_ends_what_runs(self):
        ended = []

        def stopped(_):
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                ended.append(True)

        # Ignored where there is no handler.
        self.addCleanup(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, signal.SIG_IGN))
        with self.assertRaises(SystemExit) as stop:
            allocations.main(["--programs", "none"], measure=stopped)
        self.assertEqual((stop.exception.code, ended), (143, [True]))

    def test_the_accepted_figures_have_the_four_paths(self):
        rows = json.loads(allocations.ACCEPTED.read_text())
        self.assertLessEqual({"place", "step", "publish", "consume"}, rows.keys())
        for counts in rows.values():
            self.assertEqual(list(counts), list(allocations.KINDS))


if __name__ == "__main__":
    unittest.main()
