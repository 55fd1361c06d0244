"""An HTTP/1.1 client with keep-alive connections and deadlines."""

import asyncio
import json
from dataclasses import dataclass, field

IDLE_MAX = 64
HEAD_BYTES_MAX = 65_536


class NoResponse(Exception):
    """No whole response before the connection closed or the deadline passed: the outcome is unknown."""


@dataclass
class Response:
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

    def is_complete(self):
        try:
            json.loads(self.body)
            return True
        except ValueError:
            return False


class Connections:
    """Keep-alive connections to one address."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.idle = []

    async def send(self, method, path, headers=None, body=b"", timeout=15.0):
        """One request on one connection, without retries."""
        try:
            return await asyncio.wait_for(self.attempt(method, path, headers or {}, body), timeout)
        except asyncio.TimeoutError:
            raise NoResponse("deadline exceeded") from None
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            raise NoResponse(f"{type(error).__name__}: {error}") from None

    async def attempt(self, method, path, headers, body):
        pair = self.idle.pop() if self.idle else await asyncio.open_connection(self.host, self.port)
        reader, writer = pair
        is_reusable = False
        try:
            lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}", f"Content-Length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            await writer.drain()
            response = await read_response(reader)
            is_reusable = not response.closes and len(self.idle) < IDLE_MAX
            return response
        finally:
            if is_reusable:
                self.idle.append(pair)
            else:
                writer.close()

    def close(self):
        for _, writer in self.idle:
            writer.close()
        self.idle.clear()


async def read_response(reader):
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
            chunk = await reader.readexactly(size + 2)
            if size == 0:
                break
            body += chunk[:-2]
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Response(status, headers, body, headers.get("connection", "").lower() == "close")


async def get(host, port, path, timeout):
    connections = Connections(host, port)
    try:
        return await connections.send("GET", path, {"Connection": "close"}, timeout=timeout)
    finally:
        connections.close()
