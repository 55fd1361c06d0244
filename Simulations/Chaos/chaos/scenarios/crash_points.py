"""Every durable boundary at which a process can be killed, once, by SIGKILL from within, under load."""

import asyncio
import json
import signal

from ..poison import Poison
from ..run import Scenario

# Who comes to a point, by the beginning of its name; the first that can is asked.
WHO = {
    "eventlog.": ["eventlogd"],
    "inbox.": ["inventoryd", "cartsd"],
    "outbox.": ["ordersd", "inventoryd", "paymentsd"],
    "payments.": ["paymentsd"],
    "provider.": ["testproviderd"],
    "sql.": ["ordersd", "inventoryd", "paymentsd", "testproviderd", "eventlogd"],
    "workflow.": ["ordersd"],
}
# Needs an event that nobody can handle, or an operator.
BY_POISON = ("inbox.parked", "inbox.redriven")
PATIENCE = 25.0
# Which fault a point is, by its beginning.
OF = {
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

    async def inject(self, stage):
        names = json.loads(await stage.shop.martlet_alone("crash-points", "--json"))
        poison = Poison(stage)
        stage.judge.expected_parked = (Poison.PREFIX,)
        missed = []
        for name in names:
            whose = next((programs for start, programs in WHO.items() if name.startswith(start)), None)
            if whose is None:
                stage.found("F01", f"nobody knows who comes to the crash point {name}")
                continue
            # Not the first time, when the process has just begun, but in the midst of work.
            hit = stage.chance.choice([1, 2, 3, 5]) if name not in BY_POISON else 1
            if await self.crash(stage, stage.chance.choice(whose), name, hit, poison):
                of = next((fault for start, fault in OF.items() if name.startswith(start)), ())
                stage.faults.did(f"SIGKILL at {name}", of=of)
            else:
                missed.append(name)
        stage.require("F01", not missed, f"crash points that no process came to: {', '.join(missed)}")
        # What was parked on purpose is mended and done, so that nothing is left to explain: the last fault to heal.
        await poison.mend()
        stage.faults.heal()

    async def crash(self, stage, program, name, hit, poison):
        """Starts a daemon that will kill itself at the point; False when it does not come there in time."""
        daemon = stage.shop.daemons[program]
        await daemon.end()
        ends = len(daemon.ends)
        await daemon.again({"MARTLET_CRASH": f"{name}:{hit}"})
        daemon.expected += 1
        if name in BY_POISON:
            await daemon.ready()
            await poison.plant(1)
            if name == "inbox.redriven":
                await poison.parked(1, [program])
                await poison.edit()
                await poison.redrive()
        if not await daemon.has_ended(since=ends, patience=PATIENCE):
            daemon.expected -= 1
            await daemon.end()
            await daemon.again()
            return False
        # Started again by itself, without the point.
        was_killed = daemon.ends[ends][1] == -signal.SIGKILL
        await asyncio.wait_for(daemon.back.wait(), 10)
        return was_killed
