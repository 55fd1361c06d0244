"""The tables and views that migrations create, read from the Swift sources."""

import re
import sqlite3
from collections import defaultdict

from swift_text import masked
from tree import hand_written_swift, read

# The statements of SQLite, which the checks run; those that PostgreSQL has in place of some are compared by a test.
MIGRATION = re.compile(
    r'\bMigration\(\s*"([\w.]+)",\s*(\d+),\s*\[(.*?)\s*\]\s*(?:,\s*postgres:\s*\[.*?\]\s*)?'
    r'(?:,\s*(?:breaks|outsideTransaction): \w+\s*)*\)', re.DOTALL)
LITERAL = re.compile(r'"""\n(.*?)"""|"((?:CREATE|ALTER|DROP|INSERT)\b[^"\n]*)"', re.DOTALL)
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


def code(root, path):
    """The source without comments: an example in one creates no table."""
    return masked(read(root, path), keep_strings=True)


def owners(root):
    """For each table the folders, two levels deep, whose sources create it."""
    found = defaultdict(set)
    for path in sources(root):
        for match in TABLE.finditer(code(root, path)):
            found[match.group(1)].add("/".join(path.split("/")[:2]))
    return found


def statements(root):
    """The statements of all migrations of services and of the toolkit, in the order in which a database runs them."""
    found = []
    for path in sources(root):
        if not path.startswith(("Services/", "Toolkit/")):
            continue
        source = code(root, path)
        for migration in MIGRATION.finditer(source):
            step = (migration.group(1), int(migration.group(2)))
            for literal in LITERAL.finditer(migration.group(3)):
                line = source.count("\n", 0, migration.start(3) + literal.start()) + 1
                found.append(Statement(path, line, step, literal.group(1) or literal.group(2)))
    # Stable: the statements of one step stay in their order.
    return sorted(found, key=lambda statement: statement.step)


class Databases:
    """An empty database for each service, with the tables and views of its own and the toolkit's migrations."""

    def __init__(self, root, report):
        everything = statements(root)
        folders = sorted({"/".join(each.path.split("/")[:2]) for each in everything if each.path.startswith("Services/")})
        # By the name of the service in lower case.
        self.services = {}
        # By view: the statement that creates it, and its columns.
        self.views = {}
        for folder in folders:
            database = sqlite3.connect(":memory:")
            for each in everything:
                if each.path.startswith(("Toolkit/", f"{folder}/")):
                    self.run(each, database, report)
            self.services[folder.split("/")[1].lower()] = database

    def run(self, statement, database, report):
        try:
            database.execute(statement.text)
            if statement.view:
                rows = database.execute(f"SELECT * FROM {statement.view}")
                self.views[statement.view] = (statement, [column[0] for column in rows.description])
        except sqlite3.Error as error:
            report.add(statement.path, statement.line, f"a statement of {' '.join(map(str, statement.step))} fails: {error}")

    def columns(self, service, query):
        """The number of columns of a query on an empty database; text that states why there is none."""
        database = self.services.get(service)
        if database is None:
            return "there is no such service"
        try:
            return len(database.execute(query).description)
        except sqlite3.Error as error:
            return str(error)
