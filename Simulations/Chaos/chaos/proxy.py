"""The fault proxy: a process that forwards TCP connections, and hurts them as it is told.

It reads one JSON object per line from standard input and answers each with one line. It works on bytes and connections; a
byte that is forwarded twice would be a broken HTTP/2 frame and no duplicate, so duplicates are made one level up, by
repeating requests, or by cutting a connection after the callee has acted, which makes the caller repeat them.

Faults of a route, all off at the start:
  latency_ms, jitter_ms   every piece is held back so long, in order
  cut_after               a connection ends after so many bytes of answers (or of requests, with cut_side "request")
  cut_share               … but only this share of connections, 0 to 1
  reset                   what ends is reset (RST), not closed (FIN)
  half_close              after cut_after the side is closed for writing only
  blackhole               "answers", "requests" or "both": bytes are taken and never come out; connecting works
  refuse                  nobody listens: a connection is refused
  drop_syn                somebody listens and never accepts, with a full queue: a connection is neither made nor refused
"""

import asyncio
import json
import random
import socket
import struct
import sys

PIECE = 65_536
QUEUE_MAX = 256


class Route:
    """One listener, one upstream, and what is wrong between them."""

    def __init__(self, port, upstream, seed):
        self.port = port
        self.upstream = upstream
        self.fault = {}
        self.server = None
        # A listener that never accepts, and those who wait for it.
        self.deaf = []
        self.connections = set()
        self.chance = random.Random(seed)
        # What really happened, by kind.
        self.counts = {}

    def count(self, kind, number=1):
        self.counts[kind] = self.counts.get(kind, 0) + number

    async def listen(self):
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", self.port, limit=PIECE)

    async def set(self, fault):
        was = self.fault
        self.fault = fault
        is_away = fault.get("refuse") or fault.get("drop_syn")
        if is_away and self.server:
            self.server.close()
            self.server = None
            self.cut(reset=True, kind="away")
        for each in self.deaf:
            each.close()
        self.deaf = fill_queue(self.port) if fault.get("drop_syn") else []
        if not is_away and self.server is None:
            await self.listen()
        if was.get("blackhole") and not fault.get("blackhole"):
            # What was swallowed never comes: the connection is of no use to anybody.
            self.cut(reset=True, kind="after_blackhole")

    def cut(self, reset, kind="cut"):
        """Ends every connection as it stands."""
        for pair in list(self.connections):
            self.count(kind)
            for writer in pair:
                end(writer, reset)

    async def accept(self, reader, writer):
        self.count("connections")
        if self.fault.get("refuse"):
            return end(writer, True)
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self.upstream, limit=PIECE)
        except OSError:
            return end(writer, True)
        pair = (writer, upstream_writer)
        self.connections.add(pair)
        is_chosen = self.chance.random() < self.fault.get("cut_share", 1.0)
        try:
            await asyncio.gather(
                self.forward(reader, upstream_writer, pair, "request", is_chosen),
                self.forward(upstream_reader, writer, pair, "answer", is_chosen),
            )
        finally:
            self.connections.discard(pair)
            for each in pair:
                each.close()

    async def forward(self, reader, writer, pair, side, is_chosen):
        """Takes pieces as they come and gives them out when they are due."""
        queue = asyncio.Queue(QUEUE_MAX)
        giver = asyncio.ensure_future(self.give(queue, writer, pair, side, is_chosen))
        loop = asyncio.get_running_loop()
        try:
            while piece := await reader.read(PIECE):
                fault = self.fault
                pause = fault.get("latency_ms", 0) + self.chance.random() * fault.get("jitter_ms", 0)
                if pause:
                    self.count("delayed_pieces")
                await queue.put((loop.time() + pause / 1_000, piece))
        except OSError:
            for each in pair:
                end(each, True)
        await queue.put((loop.time(), b""))
        await giver

    async def give(self, queue, writer, pair, side, is_chosen):
        loop = asyncio.get_running_loop()
        given = 0
        try:
            while True:
                due, piece = await queue.get()
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                if not piece:
                    if writer.can_write_eof():
                        writer.write_eof()
                    return
                fault = self.fault
                if fault.get("blackhole") in ("both", f"{side}s"):
                    self.count("swallowed_bytes", len(piece))
                    continue
                limit = fault.get("cut_after")
                if limit is not None and is_chosen and fault.get("cut_side", "answer") == side:
                    if given + len(piece) > limit:
                        writer.write(piece[: max(0, limit - given)])
                        await writer.drain()
                        self.finish(writer, pair, fault)
                        return
                given += len(piece)
                writer.write(piece)
                await writer.drain()
        except (OSError, RuntimeError):
            for each in pair:
                each.close()

    def finish(self, writer, pair, fault):
        if fault.get("half_close"):
            self.count("half_closed")
            if writer.can_write_eof():
                writer.write_eof()
            return
        self.count("reset" if fault.get("reset") else "cut")
        for each in pair:
            end(each, fault.get("reset", False))


def fill_queue(port):
    """Listens, never accepts, and has so many waiting that the kernel drops whoever comes."""
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


def end(writer, reset):
    """Closes a connection, by RST where that is wanted."""
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

    async def obey(self, wish):
        kind, name = wish["do"], wish.get("route")
        if kind == "open":
            self.routes[name] = Route(wish["port"], wish["upstream"], wish["seed"])
            await self.routes[name].listen()
        elif kind == "set":
            await self.routes[name].set(wish["fault"])
        elif kind == "cut":
            self.routes[name].cut(wish["reset"])
        elif kind == "counts":
            return {name: route.counts for name, route in self.routes.items()}
        return {}

    async def run(self):
        loop = asyncio.get_running_loop()
        wishes = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(wishes), sys.stdin)
        while line := await wishes.readline():
            try:
                answer = await self.obey(json.loads(line))
            except OSError as trouble:
                answer = {"error": str(trouble)}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(Proxy().run())
