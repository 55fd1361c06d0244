"""HTTP/1.1 as a plain client speaks it: kept connections, a deadline, and a clear word when there was no answer."""

import asyncio
import json
from dataclasses import dataclass, field

IDLE_MAX = 64
HEAD_BYTES_MAX = 65_536


class NoAnswer(Exception):
    """The connection ended, or time was over, before a whole answer was there: the outcome is unknown."""


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes
    closes: bool = False
    fields: dict = field(init=False, repr=False, default=None)

    def json(self):
        if self.fields is None:
            try:
                self.fields = json.loads(self.body or b"{}")
            except ValueError:
                self.fields = {}
        return self.fields

    def is_whole(self):
        try:
            json.loads(self.body)
            return True
        except ValueError:
            return False


class Connections:
    """Kept connections to one address."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.idle = []

    async def send(self, method, path, headers=None, body=b"", timeout=15.0):
        """One request on one connection, never repeated here."""
        try:
            return await asyncio.wait_for(self.attempt(method, path, headers or {}, body), timeout)
        except asyncio.TimeoutError:
            raise NoAnswer("time is over") from None
        except (OSError, asyncio.IncompleteReadError, ValueError) as trouble:
            raise NoAnswer(f"{type(trouble).__name__}: {trouble}") from None

    async def attempt(self, method, path, headers, body):
        pair = self.idle.pop() if self.idle else await asyncio.open_connection(self.host, self.port)
        reader, writer = pair
        kept = False
        try:
            lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}", f"Content-Length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            await writer.drain()
            answer = await read_answer(reader)
            kept = not answer.closes and len(self.idle) < IDLE_MAX
            return answer
        finally:
            if kept:
                self.idle.append(pair)
            else:
                writer.close()

    def close(self):
        for _, writer in self.idle:
            writer.close()
        self.idle.clear()


async def read_answer(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    headers = {}
    for line in head[1:]:
        if line:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            piece = await reader.readexactly(size + 2)
            if size == 0:
                break
            body += piece[:-2]
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Answer(status, headers, body, headers.get("connection", "").lower() == "close")


async def get(host, port, path, timeout):
    connections = Connections(host, port)
    try:
        return await connections.send("GET", path, {"Connection": "close"}, timeout=timeout)
    finally:
        connections.close()
