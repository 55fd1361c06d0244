"""Too little memory, too little processor time: control groups."""

import asyncio
import signal

from .. import machine
from ..run import Scenario
from ..topology import PROGRAMS

MEMORY_BYTES = 128 << 20
BODY_BYTES = 64 << 20


class Starvation(Scenario):
    """A tenth of a core for everything at once, and a daemon that is killed by the kernel for its memory."""

    name = "starvation"
    covers = ("F13", "F18")
    rate = 15.0

    async def inject(self, stage):
        await self.processor(stage)
        await self.memory(stage)

    async def processor(self, stage):
        if reason := machine.missing("root", "cgroup cpu"):
            stage.skipped["F18"] = reason
            return
        seconds = 60 if stage.options.long else 10
        for programs in (("ordersd",), ("eventlogd", "paymentsd")):
            group = machine.ControlGroup("cpu", f"martlet-chaos-{stage.shop.port}")
            group.limit(cpu__cfs_period_us=100_000, cpu__cfs_quota_us=10_000)
            for program in programs:
                group.add(stage.shop.daemons[program].pid)
            stage.faults.did(f"{' and '.join(programs)} with a tenth of a core for {seconds} s", healed=False, of="F18")
            await asyncio.sleep(seconds)
            group.remove()
            stage.faults.heal()
            await asyncio.sleep(2)

    async def memory(self, stage):
        if reason := machine.missing("root", "cgroup memory"):
            stage.skipped["F13"] = reason
            return
        program = "ordersd"
        daemon = stage.shop.daemons[program]
        others = {name: stage.shop.daemons[name].starts for name in PROGRAMS if name != program}
        group = machine.ControlGroup("memory", f"martlet-chaos-{stage.shop.port}")
        group.limit(memory__limit_in_bytes=MEMORY_BYTES)
        group.add(daemon.pid)
        daemon.excuse = "too little memory"
        before = len(daemon.ends)
        token = stage.shop.merchant
        for _ in range(8):
            try:
                await stage.shop.http.send(
                    "POST", "/v1/orders:agreed", {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
                    b" " * BODY_BYTES, 10)  # fmt: skip
            except Exception:  # Refused while it is sent; that is what a limit on bodies is for.
                continue
        was_killed = len(daemon.ends) > before
        if not was_killed:
            # Bodies are refused before they fill the memory: then the limit is brought to where the process is.
            try:
                group.limit(memory__limit_in_bytes=max(16 << 20, machine.resident_bytes(daemon.pid) // 2))
            except OSError:
                pass  # The kernel cannot take that much back, which kills just as well.
            try:
                await asyncio.wait_for(daemon.ended.wait(), 15)
                was_killed = True
            except asyncio.TimeoutError:
                daemon.send(signal.SIGKILL)
        stage.faults.did(f"{program} within {MEMORY_BYTES >> 20} MiB, with bodies of {BODY_BYTES >> 20} MiB", healed=False, of="F13")
        await asyncio.sleep(1)
        await daemon.ready()
        group.remove()
        daemon.excuse = None
        stage.faults.heal()
        stage.remarks["F13"] = "killed by the kernel and started again" if was_killed else "lived within its memory"
        touched = [name for name, starts in others.items() if stage.shop.daemons[name].starts != starts]
        stage.require("F13", not touched, f"others died with it: {touched}")
