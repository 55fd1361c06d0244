"""The fault proxy: a process that forwards TCP connections and injects faults.

It reads one JSON command per line from standard input and responds to each with one line. It works on bytes and
connections; a byte that is forwarded twice would be a broken HTTP/2 frame and no duplicate, so duplicates are made one
level up, by repeated requests, or by cutting a connection after the callee has acted, which makes the caller retry.

Faults of a route, all off at the start:
  latency_ms, jitter_ms   every chunk is delayed, in order
  cut_after               a connection is closed after this many bytes of responses (of requests: cut_side "request")
  cut_share               … but only this share of connections, 0 to 1
  reset                   connections are reset (RST) instead of closed (FIN)
  half_close              after cut_after the side is closed for writing only
  blackhole               "responses", "requests" or "both": bytes are received and dropped; connecting works
  refuse                  connections are refused
  drop_syn                the listen queue is full: a connection is neither accepted nor refused
"""

import asyncio
import json
import random
import socket
import struct
import sys

CHUNK_BYTES = 65_536
QUEUE_MAX = 256


class Route:
    """One listener, one upstream, and the fault between them."""

    def __init__(self, port, upstream, seed):
        self.port = port
        self.upstream = upstream
        self.fault = {}
        self.server = None
        # A listener that never accepts, and connections that fill its queue.
        self.full_queue = []
        self.connections = set()
        self.rng = random.Random(seed)
        # Injected faults, by kind.
        self.counts = {}

    def count(self, kind, number=1):
        self.counts[kind] = self.counts.get(kind, 0) + number

    async def listen(self):
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", self.port, limit=CHUNK_BYTES)

    async def set(self, fault):
        was = self.fault
        self.fault = fault
        is_away = fault.get("refuse") or fault.get("drop_syn")
        if is_away and self.server:
            self.server.close()
            self.server = None
            self.cut(reset=True, kind="away")
        for each in self.full_queue:
            each.close()
        self.full_queue = fill_queue(self.port) if fault.get("drop_syn") else []
        if not is_away and self.server is None:
            await self.listen()
        if was.get("blackhole") and not fault.get("blackhole"):
            # Bytes were dropped, so the connection is useless.
            self.cut(reset=True, kind="after_blackhole")

    def cut(self, reset, kind="cut"):
        """Closes every connection."""
        for pair in list(self.connections):
            self.count(kind)
            for writer in pair:
                close(writer, reset)

    async def accept(self, reader, writer):
        self.count("connections")
        if self.fault.get("refuse"):
            return close(writer, True)
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self.upstream, limit=CHUNK_BYTES)
        except OSError:
            return close(writer, True)
        pair = (writer, upstream_writer)
        self.connections.add(pair)
        is_chosen = self.rng.random() < self.fault.get("cut_share", 1.0)
        try:
            await asyncio.gather(
                self.forward(reader, upstream_writer, pair, "request", is_chosen),
                self.forward(upstream_reader, writer, pair, "response", is_chosen),
            )
        finally:
            self.connections.discard(pair)
            for each in pair:
                each.close()

    async def forward(self, reader, writer, pair, side, is_chosen):
        """Reads chunks and queues them until they are due."""
        queue = asyncio.Queue(QUEUE_MAX)
        sender = asyncio.ensure_future(self.deliver(queue, writer, pair, side, is_chosen))
        loop = asyncio.get_running_loop()
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                fault = self.fault
                delay = fault.get("latency_ms", 0) + self.rng.random() * fault.get("jitter_ms", 0)
                if delay:
                    self.count("delayed_pieces")
                await queue.put((loop.time() + delay / 1_000, chunk))
        except OSError:
            for each in pair:
                close(each, True)
        await queue.put((loop.time(), b""))
        await sender

    async def deliver(self, queue, writer, pair, side, is_chosen):
        loop = asyncio.get_running_loop()
        written = 0
        try:
            while True:
                due, chunk = await queue.get()
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                if not chunk:
                    if writer.can_write_eof():
                        writer.write_eof()
                    return
                fault = self.fault
                if fault.get("blackhole") in ("both", f"{side}s"):
                    self.count("swallowed_bytes", len(chunk))
                    continue
                limit = fault.get("cut_after")
                if limit is not None and is_chosen and fault.get("cut_side", "response") == side:
                    if written + len(chunk) > limit:
                        writer.write(chunk[: max(0, limit - written)])
                        await writer.drain()
                        self.cut_one(writer, pair, fault)
                        return
                written += len(chunk)
                writer.write(chunk)
                await writer.drain()
        except (OSError, RuntimeError):
            for each in pair:
                each.close()

    def cut_one(self, writer, pair, fault):
        if fault.get("half_close"):
            self.count("half_closed")
            if writer.can_write_eof():
                writer.write_eof()
            return
        self.count("reset" if fault.get("reset") else "cut")
        for each in pair:
            close(each, fault.get("reset", False))


def fill_queue(port):
    """Listens without accepting, with a queue so full that the kernel drops SYN packets."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(0)
    waiting = []
    for _ in range(3):
        waiting.append(socket.socket())
        waiting[-1].setblocking(False)
        waiting[-1].connect_ex(("127.0.0.1", port))
    return [listener, *waiting]


def close(writer, reset):
    """Closes a connection, by RST or by FIN."""
    if reset:
        own = writer.get_extra_info("socket")
        if own is not None:
            try:
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass
        writer.transport.abort()
    else:
        writer.close()


class Proxy:
    def __init__(self):
        self.routes = {}

    async def execute(self, command):
        kind, name = command["do"], command.get("route")
        if kind == "open":
            self.routes[name] = Route(command["port"], command["upstream"], command["seed"])
            await self.routes[name].listen()
        elif kind == "set":
            await self.routes[name].set(command["fault"])
        elif kind == "cut":
            self.routes[name].cut(command["reset"])
        elif kind == "counts":
            return {name: route.counts for name, route in self.routes.items()}
        return {}

    async def run(self):
        loop = asyncio.get_running_loop()
        commands = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
        while line := await commands.readline():
            try:
                response = await self.execute(json.loads(line))
            except OSError as error:
                response = {"error": str(error)}
            print(json.dumps(response), flush=True)


if __name__ == "__main__":
    asyncio.run(Proxy().run())
