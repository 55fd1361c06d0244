"""Tests of Scripts/generator."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "generator"))
import configuration
import outputs
import protos
import toolchain
from configuration import Configuration, Module, Refusal


class ConfigurationTests(unittest.TestCase):
    def refused(self, members, *packages):
        with self.assertRaises(Refusal) as caught:
            Configuration(members).modules(packages)
        return str(caught.exception)

    def test_the_usual_case_needs_no_entry(self):
        found = Configuration({}).modules(["acme.links.v1", "acme.price_list.v2beta1", "tools"])
        self.assertEqual(found, {
            "acme.links.v1": Module("LinksContract", "Sources/LinksContract"),
            "acme.price_list.v2beta1": Module("PriceListContract", "Sources/PriceListContract"),
            "tools": Module("ToolsContract", "Sources/ToolsContract"),
        })  # fmt: skip
        self.assertEqual(Configuration({}).protos, "Protos")

    def test_rules_and_entries(self):
        members = {"sources": "Contracts/{Name}/{module}", "packages": {"acme.a.v1": {"module": "A"}, "acme.b.v1": {"sources": "B"}}}
        self.assertEqual(Configuration(members).modules(["acme.a.v1", "acme.b.v1"]), {
            "acme.a.v1": Module("A", "Contracts/A/A"), "acme.b.v1": Module("BContract", "B"),
        })  # fmt: skip

    def test_visibility(self):
        found = Configuration({"packages": {"acme.a.v1": {"visibility": "package"}}}).modules(["acme.a.v1", "acme.b.v1"])
        self.assertEqual([module.visibility for module in found.values()], ["package", "public"])

    def test_what_is_refused(self):
        self.assertIn("unknown member module.name", self.refused({"module.name": ""}))
        self.assertIn("unknown member packages.a.modul", self.refused({"packages": {"a": {"modul": "A"}}}))
        self.assertIn("packages is not an object", self.refused({"packages": "a"}))
        self.assertIn("protos: '/protos' is not a path relative", self.refused({"protos": "/protos"}))
        self.assertIn("outside the package", self.refused({"sources": "../{module}"}, "acme.a.v1"))
        refused = self.refused({"packages": {"a": {"visibility": "internal"}}}, "a")
        self.assertIn("packages.a.visibility: 'internal' is not public or package", refused)
        self.assertIn("'A-B' is not a module's name", self.refused({"module": "A-B"}, "acme.a.v1"))
        self.assertIn("packages.acme.b.v1: Protos has no such package", self.refused({"packages": {"acme.b.v1": {}}}, "acme.a.v1"))
        self.assertIn("system.prefix is missing", self.refused({"system": {"gateway": "Gateway"}}))
        self.assertIn(
            "acme.a.v1 and acme.a.v2 are both generated into Sources/AContract", self.refused({}, "acme.a.v1", "acme.a.v2")
        )

    def test_a_system_has_outputs_or_not(self):
        system = Configuration({"system": {"prefix": "acme", "topology": "system.json"}}).system
        self.assertEqual(system, configuration.System("acme.", None, None, "system.json"))


class ProtosTests(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def put(self, path, text):
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def refused(self):
        with self.assertRaises(Refusal) as caught:
            protos.packages(self.folder / "Protos", "Protos")
        return str(caught.exception)

    def test_files_by_package_without_those_that_the_generator_provides(self):
        self.put("Protos/acme/b/v1/two.proto", "package acme.b.v1;")
        self.put("Protos/acme/b/v1/one.proto", "// package other;\n/* package\nother; */ package  acme.b.v1 ;")
        self.put("Protos/acme/a/a.proto", "package acme.a;")
        self.put("Protos/google/api/http.proto", "package google.api;")
        self.put("Protos/.build/c.proto", "package c;")
        self.assertEqual(protos.packages(self.folder / "Protos", "Protos"), {
            "acme.a": ["acme/a/a.proto"], "acme.b.v1": ["acme/b/v1/one.proto", "acme/b/v1/two.proto"],
        })  # fmt: skip

    def test_what_is_refused(self):
        self.assertIn("there is no folder Protos", self.refused())
        (self.folder / "Protos").mkdir()
        self.assertIn("Protos has no .proto files", self.refused())
        self.put("Protos/links/v1/links.proto", "package acme.links.v1;")
        self.assertIn(
            "Protos/links/v1/links.proto: a file of package acme.links.v1 belongs in Protos/acme/links/v1/links.proto", self.refused()
        )
        self.put("Protos/links/v1/links.proto", "// package links.v1;")
        self.assertIn("Protos/links/v1/links.proto: has no package", self.refused())

    def test_a_module_is_a_target_that_contains_its_sources(self):
        def refused(module, targets):
            with self.assertRaises(Refusal) as caught:
                protos.check_targets({"acme.a.v1": module}, targets)
            return str(caught.exception)

        module = Module("A", "Sources/A/Generated")
        self.assertIn("package acme.a.v1: Package.swift has no target A", refused(module, {"B": None}))
        self.assertIn("is not in Sources/B, the folder of target A", refused(module, {"A": "Sources/B"}))
        self.assertIn("is not in Sources/A, the folder of target A", refused(Module("A", "Sources/AB"), {"A": None}))
        for path in (None, "Sources/A", "./Sources/A/", "Sources", "."):
            protos.check_targets({"acme.a.v1": module}, {"A": path})
        with self.assertRaisesRegex(Refusal, "there is no Package.swift"):
            protos.targets(self.folder)

    def test_messages_have_the_paths_of_the_package(self):
        self.put("Protos/a/a.proto", "")
        text = "--martlet_out: a/a.proto: a.A.b: no maps\na/a.proto: a.A.c: no maps\nother.proto: not found"
        self.assertEqual(
            toolchain.located(text, self.folder / "Protos", self.folder),
            "Protos/a/a.proto: a.A.b: no maps\nProtos/a/a.proto: a.A.c: no maps\nother.proto: not found",
        )


class OutputsTests(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_a_folder_gets_the_generated_files_and_keeps_those_written_by_hand(self):
        for name in ("new", "Target"):
            (self.folder / name).mkdir()
        for name, text in (("new/a.pb.swift", "new"), ("Target/a.pb.swift", "old"), ("Target/b.martlet.swift", ""), ("Target/Hand.swift", "")):
            (self.folder / name).write_text(text)

        def install():
            installed = outputs.Outputs(self.folder)
            installed.add("Target", (self.folder / "new").iterdir())
            return installed.install()

        self.assertEqual(install(), ["Target/b.martlet.swift", "Target/a.pb.swift"])
        self.assertEqual(sorted(path.name for path in (self.folder / "Target").iterdir()), ["Hand.swift", "a.pb.swift"])
        self.assertEqual((self.folder / "Target/a.pb.swift").read_text(), "new")
        self.assertEqual(install(), [])

    def test_a_topology_gets_topics_scopes_and_methods_and_keeps_the_rest(self):
        contracts = {"topics": [{"name": "acme.a.v1.things", "publisher": "a"}], "scopes": ["a:read", "a:write"],
                     "methods": [{"service": "a", "name": "acme.a.v1.A/Get", "users": "a:read", "callers": ["NONE"]}]}  # fmt: skip
        with self.assertRaisesRegex(Refusal, "there is no system.json"):
            outputs.update_topology(self.folder, "system.json", contracts)
        file = self.folder / "system.json"
        file.write_text(json.dumps({"name": "acme", "scopes": [{"name": "a:write", "about": "things"}, {"name": "gone", "about": ""}]}))
        self.assertEqual(outputs.update_topology(self.folder, "system.json", contracts), ["system.json"])
        self.assertEqual(json.loads(file.read_text()), {
            "name": "acme",
            "scopes": [{"name": "a:read", "about": ""}, {"name": "a:write", "about": "things"}],
            "topics": contracts["topics"],
            "methods": contracts["methods"],
        })  # fmt: skip
        self.assertEqual(outputs.update_topology(self.folder, "system.json", contracts), [])


if __name__ == "__main__":
    unittest.main()
