"""Tests of Simulations/Model: the rules hold, and each is needed. `make prove-model` goes deeper."""

import importlib.machinery
import importlib.util
import sys
import unittest
from pathlib import Path

MODEL = Path(__file__).resolve().parents[2] / "Simulations/Model"
sys.path.insert(0, str(MODEL))
from explore import SCOPES, explore
from inbox import Event, Inbox, decide, delivered, redriven, skipped
from rules import EVERY, RULES

loader = importlib.machinery.SourceFileLoader("prove", str(MODEL / "prove"))
prove = importlib.util.module_from_spec(importlib.util.spec_from_loader("prove", loader))
loader.exec_module(prove)

# The scope in which a missing rule is found, and the depth that it takes.
FOUND = {
    "positions_per_epoch": ("epochs", 6),
    "failing_waits": ("failures", 5),
    "gap_waits": ("epochs", 6),
    "late_kept": ("epochs", 4),
    "epoch_above_now": ("epochs", 8),
    "epoch_above_log": ("epochs", 4),
    "epoch_distinct": ("epochs", 7),
    "group_goes_back": ("consumers", 5),
    "log_goes_back": ("consumers", 7),
    "resend_apart": ("epochs", 4),
    "before_counted": ("latest", 6),
    "base_of_older_keys": ("epochs", 4),
    "base_is_lowest": ("failures", 5),
    "start_once": ("latest", 4),
    "purge_booked": ("latest", 3),
    "gap_position_stays": ("gaps", 4),
    "gap_redrives": ("gaps", 5),
    "redrive_stops_at_gap": ("gaps", 5),
    "stored_is_duplicate": ("failures", 6),
    "skipped_is_late": ("gaps", 5),
    "late_apart": ("failures", 7),
    "late_remembered": ("epochs", 6),
    "answer_per_event": ("outbox", 2),
    "fill_waits": ("fills", 6),
}
# The depth in `make verify`.
DEPTH = 6


def event(epoch, number):
    return Event(epoch, number, 100 * epoch + number, 100 * epoch + 1)


def taken(inbox, *events, start="earliest", **outcome):
    for each in events:
        inbox, _ = delivered(inbox, each, start, EVERY, **outcome)
    return inbox


class ModelTests(unittest.TestCase):
    def test_no_state_to_the_depth_violates_an_invariant(self):
        for scope in SCOPES:
            with self.subTest(scope=scope.name):
                finding, states = explore(scope, DEPTH)
                self.assertIsNone(finding)
                self.assertGreater(states, 400)

    def test_each_missing_rule_is_found(self):
        scopes = {scope.name: scope for scope in SCOPES}
        self.assertEqual(set(FOUND), set(RULES))
        for rule, (name, depth) in FOUND.items():
            with self.subTest(rule=rule):
                finding, _ = explore(scopes[name], depth, EVERY - {rule})
                self.assertIsNotNone(finding)
                self.assertLessEqual(len(finding.steps), depth)

    def test_every_interleaving_of_restores_and_gaps_has_a_rule(self):
        self.assertEqual({int(text.split(":")[0]) for text in RULES.values()}, set(range(1, 13)))


class InboxTests(unittest.TestCase):
    """The rules on single deliveries, which the tests of the toolkit repeat."""

    start = Inbox(began=0)

    def test_an_older_epoch_has_duplicates_and_late_events(self):
        inbox = taken(self.start, event(1, 1), event(1, 2), event(2, 1))
        self.assertEqual(decide(inbox, event(1, 2), "earliest", EVERY), "duplicate")
        self.assertEqual(decide(inbox, event(1, 3), "earliest", EVERY), "late")
        self.assertEqual(taken(inbox, event(1, 3), event(2, 2)).applied[-1], event(2, 2))

    def test_what_was_given_back_holds_newer_epochs_back(self):
        failing = taken(self.start, event(1, 1), succeeds=False)
        self.assertEqual(decide(failing, event(2, 1), "earliest", EVERY), "wait")
        waiting = taken(self.start, event(1, 2))
        self.assertEqual(decide(waiting, event(2, 1), "earliest", EVERY), "wait")

    def test_the_first_number_depends_on_the_age_of_the_key(self):
        inbox = Inbox(began=100)
        for start in ("earliest", "latest"):
            with self.subTest(start=start):
                self.assertEqual(decide(inbox, Event(1, 3, 200, 99), start, EVERY), "apply")
                self.assertEqual(decide(inbox, Event(1, 3, 200, 100), start, EVERY), "wait")
                self.assertEqual(decide(inbox, Event(1, 1, 200, 200), start, EVERY), "apply")

    def test_a_missing_event_closes_its_gap(self):
        parked = taken(taken(self.start, event(1, 1)), event(1, 3), is_overdue=True)
        self.assertEqual(redriven(parked, EVERY), parked)
        self.assertEqual(taken(parked, event(1, 2)).applied, (event(1, 1), event(1, 2), event(1, 3)))

    def test_a_skipped_number_that_comes_is_late(self):
        parked = taken(taken(self.start, event(1, 1)), event(1, 3), is_overdue=True)
        inbox = skipped(parked, EVERY)
        self.assertEqual(inbox.applied, (event(1, 1), event(1, 3)))
        self.assertEqual(taken(inbox, event(1, 2)).late, (event(1, 2),))


if __name__ == "__main__":
    unittest.main()
