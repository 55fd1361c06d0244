"""Tests of Scripts/checks/examples and of its library. They compile with the standard library only: no build is needed."""

import importlib.machinery
import importlib.util
import sys
import tempfile
import unittest
from pathlib import Path

CHECKS = Path(__file__).resolve().parents[1] / "checks"
sys.path.insert(0, str(CHECKS / "lib"))
from snippets import Compiler, Finding, Snippet, items, wrapped

loader = importlib.machinery.SourceFileLoader("examples", str(CHECKS / "examples"))
check = importlib.util.module_from_spec(importlib.util.spec_from_loader("examples", loader))
loader.exec_module(check)

SOURCE = '''import Core

/// A counter.
///
/// ```swift
/// var counter = Counter()
/// counter.add(1)
/// ```
///
/// ```text
/// not Swift
/// ```
@frozen
public struct Counter: Sendable {
    /// Adds.
    ///
    /// ```swift
    /// add(2)
    /// ```
    ///
    /// - Parameter count: A number.
    @discardableResult
    public mutating func add(_ count: Int) -> Int { count }
}

extension Counter {
    // ```swift
    // no documentation
    // ```
    func plain() {}
}
'''


class ExtractionTests(unittest.TestCase):
    def test_examples_have_the_declaration_and_the_line(self):
        found = check.examples("A.swift", SOURCE)
        self.assertEqual(found, [
            ("Counter", Snippet("A.swift", 6, "var counter = Counter()\ncounter.add(1)")),
            ("Counter.add", Snippet("A.swift", 18, "add(2)")),
        ])  # fmt: skip

    def test_a_block_that_does_not_end_is_an_example(self):
        found = check.examples("A.swift", "/// ```swift\n/// run()\npublic protocol Runs {}\n")
        self.assertEqual(found, [("Runs", Snippet("A.swift", 2, "run()"))])


class WrappingTests(unittest.TestCase):
    def test_an_item_has_the_lines_that_continue_it_and_the_attributes_above_it(self):
        code = "@Test(\"a\", arguments: f(1)...2)\nfunc run() {\n    go()\n}\n\nlet a = [\n    1\n]"
        self.assertEqual([(index, len(lines)) for index, lines in items(code)], [(0, 5), (5, 3)])

    def test_declarations_are_private_and_statements_are_in_a_function(self):
        text = wrapped(Snippet("A.swift", 7, "import C\npublic struct A {}\n@MainActor func f() {}\nextension A {}\nf()"), ["B"])
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        self.assertEqual(lines, [
            "import B", "import C", "private struct A {}", "@MainActor private func f() {}", "extension A {}",
            "private func statements() async throws {", "f()", "}",
        ])  # fmt: skip
        self.assertIn('#sourceLocation(file: "A.swift", line: 11)\nf()', text)


class CompilingTests(unittest.TestCase):
    def check(self, *snippets, imports=()):
        with tempfile.TemporaryDirectory() as folder:
            return Compiler(folder).check(snippets, imports)

    def test_sound_snippets_may_declare_the_same_names(self):
        code = (
            "struct Counter: Counting {\n    var count = 0\n}\n\nprotocol Counting {}\n\n"
            "extension Counter {\n    func f() {}\n}\n\nCounter().f()"
        )
        other = "func f() async throws {}\nlet counter = Counter(count: 2)\ntry await f()\nstruct Counter { let count: Int }"
        self.assertEqual(self.check(Snippet("A.swift", 3, code), Snippet("B.swift", 9, other)), [])

    def test_errors_of_all_snippets_are_reported_with_their_lines(self):
        statement = Snippet("Toolkit/A.swift", 10, "let a = 1\nlet b: String = a")
        declaration = Snippet("Toolkit/B.swift", 20, "/// Runs.\nfunc run() {\n    walk()\n}")
        syntax = Snippet("Toolkit/C.swift", 30, "struct A {}\nstruct {")
        self.assertEqual(self.check(statement, declaration), [
            Finding("Toolkit/A.swift", 11, "cannot convert value of type 'Int' to specified type 'String'"),
            Finding("Toolkit/B.swift", 22, "cannot find 'walk' in scope"),
        ])  # fmt: skip
        self.assertIn(("Toolkit/C.swift", 31), [(finding.path, finding.line) for finding in self.check(syntax)])

    def test_a_data_race_is_refused(self):
        code = "final class Box {\n    var count = 0\n}\n\nlet box = Box()\nTask { box.count += 1 }\nbox.count += 1"
        (finding,) = self.check(Snippet("A.swift", 1, code))
        self.assertEqual((finding.path, finding.line), ("A.swift", 6))

    def test_a_module_that_does_not_exist_is_refused(self):
        (finding,) = self.check(Snippet("A.swift", 1, "let a = 1"), imports=["NoSuchModule"])
        self.assertEqual((finding.path, finding.line), ("swiftc", None))
        self.assertIn("no such module 'NoSuchModule'", finding.text)

    def test_a_module_of_other_sources_can_be_imported(self):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "Other.swift"
            source.write_text("public func other() -> Int { 1 }\n")
            compiler = Compiler(folder)
            self.assertEqual(compiler.module("Other", [source]), [])
            self.assertEqual(compiler.check([Snippet("A.swift", 1, "let a: Int = other()")], ["Other"]), [])
            source.write_text("public func other() -> Unknown { 1 }\n")
            self.assertIn("cannot find type 'Unknown' in scope", "\n".join(compiler.module("Other", [source])))


if __name__ == "__main__":
    unittest.main()
