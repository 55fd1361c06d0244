"""The parts of the proof. Each answers its figures, and tells its work what it found."""

import re
import subprocess

from plan import mutants_all

# Sums of what worlds came to; whatever else the simulator says of many worlds is its own.
NUMBERS = (
    "worlds", "soundWorlds", "orders", "calls", "failedCalls", "events", "steps", "simulatedSeconds", "leaptSeconds",
    "foreignJobs", "unwatched",
)  # fmt: skip
TABLES = ("outcomes", "enabled", "faults", "crashPoints", "violated")


def merged(reports):
    """Many worlds, from reports about some of them each."""
    whole = {name: sum(report[name] for report in reports) for name in NUMBERS}
    for name in TABLES:
        whole[name] = {}
        for report in reports:
            for key, value in report[name].items():
                whole[name][key] = whole[name].get(key, 0) + value
    whole["neverHappened"] = sorted(fault for fault in whole["enabled"] if not whole["faults"].get(fault))
    whole["notSimulated"] = reports[0]["notSimulated"]
    return whole


def hashes(path):
    """By seed; that of a world that was lost is empty."""
    lines = (line.partition(" ") for line in path.read_text().splitlines())
    return {seed: text for seed, _, text in lines}


class Parts:
    def __init__(self, root):
        self.root = root
        self.release = root / ".build/release/martlet-sim"
        self.debug = root / ".build/debug/martlet-sim"

    # What comes first is needed by what follows, or is cheap.
    ORDER = ("worlds", "again", "builds", "crash-points", "control", "mutants", "kills", "chaos")

    def run(self, work):
        return getattr(self, work.part.replace("-", "_"))(work)

    # MARK: Simulated

    def many(self, work, count, chunk):
        """The first `count` seeds, in pieces; their merged report and their hashes."""
        plan, reports, known = work.plan, [], {}
        for first in range(1, count + 1, chunk):
            size = min(chunk, count - first + 1)
            name = f"{first:05}-{first + size - 1:05}"
            kept = work.file(f"{name}.hashes")
            command = [self.release, "--from", first, "--seeds", size, "--orders", plan.orders, "--faults", "all"]
            reports.append(work.piece(name, [*command, "--jobs", work.jobs, "--hashes", kept, "--json"], keeps=kept))
            self.judge_worlds(work, reports[-1])
            known |= hashes(kept)
        whole = merged(reports)
        self.judge_faults(work, whole)
        return whole, known

    def judge(self, work, report):
        self.judge_worlds(work, report)
        self.judge_faults(work, report)
        if not report["isSound"] and not work.findings:
            work.found("the run was not sound and does not say why")

    @staticmethod
    def judge_worlds(work, report):
        """What has to hold of a few worlds as well; a fault may never happen in so few."""
        for finding in report["findings"]:
            work.found(f"seed {finding['seed']}: {finding['invariant']}: {finding['what']}; replay: {finding['replay']}")
        if report["foreignJobs"]:
            work.found(f"{report['foreignJobs']} jobs left the simulation or came from outside")
        if report["unwatched"]:
            work.found(f"in {report['unwatched']} worlds nobody could look for jobs that left the simulation")
        unsound = report["worlds"] - report["soundWorlds"]
        if unsound and not work.findings:
            work.found(f"{unsound} worlds were not sound and do not say why")

    @staticmethod
    def judge_faults(work, report):
        for fault in report["neverHappened"]:
            work.found(f"the fault {fault} was enabled in {report['enabled'][fault]} worlds and never happened")

    def worlds(self, work):
        whole, known = self.many(work, work.plan.seeds, work.plan.chunk)
        work.file("all.hashes").write_text("".join(f"{seed} {known[seed]}\n" for seed in sorted(known, key=int)))
        return whole | {"ordersOfWorld": work.plan.orders}

    def again(self, work):
        """The same in other processes, and in groups of other sizes: what one world leaves must not touch the next."""
        count = min(work.plan.again, work.plan.seeds)
        first = work.records.read("worlds.json")
        if not first or first["figures"].get("worlds", 0) < count:
            work.found("the first run is not there: run the part worlds before")
            return {"worlds": 0}
        whole, known = self.many(work, count, max(1, work.plan.chunk * 24 // 25))
        same = self.compare(work, "the first run", hashes(work.records.path("worlds", "all.hashes")), known)
        return same | {"notSimulated": whole["notSimulated"]}

    def builds(self, work):
        plan, known = work.plan, []
        for name, program in (("release", self.release), ("debug", self.debug)):
            kept = work.file(f"{name}.hashes")
            command = [program, "--seeds", plan.builds, "--orders", plan.builds_orders, "--jobs", work.jobs]
            report = work.piece(name, [*command, "--hashes", kept, "--json"], keeps=kept)
            self.judge(work, report)
            known.append(hashes(kept))
        same = self.compare(work, "the release build", *known)
        return same | {"ordersOfWorld": plan.builds_orders, "notSimulated": report["notSimulated"]}

    @staticmethod
    def compare(work, name, first, second):
        # A world without a hash was lost, and is equal to nothing.
        different = [seed for seed in sorted(second, key=int) if not second[seed] or first.get(seed) != second[seed]]
        if different:
            seed = different[0]
            work.found(
                f"{len(different)} of {len(second)} hashes differ from {name}; the first is that of seed {seed}: "
                f"{first.get(seed) or 'none'} and {second[seed] or 'none'}"
            )
        return {"worlds": len(second), "different": len(different)}

    def crash_points(self, work):
        mode = work.plan.crash_points
        report = work.piece(mode, [self.release, "--crash-points", mode, "--jobs", work.jobs, "--json"])
        for finding in report.pop("findings"):
            work.found(f"{finding['crashes']}: {finding['invariant']}: {finding['what']}; replay: {finding['replay']}")
        for name in report["unreached"]:
            work.found(f"no world passes the crash point {name}")
        for name in report["neverCame"]:
            work.found(f"the crash {name} never came")
        if not report["isSound"] and not work.findings:
            work.found(f"the run was not sound: {report['soundWorlds']} of {report['worlds']} worlds were")
        return report

    def control(self, work):
        plan = work.plan
        command = [self.release, "--seeds", plan.control, "--orders", plan.control_orders, "--control"]
        report = work.piece("both", [*command, "--jobs", work.jobs, "--json"])
        for invariant in ("I8 no message lost", "I9 effect once"):
            if not report["control"]["violated"][invariant]:
                work.found(f"the control did not break {invariant}: the audit is blind to it")
        self.judge(work, report)
        kept = ("worlds", "soundWorlds", "violated", "control", "notSimulated")
        return {name: report[name] for name in kept} | {"ordersOfWorld": plan.control_orders}

    def mutants(self, work):
        plan, answer = work.plan, work.file("report.json")
        choice = ["--count", plan.mutants] if plan.mutants else []
        command = [self.root / "Scripts/mutants", *choice, "--seeds", plan.mutant_seeds, "--jobs", work.jobs]
        report = work.piece("all" if not choice else f"{plan.mutants}", [*command, "--json", answer], answer)
        for name in report["survivors"]:
            work.found(f"the mutant {name} survived {plan.mutant_seeds} seeds")
        for name in report["broken"]:
            work.found(f"the mutant {name} could not be made")
        if not report["control"]["sound"]:
            work.found("the program without a mutant was not sound")
        return report | {"all": mutants_all()}

    # MARK: Real processes

    def scenario(self, work, name, *words):
        """One scenario of Scripts/chaos on a shop of its own."""
        answer = work.file(f"{name}.report.json")
        command = [self.root / "Scripts/chaos", "--only", name, *words, "--json", answer]
        report = work.piece(name, command, answer)
        for outcome in report["scenarios"]:
            for violation in outcome["violations"]:
                work.found(f"{name}: {violation['invariant']}: {violation['what']} ({command_line(command, self.root)})")
            for oddity in outcome.get("oddities", ()):
                work.found(f"{name}: {oddity}")
        if not report["holds"] and not any(found.startswith(f"{name}: ") for found in work.findings):
            work.found(f"{name}: a fault was never injected ({command_line(command, self.root)})")
        return report

    def kills(self, work):
        report = self.scenario(work, "kills", "--kills", str(work.plan.kills))
        injected = report["scenarios"][0]["injected"]
        done = sum(times for name, times in injected.items() if name.startswith("kill -9 ") and name.endswith("d"))
        if done < work.plan.kills:
            work.found(f"{done} kills of {work.plan.kills}")
        return outcome(report) | {"kills": done, "seed": report["seed"], "kinds": injected}

    def chaos(self, work):
        listed = subprocess.run(
            [self.root / "Scripts/chaos", "--list"], capture_output=True, text=True, check=True, cwd=self.root
        ).stdout.split("\n\n")[0]
        names = [line.split()[0] for line in listed.splitlines() if line and not line.startswith("kills ")]
        words = ["--long"] if work.plan.is_long else []
        reports = [self.scenario(work, name, *words) for name in names]
        # Some faults are tried by the kills alone.
        kills = work.records.read("kills", "kills.json")
        tried = reports + ([kills["answer"]] if kills else [])
        return {"scenarios": [outcome(report) for report in reports], "faults": faults(tried)}


def command_line(words, root):
    return " ".join(re.sub(f"^{re.escape(str(root))}/", "", str(word)) for word in words)


def outcome(report):
    one = report["scenarios"][0]
    figures = one.get("figures") or {}
    return {
        "name": one["scenario"], "holds": report["holds"], "seconds": one["seconds"],
        "injected": sum(one["injected"].values()), "told": figures.get("orders_told", 0),
        "captures": figures.get("captures", 0), "converged": figures.get("converged_seconds"),
    }  # fmt: skip


def faults(reports):
    """Fault by fault, over all scenarios: the worst verdict, and how often it was injected."""
    ranks = ["BROKEN", "holds", "not here", "not run", "elsewhere", "absent"]
    whole = {}
    for report in reports:
        for row in report["faults"]:
            known = whole.setdefault(row["fault"], dict(row, injected=0))
            known["injected"] += row["injected"]
            if ranks.index(row["verdict"]) < ranks.index(known["verdict"]):
                known |= {"verdict": row["verdict"], "what": row["what"]}
    return [whole[fault] for fault in sorted(whole)]
