"""The whole shop as real processes on a folder and ports of its own, each daemon with its own registry file."""

import asyncio
import json
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

from .daemon import Daemon
from .ports import free_port
from .proxy_client import Proxies
from .topology import EVENT_LOG, PROGRAMS, SERVICES, WITH_DATABASE
from .web import Connections

LISTENERS = ("http", "grpc", "operate")


class Shop:
    """Started by `async with`; stops every process that it started, and deletes the folder unless `keep` is set."""

    def __init__(self, programs, note, keep=False, log_level="info", folder=None):
        self.programs = Path(programs)
        self.note = note
        self.keep = keep
        self.log_level = log_level
        self.folder = Path(folder or tempfile.mkdtemp(prefix="martlet-chaos-"))
        self.data = self.folder / "data"
        # Folders of databases that are not in the common folder, by program.
        self.database_folders = {}
        self.daemons = {}
        self.addresses = {}
        # Pairs of a calling program and a called service with a proxy between them.
        self.proxied = set()
        self.proxies = Proxies(note)
        # Run after the last process has exited.
        self.cleanups = []

    async def __aenter__(self):
        await self.prepare()
        await self.proxies.start()
        for program in PROGRAMS:
            self.write_view(program)
            await self.daemons[program].start()
        for program in PROGRAMS:
            if not await self.daemons[program].becomes_ready():
                raise SystemExit(f"error: {program} does not become ready; see {self.log(program)}")
        self.merchant = await self.token("--merchant")
        return self

    async def __aexit__(self, *error):
        for program in reversed(PROGRAMS):
            daemon = self.daemons.get(program)
            if daemon:
                daemon.allowed_exit = "the end of the scenario"
                daemon.send_signal(signal.SIGCONT)
        # In the order of a supervisor: callers stop before the services that they call.
        for program in reversed(PROGRAMS):
            if program in self.daemons:
                await self.daemons[program].stop(timeout=20.0)
        await self.proxies.stop()
        for cleanup in self.cleanups:
            await cleanup()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def prepare(self):
        """Runs `martlet up` until it has created keys, registry and tables, and stops it."""
        self.data.mkdir(parents=True, exist_ok=True)
        (self.folder / "views").mkdir(exist_ok=True)
        self.port = free_port()
        martlet = str(self.programs / "martlet")
        up = await asyncio.create_subprocess_exec(
            martlet, "up", "--data", str(self.data), "--port", str(self.port), "--json",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)  # fmt: skip
        try:
            text = b""
            while line := await asyncio.wait_for(up.stdout.readline(), 60):
                text += line
                if line == b"}\n":
                    break
            json.loads(text)
        finally:
            if up.returncode is None:
                up.send_signal(signal.SIGINT)
            await up.wait()
        self.registry = json.loads((self.data / "registry.json").read_text())["services"]
        for service, instances in self.registry.items():
            self.addresses[service] = {name: instances[0][name] for name in LISTENERS if name in instances[0]}
        processes = json.loads((self.data / "processes.json").read_text())["rows"]
        for row in processes:
            self.make_daemon(row)
        self.http = Connections("127.0.0.1", self.port)

    def make_daemon(self, row):
        program = row["name"]
        arguments = []
        for listener in LISTENERS:
            if row[listener]:
                arguments += [f"--{listener}-port", str(row[listener])]
        if program in WITH_DATABASE:
            arguments += ["--data", str(self.database_folders.get(program, self.data))]
        arguments += ["--health-port", str(row["health"])]
        arguments += ["--keys", str(self.data / "keys" / program), "--registry", str(self.view(program))]
        if program == EVENT_LOG:
            arguments += ["--topology", str(self.data / "topology.json")]
        arguments += ["--log-level", self.log_level]
        path = str(self.programs / program)
        self.daemons[program] = Daemon(program, path, arguments, str(self.log(program)), row, self.note)

    def move(self, program, folder):
        """Moves the database of a stopped daemon to another folder."""
        before = self.database_folders.get(program, self.data)
        for file in Path(before).glob(f"{SERVICES[program]}.sqlite*"):
            shutil.move(str(file), str(Path(folder) / file.name))
        self.database_folders[program] = Path(folder)
        arguments = self.daemons[program].arguments
        arguments[arguments.index("--data") + 1] = str(folder)

    def database(self, program):
        return self.database_folders.get(program, self.data) / f"{SERVICES[program]}.sqlite"

    def log(self, program):
        return self.data / "logs" / f"{program}.log"

    def view(self, program):
        return self.folder / "views" / f"{program}.json"

    def write_view(self, program, without=()):
        """Writes the registry file that `program` reads, except the services in `without`."""
        services = {}
        for service, addresses in sorted(self.addresses.items()):
            if service in without:
                continue
            seen = dict(addresses)
            if (program, service) in self.proxied:
                for listener in ("http", "grpc"):
                    if listener in seen:
                        seen[listener] = f"127.0.0.1:{self.proxies.port(program, service, listener)}"
            services[service] = [{"id": f"{service}-1", **seen}]
        write_atomically(self.view(program), json.dumps({"version": 1, "services": services}, indent=1))

    async def insert_proxy(self, caller, callee):
        """Inserts a proxy between a program and a service; a repeat does nothing."""
        if (caller, callee) in self.proxied:
            return
        for listener in ("http", "grpc"):
            if listener in self.addresses[callee]:
                port = int(self.addresses[callee][listener].rpartition(":")[2])
                await self.proxies.open(caller, callee, listener, port)
        self.proxied.add((caller, callee))
        self.write_view(caller)
        # Daemons poll their registry every 200 ms.
        await asyncio.sleep(0.5)

    async def remove_proxy(self, caller, callee):
        """Removes the proxy."""
        self.proxied.discard((caller, callee))
        self.write_view(caller)
        await asyncio.sleep(0.5)

    async def martlet(self, *arguments, statuses=(0,)):
        """Runs `martlet` on this shop; returns its standard output."""
        process = await asyncio.create_subprocess_exec(
            str(self.programs / "martlet"), *arguments, "--data", str(self.data), stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE)  # fmt: skip
        output, errors = await process.communicate()
        if process.returncode not in statuses:
            raise RuntimeError(f"martlet {' '.join(arguments)} exited with {process.returncode}: {errors.decode()[-400:]}")
        return output.decode()

    async def martlet_alone(self, *arguments):
        """Runs `martlet` without a shop; returns its standard output."""
        process = await asyncio.create_subprocess_exec(
            str(self.programs / "martlet"), *arguments, stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        return output.decode()

    async def token(self, *identity):
        return (await self.martlet("token", "--ttl", "12h", *identity)).strip()

    def unexpected_exits(self):
        return [text for daemon in self.daemons.values() for text in daemon.unexpected_exits]

    async def all_become_ready(self, timeout=60.0):
        limit = time.monotonic() + timeout
        for daemon in self.daemons.values():
            if not await daemon.becomes_ready(max(0.1, limit - time.monotonic())):
                return False
        return True


def write_atomically(path, text):
    """Replaces a file atomically."""
    temporary = path.with_suffix(".new")
    temporary.write_text(text)
    os.replace(temporary, path)
