"""The tables of a profile, as Markdown."""

import re
from collections import Counter

import stages
from stacks import CALLERS_UNKNOWN, is_broken

FUNCTIONS = 30
CALLERS = 20
NAME_LENGTH_MAX = 110
# What the Swift runtime looks up when a generic type, a conformance or a cast is not known to the compiler.
LOOKUPS = r"swift_getGenericMetadata|swift_getAssociatedTypeWitness|swift_getAssociatedConformanceWitness|swift_conformsToProtocol" \
    r"|swift_dynamicCast|swift_getTypeByMangledName|swift_getWitnessTable|swift_getOpaqueTypeConformance|swift_instantiateConcreteType"
NOT_OURS = re.compile(r"^(lib|kernel$|ld-|vdso|linux-vdso)")
# What the compiler puts between a caller and what it calls.
BETWEEN = re.compile(r"protocol witness for |thunk for |__swift_")
START, END = "<!-- budget -->", "<!-- end of the budget -->"


def table(heads, rows, left=1):
    lines = [heads, ["---"] * left + ["---:"] * (len(heads) - left), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def percent(part, whole):
    return f"{100 * part / whole:.1f}" if whole else "-"


def code(name):
    """A function's name in a cell of a table."""
    if len(name) > NAME_LENGTH_MAX:
        name = name[: NAME_LENGTH_MAX - 1] + "…"
    return "`" + name.replace("|", "\\|").replace("`", "'") + "`"


def by_process(counts):
    samples = Counter()
    for stack, count in counts.items():
        samples[stack.process] += count
    return samples


def processes(counts, facts):
    """Processor time and context switches of an order, by process."""
    samples, whole = by_process(counts), sum(counts.values())
    broken = by_process({stack: count for stack, count in counts.items() if is_broken(stack)})
    rows, sums = [], [0.0, 0.0, 0.0]
    spent, switches = facts["cpuMillisecondsPerOrder"], facts["switchesPerOrder"]
    for name in sorted(set(samples) | set(facts["profiled"]), key=lambda name: (-spent.get(name, 0), name)):
        values = [spent.get(name, 0), *switches.get(name, (0, 0))]
        sums = [total + value for total, value in zip(sums, values)]
        rows.append([name, f"{values[0]:.2f}", percent(samples[name], whole), percent(broken[name], samples[name]),
                     f"{values[1]:.1f}", f"{values[2]:.1f}"])  # fmt: skip
    unknown = percent(sum(broken.values()), whole)
    rows.append(["**all**", f"**{sums[0]:.2f}**", "100.0", unknown, f"**{sums[1]:.1f}**", f"**{sums[2]:.1f}**"])
    heads = ["process", "CPU ms per order", "% of samples", "% with callers unknown", "waits per order", "preemptions per order"]
    return table(heads, rows)


def libraries(counts):
    """The share of each library in the samples of each process, by the function that ran."""
    names = [name for name, _ in by_process(counts).most_common()]
    found, columns = Counter(), {name: Counter() for name in ["all", *names]}
    for stack, count in counts.items():
        owner = stack.frames[-1].library
        owner = "its own code" if owner == stack.process else owner
        found[owner] += count
        columns["all"][owner] += count
        columns[stack.process][owner] += count
    rows = []
    for owner, count in found.most_common():
        if 1000 * count >= sum(found.values()):
            rows.append([owner, *(percent(columns[name][owner], columns[name].total()) for name in columns)])
    return table(["library, %", *columns], rows)


def functions(counts, limit=FUNCTIONS):
    """The first functions by the samples in which they ran, and by those in which they or what they called ran."""
    whole = sum(counts.values())
    own, inclusive = Counter(), Counter()
    for stack, count in counts.items():
        leaf = stack.frames[-1]
        own[leaf.name, leaf.library] += count
        for name, owner in {(frame.name, frame.library) for frame in stack.frames}:
            if not name.endswith(CALLERS_UNKNOWN):
                inclusive[name, owner] += count
    text = ""
    for title, found in (("self", own), ("inclusive", inclusive)):
        rows = [
            [code(name), owner, percent(count, whole)]
            for (name, owner), count in sorted(found.items(), key=lambda item: (-item[1], item[0]))[:limit]
        ]
        text += table([title, "library", "%"], rows, left=2) + "\n"
    return text


def callers(counts, pattern):
    """Who calls functions that match: the nearest two functions of the programs above the outermost match."""
    matches, whole = re.compile(pattern), sum(counts.values())
    found = Counter()
    for stack, count in counts.items():
        at = next((at for at, frame in enumerate(stack.frames) if matches.search(frame.name)), None)
        if at is None:
            continue
        ours = [frame.name for frame in stack.frames[:at] if not NOT_OURS.match(frame.library) and not BETWEEN.match(frame.name)]
        found[" < ".join(code(name) for name in ours[:-3:-1]) or "callers unknown"] += count
    rows = [[name, percent(count, whole)] for name, count in sorted(found.items(), key=lambda item: (-item[1], item[0]))[:CALLERS]]
    title = f"Calls of functions that match `{pattern}`"
    if pattern == LOOKUPS:
        title = "Look-ups of the Swift runtime, for generic types, conformances and casts"
    heads = ["called by < called by", "%"]
    return f"{title}: {percent(sum(found.values()), whole)} % of the samples.\n\n" + (table(heads, rows) if rows else "")


def budget(counts, facts):
    """The budget of each stage of an order, for the guide."""
    transactions = {tuple(key.split(" ", 1)): count for key, count in facts["transactionsPerOrder"].items()}
    calls = {tuple(key.split(" ", 1)): count for key, count in facts["callsPerOrder"].items()}
    found = stages.budget(counts, facts["cpuMillisecondsPerOrder"], transactions, calls)
    whole = sum(sum(row["milliseconds"].values()) for row in found)
    rows = []
    for row in found:
        spent = sorted(row["milliseconds"].items(), key=lambda item: (-item[1], item[0]))
        total = sum(row["milliseconds"].values())
        where = ", ".join(f"{name} {value:.2f}" for name, value in spent if value >= 0.005)
        rows.append([row["name"], number(row["transactions"]), number(row["calls"]), f"{total:.2f}", percent(total, whole), where])
    sums = [sum(row[kind] for row in found) for kind in ("transactions", "calls")]
    rows.append(["**all**", f"**{sums[0]:.1f}**", f"**{sums[1]:.1f}**", f"**{whole:.2f}**", "100.0", ""])
    lines = table(["stage", "transactions", "calls", "CPU ms", "%", "CPU ms by process"], rows).splitlines()
    # The last column is text.
    lines[1] = lines[1].removesuffix("---: |") + "--- |"
    return "\n".join(lines) + "\n"


def number(value):
    return f"{value:.1f}" if value >= 0.05 else "-"


def heading(counts, facts):
    result = "" if facts["holds"] else " **The replay was reconciled WITH DIFFERENCES.**"
    return (
        f"Measured on {facts['date']} with {facts['programs']}: {facts['orders']} orders of {facts['invoices']} sample invoices, "
        f"{facts['ordersPerSecond']:.0f} orders per second\nunder perf, {sum(counts.values()):,} samples; {facts['cores']} cores, "
        f"load average before the run {facts['load']}.{result}\n"
    )


def report(counts, facts, pattern=LOOKUPS, part=None, only=""):
    """All tables. Those of processes and stages are of the whole profile, the others of `part`, which `only` names."""
    text = f"# Profile\n\n{heading(counts, facts)}\nDocs/Guides/Performance.md explains the tables.\n\n"
    text += f"## Processes\n\n{processes(counts, facts)}\n## Stages of an order\n\n{budget(counts, facts)}\n"
    if part is not None:
        share = percent(sum(part.values()), sum(counts.values()))
        text += f"All tables below are of **{only}**: {sum(part.values()):,} samples, {share} % of all.\n\n"
        counts = part
    text += f"## Libraries\n\n{libraries(counts)}\n"
    text += f"## Callers\n\n{callers(counts, pattern)}\n## Functions\n\n{functions(counts)}"
    names = [name for name, _ in by_process(counts).most_common()]
    if len(names) > 1:
        for name in names:
            own = {stack: count for stack, count in counts.items() if stack.process == name}
            text += f"## Functions of {name}\n\n{functions(own)}"
    return text.rstrip("\n") + "\n"


def with_budget(page, counts, facts):
    """A page with the budget between its two comments."""
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise SystemExit(f"error: the page has no '{START}' with '{END}' after it")
    return f"{before}{START}\n\n{heading(counts, facts)}\n{budget(counts, facts)}\n{END}{after}"
