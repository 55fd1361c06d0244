"""Tests of Simulations/Hostile: what its observers report of a shop that is attacked, and what they do not."""

import importlib.util
import json
import os
import socket
import tempfile
import threading
import time
import types
import unittest
from unittest import mock

from planted import ERROR, MIB, OK, ROOT, answering, context, never, server

from hostile import bystander, warmup
from hostile.context import Limits
from hostile.suites import connections, http1
from hostile.target import Target
from hostile.watcher import Log, Watcher


class PlantedConnectionsTests(unittest.TestCase):
    """A server of at most three connections on which nothing moves."""

    CART = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"cart_id":"c"}'
    REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

    def full(self, gives_way, peers):
        held, lock = [], threading.Lock()

        def handle(connection):
            request = connection.recv(MIB)
            with lock:
                peers.append(connection.getpeername()[0])
                is_full = len(held) >= 3
                if is_full and gives_way:
                    # Not `close`, which another thread that waits for bytes would not notice.
                    held.pop(0).shutdown(socket.SHUT_RDWR)
                if b"/openapi.json" in request and (gives_way or not is_full):
                    held.append(connection)
            if connection in held:
                never(connection)
            else:
                connection.sendall(self.REFUSED if is_full and not gives_way else self.CART)

        return handle

    def reports(self, gives_way, load):
        """What a guest reports while a load holds its connections, and the addresses that connected."""
        peers, reports = [], []
        with mock.patch.object(bystander, "GUEST_PAUSE_SECONDS", 0), server(self.full(gives_way, peers)) as target:
            shop = types.SimpleNamespace(targets=[], gateway=target, sku="MUG")
            guest = bystander.Bystander(shop, Limits(bystander=2), bystander.Present(), lambda what, *_: reports.append(what))
            subject = context(target)
            with mock.patch.object(connections, "STEP_SECONDS", 0.1):
                holding = threading.Thread(target=connections.Connections().hold, args=(subject, target, load, 0.8))
                holding.start()
                time.sleep(0.4)
                guest.visit(1)
                holding.join()
            self.assertEqual(subject.findings.all, [])
        return reports, peers

    def test_answers_that_are_not_read_shut_a_guest_out_unless_they_give_way(self):
        load = connections.Load("unread", 6, connections.ASKED, reads=False)
        reports, peers = self.reports(False, load)
        self.assertEqual(reports[:2], ["bystander: a guest's search", "bystander: a guest's product page"])
        self.assertEqual(set(peers), {"127.0.0.1", bystander.GUEST_SOURCE})
        self.assertEqual(self.reports(True, load)[0], [])

    def test_a_load_comes_from_its_addresses_and_comes_back(self):
        load = connections.Load("unread", 6, connections.ASKED, reads=False, addresses=3, returns=True)
        reports, peers = self.reports(True, load)
        self.assertEqual(reports, [])
        attackers = [peer for peer in peers if peer.startswith("127.0.8.")]
        self.assertEqual(set(attackers), {"127.0.8.1", "127.0.8.2", "127.0.8.3"})
        self.assertGreater(len(attackers), load.count)

    def test_a_listener_that_accepts_nothing_is_a_finding(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            target = Target("tiny", "http", listener.getsockname()[1], os.getpid())
        subject = context(target)
        connections.Connections().hold(subject, target, connections.IDLE, 0)
        self.assertEqual([finding.seen for finding in subject.findings.all], ["none"])

    def test_what_has_arrived_is_not_the_end_of_a_connection(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.sendall(OK)
            self.assertFalse(connections.has_ended(ours))
            theirs.shutdown(socket.SHUT_WR)
            self.assertTrue(connections.has_ended(ours))

    def test_the_attacks_of_strangers_are_in_every_run(self):
        phases = connections.PHASES[: connections.PHASES_LEAST]
        at_gateway = [phase.get(("gatewayd", "http")) for phase in phases]
        for load in (connections.UNREADING_MORE, connections.UNREADING_MOST, connections.HOLDING_LINES_OF_MANY):
            self.assertIn(load, at_gateway)
        self.assertIn(b"PUT /v1/carts/", connections.HOLDING_LINES.first)
        at_health = {load for phase in phases for (_, kind), load in phase.items() if kind == "health"}
        self.assertEqual(at_health, {connections.IDLE, connections.UNREADING_METRICS})


@unittest.skipUnless(importlib.util.find_spec("schemathesis"), "Scripts/setup test installs schemathesis")
class OpenAPITests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import openapi_hooks

        cls.hooks = openapi_hooks

    def is_stated(self, *violations, status=400, reason="request.invalid"):
        rows = [{"field": field, "rule": rule} for field, rule in violations]
        body = json.dumps({"reason": reason, "violations": rows}).encode()
        return self.hooks.is_stated(types.SimpleNamespace(status_code=status, content=body))

    def test_only_refusals_by_rules_that_the_contract_states_in_words_are_no_finding(self):
        signs = ("lines[1].unit_price.nanos", "must have the same sign as units")
        self.assertTrue(self.is_stated(signs))
        self.assertTrue(self.is_stated(("sku", "must be in Unicode's normal form C (NFC), which is \u00e9"), signs))
        self.assertTrue(self.is_stated(reason="orders.empty"))
        self.assertFalse(self.is_stated(signs, ("lines[1].quantity", "must be at most 5")))
        self.assertFalse(self.is_stated(signs, status=500))
        self.assertFalse(self.is_stated())

    def test_an_unknown_header_is_no_finding_and_an_unknown_parameter_is_one(self):
        from schemathesis.core.failures import AcceptedNegativeData

        def is_finding(component):
            message = f"Invalid data should have been rejected\nExpected: 400\nInvalid component: {component}"
            failure = AcceptedNegativeData(operation="GET /", message=message, status_code=200, expected_statuses=["400"])
            return self.hooks.filter_failure(None, failure, None, types.SimpleNamespace(status_code=200, content=b"{}"))

        self.assertFalse(is_finding("in header - object with unexpected properties"))
        self.assertTrue(is_finding("in query - object with unexpected properties"))
        self.assertTrue(is_finding("parameter `Idempotency-Key` in header - string longer than 255"))

    def test_every_rule_in_words_is_one_of_the_programs(self):
        folders = [ROOT / folder for folder in ("Services", "Contracts", "Toolkit/Contract")]
        source = "\n".join(file.read_text() for folder in folders for file in folder.rglob("*.swift") if "Tests" not in file.parts)
        for rule in (*self.hooks.RULES, *self.hooks.RULE_BEGINNINGS):
            self.assertIn(rule, source)


class WatcherTests(unittest.TestCase):
    def test_an_ended_process_and_its_memory_are_findings(self):
        sizes = {1: 10 * MIB, 2: 10 * MIB}
        subject = Watcher({"a": 1, "b": 2}, [], sizes.get)
        subject.begin_suite()
        self.assertEqual(subject.end_suite(), [])
        self.assertEqual(subject.wait_for_memory(0), [])
        subject.peaks["a"] = 10 * MIB + subject.RISE_BYTES_MAX + 1
        sizes[2] = None
        self.assertEqual([(case, name) for case, name, _, _ in subject.end_suite()], [("memory", "a"), ("pids", "b")])
        self.assertEqual(subject.largest_rise, ("a", subject.RISE_BYTES_MAX + 1))
        sizes[1] = 12 * MIB + subject.REST_BYTES_MAX + 1
        self.assertEqual([name for _, name, _, _ in subject.wait_for_memory(0)], ["a"])
        self.assertEqual([case for case, *_ in subject.end_suite()], ["memory"])

    def test_memory_is_back_when_each_process_has_a_fifth_and_16_mib_more_than_idle(self):
        sizes = {1: 40 * MIB, 2: 200 * MIB}
        subject = Watcher({"a": 1, "b": 2}, [], sizes.get)
        sizes[1] = 64 * MIB
        self.assertEqual(subject.wait_for_memory(0), [])
        # What another process needs allows this one nothing.
        sizes[1] += 1
        expected = "at most 64 MiB after 0 s, 40 MiB idle"
        self.assertEqual(subject.wait_for_memory(0), [("memory afterwards", "a", expected, "64 MiB")])
        self.assertEqual([row["process"] for row in subject.memory_rows()], ["a", "b"])

    def test_crashes_and_errors_in_logs_are_findings_once(self):
        with tempfile.NamedTemporaryFile("w") as file:
            log = Log("a", file.name)
            subject = Watcher({}, [log], lambda _: 0)
            file.write('{"level":"info"}\n{"level":"error","message":"x"}\n*** Program crashed: trap\n{"level":"er')
            file.flush()
            self.assertEqual([seen[:9] for *_, seen in subject.log_findings()], ['{"level":', "*** Progr"])
            self.assertEqual(subject.log_findings(), [])
            file.write('ror"}\n')
            file.flush()
            self.assertEqual(len(subject.log_findings()), 1)


class WarmUpTests(unittest.TestCase):
    def test_it_counts_accepted_orders_and_ends_in_time(self):
        for handle, accepted, seconds in ((answering(OK), 20, 5), (answering(ERROR), 0, 5), (answering(OK), 0, 0)):
            with server(handle) as target:
                shop = types.SimpleNamespace(gateway=target, sku="MUG", token_of=lambda *_: "t")
                self.assertEqual(warmup.warm_up(shop, Limits(), 20, seconds), accepted)


class BystanderTests(unittest.TestCase):
    def test_a_wrong_or_late_answer_is_reported_with_what_was_being_done(self):
        for handle, answer, count in ((answering(OK), 5, 0), (answering(ERROR), 5, 1), (never, 0.1, 1)):
            with server(handle) as target:
                reports, present = [], bystander.Present()
                present.label = "http1: a case"
                shop = types.SimpleNamespace(targets=[target])
                bystander.Bystander(shop, Limits(bystander=answer), present, lambda *parts, reports=reports: reports.append(parts)).check(
                    target
                )
                self.assertEqual(len(reports), count)
                self.assertTrue(all("meanwhile http1: a case" in seen for *_, seen in reports))

    def test_the_listener_for_health_is_asked_and_attacked_as_http(self):
        row = {"name": "tinyd", "pid": 1, "http": 0, "grpc": 0, "operate": 0}
        self.assertEqual(Target.all([row]), [])
        self.assertEqual([str(target) for target in Target.all([{**row, "health": 9}])], ["tinyd health 9"])
        for handle, count in ((answering(OK), 0), (answering(ERROR), 1)):
            with server(handle) as target:
                reports, health = [], Target("tiny", "health", target.port, target.pid)
                shop = types.SimpleNamespace(targets=[health])
                subject = bystander.Bystander(shop, Limits(bystander=5), bystander.Present(), lambda what, *_: reports.append(what))
                subject.check(health)
                self.assertEqual(len(reports), count)
        subject = context(health)
        with mock.patch.object(http1.http1_cases, "all_cases", lambda: []), mock.patch.object(http1.HTTP1, "burst") as burst:
            with mock.patch.multiple(http1.HTTP1, upgrades=mock.DEFAULT, mutations=mock.DEFAULT):
                http1.HTTP1().run(subject)
        burst.assert_called_once_with(subject, health)


    def visit(self, handle, answer=5.0):
        """What a guest reports of a gateway, and the carts that it filled."""
        with mock.patch.object(bystander, "GUEST_PAUSE_SECONDS", 0), server(handle) as target:
            reports = []
            shop = types.SimpleNamespace(targets=[], gateway=target, sku="MUG")
            subject = bystander.Bystander(shop, Limits(bystander=answer), bystander.Present(), lambda what, *_: reports.append(what))
            subject.visit(1)
            return reports, subject.carts

    def test_a_guest_is_judged_as_a_customer_is(self):
        cart = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"cart_id":"c"}'
        asked = []

        def only_at_first(connection):
            asked.append(connection.recv(MIB).split(b" HTTP/")[0].decode())
            connection.sendall(cart if len(asked) < 4 else ERROR)

        before = [f"bystander: a guest's {step}" for step in ("search", "product page", "cart")]
        self.assertEqual(self.visit(answering(cart)), ([], 1))
        for handle, seconds in ((answering(ERROR), 5.0), (answering(OK), 5.0), (never, 0.1)):
            self.assertEqual(self.visit(handle, seconds), (before, 0))
        self.assertEqual(self.visit(only_at_first), (["bystander: a guest's line"], 0))
        self.assertEqual(asked, ["GET /v1/products?query=thing", "GET /v1/products/MUG", "POST /v1/carts", "PUT /v1/carts/c/lines/MUG"])


if __name__ == "__main__":
    unittest.main()
