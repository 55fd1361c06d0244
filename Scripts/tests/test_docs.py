"""Tests of Scripts/docs."""

import importlib.machinery
import importlib.util
import json
import tempfile
import unittest
from pathlib import Path

PATH = Path(__file__).resolve().parents[1] / "docs"
loader = importlib.machinery.SourceFileLoader("docs", str(PATH))
docs = importlib.util.module_from_spec(importlib.util.spec_from_loader("docs", loader))
loader.exec_module(docs)

PAGE = """# Martlet

A toolkit.

@Metadata {{
  @TechnologyRoot
}}

## Overview

Begin with {link}.

## Topics

- ``Sample``
"""


def target(name, path, *dependencies, type="regular"):
    return {"name": name, "type": type, "path": path, "dependencies": [{"byName": [other, None]} for other in dependencies]}


def symbol(kind, name, comment):
    lines = [
        {"text": text, "range": {"start": {"line": number, "character": 4}, "end": {"line": number, "character": 40}}}
        for number, text in enumerate(comment)
    ]
    return {
        "kind": {"identifier": kind, "displayName": kind},
        "identifier": {"precise": f"s:{name}", "interfaceLanguage": "swift"},
        "pathComponents": [name],
        "names": {"title": name},
        "accessLevel": "public",
        "docComment": {"uri": "file:///sample/Sample.swift", "module": "Sample", "lines": lines},
        "location": {"uri": "file:///sample/Sample.swift", "position": {"line": len(lines), "character": 0}},
        "functionSignature": {"parameters": [{"name": "count"}, {"name": "limit"}], "returns": []},
    }


class DocsTests(unittest.TestCase):
    def test_documented_are_the_modules_of_the_libraries_for_other_packages(self):
        found = docs.documented({
            "products": [
                {"name": "Core", "targets": ["Core"], "type": {"library": ["automatic"]}},
                {"name": "Testing", "targets": ["Testing", "Bench"], "type": {"library": ["automatic"]}},
                {"name": "program", "targets": ["program"], "type": {"executable": None}},
            ],
            "targets": [
                target("Core", "Toolkit/Core/Sources"),
                target("CoreTests", "Toolkit/Core/Tests", "Core", type="test"),
                target("Fixture", "Toolkit/Contract/Fixtures/Sources", "Core"),
                target("Testing", "Toolkit/Testing/Sources", "Core"),
                target("Bench", "Simulations/Bench/Sources", "Testing", "CSQLite"),
                target("CSQLite", "Adapters/SQLite/CSQLite", type="system"),
                target("program", "Apps/Program", "Core", type="executable"),
            ],
        })  # fmt: skip
        self.assertEqual(found, {"Core": set(), "Testing": {"Core"}, "Bench": {"Testing", "CSQLite"}})

    def test_building_the_modules_without_dependents_builds_all(self):
        self.assertEqual(docs.roots({"A": set(), "B": {"A"}, "C": {"A"}, "D": {"C"}}), ["B", "D"])

    def test_a_finding_has_the_path_from_the_root_and_comes_once(self):
        output = f"file://{docs.ROOT}/A.swift:3:5: warning: no X\nnote: Y\n{docs.ROOT}/A.swift:3:5: warning: no X\nerror: Z\n"
        self.assertEqual(docs.diagnostics(output), ["A.swift:3:5: no X", "Z"])

    def convert(self, link="``Sample``", comment=("A function.",), page=PAGE):
        """The findings of a catalogue with one link, for a module with one function of two parameters."""
        with tempfile.TemporaryDirectory() as folder:
            catalogue, graphs, site = Path(folder) / "Reference.docc", Path(folder) / "graphs", Path(folder) / "site"
            catalogue.mkdir()
            (catalogue / "Martlet.md").write_text(page.format(link=link))
            graphs.mkdir()
            graph = {
                "metadata": {"formatVersion": {"major": 0, "minor": 6, "patch": 0}, "generator": "test"},
                "module": {"name": "Sample", "platform": {}},
                "symbols": [symbol("swift.func", "run", comment)],
                "relationships": [],
            }
            (graphs / "Sample.symbols.json").write_text(json.dumps(graph))
            counts = docs.count_symbols(graphs, ["Sample"])
            self.assertEqual(counts, {"Sample": 1})
            return docs.convert(catalogue, graphs, site) or docs.unlisted(site, counts)

    def test_a_broken_link_is_refused(self):
        self.assertEqual(self.convert(link="``Sample/run``"), ["Reference.docc has no page for Sample"])
        (finding,) = self.convert(link="``Sample/walk``")
        self.assertRegex(finding, r"/Martlet\.md:11:\d+: '\w+' doesn't exist at ")

    def test_a_parameter_that_does_not_exist_or_is_missing_is_refused(self):
        comment = ["A function.", "", "- Parameters:", "  - count: A number.", "  - size: Another."]
        findings = self.convert(comment=comment)
        self.assertEqual(len(findings), 2, findings)
        self.assertIn("Parameter 'limit' is missing documentation", findings[0])
        self.assertIn("Parameter 'size' not found", findings[1])

    def test_the_first_page_lists_every_module(self):
        findings = self.convert(page=PAGE.replace("- ``Sample``", "- ``Sample/run``"))
        self.assertEqual(findings, ["Reference.docc/Martlet.md does not list Sample", "Reference.docc has no page for Sample"])


if __name__ == "__main__":
    unittest.main()
