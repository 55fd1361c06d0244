"""The invariants that one service's database shows: queries over its views for auditors, which the simulation runs as well."""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "Invariants" / "Sources"
# The file of the views that every service has.
COMMON = "common"
TITLE = re.compile(r"-- (I\d+) (?:always|idle): (.+)")


def stored(service):
    """Triples of number, description and query: those of a service with a blueprint, and those of every one."""
    found = []
    for name in (service, COMMON):
        file = FOLDER / f"{name}.sql"
        if file.exists():
            found += queries(file)
    return found


def queries(file):
    found = []
    for block in filter(str.strip, file.read_text().split(";")):
        title, _, query = block.strip().partition("\n")
        number, what = TITLE.fullmatch(title).groups()
        found.append((number, what, query))
    return found
