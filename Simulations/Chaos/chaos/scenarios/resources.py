"""Too little memory and too little processor time, by control groups."""

import asyncio
import signal

from .. import machine
from ..run import Scenario
from ..topology import PROGRAMS

MEMORY_BYTES = 128 << 20
BODY_BYTES = 64 << 20


class Starvation(Scenario):
    """Daemons with a tenth of a core, and a daemon that the kernel kills for its memory."""

    name = "starvation"
    covers = ("F13", "F18")
    rate = 15.0

    async def inject(self, run):
        await self.processor(run)
        await self.memory(run)

    async def processor(self, run):
        if reason := machine.missing("root", "cgroup cpu"):
            run.skipped["F18"] = reason
            return
        seconds = 60 if run.options.long else 10
        for programs in (("ordersd",), ("eventlogd", "paymentsd")):
            group = machine.ControlGroup("cpu", f"martlet-chaos-{run.shop.port}")
            group.limit(cpu__cfs_period_us=100_000, cpu__cfs_quota_us=10_000)
            for program in programs:
                group.add(run.shop.daemons[program].pid)
            run.faults.record(f"{' and '.join(programs)} with a tenth of a core for {seconds} s", healed=False, of="F18")
            await asyncio.sleep(seconds)
            group.remove()
            run.faults.heal()
            await asyncio.sleep(2)

    async def memory(self, run):
        if reason := machine.missing("root", "cgroup memory"):
            run.skipped["F13"] = reason
            return
        program = "ordersd"
        daemon = run.shop.daemons[program]
        others = {name: run.shop.daemons[name].starts for name in PROGRAMS if name != program}
        group = machine.ControlGroup("memory", f"martlet-chaos-{run.shop.port}")
        group.limit(memory__limit_in_bytes=MEMORY_BYTES)
        group.add(daemon.pid)
        daemon.allowed_exit = "too little memory"
        before = len(daemon.exits)
        token = run.shop.merchant
        for _ in range(8):
            try:
                await run.shop.http.send(
                    "POST", "/v1/orders:agreed", {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
                    b" " * BODY_BYTES, 10)  # fmt: skip
            except Exception:  # Refused during the upload, by the limit on bodies.
                continue
        was_killed = len(daemon.exits) > before
        if not was_killed:
            # Bodies were refused before they filled the memory, so the limit is lowered below the present use.
            try:
                group.limit(memory__limit_in_bytes=max(16 << 20, machine.resident_bytes(daemon.pid) // 2))
            except OSError:
                pass  # The kernel cannot reclaim that much, and kills as well.
            try:
                await asyncio.wait_for(daemon.exited.wait(), 15)
                was_killed = True
            except asyncio.TimeoutError:
                daemon.send_signal(signal.SIGKILL)
        run.faults.record(f"{program} within {MEMORY_BYTES >> 20} MiB, with bodies of {BODY_BYTES >> 20} MiB", healed=False, of="F13")
        await asyncio.sleep(1)
        await daemon.becomes_ready()
        group.remove()
        daemon.allowed_exit = None
        run.faults.heal()
        run.remarks["F13"] = "killed by the kernel and restarted" if was_killed else "stayed within its memory limit"
        restarted = [name for name, starts in others.items() if run.shop.daemons[name].starts != starts]
        run.require("F13", not restarted, f"others exited with it: {restarted}")
