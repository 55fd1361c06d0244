"""The final table: each fault, its result, and how often it was injected."""

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
        return all(outcome["holds"] for outcome in self.outcomes) and not self.never_injected()

    def never_injected(self):
        """Faults that a scenario covers, did not skip, and never injected."""
        return sorted(
            fault
            for outcome in self.outcomes
            for fault in outcome["covers"]
            if fault not in outcome.get("skipped", {}) and not self.times(fault) and outcome["holds"]
        )

    def times(self, fault):
        return sum(outcome.get("injected_by_fault", {}).get(fault, 0) for outcome in self.outcomes)

    def rows(self):
        """Fault, result, times injected, description."""
        rows = []
        for fault in catalogue.ALL:
            if fault in catalogue.ABSENT:
                rows.append((fault, "absent", 0, f"the shop has none: {catalogue.ABSENT[fault]}"))
                continue
            what = catalogue.INJECTED.get(fault) or catalogue.ELSEWHERE[fault]
            played = [outcome for outcome in self.outcomes if fault in outcome["covers"]]
            if not played:
                result = "not run" if fault in catalogue.INJECTED else "elsewhere"
                rows.append((fault, result, 0, what))
                continue
            texts = [what] + [outcome["remarks"][fault] for outcome in played if fault in outcome.get("remarks", {})]
            texts += [f"not here: {outcome['skipped'][fault]}" for outcome in played if fault in outcome.get("skipped", {})]
            rows.append((fault, self.result(fault, played), self.times(fault), "; ".join(text.strip("; ") for text in texts)))
        return rows

    def result(self, fault, played):
        for outcome in played:
            named = [violation for violation in outcome["violations"] if violation["invariant"] == fault]
            # A violated invariant counts against every fault of the scenario; a finding only against its own.
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
                {"fault": fault, "result": result, "injected": times, "what": text} for fault, result, times, text in self.rows()
            ],
            "scenarios": self.outcomes,
        }

    def write(self):
        print(f"{'FAULT':6} {'RESULT':9} {'INJECTED':>8}  WHAT")
        for fault, result, times, text in self.rows():
            print(f"{fault:6} {result:9} {times or '-':>8}  {text}")
        print()
        for outcome in self.outcomes:
            figures = outcome.get("figures") or {}
            orders, seconds = figures.get("orders_acknowledged", 0), figures.get("converged_seconds", "-")
            print(
                f"{outcome['scenario']:13} {'holds' if outcome['holds'] else 'BROKEN':7} {outcome['seconds']:6.1f} s  "
                f"{sum(outcome['injected'].values()):5} faults  {orders:6} orders acknowledged, {figures.get('captures', 0)} captures, "
                f"quiescent after {seconds} s")  # fmt: skip
            for violation in outcome["violations"]:
                print(f"    VIOLATION {violation['invariant']}: {violation['what']}")
            for refusal in outcome.get("oddities", ()):
                print(f"    UNEXPECTED {refusal}")
            if outcome["folder"]:
                print(f"    folder: {outcome['folder']}")
        if never := self.never_injected():
            print(f"\nNEVER INJECTED: {', '.join(never)}")
        print(f"\nseed {self.options.seed}: {'no violation' if self.holds else 'VIOLATIONS FOUND'}")
        print("Real processes, SQLite and sockets on one machine. kill -9 keeps the page cache: power loss is simulated.")

    @staticmethod
    def catalogue(scenarios):
        for scenario in scenarios:
            text = sys.modules[scenario.__module__].__doc__.strip().split("\n")[0]
            if scenario.__doc__:
                text = scenario.__doc__.strip().split("\n")[0]
            print(f"{scenario.name:13} {'quick' if scenario.is_quick else '--all'}  {text}")
        print()
        for fault in catalogue.ALL:
            by = ", ".join(scenario.name for scenario in scenarios if fault in scenario.covers)
            if fault in catalogue.ABSENT:
                print(f"{fault}  absent: {catalogue.ABSENT[fault]}")
            else:
                print(f"{fault}  {by or 'elsewhere'}: {catalogue.INJECTED.get(fault) or catalogue.ELSEWHERE[fault]}")
        return 0
