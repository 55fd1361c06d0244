"""The invariants that one service's database shows: queries over its views for auditors, which the simulation runs as well."""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "Invariants" / "Sources"
TITLE = re.compile(r"-- (I\d+) (?:always|idle): (.+)")


def stored(service):
    """Triples of number, description and query; none for a service without invariants."""
    file = FOLDER / f"{service}.sql"
    if not file.exists():
        return []
    found = []
    for block in filter(str.strip, file.read_text().split(";")):
        title, _, query = block.strip().partition("\n")
        number, what = TITLE.fullmatch(title).groups()
        found.append((number, what, query))
    return found
