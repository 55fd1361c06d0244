"""Many connections that are idle, slow or never read, at the gateway and at one service; others are served meanwhile."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .. import frames, wire
from .http1_cases import get, post

# More than the shop's listeners accept with its limit of open files.
CONNECTIONS = 700
# Connections with a body that never ends, and its bytes: below the limit of a body, together above the budget.
HELD, HELD_BYTES = 250, 1_900_000
# Connections that ask for large answers and read none.
UNREAD, ASKED_TIMES = 150, 40
# Of a process meanwhile: its budget of bytes in flight, and what buffers and sockets take with it.
GROWTH_BYTES_MAX = 400 << 20
STEP_SECONDS = 1.0
# Longer than a bystander waits, so that one who is not served notices it.
HOLD_SECONDS_MIN = 6.0
CONNECT_SECONDS = 2.0


@dataclass(frozen=True)
class Load:
    """What each of many connections does."""

    name: str
    count: int
    first: bytes
    # Sent again every second.
    more: bytes = b""
    reads: bool = True


IDLE = Load("idle connections", CONNECTIONS, b"")
CALLS = Load("connections without a call", CONNECTIONS, frames.HANDSHAKE)
HEADS = Load("heads that come byte by byte", CONNECTIONS, b"GET /livez HTTP/1.1\r\nHost: shop\r\nX-Slow: ", b"a")
BODIES = Load("bodies that come byte by byte", CONNECTIONS, post(b"Content-Length: 1000000", target=b"/v1/orders") + b"{", b" ")
ASKING = Load("connections that keep asking", CONNECTIONS, get(), get())
HOLDING = Load("bodies that never end", HELD, post(b"Content-Length: 2000000", target=b"/v1/orders") + b" " * HELD_BYTES)
UNREADING = Load("answers that are not read", UNREAD, get(target=b"/openapi.json") * ASKED_TIMES, reads=False)
# What happens at the same time, by program and kind of port. The first ones always run, the others in a long run.
PHASES_LEAST = 4
PHASES = [
    {("gatewayd", "http"): IDLE, ("ordersd", "http"): IDLE, ("cartsd", "grpc"): CALLS, ("paymentsd", "operate"): CALLS},
    {("gatewayd", "http"): HEADS, ("ordersd", "http"): BODIES, ("cartsd", "http"): ASKING, ("catalogd", "grpc"): IDLE},
    {("gatewayd", "http"): HOLDING, ("ordersd", "http"): UNREADING},
    {("gatewayd", "http"): UNREADING, ("ordersd", "http"): HOLDING},
    {("gatewayd", "http"): BODIES, ("ordersd", "http"): ASKING, ("inventoryd", "http"): HEADS, ("ordersd", "grpc"): CALLS},
    {("gatewayd", "http"): ASKING, ("ordersd", "http"): HEADS, ("eventlogd", "grpc"): CALLS, ("catalogd", "http"): IDLE},
]  # fmt: skip


class Connections:
    name = "connections"
    # In a short run it takes longer: each phase must last until a bystander notices it.
    share = 0.08
    about = "idle, slow and unread connections beyond every limit"

    def run(self, context):
        seconds = max(HOLD_SECONDS_MIN, context.seconds / len(PHASES))
        for number, phase in enumerate(PHASES):
            if number >= PHASES_LEAST and context.left < seconds:
                break
            context.at(", ".join(f"{load.name} at {program} {kind}" for (program, kind), load in phase.items()))
            context.cases += sum(load.count for load in phase.values()) - 1
            context.each(list(phase.items()), lambda item: self.hold(context, context.target(*item[0]), item[1], seconds))

    def hold(self, context, target, load, seconds):
        """Opens the connections, sends something now and then, and closes them all after some seconds."""
        with context.memory(target, GROWTH_BYTES_MAX, load.name):
            connections = []
            try:
                with ThreadPoolExecutor(16) as pool:
                    connections = [found for found in pool.map(lambda _: opened(target, load), range(load.count)) if found]
                if not connections:
                    context.finding(load.name, target, expected="some accepted connections", seen="none")
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    time.sleep(STEP_SECONDS)
                    for connection in connections:
                        poke(connection, load.more, load.reads)
            finally:
                for connection in connections:
                    connection.close()


def opened(target, load):
    """A connection on which the first bytes were sent, as far as the peer takes them; `None` when it is not accepted."""
    connection = socket.socket()
    try:
        if not load.reads:
            # So that the kernel keeps little of what is not read.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.settimeout(CONNECT_SECONDS)
        connection.connect((target.host, target.port))
    except OSError:
        connection.close()
        return None
    poke(connection, load.first, load.reads, CONNECT_SECONDS)
    return connection


def poke(connection, data, reads, seconds=0.0):
    """Sends what the peer takes, and reads what has arrived; a connection that has ended stays as it is."""
    try:
        # 0 does not wait.
        connection.settimeout(seconds)
        if data:
            connection.sendall(data)
        if reads:
            connection.settimeout(0)
            while connection.recv(wire.READ_BYTES):
                pass
    except OSError:
        pass  # Closed, full, or nothing has arrived.
