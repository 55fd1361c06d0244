"""The parts of the proof. Each returns its figures, and adds its findings to its `Work`."""

import re
import subprocess

from plan import mutants_all

# The figures of the simulator's report that are summed over reports.
NUMBERS = (
    "worlds", "soundWorlds", "orders", "calls", "failedCalls", "events", "steps", "simulatedSeconds", "leaptSeconds",
    "foreignJobs", "unwatched",
)  # fmt: skip
TABLES = ("outcomes", "enabled", "faults", "crashPoints", "violated")


def merged(reports):
    """The sum of several reports, each about some worlds."""
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
    """The hashes by seed; the hash of a crashed world is empty."""
    lines = (line.partition(" ") for line in path.read_text().splitlines())
    return {seed: text for seed, _, text in lines}


class Parts:
    def __init__(self, root):
        self.root = root
        self.release = root / ".build/release/martlet-sim"
        self.debug = root / ".build/debug/martlet-sim"

    # Earlier parts are needed by later ones, or are cheap.
    ORDER = ("worlds", "again", "builds", "crash-points", "control", "mutants", "kills", "chaos")

    def run(self, work):
        return getattr(self, work.part.replace("-", "_"))(work)

    # MARK: Simulated

    def many(self, work, count, chunk):
        """Runs the first `count` seeds in chunks, within the part's budget; returns the merged report and the hashes."""
        plan, reports, known = work.plan, [], {}
        for first in range(1, count + 1, chunk):
            if not work.may_begin(len(known), chunk):
                break
            size = min(chunk, count - first + 1)
            name = f"{first:05}-{first + size - 1:05}"
            hash_file = work.file(f"{name}.hashes")
            command = [self.release, "--from", first, "--seeds", size, "--orders", plan.orders, "--faults", "all"]
            command += ["--jobs", work.jobs, "--hashes", hash_file, "--json"]
            reports.append(work.step(name, command, artifact=hash_file))
            self.check_worlds(work, reports[-1])
            known |= hashes(hash_file)
        work.completed(len(known), count, "worlds")
        whole = merged(reports)
        # In fewer worlds some faults may never happen.
        if not work.budget or len(known) >= work.budget.least:
            self.check_faults(work, whole)
        return whole, known

    def check(self, work, report):
        self.check_worlds(work, report)
        self.check_faults(work, report)
        if not report["isSound"] and not work.findings:
            work.add_finding("the run was not sound, without a finding")

    @staticmethod
    def check_worlds(work, report):
        """The checks that apply to few worlds, too, in which some faults may never happen."""
        for finding in report["findings"]:
            work.add_finding(f"seed {finding['seed']}: {finding['invariant']}: {finding['what']}; replay: {finding['replay']}")
        if report["foreignJobs"]:
            work.add_finding(f"{report['foreignJobs']} jobs left the simulation or came from outside")
        if report["unwatched"]:
            work.add_finding(f"in {report['unwatched']} worlds jobs that left the simulation could not be detected")
        unsound = report["worlds"] - report["soundWorlds"]
        if unsound and not work.findings:
            work.add_finding(f"{unsound} worlds were not sound, without a finding")

    @staticmethod
    def check_faults(work, report):
        for fault in report["neverHappened"]:
            work.add_finding(f"the fault {fault} was enabled in {report['enabled'][fault]} worlds and never happened")

    def worlds(self, work):
        whole, known = self.many(work, work.plan.seeds, work.plan.chunk)
        work.file("all.hashes").write_text("".join(f"{seed} {known[seed]}\n" for seed in sorted(known, key=int)))
        return whole | {"ordersOfWorld": work.plan.orders}

    def again(self, work):
        """The same worlds in other processes and chunk sizes: a world must not affect the next one."""
        count = min(work.plan.again, work.plan.seeds)
        first = work.records.read("worlds.json")
        if first and work.budget:
            count = min(count, first["figures"].get("worlds", 0))
        if not first or not count or first["figures"].get("worlds", 0) < count:
            work.add_finding("the first run is missing: run the part worlds first")
            return {"worlds": 0}
        whole, known = self.many(work, count, max(1, work.plan.chunk * 24 // 25))
        same = self.compare(work, "the first run", hashes(work.records.path("worlds", "all.hashes")), known)
        return same | {"notSimulated": whole["notSimulated"]}

    def builds(self, work):
        plan, known = work.plan, []
        for name, program in (("release", self.release), ("debug", self.debug)):
            hash_file = work.file(f"{name}.hashes")
            command = [program, "--seeds", plan.builds, "--orders", plan.builds_orders, "--jobs", work.jobs]
            report = work.step(name, [*command, "--hashes", hash_file, "--json"], artifact=hash_file)
            self.check(work, report)
            known.append(hashes(hash_file))
        same = self.compare(work, "the release build", *known)
        return same | {"ordersOfWorld": plan.builds_orders, "notSimulated": report["notSimulated"]}

    @staticmethod
    def compare(work, name, first, second):
        # A world without a hash has crashed, and counts as different.
        different = [seed for seed in sorted(second, key=int) if not second[seed] or first.get(seed) != second[seed]]
        if different:
            seed = different[0]
            work.add_finding(
                f"{len(different)} of {len(second)} hashes differ from {name}; the first is that of seed {seed}: "
                f"{first.get(seed) or 'none'} and {second[seed] or 'none'}"
            )
        return {"worlds": len(second), "different": len(different)}

    def crash_points(self, work):
        mode = work.plan.crash_points
        report = work.step(mode, [self.release, "--crash-points", mode, "--jobs", work.jobs, "--json"])
        for finding in report.pop("findings"):
            work.add_finding(f"{finding['crashes']}: {finding['invariant']}: {finding['what']}; replay: {finding['replay']}")
        for name in report["unreached"]:
            work.add_finding(f"no world reaches the crash point {name}")
        for name in report["neverCame"]:
            work.add_finding(f"the crash {name} never happened")
        if not report["isSound"] and not work.findings:
            work.add_finding(f"the run was not sound: {report['soundWorlds']} of {report['worlds']} worlds were")
        return report

    def control(self, work):
        plan = work.plan
        command = [self.release, "--seeds", plan.control, "--orders", plan.control_orders, "--control"]
        report = work.step("both", [*command, "--jobs", work.jobs, "--json"])
        for invariant in ("I8 no message lost", "I9 effect once"):
            if not report["control"]["violated"][invariant]:
                work.add_finding(f"the control did not violate {invariant}: the invariant checker does not detect it")
        self.check(work, report)
        names = ("worlds", "soundWorlds", "violated", "control", "notSimulated")
        return {name: report[name] for name in names} | {"ordersOfWorld": plan.control_orders}

    def mutants(self, work):
        plan, report_file = work.plan, work.file("report.json")
        selection = ["--count", plan.mutants] if plan.mutants else []
        if work.budget:
            selection += ["--seconds", f"{work.budget.seconds:.0f}", "--least", work.budget.least]
        command = [self.root / "Scripts/mutants", *selection, "--seeds", plan.mutant_seeds, "--jobs", work.jobs]
        report = work.step("all" if not selection else f"{plan.mutants}", [*command, "--json", report_file], report_file)
        work.completed(len(report["mutants"]), plan.mutants or mutants_all(), "mutants")
        for name in report["survivors"]:
            work.add_finding(f"the mutant {name} survived {plan.mutant_seeds} seeds")
        for name in report["broken"]:
            work.add_finding(f"the mutant {name} could not be built")
        if not report["control"]["sound"]:
            work.add_finding("the program without a mutant was not sound")
        return report | {"all": mutants_all()}

    # MARK: Real processes

    def scenario(self, work, name, *options):
        """Runs one scenario of Scripts/chaos on a new shop."""
        report_file = work.file(f"{name}.report.json")
        command = [self.root / "Scripts/chaos", "--only", name, *options, "--json", report_file]
        report = work.step(name, command, report_file)
        for outcome in report["scenarios"]:
            for violation in outcome["violations"]:
                work.add_finding(f"{name}: {violation['invariant']}: {violation['what']} ({command_line(command, self.root)})")
            for oddity in outcome.get("oddities", ()):
                work.add_finding(f"{name}: {oddity}")
        if not report["holds"] and not any(finding.startswith(f"{name}: ") for finding in work.findings):
            work.add_finding(f"{name}: a fault was never injected ({command_line(command, self.root)})")
        return report

    def kills(self, work):
        report = self.scenario(work, "kills", "--kills", str(work.plan.kills))
        injected = report["scenarios"][0]["injected"]
        done = sum(times for name, times in injected.items() if name.startswith("kill -9 ") and name.endswith("d"))
        if done < work.plan.kills:
            work.add_finding(f"{done} kills of {work.plan.kills}")
        return outcome(report) | {"kills": done, "seed": report["seed"], "kinds": injected}

    def chaos(self, work):
        listed = subprocess.run(
            [self.root / "Scripts/chaos", "--list"], capture_output=True, text=True, check=True, cwd=self.root
        ).stdout.split("\n\n")[0]
        names = [line.split()[0] for line in listed.splitlines() if line and not line.startswith("kills ")]
        options = ["--long"] if work.plan.is_long else []
        reports = [self.scenario(work, name, *options) for name in names]
        # Some faults are only injected by the part kills.
        kills = work.records.read("kills", "kills.json")
        all_reports = reports + ([kills["answer"]] if kills else [])
        return {"scenarios": [outcome(report) for report in reports], "faults": faults(all_reports)}


def command_line(words, root):
    return " ".join(re.sub(f"^{re.escape(str(root))}/", "", str(word)) for word in words)


def outcome(report):
    one = report["scenarios"][0]
    figures = one.get("figures") or {}
    return {
        "name": one["scenario"], "holds": report["holds"], "seconds": one["seconds"],
        "injected": sum(one["injected"].values()), "acknowledged": figures.get("orders_acknowledged", 0),
        "captures": figures.get("captures", 0), "converged": figures.get("converged_seconds"),
    }  # fmt: skip


def faults(reports):
    """Each fault over all scenarios: the worst result, and the number of injections."""
    ranks = ["BROKEN", "holds", "not here", "not run", "elsewhere", "absent"]
    whole = {}
    for report in reports:
        for row in report["faults"]:
            known = whole.setdefault(row["fault"], dict(row, injected=0))
            known["injected"] += row["injected"]
            if ranks.index(row["result"]) < ranks.index(known["result"]):
                known |= {"result": row["result"], "what": row["what"]}
    return [whole[fault] for fault in sorted(whole)]
