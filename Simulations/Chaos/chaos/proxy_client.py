"""The driver's end of the fault proxy, which runs in a process of its own so that it never waits for the driver."""

import asyncio
import json
import os
import sys
from pathlib import Path


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

    async def ask(self, **wish):
        async with self.lock:
            self.process.stdin.write(json.dumps(wish).encode() + b"\n")
            await self.process.stdin.drain()
            answer = json.loads(await self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(f"the proxy: {answer['error']}")
        return answer

    @staticmethod
    def route(asking, asked, listener):
        return f"{asking}>{asked}.{listener}"

    def port(self, asking, asked, listener):
        return self.ports[self.route(asking, asked, listener)]

    async def open(self, asking, asked, listener, upstream):
        from .shop import free_port

        route = self.route(asking, asked, listener)
        if route in self.ports:
            return
        self.ports[route] = free_port()
        await self.ask(do="open", route=route, port=self.ports[route], upstream=upstream, seed=route)

    def routes(self, asking, asked):
        return sorted(route for route in self.ports if route.startswith(f"{asking}>{asked}."))

    async def set(self, asking, asked, **fault):
        """What is wrong between the two from now on; nothing for healed."""
        for route in self.routes(asking, asked):
            await self.ask(do="set", route=route, fault=fault)

    async def cut(self, asking, asked, reset=True):
        for route in self.routes(asking, asked):
            await self.ask(do="cut", route=route, reset=reset)

    async def counts(self, beginning=""):
        """By kind, over all routes whose name begins so."""
        sums = {}
        for route, counts in (await self.ask(do="counts")).items():
            if not route.startswith(beginning):
                continue
            for kind, number in counts.items():
                sums[kind] = sums.get(kind, 0) + number
        return sums
