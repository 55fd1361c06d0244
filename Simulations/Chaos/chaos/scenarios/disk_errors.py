"""Disk errors, by strace: a failed fsync, a failed or interrupted write, a write without space."""

import asyncio
import time

from .. import machine
from ..run import Scenario


class DiskErrors(Scenario):
    """After a failed fsync the state of the disk is unknown: the process must exit without acknowledging anything."""

    name = "disk-errors"
    covers = ("F21", "F22")
    rate = 30.0

    async def inject(self, run):
        if reason := machine.missing("root", "strace"):
            run.skipped |= {"F21": reason, "F22": reason}
            return
        for program in ("ordersd", "paymentsd", "testproviderd", "eventlogd")[: 4 if run.options.long else 2]:
            await self.fail_sync(run, program)
        for injection in ("error=EIO:when=3", "error=EINTR:when=2+3", "error=ENOSPC:when=4+5"):
            await self.fail_write(run, "ordersd", injection)
            if run.options.long:
                await self.fail_write(run, "inventoryd", injection)

    async def fail_sync(self, run, program):
        daemon = run.shop.daemons[program]
        daemon.allowed_exit = "a failed fsync stops it"
        starts, ends = daemon.starts, len(daemon.exits)
        try:
            async with machine.Tracer(daemon.pid, "fsync,fdatasync", "error=EIO:when=1") as tracer:
                await daemon.has_exited(since=ends, timeout=15)
            run.faults.record(f"fsync of {program} fails once", min(1, tracer.injected), of="F21")
            run.require("F21", tracer.injected, f"{program} called no fsync")
            run.require("F21", daemon.starts > starts or daemon.pid is None, f"{program} continued after a failed fsync")
            run.require("F21", await daemon.becomes_ready(20), f"{program} does not become ready after a failed fsync")
            run.remarks["F21"] = run.remarks.get("F21", "") + f"{program} exited with {daemon.exits[-1][1]}; "
        finally:
            daemon.allowed_exit = None
            run.faults.heal()
        await asyncio.sleep(1)

    async def fail_write(self, run, program, injection):
        daemon = run.shop.daemons[program]
        daemon.allowed_exit = "a failed write"
        begun = time.monotonic()
        try:
            async with machine.Tracer(daemon.pid, "pwrite64", injection) as tracer:
                await asyncio.sleep(3)
            run.faults.record(f"pwrite64 of {program}: {injection.split(':')[0]}", tracer.injected, of="F22")
            run.require("F22", tracer.injected, f"{program} wrote nothing within {time.monotonic() - begun:.0f} s")
            run.require("F22", await daemon.becomes_ready(20), f"{program} is not ready after {injection}")
        finally:
            daemon.allowed_exit = None
            run.faults.heal()
        await asyncio.sleep(1)
