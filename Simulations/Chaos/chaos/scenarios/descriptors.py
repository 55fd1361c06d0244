"""Too few file descriptors for all who come: those who have one are served, nobody turns in circles, and it passes."""

import asyncio

from .. import machine
from ..run import Scenario

LIMIT = 256
SECONDS = 6.0
CONNECTIONS = 600


class Descriptors(Scenario):
    """As under `ulimit -n 256`, with more connections than that.

    A limit that is taken below what a process has open already is no case: the runtime's own dispatch library ends a
    process that cannot open its `/proc` files any more.
    """

    name = "descriptors"
    covers = ("F17",)
    rate = 30.0

    async def inject(self, stage):
        if reason := machine.missing("root", "prlimit"):
            stage.skipped["F17"] = reason
            return
        for program in ("gatewayd", "ordersd", "eventlogd"):
            await self.starve(stage, program)
            await asyncio.sleep(2)

    async def starve(self, stage, program):
        daemon = stage.shop.daemons[program]
        await daemon.end()
        await daemon.again(prefix=["prlimit", f"--nofile={LIMIT}:{LIMIT}", "--"])
        await daemon.ready()
        await asyncio.sleep(1)
        pid, crowd = daemon.pid, []
        try:
            for _ in range(CONNECTIONS):
                try:
                    crowd.append(await asyncio.wait_for(asyncio.open_connection("127.0.0.1", daemon.http_port), 1))
                except (OSError, asyncio.TimeoutError):
                    break
            before = machine.cpu_seconds(pid)
            await asyncio.sleep(SECONDS)
            busy = (machine.cpu_seconds(pid) - before) / SECONDS if daemon.pid == pid else 0
            stage.faults.did(f"{program} with {LIMIT} descriptors and {len(crowd)} connections", healed=False)
            stage.require("F17", busy < 0.9, f"{program} turned in circles: {busy:.0%} of a core")
            stage.remarks["F17"] = stage.remarks.get("F17", "") + f"{program} used {busy:.0%} of a core; "
        except FileNotFoundError:
            pass  # It is gone; what follows says so.
        finally:
            for _, writer in crowd:
                writer.close()
            stage.faults.heal()
        stage.require("F17", daemon.pid == pid, f"{program} did not live through it")
        stage.require("F17", await daemon.ready(15), f"{program} is not ready 15 s after the crowd has gone")
