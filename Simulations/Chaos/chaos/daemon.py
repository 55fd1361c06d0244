"""One daemon as a process: started, watched, killed and restarted."""

import asyncio
import os
import signal
import time

from . import web

# Part of util-linux: the kernel kills the daemon when the driver exits.
TETHER = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"]
READY_SECONDS_MAX = 60
# Before a daemon that exited by itself is restarted, as under a supervisor.
RESTART_DELAY_SECONDS = 0.5


class Daemon:
    """A program with its flags.

    The driver announces each exit that it causes; every other exit is a finding.
    """

    def __init__(self, program, path, arguments, log, row, note):
        self.program = program
        self.path = path
        self.arguments = arguments
        self.log = log
        self.health_port = row["health"]
        # Where clients without a token connect.
        self.http_port = row["http"] or self.health_port
        self.note = note
        self.process = None
        self.starts = 0
        # Texts about exits that the driver did not cause.
        self.unexpected_exits = []
        self.exits = []
        self.is_restarted = True
        self.restart_delay = 0.0
        self.expected_exits = 0
        # While it is set, the fault that it names explains any exit.
        self.allowed_exit = None
        self.environment = {}
        self.watcher = None
        self.started = asyncio.Event()
        self.exited = asyncio.Event()

    @property
    def pid(self):
        return self.process.pid if self.process and self.process.returncode is None else None

    async def start(self, environment=None, prefix=()):
        """Starts it; `environment` applies to this start only."""
        variables = {key: value for key, value in os.environ.items() if not key.startswith("MARTLET_")}
        variables |= self.environment | (environment or {})
        tether = TETHER if os.access(TETHER[0], os.X_OK) else []
        self.exited.clear()
        with open(self.log, "ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *tether, *prefix, self.path, *self.arguments, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env=variables, start_new_session=True)  # fmt: skip
        self.starts += 1
        self.started.set()
        self.watcher = asyncio.ensure_future(self.watch(self.process))

    async def watch(self, process):
        status = await process.wait()
        self.started.clear()
        self.exited.set()
        self.exits.append((time.monotonic(), status))
        if self.expected_exits:
            self.expected_exits -= 1
        elif self.allowed_exit is None:
            self.unexpected_exits.append(f"{self.program} exited with {status} unasked")
            self.note(self.unexpected_exits[-1])
        if self.is_restarted:
            await asyncio.sleep(max(self.restart_delay, RESTART_DELAY_SECONDS if status >= 0 else 0))
            # Another task may have started it meanwhile.
            if self.is_restarted and self.process is process:
                await self.start()

    def send_signal(self, number):
        """Sends a signal; False when it is down."""
        if self.pid is None:
            return False
        os.kill(self.pid, number)
        return True

    def kill(self, restart_delay=0.0):
        """kill -9; it is restarted after `restart_delay` seconds. False when it is already down."""
        if self.pid is None:
            return False
        self.expected_exits += 1
        self.restart_delay = restart_delay
        os.kill(self.pid, signal.SIGKILL)
        return True

    async def stop(self, number=signal.SIGTERM, timeout=30.0):
        """Stops it until `start_again`. Returns the status, or None when it had to be killed."""
        self.is_restarted = False
        if self.pid is None:
            return self.process.returncode if self.process else None
        self.expected_exits += 1
        process = self.process
        os.kill(process.pid, number)
        try:
            await asyncio.wait_for(self.exited.wait(), timeout)
            return process.returncode
        except asyncio.TimeoutError:
            os.kill(process.pid, signal.SIGKILL)
            await self.exited.wait()
            return None

    async def start_again(self, environment=None, prefix=()):
        """Starts it after `stop`."""
        self.is_restarted = True
        self.restart_delay = 0.0
        await self.start(environment, prefix)

    async def has_exited(self, since, timeout):
        """Whether it exits more than `since` times in all; it may have been restarted meanwhile."""
        limit = time.monotonic() + timeout
        while len(self.exits) <= since:
            if time.monotonic() >= limit:
                return False
            await asyncio.sleep(0.02)
        return True

    async def is_ready(self):
        return (await self.readiness())[0] == 200

    async def readiness(self):
        """The status and the text of `/readyz`; 0 without a response."""
        try:
            response = await web.get("127.0.0.1", self.health_port, "/readyz", timeout=2.0)
            return response.status, response.body.decode().strip()
        except (OSError, web.NoResponse):
            return 0, ""

    async def becomes_ready(self, timeout=READY_SECONDS_MAX):
        """Polls its readiness. False after the timeout."""
        limit = time.monotonic() + timeout
        while time.monotonic() < limit:
            if await self.is_ready():
                return True
            await asyncio.sleep(0.05)
        return False
