"""Sends a shop of real processes what an unknown caller may send, and fails on a finding.

  Scripts/hostile                        all suites, two minutes
  Scripts/hostile --seconds 1800         by hand, before a release
  Scripts/hostile --only http1 tokens    these suites
  Scripts/hostile --list                 the suites

The shop is started from the release programs (MARTLET_PROGRAMS) in a temporary folder. Beside the suites an ordinary customer orders, a
guest without a token fills carts, and every listener is asked whether it lives. A finding is an answer that the case does not allow, a
customer or a guest who is not served, a process that ends or keeps memory, or an error in a log. Docs/Security/Hostile.md lists what is
tried. Exit status 1 is a finding, 2 that the run failed.
"""

import argparse
import os
import resource
import signal
import sys
import traceback
from pathlib import Path

from .run import Run
from .suites import ALL

ROOT = Path(__file__).resolve().parents[3]
NAMES = [suite.name for suite in ALL]


def arguments():
    parser = argparse.ArgumentParser(prog="Scripts/hostile", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=120, help="the budget of all suites together, without start and end (default 120)")
    parser.add_argument("--only", nargs="+", metavar="SUITE", choices=NAMES, help="suites to run: " + ", ".join(NAMES))
    parser.add_argument("--seed", type=int, default=1, help="of everything that is random (default 1)")
    parser.add_argument(
        "--corpora",
        type=Path,
        default=ROOT.parent / "shared/corpora",
        metavar="FOLDER",
        help="public corpora: json, wycheproof, http1 (default ../shared/corpora)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the outcome as JSON")
    parser.add_argument(
        "--programs",
        default=os.environ.get("MARTLET_PROGRAMS") or str(ROOT / ".build/release"),
        metavar="DIR",
        help="folder of martlet and the daemons",
    )
    parser.add_argument("--list", action="store_true", help="list the suites, and exit")
    options = parser.parse_args()
    if options.seconds < 1:
        parser.error("--seconds must be at least 1")
    options.corpora = options.corpora.resolve()
    return options


def note(text):
    """Prints a line of progress, in one piece: several threads do."""
    sys.stderr.write(f"{text}\n" if text.startswith("FINDING") else f"==> {text}\n")
    sys.stderr.flush()


def main():
    options = arguments()
    if options.list:
        for suite in ALL:
            print(f"{suite.name:12}  {suite.about}")
        return 0
    if not (Path(options.programs) / "martlet").exists():
        print(f"error: {options.programs} has no martlet: run Scripts/build, or name its folder with --programs", file=sys.stderr)
        return 2
    # The clients have thousands of connections.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        return 0 if Run(options, [suite for suite in ALL if not options.only or suite.name in options.only], note).run() else 1
    except SystemExit as error:  # A shop that does not start.
        print(error, file=sys.stderr)
        return 2
    except Exception:  # A failed harness has found nothing, and proves nothing.
        traceback.print_exc()
        return 2


if __name__ == "__main__":
    # Ctrl-C also works in a background process, where the shell ignores it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
