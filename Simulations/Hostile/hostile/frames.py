"""HTTP/2 by hand: any frame, valid or not, and calls of gRPC."""

from dataclasses import dataclass, field

from . import wire

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
UNKNOWN = 0x20
END_STREAM, ACKNOWLEDGEMENT, END_HEADERS, PADDED, PRIORITISED = 0x1, 0x1, 0x4, 0x8, 0x20
HEALTH = "/grpc.health.v1.Health/Check"
EMPTY_MESSAGE = bytes(5)
FRAME_BYTES = 9
# The longest payload that a server must accept.
PAYLOAD_BYTES_MAX = 16_384


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """A frame; `length` is what its head states, when it is not that of the payload."""
    stated = len(payload) if length is None else length
    return stated.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def number(value):
    return value.to_bytes(4, "big")


HANDSHAKE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS) + frame(SETTINGS, ACKNOWLEDGEMENT)


def integer(value, prefix_bits, pattern=0):
    """An integer of HPACK behind a pattern of bits."""
    limit = (1 << prefix_bits) - 1
    if value < limit:
        return bytes([pattern | value])
    out, value = [pattern | limit], value - limit
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def block(headers):
    """A block of headers, each written out without indexing: also names and values that no library would encode."""
    out = b""
    for header in headers:
        out += b"\x00"
        for text in header:
            data = text if isinstance(text, bytes) else text.encode()
            out += integer(len(data), 7) + data
    return out


def call_headers(path, more=()):
    return [
        (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "shop"), ("content-type", "application/grpc"),
        ("te", "trailers"), *more,
    ]  # fmt: skip


def call(stream, path=HEALTH, more=(), message=EMPTY_MESSAGE):
    """The frames of a whole call; without a message its stream stays open."""
    headers = block(call_headers(path, more))
    parts = [headers[at : at + PAYLOAD_BYTES_MAX] for at in range(0, len(headers), PAYLOAD_BYTES_MAX)]
    head = b""
    for index, part in enumerate(parts):
        head += frame(CONTINUATION if index else HEADERS, END_HEADERS if index == len(parts) - 1 else 0, stream, part)
    return head if message is None else head + frame(DATA, END_STREAM, stream, message)


def message(data=b""):
    """A message of gRPC."""
    return b"\x00" + number(len(data)) + data


@dataclass
class Stream:
    """What has arrived of a call's answer."""

    headers: dict = field(default_factory=dict)
    # `None` until the stream has ended; `reset` when it was reset.
    end: str | None = None

    @property
    def status(self):
        """The number of gRPC's status; `None` without one."""
        text = self.headers.get("grpc-status")
        return int(text) if text and text.isdigit() else None

    def __str__(self):
        if self.end is None:
            return "no answer"
        return (
            f"grpc-status {self.headers.get('grpc-status')} {self.headers.get('grpc-message', '')}".rstrip()
            if self.status is not None
            else self.end
        )


class Connection(wire.Connection):
    """A connection to a gRPC port, after the handshake."""

    def __init__(self, target, seconds, source=None, handshake=HANDSHAKE):
        super().__init__(target, seconds, source)
        from hpack import Decoder  # Only here: other suites need no library.

        self.decoder, self.pending = Decoder(), b""
        self.streams, self.goaway, self.ended = {}, None, None
        self.send(handshake)

    def next_frame(self):
        """The next frame as kind, flags, stream and payload; `None` at the end of the connection."""
        while True:
            if len(self.pending) >= FRAME_BYTES:
                whole = FRAME_BYTES + int.from_bytes(self.pending[:3], "big")
                if len(self.pending) >= whole:
                    data, self.pending = self.pending[:whole], self.pending[whole:]
                    return data[3], data[4], int.from_bytes(data[5:9], "big") & 0x7FFFFFFF, data[9:]
            try:
                piece = self.receive()
            except wire.Hang:
                raise
            except OSError:
                self.ended = "reset"
                return None
            if not piece:
                self.ended = "closed"
                return None
            self.pending += piece

    def step(self):
        """Handles one frame; whether there was one."""
        found = self.next_frame()
        if not found:
            return False
        kind, flags, stream, payload = found
        if kind == SETTINGS and not flags & ACKNOWLEDGEMENT:
            pass  # Acknowledged by the handshake.
        elif kind == PING and not flags & ACKNOWLEDGEMENT:
            self.send(frame(PING, ACKNOWLEDGEMENT, 0, payload))
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
        elif kind in (HEADERS, DATA, RST_STREAM):
            state = self.streams.setdefault(stream, Stream())
            if kind == HEADERS:
                state.headers |= {str(name): str(value) for name, value in self.decoder.decode(payload)}
            if kind == RST_STREAM:
                state.end = f"reset {int.from_bytes(payload[:4], 'big')}"
            elif flags & END_STREAM:
                state.end = "ended"
        return True

    def stream(self, number):
        """The stream once it has ended, or the connection has."""
        while self.streams.get(number, Stream()).end is None:
            if not self.step():
                break
        return self.streams.get(number, Stream())

    def wait_for_end(self):
        """How the connection ended: `closed` or `reset`."""
        while self.step():
            pass
        return self.ended


def is_answered(target, seconds, source=None):
    """Whether a call of health is answered, whatever the answer."""
    with wire.Connection(target, seconds, source) as connection:
        connection.send(HANDSHAKE + call(1))
        data = b""
        while piece := connection.receive():
            data += piece
            if any(found[0] == HEADERS for found in heads(data)):
                return True
    return False


def heads(data):
    """The kinds, flags and streams of the whole frames."""
    while len(data) >= FRAME_BYTES and len(data) >= (whole := FRAME_BYTES + int.from_bytes(data[:3], "big")):
        yield data[3], data[4], int.from_bytes(data[5:9], "big")
        data = data[whole:]


def ask(target, path, seconds, more=(), body=EMPTY_MESSAGE):
    """One call on a connection of its own: its stream, `closed`, `reset` or `hang`."""
    try:
        with Connection(target, seconds) as connection:
            connection.send(call(1, path, more, body))
            found = connection.stream(1)
            return found if found.end else connection.ended
    except wire.Hang:
        return "hang"
    except OSError as error:
        return f"no connection ({error})"
