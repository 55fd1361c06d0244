"""Scripts/chaos: runs scenarios from a seed and prints which invariants held.

Real processes, real SQLite on a real disk, real sockets. kill -9 keeps the page cache: that `synchronous=FULL` survives
a power cut is tested by the simulated disk of the simulation, not here.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from pathlib import Path

from .report import Report
from .run import run_scenario
from .scenarios import ALL
from .shop import Shop
from .topology import PROGRAMS

# Of one scenario: a harness that hangs is a failure.
SECONDS_MAX = 1_800
PROGRAMS_NEEDED = ("martlet", "martlet-retail", *PROGRAMS)


def arguments():
    parser = argparse.ArgumentParser(prog="Scripts/chaos", description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="determines the faults and the workload (default 1)")
    parser.add_argument("--kills", type=int, default=30, help="kills of real processes (default 30)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="scenarios to run, by name; see --list")
    parser.add_argument("--all", action="store_true", help="every scenario, not only the quick ones")
    parser.add_argument("--long", action="store_true", help="scenarios in their long form: more daemons, more rounds, more rows")
    parser.add_argument("--list", action="store_true", help="list scenarios and faults, and exit")
    parser.add_argument("--json", metavar="FILE", help="write the outcome as JSON")
    parser.add_argument("--programs", metavar="DIR", default="", help="folder of martlet and the daemons")
    parser.add_argument("--keep", action="store_true", help="do not delete the folders of the shops")
    parser.add_argument("--log-level", default="info", help="log level of the daemons (default info)")
    return parser.parse_args()


def chosen(options):
    if options.only:
        unknown = sorted(set(options.only) - {scenario.name for scenario in ALL})
        if unknown:
            raise SystemExit(f"error: no scenario {', '.join(unknown)}; --list names them")
        return [scenario for scenario in ALL if scenario.name in options.only]
    return [scenario for scenario in ALL if options.all or scenario.is_quick]


async def run_one(scenario, options, note):
    """One scenario on a new shop; an exception of the harness is an outcome too."""
    rng = random.Random(f"{options.seed}/{scenario.name}")
    shop = Shop(options.programs, note, keep=True, log_level=options.log_level)
    note(f"{scenario.name}: starts in {shop.folder}")
    begun = time.monotonic()
    outcome = None
    try:
        async with shop:
            outcome = await asyncio.wait_for(run_scenario(scenario(), shop, rng, options), SECONDS_MAX)
    except Exception as error:  # The other scenarios still run.
        import traceback

        traceback.print_exc()
        outcome = outcome or {
            "scenario": scenario.name,
            "covers": list(scenario.covers),
            "holds": False,
            "violations": [{"invariant": "harness", "what": f"{type(error).__name__}: {error}"}],
            "injected": {},
            "seconds": round(time.monotonic() - begun, 1),
        }
    outcome["folder"] = str(shop.folder)
    if outcome["holds"] and not options.keep:
        import shutil

        shutil.rmtree(shop.folder, ignore_errors=True)
        outcome["folder"] = ""
    return outcome


async def main():
    options = arguments()
    if options.list:
        return Report.catalogue(ALL)
    for program in PROGRAMS_NEEDED:
        if not (Path(options.programs) / program).is_file():
            raise SystemExit(f"error: {options.programs} has no {program}; build first, or set --programs")

    def note(text):
        print(text, file=sys.stderr, flush=True)

    report = Report(options)
    for scenario in chosen(options):
        outcome = await run_one(scenario, options, note)
        report.add(outcome)
        if options.json:
            Path(options.json).write_text(json.dumps(report.as_json(), indent=1, sort_keys=True) + "\n")
        note(f"{scenario.name}: {'holds' if outcome['holds'] else 'BROKEN'} after {outcome['seconds']} s")
    report.write()
    return 0 if report.holds else 1


sys.exit(asyncio.run(main()))
