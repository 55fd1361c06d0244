"""Too few file descriptors: open connections are served, there is no busy loop, and the daemon recovers."""

import asyncio

from .. import machine
from ..run import Scenario

LIMIT = 256
SECONDS = 6.0
CONNECTIONS = 600


class Descriptors(Scenario):
    """As under `ulimit -n 256`, with more connections than that.

    The limit is set at the start: below the number of open files, the runtime's dispatch library would abort the
    process, since it cannot open its `/proc` files.
    """

    name = "descriptors"
    covers = ("F17",)
    rate = 30.0

    async def inject(self, run):
        if reason := machine.missing("root", "prlimit"):
            run.skipped["F17"] = reason
            return
        for program in ("gatewayd", "ordersd", "eventlogd"):
            await self.limit(run, program)
            await asyncio.sleep(2)

    async def limit(self, run, program):
        daemon = run.shop.daemons[program]
        await daemon.stop()
        await daemon.start_again(prefix=["prlimit", f"--nofile={LIMIT}:{LIMIT}", "--"])
        await daemon.becomes_ready()
        await asyncio.sleep(1)
        pid, connections = daemon.pid, []
        try:
            for _ in range(CONNECTIONS):
                try:
                    connections.append(await asyncio.wait_for(asyncio.open_connection("127.0.0.1", daemon.http_port), 1))
                except (OSError, asyncio.TimeoutError):
                    break
            before = machine.cpu_seconds(pid)
            await asyncio.sleep(SECONDS)
            busy = (machine.cpu_seconds(pid) - before) / SECONDS if daemon.pid == pid else 0
            run.faults.record(f"{program} with {LIMIT} descriptors and {len(connections)} connections", healed=False)
            run.require("F17", busy < 0.9, f"{program} was in a busy loop: {busy:.0%} of a core")
            run.remarks["F17"] = run.remarks.get("F17", "") + f"{program} used {busy:.0%} of a core; "
        except FileNotFoundError:
            pass  # It has exited; that is checked below.
        finally:
            for _, writer in connections:
                writer.close()
            run.faults.heal()
        run.require("F17", daemon.pid == pid, f"{program} exited")
        run.require("F17", await daemon.becomes_ready(15), f"{program} is not ready 15 s after the connections were closed")
