"""The table at the end: fault by fault, what was really injected and what came of it."""

import time


class Report:
    def __init__(self, options):
        self.options = options
        self.outcomes = []
        self.begun = time.time()

    def add(self, outcome):
        self.outcomes.append(outcome)

    @property
    def holds(self):
        return all(outcome["holds"] for outcome in self.outcomes)

    def as_json(self):
        return {
            "seed": self.options.seed,
            "kills": self.options.kills,
            "holds": self.holds,
            "seconds": round(time.time() - self.begun, 1),
            "scenarios": self.outcomes,
        }

    def write(self):
        for outcome in self.outcomes:
            print(f"\n{outcome['scenario']}: {'holds' if outcome['holds'] else 'BROKEN'} ({outcome['seconds']} s)")
            for what, number in outcome["injected"].items():
                print(f"  {number:5} × {what}")
            for violation in outcome["violations"]:
                print(f"  VIOLATION {violation['invariant']}: {violation['what']}")
            for oddity in outcome.get("oddities", ()):
                print(f"  ODD {oddity}")
            print(f"  {outcome.get('figures')}")
            if outcome["folder"]:
                print(f"  kept: {outcome['folder']}")
        print("\nno violation" if self.holds else "\nVIOLATIONS FOUND")

    @staticmethod
    def catalogue():
        return 0
