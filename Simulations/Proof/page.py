"""Docs/Proof.md: what was run on these sources, what it found, and what was not run."""

TITLES = {
    "worlds": "Worlds with every fault",
    "again": "The same worlds again, in other processes",
    "builds": "Debug against release",
    "crash-points": "Every crash point",
    "control": "The control: no outbox, no inbox",
    "mutants": "Planted bugs",
    "kills": "Kills of real processes",
    "chaos": "Every other fault on real processes",
}
# What the runs of real processes do not cover; the simulator's report has its own list.
REAL = "PostgreSQL, NATS; power loss, since kill -9 keeps the page cache"
# The goal for simulated orders per second.
RATE_GOAL = 1_000
ABSENT = "not run on these sources"


def table(heads, rows, words=1):
    """A table whose first `words` columns are text, and the others numbers."""
    lines = [heads, ["---"] * words + ["---:"] * (len(heads) - words), *rows]
    return "\n".join("| " + " | ".join(cell(one) for one in line) + " |" for line in lines)


def cell(value):
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    return str(value).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def length(seconds):
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = seconds / 3_600
    if hours < 72:
        return f"{hours:.1f} h"
    days = hours / 24
    return f"{days:.1f} days" if days < 730 else f"{days / 365.25:.1f} years"


def listed(counts):
    return ", ".join(f"{counts[name]:,} {name}" for name in sorted(counts)) or "none"


def summary(record):
    """A short summary of what a part ran."""
    figures = record["figures"]
    if not figures:
        return "no result"
    return {
        "worlds": lambda: f"{figures['orders']:,} orders in {figures['worlds']:,} worlds, {figures['soundWorlds']:,} sound",
        "again": lambda: same(figures),
        "builds": lambda: same(figures),
        "crash-points": lambda: f"{figures['sites']} sites, {figures['singles']:,} singles, {figures['pairs']:,} pairs",
        "control": lambda: (
            f"{figures['control']['violatedWorlds']:,} of {figures['control']['worlds']:,} worlds with violations; "
            f"{figures['worlds'] - figures['soundWorlds']:,} with Martlet"
        ),
        "mutants": lambda: (
            f"{sum(one['found'] for one in figures['mutants'])} of {len(figures['mutants'])} found, "
            f"{figures['all']} exist; median {figures['median']} seeds"
        ),
        "kills": lambda: f"{figures['kills']:,} kills, {figures['acknowledged']:,} orders, quiescent after {figures['converged']} s",
        "chaos": lambda: (
            f"{sum(one['injected'] for one in figures['scenarios']):,} faults in {len(figures['scenarios'])} scenarios"
        ),
    }[record["part"]]()


def missing(part, records):
    """What the run of a part did not cover; empty when that is unknown."""
    if part in ("kills", "chaos"):
        return REAL
    # The mutants run in the same simulator, but their reports are not kept.
    record = records["worlds" if part == "mutants" else part]
    return ", ".join(record["figures"].get("notSimulated", ())) if record else ""


def same(figures):
    return f"{figures['worlds'] - figures.get('different', 0):,} of {figures['worlds']:,} hashes equal"


# MARK: Sections


def worlds(figures, record):
    rate = figures["orders"] / max(1, record["seconds"])
    rows = [
        [fault, figures["enabled"][fault], figures["faults"].get(fault, 0)] for fault in sorted(figures["enabled"])
    ]
    points = [[name, figures["crashPoints"][name]] for name in sorted(figures["crashPoints"])]
    return f"""{figures['orders']:,} orders of {figures['worlds']:,} worlds, seeds 1 to {figures['worlds']:,}, {figures['ordersOfWorld']} customers each; {figures['soundWorlds']:,} worlds
sound. {length(figures['simulatedSeconds'])} simulated, and {length(figures['leaptSeconds'])} skipped while nothing ran, in {length(record['seconds'])}: {rate:,.0f} orders per second,
{figures['steps']:,} scheduling steps.
{goal(rate, record['cores'])}

- Orders: {listed(figures['outcomes'])}.
- Calls: {figures['calls']:,}, {figures['failedCalls']:,} of them failed. Events: {figures['events']:,}.
- Jobs from outside the simulation: {figures['foreignJobs']}.

Each fault, the number of worlds whose seed enabled it, and the number of times it happened:

{table(["fault", "worlds", "times"], rows)}

How often the worlds passed each crash point, with or without a crash:

{table(["crash point", "passed"], points)}
"""


def goal(rate, cores):
    if rate >= RATE_GOAL:
        return f"The goal of {RATE_GOAL:,} orders per second is reached."
    cost = 1_000 * cores / max(rate, 0.001)
    return (
        f"The goal of {RATE_GOAL:,} orders per second is missed: a simulated order costs about {cost:,.{0 if cost >= 10 else 1}f} ms of one core,\n"
        "since the services and their SQLite are the real code."
    )


def again(figures, record):
    return f"""Worlds 1 to {figures['worlds']:,} again, in other processes and with another chunk size: {same(figures)}.
"""


def builds(figures, record):
    return f"""Seeds 1 to {figures['worlds']} with {figures['ordersOfWorld']} orders, by the release build and by the debug build: {same(figures)}.
"""


def crash_points(figures, record):
    both = figures["pairs"] - len(figures["secondNeverCame"])
    rows = [[name, times] for name, times in sorted(figures["crashesByPoint"].items())]
    return f"""{figures['sites']} sites, each a crash point as one service passes it; {figures['worlds']:,} worlds with seed {figures['seed']}, {figures['soundWorlds']:,} of them sound.
{figures['singles']:,} worlds crash a process at the first or the second hit of a site. {figures['pairs']:,} crash another process during the recovery from
the first crash; in {both:,} of these both crashes happened, in {len(figures['secondNeverCame']):,} the second point was not reached.

Crashes by crash point:

{table(["crash point", "crashes"], rows)}
"""


def control(figures, record):
    naive = figures["control"]
    rows = [[name, count, naive["violated"].get(name, 0)] for name, count in figures["violated"].items()]
    # I1 to I16, then what has another name.
    rows.sort(key=lambda row: (row[0][0] != "I", int(row[0].split()[0][1:])))
    sample = ""
    if naive["examples"]:
        name, example = min(naive["examples"].items(), key=lambda one: (one[1]["seed"], one[0]))
        sample = f" As in seed {example['seed']}, {name}: {example['what']}."
    return f"""{naive['worlds']:,} worlds of {figures['ordersOfWorld']} orders each, twice: with Martlet's outbox and inbox, and with services that publish
from memory after their commit and acknowledge before they handle. Worlds that violated each invariant:

{table(["invariant", "Martlet", "naive"], rows)}

{naive['findings']:,} findings in the control.{sample}
"""


def mutants(figures, record):
    rows = []
    for one in sorted(figures["mutants"], key=lambda one: one["name"]):
        result = one.get("invariant", "") if one["found"] else one.get("error", "SURVIVED")
        rows.append([one["name"], one["bug"], result, one.get("seeds"), f"{one['seconds']:.0f}"])
    found = [one["seeds"] for one in figures["mutants"] if one["found"]]
    part = "" if len(rows) == figures["all"] else f" These are {len(rows)} of {figures['all']}; the others were not run."
    return f"""{len(found)} of {len(rows)} mutants, each with one planted bug, were found within {figures['seedsLimit']} seeds of {figures['orders']} orders: median {figures['median']}
seeds, at most {max(found, default=0)}. The program without a mutant was sound on all {figures['control']['seeds']} seeds that were used.{part}

{table(["mutant", "bug", "found as", "seeds", "s"], rows, words=3)}
"""


def kills(figures, record):
    kinds = {name: times for name, times in figures["kinds"].items() if name.startswith("kill")}
    return f"""{figures['kills']:,} SIGKILLs under load, seed {figures['seed']}: {listed(kinds)}.
{figures['acknowledged']:,} orders were acknowledged to customers and {figures['captures']:,} were paid; the shop was quiescent {figures['converged']} s after the last kill,
including the restart. The limit is 30 s.
"""


def chaos(figures, record):
    rows = [
        [one["name"], one["holds"], one["injected"], one["acknowledged"], one["captures"], one["converged"], f"{one['seconds']:.0f}"]
        for one in figures["scenarios"]
    ]
    heads = ["scenario", "holds", "faults", "orders acknowledged", "captures", "quiescent after s", "s"]
    known = [[one["fault"], one["result"], one["injected"] or None, one["what"]] for one in figures["faults"]]
    return f"""{table(heads, rows)}

*Quiescent after* counts from the end of the last fault, or from the end of the load when that was later.

The faults. *elsewhere*: covered by the tests that the entry names; *absent*: the shop has no component with this fault; *not
here*: the machine did not allow the injection.

{table(["fault", "result", "times", "what"], known, words=2).replace("| ---: | ---: |", "| ---: | --- |")}
"""


SECTIONS = {
    "worlds": worlds, "again": again, "builds": builds, "crash-points": crash_points, "control": control,
    "mutants": mutants, "kills": kills, "chaos": chaos,
}  # fmt: skip


def section(part, record, absent):
    title = TITLES[part]
    if record is None:
        return f"## {title}\n\n{ABSENT.capitalize()}.\n"
    lines = [f"## {title}\n"]
    if record["findings"]:
        lines.append("**FAILED:**\n\n" + "\n".join(f"- {cell(finding)}" for finding in record["findings"]) + "\n")
    if record["figures"]:
        lines.append(SECTIONS[part](record["figures"], record))
    commands = record["commands"]
    shown = f"`{commands[0]}`" + (f" and {len(commands) - 1} similar ones" if len(commands) > 1 else "") if commands else "none"
    lines.append(
        f"Run on {record['date']}, {record['machine']}, load average before {record['load']}, in {length(record['seconds'])}. "
        f"Command: {shown}.{f' Not covered: {absent}.' if absent else ''}\n"
    )
    return "\n".join(lines)


def conclusion(records):
    failed = [TITLES[part] for part, record in records.items() if record and record["findings"]]
    left = [TITLES[part] for part, record in records.items() if record is None]
    lines = []
    if failed:
        lines.append(f"**FAILED: {'; '.join(failed)}.**")
    elif len(left) < len(records):
        lines.append("No run has findings.")
    if left:
        lines.append(f"**Not run on these sources: {'; '.join(left)}.**")
    return " ".join(lines)


def of(state, records):
    commit, _, changes = state.partition("+")
    rows = []
    for part, record in records.items():
        title, absent = TITLES[part], missing(part, records) or None
        if record is None:
            rows.append([title, ABSENT, None, None, absent])
            continue
        count = len(record["findings"])
        rows.append([title, summary(record), "nothing" if not count else f"**{count}**", length(record["seconds"]), absent])
    dates = sorted({record["date"] for record in records.values() if record})
    days = (dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}") if dates else "no date"
    parts = [
        f"""# Proof

The evidence for "no order lost, no double charge, no oversell". Written by `make proof` at commit {commit}{" with uncommitted changes" if changes else ""}, from runs of
{days}. {conclusion(records)}

{table(["part", "what was run", "found", "time", "not covered"], rows, words=5)}

[Simulation](Guides/Simulation.md) describes the simulated world and the invariants, [Chaos](Guides/Chaos.md) the fault injection into
real processes. A seed determines its simulation, so that every figure of a simulated part can be reproduced.
"""
    ]
    parts += [section(part, record, missing(part, records)) for part, record in records.items()]
    return "\n".join(parts)
