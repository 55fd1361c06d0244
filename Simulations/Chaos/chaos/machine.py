"""What the machine lends for faults: limits, tracing, small disks, control groups, a false clock. Each may be missing."""

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
    words, _ = await process.communicate()
    if check and process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {words.decode()[-300:]}")
    return words.decode()


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


class Share:
    """How much of the machine's processors is left by those who are not ours."""

    def __init__(self, pids):
        self.pids = list(pids)
        self.begun, self.ours, self.all = time.monotonic(), self.own(), self.busy()

    def own(self):
        """What this process, those that it has waited for, and the given ones have used."""
        used = sum(os.times()[:4])
        for pid in self.pids:
            try:
                used += cpu_seconds(pid)
            except FileNotFoundError:
                continue  # It has ended; what it used looks like somebody else's.
        return used

    @staticmethod
    def busy():
        """What everybody has used, and what the machine's owner took away."""
        user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
        return (user + nice + system + irq + softirq + steal) / TICKS

    def taken(self):
        """The part of the machine that others have had since the beginning, from 0 to 1."""
        whole = (time.monotonic() - self.begun) * (os.cpu_count() or 1)
        return min(1.0, max(0.0, (self.busy() - self.all) - (self.own() - self.ours)) / whole)


class Tracer:
    """strace on a running process, which answers its system calls with errors."""

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
        self.words = (await self.reading).decode(errors="replace")

    @property
    def injected(self):
        """How many calls were really answered so; known after the end."""
        return self.words.count("(INJECTED)")


class SmallDisk:
    """A tmpfs of so many megabytes."""

    def __init__(self, place, megabytes):
        self.place, self.megabytes = Path(place), megabytes

    async def mount(self):
        self.place.mkdir(parents=True, exist_ok=True)
        await call("mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m", "tmpfs", str(self.place))

    async def unmount(self):
        await call("umount", "-l", str(self.place), check=False)

    def fill(self):
        """Takes what is left of it; the bytes taken."""
        taken = 0
        with open(self.place / "ballast", "ab", buffering=0) as ballast:
            for size in (65_536, 4_096, 1):
                try:
                    while taken < self.megabytes << 20:
                        taken += ballast.write(b"x" * size)
                except OSError:
                    continue
        return taken

    def free(self):
        (self.place / "ballast").unlink(missing_ok=True)


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
        """Gives its processes back to the group above."""
        for task in (self.folder / "tasks").read_text().split():
            try:
                (self.folder.parent / "tasks").write_text(task)
            except OSError:
                continue  # It has ended.
        try:
            self.folder.rmdir()
        except OSError:
            pass  # The kernel takes a moment to let the dead go; an empty group hurts nobody.

