"""The table at the end: fault by fault, how often it was really injected, and what came of it."""

import sys
import time

from . import catalogue


class Report:
    def __init__(self, options):
        self.options = options
        self.outcomes = []
        self.begun = time.time()

    def add(self, outcome):
        self.outcomes.append(outcome)

    @property
    def holds(self):
        return all(outcome["holds"] for outcome in self.outcomes) and not self.idle()

    def idle(self):
        """Faults that a scenario covers, was not hindered to inject, and never did."""
        return sorted(
            fault
            for outcome in self.outcomes
            for fault in outcome["covers"]
            if fault not in outcome.get("skipped", {}) and not self.times(fault) and outcome["holds"]
        )

    def times(self, fault):
        return sum(outcome.get("injected_by_fault", {}).get(fault, 0) for outcome in self.outcomes)

    def rows(self):
        """Fault, verdict, times injected, words."""
        rows = []
        for fault in catalogue.ALL:
            if fault in catalogue.ABSENT:
                rows.append((fault, "absent", 0, f"the shop has none: {catalogue.ABSENT[fault]}"))
                continue
            what = catalogue.BY.get(fault) or catalogue.ELSEWHERE[fault]
            played = [outcome for outcome in self.outcomes if fault in outcome["covers"]]
            if not played:
                verdict = "not run" if fault in catalogue.BY else "elsewhere"
                rows.append((fault, verdict, 0, what))
                continue
            words = [what] + [outcome["remarks"][fault] for outcome in played if fault in outcome.get("remarks", {})]
            words += [f"not here: {outcome['skipped'][fault]}" for outcome in played if fault in outcome.get("skipped", {})]
            rows.append((fault, self.verdict(fault, played), self.times(fault), "; ".join(word.strip("; ") for word in words)))
        return rows

    def verdict(self, fault, played):
        for outcome in played:
            named = [violation for violation in outcome["violations"] if violation["invariant"] == fault]
            # An invariant is broken by whatever the scenario did; a finding of another fault is not this one's.
            general = [violation for violation in outcome["violations"] if not violation["invariant"].startswith("F")]
            if named or general or (not outcome["holds"] and not outcome["violations"]):
                return "BROKEN"
        return "holds" if self.times(fault) else "not here"

    def as_json(self):
        return {
            "seed": self.options.seed,
            "kills": self.options.kills,
            "holds": self.holds,
            "seconds": round(time.time() - self.begun, 1),
            "faults": [
                {"fault": fault, "verdict": verdict, "injected": times, "what": words} for fault, verdict, times, words in self.rows()
            ],
            "scenarios": self.outcomes,
        }

    def write(self):
        print(f"{'FAULT':6} {'VERDICT':9} {'INJECTED':>8}  WHAT")
        for fault, verdict, times, words in self.rows():
            print(f"{fault:6} {verdict:9} {times or '-':>8}  {words}")
        print()
        for outcome in self.outcomes:
            figures = outcome.get("figures") or {}
            told, rest = figures.get("orders_told", 0), figures.get("converged_seconds", "-")
            print(
                f"{outcome['scenario']:13} {'holds' if outcome['holds'] else 'BROKEN':7} {outcome['seconds']:6.1f} s  "
                f"{sum(outcome['injected'].values()):5} faults  {told:6} orders told, {figures.get('captures', 0)} captures, "
                f"at rest after {rest} s")  # fmt: skip
            for violation in outcome["violations"]:
                print(f"    VIOLATION {violation['invariant']}: {violation['what']}")
            for oddity in outcome.get("oddities", ()):
                print(f"    ODD {oddity}")
            if outcome["folder"]:
                print(f"    kept: {outcome['folder']}")
        if idle := self.idle():
            print(f"\nNEVER INJECTED: {', '.join(idle)}")
        print(f"\nseed {self.options.seed}: {'no violation' if self.holds else 'VIOLATIONS FOUND'}")
        print("Real processes, SQLite and sockets on one machine. kill -9 keeps the page cache: power loss is the simulation's.")

    @staticmethod
    def catalogue(scenarios):
        for scenario in scenarios:
            words = sys.modules[scenario.__module__].__doc__.strip().split("\n")[0]
            print(f"{scenario.name:13} {'quick' if scenario.is_quick else '--all'}  {scenario.__doc__ and scenario.__doc__.strip().splitlines()[0] or words}")
        print()
        for fault in catalogue.ALL:
            by = ", ".join(scenario.name for scenario in scenarios if fault in scenario.covers)
            if fault in catalogue.ABSENT:
                print(f"{fault}  absent: {catalogue.ABSENT[fault]}")
            else:
                print(f"{fault}  {by or 'elsewhere'}: {catalogue.BY.get(fault) or catalogue.ELSEWHERE[fault]}")
        return 0
