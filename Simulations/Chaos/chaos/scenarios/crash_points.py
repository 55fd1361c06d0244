"""SIGKILL of a process at every crash point, once, under load."""

import asyncio
import json
import signal

from ..poison_messages import CONSUMERS, PoisonMessages
from ..run import Scenario
from ..topology import EVENT_LOG, WITH_DATABASE, program_of, publishers

# The load changes no product and no cart, and a crash point is only reached by what happens: these publish nothing…
QUIET = [program_of(service) for service in ("carts", "catalog")]
# … and this one, which consumes nothing either, commits nothing.
IDLE = [program for program in QUIET if program not in CONSUMERS]
# Programs that reach a crash point, by the prefix of its name.
PROGRAMS = {
    "eventlog.": [EVENT_LOG],
    "inbox.": sorted(CONSUMERS, reverse=True),
    "outbox.": [program for program in publishers() if program not in QUIET],
    "payments.": [program_of("payments")],
    "provider.": [program_of("provider")],
    "sql.": [program for program in WITH_DATABASE if program not in IDLE],
    # The only service with workflows.
    "workflow.": [program_of("orders")],
}
# Points that need an event that cannot be handled, or an operator.
BY_POISON = ("inbox.marked", "inbox.parked", "inbox.redriven")
TIMEOUT_SECONDS = 25.0
# The fault of a crash point, by the prefix of its name.
FAULTS = {
    "sql.committing": "F01",
    "sql.committed": "F02",
    "outbox.committed": "F03",
    "outbox.published": "F04",
    "eventlog.published": "F04",
    "inbox.received": "F05",
    "inbox.committed": "F06",
    "inbox.acknowledged": "F06",
    "payments.authorise": "F07",
    "payments.capture": "F07",
    "provider.": "F07",
    "workflow.": "F07",
    "payments.void": "F08",
    "payments.refund": "F08",
}


class CrashPoints(Scenario):
    """`martlet crash-points` lists them; one that is never hit fails the run."""

    name = "crash-points"
    is_quick = True
    covers = ("F01", "F02", "F03", "F04", "F05", "F06", "F07", "F08")
    rate = 50.0

    async def inject(self, run):
        names = json.loads(await run.shop.martlet_alone("crash-points", "--json"))
        poison = PoisonMessages(run)
        run.checker.expected_parked = (PoisonMessages.PREFIX,)
        missed = []
        for name in names:
            programs = next((each for prefix, each in PROGRAMS.items() if name.startswith(prefix)), None)
            if programs is None:
                run.add_finding("F01", f"no program is known for the crash point {name}")
                continue
            # Often a later hit, when the process is under load.
            hit = run.rng.choice([1, 2, 3, 5]) if name not in BY_POISON else 1
            if await self.crash(run, run.rng.choice(programs), name, hit, poison):
                of = next((fault for prefix, fault in FAULTS.items() if name.startswith(prefix)), ())
                run.faults.record(f"SIGKILL at {name}", of=of)
            else:
                missed.append(name)
        run.require("F01", not missed, f"crash points that no process reached: {', '.join(missed)}")
        # Parked events are repaired, so that none is left: the last fault to heal.
        await poison.repair()
        run.faults.heal()

    async def crash(self, run, program, name, hit, poison):
        """Starts a daemon with the crash point set; False when it does not reach it in time."""
        daemon = run.shop.daemons[program]
        await daemon.stop()
        ends = len(daemon.exits)
        await daemon.start_again({"MARTLET_CRASH": f"{name}:{hit}"})
        daemon.expected_exits += 1
        if name in BY_POISON:
            await daemon.becomes_ready()
            await poison.plant(1)
            if name in ("inbox.marked", "inbox.redriven"):
                await poison.parked(1, [program])
                await poison.edit()
                await poison.redrive()
        if not await daemon.has_exited(since=ends, timeout=TIMEOUT_SECONDS):
            daemon.expected_exits -= 1
            await daemon.stop()
            await daemon.start_again()
            return False
        # It is restarted without the crash point.
        was_killed = daemon.exits[ends][1] == -signal.SIGKILL
        await asyncio.wait_for(daemon.started.wait(), 10)
        return was_killed
