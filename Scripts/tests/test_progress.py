"""Tests of Scripts/progress."""

import importlib.machinery
import importlib.util
import os
import unittest
from pathlib import Path

PATH = Path(__file__).resolve().parents[1] / "progress"
loader = importlib.machinery.SourceFileLoader("progress", str(PATH))
progress = importlib.util.module_from_spec(importlib.util.spec_from_loader("progress", loader))
loader.exec_module(progress)


class ProgressTests(unittest.TestCase):
    def test_steps_are_printed_once_in_ten_seconds_and_the_last_one_at_the_end(self):
        subject = progress.Progress(0)
        self.assertEqual(subject.line("[1/9] Compiling A", 1), ["[1/9] Compiling A"])
        self.assertEqual(subject.line("[2/9] Compiling B", 10.9), [])
        self.assertEqual(subject.line("[3/9] Compiling C", 11), ["[3/9] Compiling C"])
        self.assertEqual(subject.end(), [])
        self.assertEqual(subject.line("[4/9] Compiling D", 12), [])
        self.assertEqual(subject.end(), ["[4/9] Compiling D"])

    def test_other_lines_pass_after_their_step(self):
        subject = progress.Progress(0)
        subject.line("[1/9] Compiling A", 1)
        self.assertEqual(subject.line("a.swift:1:1: error: no", 2), ["a.swift:1:1: error: no"])
        subject.line("[9/9] Linking", 3)
        self.assertEqual(subject.line("Build complete! (4.00s)", 4), ["[9/9] Linking", "Build complete! (4.00s)"])
        self.assertEqual(subject.end(), [])

    def test_a_long_step_repeats_the_count_every_twenty_seconds(self):
        subject = progress.Progress(0)
        self.assertEqual(subject.repeat(19.9), [])
        self.assertEqual(subject.repeat(20), ["[0/?] no step yet after 0:20"])
        subject.line("[7/9] Compiling CLI", 30)
        self.assertEqual(subject.repeat(49), [])
        self.assertEqual(subject.repeat(50), ["[7/9] Compiling CLI (for 0:20, 0:50 in all)"])
        self.assertEqual(subject.due(), 70)
        self.assertEqual(subject.repeat(70), ["[7/9] Compiling CLI (for 0:40, 1:10 in all)"])

    def test_reads_lines_from_pieces_until_the_end(self):
        reader, writer = os.pipe()
        os.write(writer, b"Fetching x\n[1/2] Compi")
        os.write(writer, b"ling A\n[2/2] Linking\nBuild complete!")
        os.close(writer)
        with os.fdopen(reader) as file:
            found = list(progress.lines(file.fileno(), progress.Progress(0)))
        self.assertEqual(found[0], "Fetching x")
        self.assertEqual(found[-2:], ["[2/2] Linking", "Build complete!"])


if __name__ == "__main__":
    unittest.main()
