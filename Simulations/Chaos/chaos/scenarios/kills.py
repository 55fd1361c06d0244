"""kill -9 of real processes under load."""

import asyncio

from ..run import Scenario
from ..topology import PROGRAMS


# Which fault the kill of a daemon at a random moment may be; which it was, nobody sees: crash points aim.
OF = {"ordersd": ("F01", "F03"), "inventoryd": "F05", "cartsd": "F05", "paymentsd": "F07", "eventlogd": "F44"}


class Kills(Scenario):
    """Every daemon in turn and at random, in pairs, again while it recovers, and all at once."""

    name = "kills"
    is_quick = True
    covers = ("F01", "F03", "F05", "F07", "F08", "F15", "F44")
    rate = 60.0

    async def inject(self, stage):
        wanted, done = stage.options.kills, 0
        order = []
        # Also a short run has each kind once.
        begin = ["all", "recovery", "pair"] if wanted >= 30 else []
        while done < wanted:
            if not order:
                order = stage.chance.sample(PROGRAMS, len(PROGRAMS))
            kind = begin.pop() if begin else stage.chance.choices(["one", "pair", "recovery", "all"], [70, 14, 12, 4])[0]
            if kind == "all" and wanted - done < len(PROGRAMS):
                kind = "one"
            done += await getattr(self, kind)(stage, order)
            # None after the last: the load ends with it, and what is left of it is part of coming to rest.
            if done < wanted:
                await asyncio.sleep(stage.chance.uniform(0.1, 1.4))

    async def one(self, stage, order):
        return self.kill(stage, order.pop(), stage.chance.choice([0, 0, 0.3, 1.0]))

    async def pair(self, stage, order):
        """Two at the same time: nobody is there to remember for the other."""
        first = order.pop()
        second = stage.chance.choice([program for program in PROGRAMS if program != first])
        return self.kill(stage, first, 0) + self.kill(stage, second, stage.chance.choice([0, 0.5]))

    async def recovery(self, stage, order):
        """The same again, while it recovers from the first."""
        program = order.pop()
        done = self.kill(stage, program, 0)
        daemon = stage.shop.daemons[program]
        await daemon.ended.wait()
        await asyncio.wait_for(daemon.back.wait(), 10)
        await asyncio.sleep(stage.chance.choice([0.01, 0.05, 0.1, 0.2, 0.4]))
        again = self.kill(stage, program, 0)
        stage.faults.did("kill -9 during the recovery from kill -9", again, of="F08")
        return done + again

    async def all(self, stage, order):
        done = 0
        for program in stage.chance.sample(PROGRAMS, len(PROGRAMS)):
            # Back in a random order.
            done += self.kill(stage, program, stage.chance.uniform(0, 1.5))
        stage.faults.did("kill -9 of all daemons at once", of="F15")
        return done

    def kill(self, stage, program, rest):
        done = stage.shop.daemons[program].kill(rest)
        if done:
            stage.faults.did(f"kill -9 {program}", of=OF.get(program, ()))
        return int(done)
