"""The figures of two builds that ran in turns: ratios with their spread, and the page's section about them."""

import statistics

HEADING = "## Compared with an earlier commit"
TRACED_HEADING = "## With every trace recorded"
PERCENTILES = (50, 99)
MEBIBYTE = 1 << 20


def order(number):
    """The sides of a round in their order, which alternates: what favours the first or the second run cancels out."""
    return (0, 1) if number % 2 == 0 else (1, 0)


def quantities(replay, echo=None):
    """The compared figures of one run by name, in the order of the table."""
    spent, memory = replay["cpuMillisecondsPerOrder"], replay["memoryBytes"]
    accepted = {one["percentile"]: one["milliseconds"] for one in replay["acceptMilliseconds"]}
    found = {"orders per second (more is better)": replay["ordersPerSecond"]}
    for percentile in PERCENTILES:
        found[f"accepted after, p{percentile}, ms"] = accepted[percentile]
    ended = {one["percentile"]: one["milliseconds"] for one in replay.get("endMilliseconds", [])}
    found |= {f"ended after acceptance, p{percentile}, ms": ended[percentile] for percentile in PERCENTILES if ended}
    found["CPU ms per order, all processes"] = sum(spent.values())
    found |= {f"CPU ms per order, {name}": spent[name] for name in sorted(spent)}
    found["memory, all processes, MiB"] = sum(memory.values()) / MEBIBYTE
    found |= {f"memory, {name}, MiB": memory[name] / MEBIBYTE for name in sorted(memory)}
    if echo:
        found |= {f"CPU µs per echo, {end}": echo[end] for end in ("server", "client")}
    return found


def compared(rounds):
    """Rows of the comparison. Each round is a pair: the quantities of this tree, and of the other commit.

    The ratio is the median of the rounds' own ratios: the runs of a round are neighbours, so that load that changes
    slowly affects both. `least` and `most` are its spread.
    """
    names = list(dict.fromkeys(name for pair in rounds for one in pair for name in one))
    rows = []
    for name in names:
        pairs = [(ours[name], theirs[name]) for ours, theirs in rounds if name in ours and name in theirs]
        ratios = [ours / theirs for ours, theirs in pairs if theirs > 0]
        row = {"name": name}
        for side, key in enumerate(("this", "other")):
            values = [pair[side][name] for pair in rounds if name in pair[side]]
            row[key] = statistics.median(values) if values else None
        if ratios and len(ratios) == len(rounds):
            row |= {"ratio": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}
        rows.append(row)
    return rows


def number(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(rows, this, other):
    lines = [["", this, other, "ratio", "min – max"], ["---", "---:", "---:", "---:", "---:"]]
    for row in rows:
        known = "ratio" in row
        lines.append([
            row["name"], number(row["this"]), number(row["other"]), f"{row['ratio']:.2f}" if known else "-",
            f"{row['least']:.2f} – {row['most']:.2f}" if known else "-",
        ])  # fmt: skip
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def section(facts, rows, heading=HEADING):
    """A section of the page: `facts` has `this`, `other`, `rounds`, `invoices`, `date`, `load`, and `warnings`."""
    warnings = "".join(f"- {warning}\n" for warning in facts["warnings"])
    return f"""{heading}

On {facts['date']}: {facts['this']} against {facts['other']}, {facts['rounds']} round{'s' if facts['rounds'] > 1 else ''} in which the programs of both run in turns (the order alternates), measured
by the same scripts; a replay of {facts['invoices']:,} sample invoices per run. Load average before the run: {facts['load']}. The values are medians;
a ratio is the median of the rounds' ratios, with its least and its greatest value. A spread that contains 1 shows no difference.

{warnings}{chr(10) if warnings else ''}{table(rows, facts['this'], facts['other'])}
"""


def found_section(page, heading=HEADING):
    """The section in the text of a page; empty when there is none."""
    start = page.find(f"{heading}\n")
    if start < 0:
        return ""
    end = page.find("\n## ", start)
    return page[start:].rstrip("\n") + "\n" if end < 0 else page[start : end + 1].rstrip("\n") + "\n"


def with_section(page, text, heading=HEADING):
    """The page with this section at its end, instead of the one that it has."""
    old = found_section(page, heading)
    if old:
        page = page.replace(old, "", 1)
    page = page.rstrip("\n") + "\n"
    return f"{page}\n{text}" if text else page
