"""One daemon as a process: started, watched, hurt, and started again."""

import asyncio
import os
import signal
import time

from . import web

# Part of util-linux: the daemon dies with the driver, however that dies.
TETHER = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"]
READY_SECONDS_MAX = 60
# So long a daemon that died by itself rests before it is started again, as under a supervisor.
REST_SECONDS = 0.5


class Daemon:
    """A program with its flags.

    Every end is either wanted by the driver (`expect`) or an observation: the shop may end by signals of the driver alone.
    """

    def __init__(self, program, path, arguments, log, http_port, note):
        self.program = program
        self.path = path
        self.arguments = arguments
        self.log = log
        self.http_port = http_port
        self.note = note
        self.process = None
        self.starts = 0
        # Ends that nobody asked for, in words.
        self.surprises = []
        self.ends = []
        self.revive = True
        self.rest = 0.0
        self.expected = 0
        # Any end is taken as the fault's own while this says why.
        self.excuse = None
        self.environment = {}
        self.watcher = None
        self.back = asyncio.Event()
        self.ended = asyncio.Event()

    @property
    def pid(self):
        return self.process.pid if self.process and self.process.returncode is None else None

    async def start(self, environment=None, prefix=()):
        """Starts it; `environment` counts for this start alone."""
        variables = {key: value for key, value in os.environ.items() if not key.startswith("MARTLET_")}
        variables |= self.environment | (environment or {})
        tether = TETHER if os.access(TETHER[0], os.X_OK) else []
        self.ended.clear()
        with open(self.log, "ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *tether, *prefix, self.path, *self.arguments, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env=variables, start_new_session=True)  # fmt: skip
        self.starts += 1
        self.back.set()
        self.watcher = asyncio.ensure_future(self.watch(self.process))

    async def watch(self, process):
        status = await process.wait()
        self.back.clear()
        self.ended.set()
        self.ends.append((time.monotonic(), status))
        if self.expected:
            self.expected -= 1
        elif self.excuse is None:
            self.surprises.append(f"{self.program} ended with {status} and nobody had asked for it")
            self.note(self.surprises[-1])
        if self.revive:
            await asyncio.sleep(max(self.rest, REST_SECONDS if status >= 0 else 0))
            # Somebody else may have started it meanwhile.
            if self.revive and self.process is process:
                await self.start()

    def send(self, number):
        """Sends a signal; False when there is no process."""
        if self.pid is None:
            return False
        os.kill(self.pid, number)
        return True

    def kill(self, rest=0.0):
        """kill -9; it is started again after `rest` seconds. False when it is down already."""
        if self.pid is None:
            return False
        self.expected += 1
        self.rest = rest
        os.kill(self.pid, signal.SIGKILL)
        return True

    async def end(self, number=signal.SIGTERM, patience=30.0):
        """Ends it and leaves it down. The status, or None when it had to be killed."""
        self.revive = False
        if self.pid is None:
            return self.process.returncode if self.process else None
        self.expected += 1
        process = self.process
        os.kill(process.pid, number)
        try:
            await asyncio.wait_for(self.ended.wait(), patience)
            return process.returncode
        except asyncio.TimeoutError:
            os.kill(process.pid, signal.SIGKILL)
            await self.ended.wait()
            return None

    async def again(self, environment=None, prefix=()):
        """Starts it after `end`."""
        self.revive = True
        self.rest = 0.0
        await self.start(environment, prefix)

    async def has_ended(self, since, patience):
        """Whether it ends once more than `since` times; it may have been started again meanwhile."""
        limit = time.monotonic() + patience
        while len(self.ends) <= since:
            if time.monotonic() >= limit:
                return False
            await asyncio.sleep(0.02)
        return True

    async def is_ready(self):
        try:
            return (await web.get("127.0.0.1", self.http_port, "/readyz", timeout=2.0)).status == 200
        except (OSError, web.NoAnswer):
            return False

    async def ready(self, patience=READY_SECONDS_MAX):
        """Waits until it says that it is ready. False when patience is over."""
        limit = time.monotonic() + patience
        while time.monotonic() < limit:
            if await self.is_ready():
                return True
            await asyncio.sleep(0.05)
        return False
