"""The programs of the shop and their services, from `martlet topology --json`."""

import json
import os
import subprocess
from pathlib import Path

COMMITTED = Path(__file__).resolve().parents[3] / "martlet.json"


def load(programs):
    """The topology of the programs in a folder; the committed one when there are none, as when scenarios are listed."""
    martlet = Path(programs) / "martlet"
    if not programs or not martlet.is_file():
        return json.loads(COMMITTED.read_text())
    return json.loads(subprocess.run([martlet, "topology", "--json"], stdout=subprocess.PIPE, check=True).stdout)


TOPOLOGY = load(os.environ.get("MARTLET_PROGRAMS", ""))
PROCESSES = TOPOLOGY["processes"]
# Each program's service, by its name in the registry; services that others call come first.
SERVICES = {process["program"]: process["services"][0] for process in reversed(PROCESSES)}
PROGRAMS = list(SERVICES)


def program_of(service):
    return next(program for program, name in SERVICES.items() if name == service)


def consumers(topic):
    """The programs whose services subscribe to a topic."""
    return sorted(process["program"] for process in PROCESSES if topic in process.get("consumes", []))


def publishers():
    """The programs whose services publish on a topic."""
    return sorted({program_of(topic["publisher"]) for topic in TOPOLOGY["topics"]})


GATEWAY = next(process["program"] for process in PROCESSES if process.get("hasPublicHTTP"))
EVENT_LOG = program_of("eventlog")
WITH_DATABASE = [program for program in PROGRAMS if program != GATEWAY]
# Programs with an outbox, an inbox and workflows.
BLUEPRINTS = [program for program in WITH_DATABASE if program != EVENT_LOG]
