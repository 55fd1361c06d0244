"""kill -9 of real processes under load."""

import asyncio

from ..run import Scenario
from ..topology import PROGRAMS

# Faults that the kill of a daemon at a random moment may be. Crash points are exact.
FAULTS = {"ordersd": ("F01", "F03"), "inventoryd": "F05", "cartsd": "F05", "paymentsd": "F07", "eventlogd": "F44"}


class Kills(Scenario):
    """Every daemon in turn and at random, in pairs, again during its recovery, and all together."""

    name = "kills"
    is_quick = True
    covers = ("F01", "F03", "F05", "F07", "F08", "F15", "F44")
    rate = 60.0

    async def inject(self, run):
        wanted, done = run.options.kills, 0
        order = []
        # Each kind at least once.
        first = ["all", "recovery", "pair"] if wanted >= 30 else []
        while done < wanted:
            if not order:
                order = run.rng.sample(PROGRAMS, len(PROGRAMS))
            kind = first.pop() if first else run.rng.choices(["one", "pair", "recovery", "all"], [70, 14, 12, 4])[0]
            if kind == "all" and wanted - done < len(PROGRAMS):
                kind = "one"
            done += await getattr(self, kind)(run, order)
            # No delay after the last: the load stops with it.
            if done < wanted:
                await asyncio.sleep(run.rng.uniform(0.1, 1.4))

    async def one(self, run, order):
        return self.kill(run, order.pop(), run.rng.choice([0, 0, 0.3, 1.0]))

    async def pair(self, run, order):
        """Two at the same time."""
        one = order.pop()
        second = run.rng.choice([program for program in PROGRAMS if program != one])
        return self.kill(run, one, 0) + self.kill(run, second, run.rng.choice([0, 0.5]))

    async def recovery(self, run, order):
        """The same again during its recovery."""
        program = order.pop()
        done = self.kill(run, program, 0)
        daemon = run.shop.daemons[program]
        await daemon.exited.wait()
        await asyncio.wait_for(daemon.started.wait(), 10)
        await asyncio.sleep(run.rng.choice([0.01, 0.05, 0.1, 0.2, 0.4]))
        again = self.kill(run, program, 0)
        run.faults.record("kill -9 during the recovery from kill -9", again, of="F08")
        return done + again

    async def all(self, run, order):
        done = 0
        for program in run.rng.sample(PROGRAMS, len(PROGRAMS)):
            # They restart in random order.
            done += self.kill(run, program, run.rng.uniform(0, 1.5))
        run.faults.record("kill -9 of all daemons at once", of="F15")
        return done

    def kill(self, run, program, restart_delay):
        done = run.shop.daemons[program].kill(restart_delay)
        if done:
            run.faults.record(f"kill -9 {program}", of=FAULTS.get(program, ()))
        return int(done)
