"""Errors of the disk itself, by strace: a failed fsync, a failed, interrupted or refused write."""

import asyncio
import time

from .. import machine
from ..run import Scenario


class DiskErrors(Scenario):
    """After a failed fsync nobody knows what is on the disk: the process must stop, and say nothing before it."""

    name = "disk-errors"
    covers = ("F21", "F22")
    rate = 30.0

    async def inject(self, stage):
        if reason := machine.missing("root", "strace"):
            stage.skipped |= {"F21": reason, "F22": reason}
            return
        for program in ("ordersd", "paymentsd", "testproviderd", "eventlogd")[: 4 if stage.options.long else 2]:
            await self.fail_sync(stage, program)
        for injection in ("error=EIO:when=3", "error=EINTR:when=2+3", "error=ENOSPC:when=4+5"):
            await self.fail_write(stage, "ordersd", injection)
            if stage.options.long:
                await self.fail_write(stage, "inventoryd", injection)

    async def fail_sync(self, stage, program):
        daemon = stage.shop.daemons[program]
        daemon.excuse = "a failed fsync stops it"
        starts, ends = daemon.starts, len(daemon.ends)
        try:
            async with machine.Tracer(daemon.pid, "fsync,fdatasync", "error=EIO:when=1") as tracer:
                await daemon.has_ended(since=ends, patience=15)
            stage.faults.did(f"fsync of {program} fails once", min(1, tracer.injected), of="F21")
            stage.require("F21", tracer.injected, f"{program} called no fsync")
            stage.require("F21", daemon.starts > starts or daemon.pid is None, f"{program} went on after a failed fsync")
            stage.require("F21", await daemon.ready(20), f"{program} does not come back after a failed fsync")
            stage.remarks["F21"] = stage.remarks.get("F21", "") + f"{program} ended with {daemon.ends[-1][1]}; "
        finally:
            daemon.excuse = None
            stage.faults.heal()
        await asyncio.sleep(1)

    async def fail_write(self, stage, program, injection):
        daemon = stage.shop.daemons[program]
        daemon.excuse = "a failed write"
        begun = time.monotonic()
        try:
            async with machine.Tracer(daemon.pid, "pwrite64", injection) as tracer:
                await asyncio.sleep(3)
            stage.faults.did(f"pwrite64 of {program}: {injection.split(':')[0]}", tracer.injected, of="F22")
            stage.require("F22", tracer.injected, f"{program} wrote nothing within {time.monotonic() - begun:.0f} s")
            stage.require("F22", await daemon.ready(20), f"{program} is not ready after {injection}")
        finally:
            daemon.excuse = None
            stage.faults.heal()
        await asyncio.sleep(1)
