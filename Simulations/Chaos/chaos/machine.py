"""Facilities of the machine for faults: tracing, small disks, control groups, a fake clock. Each may be missing."""

import asyncio
import os
import shutil
import signal
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
GROUPS = Path("/sys/fs/cgroup")


async def call(*command, check=True):
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)  # fmt: skip
    output, _ = await process.communicate()
    if check and process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {output.decode()[-300:]}")
    return output.decode()


def missing(*needs):
    """Why a scenario cannot run here; empty when it can."""
    for need in needs:
        if need == "root" and os.geteuid() != 0:
            return "needs root"
        if need == "faketime" and not FAKETIME.exists():
            return "needs libfaketime"
        if need.startswith("cgroup ") and not (GROUPS / need.split()[1]).is_dir():
            return f"needs the {need} of version 1"
        if need in ("strace", "prlimit", "mount") and shutil.which(need) is None:
            return f"needs {need}"
    return ""


def cpu_seconds(pid):
    """Processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def files_limit(pid):
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in lines if line.startswith("Max open files")).split()[3]


class ProcessorShare:
    """How much of the machine's processor time other programs use."""

    def __init__(self, pids):
        self.pids = list(pids)
        self.started, self.ours, self.all = time.monotonic(), self.own_seconds(), self.busy_seconds()

    def own_seconds(self):
        """Processor time of this process, of its finished children and of the given processes."""
        used = sum(os.times()[:4])
        for pid in self.pids:
            try:
                used += cpu_seconds(pid)
            except FileNotFoundError:
                continue  # It has exited; its time counts as that of others.
        return used

    @staticmethod
    def busy_seconds():
        """Processor time of all processes, and time stolen by the hypervisor."""
        user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
        return (user + nice + system + irq + softirq + steal) / TICKS

    def of_others(self):
        """The part of the machine that others have used since the start, from 0 to 1."""
        whole = (time.monotonic() - self.started) * (os.cpu_count() or 1)
        return min(1.0, max(0.0, (self.busy_seconds() - self.all) - (self.own_seconds() - self.ours)) / whole)


class Tracer:
    """strace on a running process: makes system calls fail."""

    def __init__(self, pid, calls, injection):
        self.pid, self.calls, self.injection = pid, calls, injection

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            "strace", "-f", "-q", "-p", str(self.pid), "-e", f"trace={self.calls}", "-e",
            f"inject={self.calls}:{self.injection}", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE)  # fmt: skip
        self.reading = asyncio.ensure_future(self.process.stderr.read())
        await asyncio.sleep(0.3)
        return self

    async def __aexit__(self, *error):
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        await self.process.wait()
        self.output = (await self.reading).decode(errors="replace")

    @property
    def injected(self):
        """How many calls failed; known after the end."""
        return self.output.count("(INJECTED)")


class SmallDisk:
    """A tmpfs of a given size."""

    def __init__(self, mount_point, megabytes):
        self.mount_point, self.megabytes = Path(mount_point), megabytes

    async def mount(self):
        self.mount_point.mkdir(parents=True, exist_ok=True)
        await call("mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m", "tmpfs", str(self.mount_point))

    async def unmount(self):
        await call("umount", "-l", str(self.mount_point), check=False)

    def fill(self):
        """Fills the free space; returns the bytes written."""
        written = 0
        with open(self.mount_point / "ballast", "ab", buffering=0) as ballast:
            for size in (65_536, 4_096, 1):
                try:
                    while written < self.megabytes << 20:
                        written += ballast.write(b"x" * size)
                except OSError:
                    continue
        return written

    def free(self):
        (self.mount_point / "ballast").unlink(missing_ok=True)


class ControlGroup:
    """A process in a group with a limit."""

    def __init__(self, kind, name):
        self.folder = GROUPS / kind / name

    def limit(self, **values):
        self.folder.mkdir(exist_ok=True)
        for key, value in values.items():
            (self.folder / key.replace("__", ".")).write_text(str(value))

    def add(self, pid):
        for task in os.listdir(f"/proc/{pid}/task"):
            (self.folder / "tasks").write_text(task)

    def remove(self):
        """Moves its processes to the parent group and deletes it."""
        for task in (self.folder / "tasks").read_text().split():
            try:
                (self.folder.parent / "tasks").write_text(task)
            except OSError:
                continue  # It has exited.
        try:
            self.folder.rmdir()
        except OSError:
            pass  # The kernel removes exited processes late; an empty group is harmless.
