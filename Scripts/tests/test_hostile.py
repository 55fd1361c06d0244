"""Tests of Simulations/Hostile: planted faults of small servers are found, and what is right is not."""

import importlib.util
import json
import random
import time
import unittest
from unittest import mock

from planted import BAD, ERROR, LEAK, MIB, OK, answering, context, never, server

from hostile import frames, wire
from hostile.finding import Finding, Findings
from hostile.leak import Leaks
from hostile.suites import http1, http2, http2_cases, json_bodies, limits
from hostile.suites.http1_cases import all_cases, answered, get, refused
from hostile.target import Target

NO_HOST = refused("no Host", get(host=None))


def found_by_case(handle, case=NO_HOST, answer=5.0):
    with server(handle) as target:
        subject = context(target, answer)
        http1.HTTP1().check(subject, target, case)
        return [finding.seen for finding in subject.findings.all]


class PlantedHTTP1Tests(unittest.TestCase):
    def test_a_refusal_and_a_close_is_no_finding(self):
        self.assertEqual(found_by_case(answering(BAD)), [])
        self.assertEqual(found_by_case(answering(OK, OK), answered("plain", get())), [])

    def test_a_second_answer_is_a_finding(self):
        self.assertEqual(found_by_case(answering(BAD, OK)), ["400 200, then closed"])
        self.assertEqual(found_by_case(answering(OK, OK, OK), answered("plain", get())), ["200 200 200, then closed"])

    def test_no_answer_in_time_is_a_finding(self):
        self.assertEqual(found_by_case(never, answer=0.1), ["no answer, then hang"])

    def test_a_close_without_an_answer_is_a_finding_unless_it_is_allowed(self):
        self.assertEqual(found_by_case(answering()), ["no answer, then closed"])
        self.assertEqual(found_by_case(answering(), refused("NULs", bytes(9), may_be_silent=True)), [])

    def test_a_500_is_a_finding(self):
        self.assertEqual(found_by_case(answering(ERROR)), ["500, then closed"])

    def test_bytes_that_are_no_answer_are_a_finding(self):
        self.assertIn("these bytes are no answer", found_by_case(answering(BAD, b"more"))[0])

    def test_the_inside_of_a_program_in_an_answer_is_a_finding(self):
        self.assertIn("Storage.swift", found_by_case(answering(LEAK))[0])
        self.assertEqual(Leaks(["/data/shop"]).find("no file /data/shop/a"), "/data/shop")
        self.assertIsNone(Leaks(["/data/shop"]).find("lines[0].sku is required"))

    def test_bytes_that_are_kept_behind_an_upgrade_are_a_finding(self):
        kept = []

        def keeping(connection):
            connection.recv(MIB)
            connection.sendall(OK)
            while piece := connection.recv(MIB):
                kept.append(piece)

        for handle, count in ((keeping, 1), (answering(OK), 0)):
            with server(handle) as target:
                subject = context(target)
                with subject.memory(target, 16 * MIB, "upgrade") as memory:
                    http1.pour(target, get(b"Upgrade: h2c"), 48 * MIB, 5, lambda memory=memory: (memory.growth or 0) > 16 * MIB)
                self.assertEqual(len(subject.findings.all), count)
            kept.clear()

    def test_a_mutation_that_gets_a_500_or_nothing_is_a_finding(self):
        for handle, count in ((answering(ERROR), 1), (never, 0), (answering(BAD), 0), (lambda connection: time.sleep(0.5), 1)):
            with server(handle) as target:
                subject = context(target, 0.2)
                http1.HTTP1().check_mutation(subject, target, "mutation", b"GET /")
                self.assertEqual(len(subject.findings.all), count)


@unittest.skipUnless(importlib.util.find_spec("hpack"), "Scripts/setup test installs hpack")
class PlantedHTTP2Tests(unittest.TestCase):
    def check(self, handle, case):
        with server(handle) as target:
            subject = context(target, 0.3)
            http2.HTTP2().check(subject, target, case)
            return [finding.seen for finding in subject.findings.all]

    @staticmethod
    def health(connection):
        """Answers the sentinel, whatever came before it."""
        connection.recv(MIB)
        connection.sendall(frames.frame(frames.HEADERS, 5, 1, b"\x00\x0bgrpc-status\x010"))
        connection.sendall(frames.frame(frames.HEADERS, 5, http2_cases.SENTINEL_STREAM, b"\x00\x0bgrpc-status\x010"))
        connection.recv(MIB)

    def test_a_violation_must_end_the_connection(self):
        case = http2_cases.ends("a violation", frames.frame(frames.DATA, 0, 0, b"abc"))
        self.assertEqual(self.check(answering(), case), [])
        self.assertEqual(self.check(self.health, case), ["the connection lives"])
        self.assertEqual(self.check(never, case), ["neither after 0.3 s"])

    def test_what_is_allowed_must_not_end_it(self):
        case = http2_cases.Case("allowed", b"", "lives")
        self.assertEqual(self.check(self.health, case), [])
        self.assertEqual(self.check(answering(), case), ["the connection closed, GOAWAY None"])

    def test_a_call_that_must_fail_is_looked_at(self):
        case = http2_cases.Case("malformed", frames.call(1), "either", http2_cases.FAILED)
        self.assertEqual(self.check(self.health, case), ["the call: grpc-status 0"])


class PlantedJSONTests(unittest.TestCase):
    def seen(self, name, status, reason, detail=""):
        body = json.dumps({"reason": reason, "detail": detail}).encode()
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with server(answering(head + body)) as target:
            subject = context(target)
            suite = json_bodies.JSONBodies()
            suite.token = "t"
            suite.check(subject, target, ("POST", "/"), name, b"{}")
            return len(subject.findings.all)

    def test_wrong_answers_are_findings(self):
        malformed = ("request.malformed", "body is not JSON at line 1")
        self.assertEqual(self.seen("y_a", 400, "request.invalid"), 0)
        self.assertEqual(self.seen("y_a", 400, *malformed), 1)
        self.assertEqual(self.seen("n_a", 400, *malformed), 0)
        self.assertEqual(self.seen("n_a", 400, "request.invalid"), 1)
        self.assertEqual(self.seen("n_a", 400, "request.malformed", "no"), 1)
        self.assertEqual(self.seen("n_a", 200, ""), 1)
        self.assertEqual(self.seen("i_a", 200, ""), 0)
        self.assertEqual(self.seen("i_a", 503, ""), 1)

    def test_the_names_of_the_corpus_state_what_its_files_are(self):
        def refuse(name):
            raise ValueError(name)

        documents = list(json_bodies.files(json_bodies.OWN))
        self.assertGreater(len(documents), 50)
        for name, body in documents:
            self.assertIn(name[:2], ("y_", "n_", "i_"))
            if name.startswith("i_"):
                continue
            try:
                json.loads(body.decode("utf-8"), parse_constant=refuse)
                self.assertTrue(name.startswith("y_"), name)
            except ValueError:
                self.assertTrue(name.startswith("n_"), name)


class PlantedLimitsTests(unittest.TestCase):
    def seen(self, *answers):
        replies = iter(answers)
        with mock.patch.object(limits, "WRITES_MAX", 3), server(lambda connection: answering(next(replies))(connection)) as target:
            subject = context(target)
            subject.shop.targets = [Target(Target.GATEWAY, "http", target.port, target.pid)]
            limits.RequestLimits().writes(subject)
            return [finding.expected for finding in subject.findings.all]

    def test_writes_without_a_limit_or_with_half_an_answer_are_findings(self):
        cart = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"cart_id":"c"}'
        limited = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nRetry-After: 3\r\nRateLimit: x\r\n\r\n"
        self.assertEqual(self.seen(cart, limited, cart), [])
        self.assertEqual(self.seen(cart, cart, cart), ["429 before 3 in a minute"])
        self.assertEqual(len(self.seen(limited.replace(b"Retry-After", b"X-A").replace(b"RateLimit", b"X-B"), cart)), 2)
        self.assertEqual(self.seen(limited, limited), ["200 beside the refused one"])
        self.assertEqual(self.seen(ERROR), ["200 or 429"])


class FindingTests(unittest.TestCase):
    def test_a_finding_states_how_to_repeat_it_and_a_case_has_one_line(self):
        printed = []
        subject = Findings(printed.append)
        for port in range(5):
            subject.add(Finding("json", "a", f"cartsd http {port}", "400", "500", 3))
        self.assertEqual(len(printed), Findings.PRINTED_MAX)
        self.assertEqual(
            subject.summary(),
            ["json: a, at cartsd http 0: expected 400; seen 500; repeat: Scripts/hostile --only json --seed 3 (and 4 more)"],
        )

    def test_the_names_of_cases_are_unique(self):
        for cases in (all_cases(), [*http2_cases.violations(), *http2_cases.calls()]):
            names = [case.name for case in cases]
            self.assertEqual(sorted(names), sorted(set(names)))

    def test_a_seed_repeats_its_mutations(self):
        first, second = ([http1.mutated(get(), generator) for _ in range(20)] for generator in (random.Random(1), random.Random(1)))
        self.assertEqual(first, second)

    def test_answers_are_read_strictly(self):
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        self.assertEqual([answer.body for answer in wire.answers(OK + chunked + OK)], [b"ok"] * 3)
        for broken in (OK + b"x", OK[:-1], b"HTTP/2 200\r\n\r\n", chunked[:-3]):
            with self.assertRaises(wire.NotHTTP):
                list(wire.answers(broken))


if __name__ == "__main__":
    unittest.main()
