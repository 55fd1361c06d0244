"""The tables and views that migrations create, read from the Swift sources."""

import re
import sqlite3
from collections import defaultdict

from tree import hand_written_swift, read

MIGRATION = re.compile(r'\bMigration\(\s*"([\w.]+)",\s*(\d+),\s*\[(.*?)\s*\]\s*\)', re.DOTALL)
LITERAL = re.compile(r'"""\n(.*?)"""|"((?:CREATE|ALTER|INSERT)\b[^"\n]*)"', re.DOTALL)
TABLE = re.compile(r"\bCREATE\s+(?:VIRTUAL\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)")
VIEW = re.compile(r"\bCREATE\s+VIEW\s+(\w+)")
# Its tables exist only in conformance tests.
TESTS_OF_ADAPTERS = "Toolkit/Testing/"


class Statement:
    """One statement of a migration."""

    def __init__(self, path, line, step, text):
        self.path, self.line, self.step, self.text = path, line, step, text

    @property
    def view(self):
        match = VIEW.search(self.text)
        return match.group(1) if match else None


def sources(root):
    return [path for path in hand_written_swift(root) if "/Sources/" in path and not path.startswith(TESTS_OF_ADAPTERS)]


def owners(root):
    """For each table the folders, two levels deep, whose sources create it."""
    found = defaultdict(set)
    for path in sources(root):
        for match in TABLE.finditer(read(root, path)):
            found[match.group(1)].add("/".join(path.split("/")[:2]))
    return found


def statements(root):
    """The statements of all migrations of services and of the toolkit, in the order in which a database runs them."""
    found = []
    for path in sources(root):
        if not path.startswith(("Services/", "Toolkit/")):
            continue
        source = read(root, path)
        for migration in MIGRATION.finditer(source):
            step = (migration.group(1), int(migration.group(2)))
            for literal in LITERAL.finditer(migration.group(3)):
                line = source.count("\n", 0, migration.start(3) + literal.start()) + 1
                found.append(Statement(path, line, step, literal.group(1) or literal.group(2)))
    # Stable: the statements of one step stay in their order.
    return sorted(found, key=lambda statement: statement.step)


def views(root, report):
    """The columns of each view. Runs the migrations of each service, together with the toolkit's, on an empty database."""
    everything = statements(root)
    services = sorted({"/".join(each.path.split("/")[:2]) for each in everything if each.path.startswith("Services/")})
    columns = {}
    for service in services:
        database = sqlite3.connect(":memory:")
        for each in everything:
            if not each.path.startswith(("Toolkit/", f"{service}/")):
                continue
            try:
                database.execute(each.text)
                if each.view:
                    rows = database.execute(f"SELECT * FROM {each.view}")
                    columns[each.view] = (each, [column[0] for column in rows.description])
            except sqlite3.Error as error:
                report.add(each.path, each.line, f"a statement of {each.step[0]} {each.step[1]} fails: {error}")
        database.close()
    return columns
