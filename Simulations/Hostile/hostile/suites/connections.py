"""Many connections that are idle, slow or never read, at the gateway and at one service; others are served meanwhile."""

import select
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
# Connections that ask for large answers and read none: fewer than the listeners accept, more, and many times more.
UNREAD, UNREAD_MORE, UNREAD_MOST, ASKED_TIMES = 150, 600, 2_000, 40
# Connections whose bodies are held at a path that needs no token, so that the gateway keeps what arrives.
HELD_MORE = 600
# Of those that come from several addresses: 127.0.8.1 and the following.
ADDRESSES, ADDRESS = 50, "127.0.8.{}".format
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
    # From so many addresses.
    addresses: int = 1
    # Opens another connection, within a second, for one that the peer has closed.
    returns: bool = False

    def source(self, number):
        """The address of a connection; `None` for that of this machine."""
        return ADDRESS(1 + number % self.addresses) if self.addresses > 1 else None


IDLE = Load("idle connections", CONNECTIONS, b"")
CALLS = Load("connections without a call", CONNECTIONS, frames.HANDSHAKE)
HEADS = Load("heads that come byte by byte", CONNECTIONS, b"GET /livez HTTP/1.1\r\nHost: shop\r\nX-Slow: ", b"a")
ASKING = Load("connections that keep asking", CONNECTIONS, get(), get())
# Refused at their heads, since orders need a token: nothing may be kept.
REFUSED = Load("refused bodies that never end", HELD, post(b"Content-Length: 2000000", target=b"/v1/orders") + b" " * HELD_BYTES)
# Taken from everybody, so what arrives is kept.
LINE = get(b"Content-Type: application/json", b"Content-Length: 2000000", target=b"/v1/carts/held/lines/HELD", method=b"PUT")
BODIES = Load("bodies that come byte by byte", CONNECTIONS, LINE + b"{", b" ")
HOLDING_LINES = Load("lines of carts that never end", HELD_MORE, LINE + b" " * HELD_BYTES)
HOLDING_LINES_OF_MANY = Load("lines of carts that never end, of many addresses", HELD_MORE, LINE + b" " * HELD_BYTES, addresses=ADDRESSES)
ASKED = get(target=b"/openapi.json") * ASKED_TIMES
UNREADING = Load("answers that are not read", UNREAD, ASKED, reads=False)
UNREADING_METRICS = Load("metrics that are not read", UNREAD, get(target=b"/metrics") * ASKED_TIMES, reads=False)
UNREADING_MORE = Load("answers that are not read, beyond the limit of connections", UNREAD_MORE, ASKED, reads=False)
UNREADING_MOST = Load("answers that are not read, of many addresses", UNREAD_MOST, ASKED, reads=False, addresses=ADDRESSES, returns=True)
# A client that takes no answers at all: its windows are empty (SETTINGS_INITIAL_WINDOW_SIZE).
NO_WINDOW = frames.HANDSHAKE.replace(frames.frame(frames.SETTINGS), frames.frame(frames.SETTINGS, payload=b"\x00\x04" + frames.number(0)))
CALLED = b"".join(frames.call(1 + 2 * number) for number in range(ASKED_TIMES))
UNREAD_CALLS = Load("calls whose answers are not read", UNREAD_MORE, NO_WINDOW + CALLED, reads=False)
# What happens at the same time, by program and kind of port. The first ones always run, the others in a long run.
PHASES_LEAST = 7
PHASES = [
    {("gatewayd", "http"): IDLE, ("ordersd", "http"): IDLE, ("cartsd", "grpc"): CALLS, ("paymentsd", "operate"): CALLS},
    {("gatewayd", "http"): HEADS, ("ordersd", "http"): ASKING, ("cartsd", "http"): BODIES, ("catalogd", "grpc"): IDLE},
    {("gatewayd", "http"): UNREADING_MORE, ("ordersd", "http"): REFUSED, ("catalogd", "grpc"): UNREAD_CALLS},
    {("gatewayd", "http"): UNREADING_MOST, ("cartsd", "http"): HOLDING_LINES},
    {("gatewayd", "http"): HOLDING_LINES_OF_MANY, ("ordersd", "http"): UNREADING_MORE},
    {("gatewayd", "http"): REFUSED, ("ordersd", "http"): UNREADING, ("cartsd", "health"): UNREADING_METRICS, ("gatewayd", "health"): IDLE},
    {("gatewayd", "http"): UNREADING, ("ordersd", "http"): REFUSED},
    {("gatewayd", "http"): BODIES, ("ordersd", "http"): ASKING, ("inventoryd", "http"): HEADS, ("ordersd", "grpc"): CALLS},
    {("gatewayd", "http"): ASKING, ("ordersd", "http"): HEADS, ("eventlogd", "grpc"): CALLS, ("catalogd", "http"): IDLE},
]  # fmt: skip


class Connections:
    name = "connections"
    # In a short run it takes longer: each phase must last until a bystander notices it.
    share = 0.2
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
                    connections = list(pool.map(lambda number: opened(target, load, number), range(load.count)))
                if not any(connections):
                    context.finding(load.name, target, expected="some accepted connections", seen="none")
                until = time.monotonic() + seconds
                while time.monotonic() < until:
                    time.sleep(STEP_SECONDS)
                    self.go_on(target, load, connections, until)
            finally:
                for connection in filter(None, connections):
                    connection.close()

    @staticmethod
    def go_on(target, load, connections, until):
        """Sends the next bytes on each connection, or opens another one instead; stops at the end of the time."""
        for number, connection in enumerate(connections):
            if time.monotonic() >= until:
                return
            if load.returns and (connection is None or has_ended(connection)):
                connections[number] = opened(target, load, number, connection)
            elif connection:
                poke(connection, load.more, load.reads)


def has_ended(connection):
    """Whether the peer has closed a connection; what has arrived stays unread."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return bool(poll.poll(0))


def opened(target, load, number=0, instead_of=None):
    """A connection on which the first bytes were sent, as far as the peer takes them; `None` when it is not accepted."""
    if instead_of:
        instead_of.close()
    connection = socket.socket()
    try:
        if source := load.source(number):
            connection.bind((source, 0))
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
