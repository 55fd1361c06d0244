"""The driver's client of the fault proxy, which runs in a process of its own so that it never waits for the driver."""

import asyncio
import json
import os
import sys
from pathlib import Path

from .ports import free_port


class Proxies:
    def __init__(self, note):
        self.note = note
        self.process = None
        self.ports = {}
        self.lock = asyncio.Lock()

    async def start(self):
        home = str(Path(__file__).resolve().parent.parent)
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-B", "-m", "chaos.proxy", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": home})  # fmt: skip

    async def stop(self):
        if self.process and self.process.returncode is None:
            self.process.stdin.close()
            await self.process.wait()

    async def call(self, **command):
        async with self.lock:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            await self.process.stdin.drain()
            response = json.loads(await self.process.stdout.readline())
        if "error" in response:
            raise RuntimeError(f"the proxy: {response['error']}")
        return response

    @staticmethod
    def route(caller, callee, listener):
        return f"{caller}>{callee}.{listener}"

    def port(self, caller, callee, listener):
        return self.ports[self.route(caller, callee, listener)]

    async def open(self, caller, callee, listener, upstream):
        route = self.route(caller, callee, listener)
        if route in self.ports:
            return
        self.ports[route] = free_port()
        await self.call(do="open", route=route, port=self.ports[route], upstream=upstream, seed=route)

    def routes(self, caller, callee):
        return sorted(route for route in self.ports if route.startswith(f"{caller}>{callee}."))

    async def set(self, caller, callee, **fault):
        """Sets the fault between the two; none heals it."""
        for route in self.routes(caller, callee):
            await self.call(do="set", route=route, fault=fault)

    async def cut(self, caller, callee, reset=True):
        for route in self.routes(caller, callee):
            await self.call(do="cut", route=route, reset=reset)

    async def counts(self, prefix=""):
        """Injected faults by kind, over all routes whose name starts with the prefix."""
        sums = {}
        for route, counts in (await self.call(do="counts")).items():
            if not route.startswith(prefix):
                continue
            for kind, number in counts.items():
                sums[kind] = sums.get(kind, 0) + number
        return sums
