"""The tables of the suite http2: frames that violate the protocol (RFC 9113), and calls that must not succeed."""

from dataclasses import dataclass

from ..frames import (
    ACKNOWLEDGEMENT,
    CONTINUATION,
    DATA,
    EMPTY_MESSAGE,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HANDSHAKE,
    HEADERS,
    HEALTH,
    PADDED,
    PING,
    PRIORITISED,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    UNKNOWN,
    WINDOW_UPDATE,
    block,
    call,
    call_headers,
    frame,
    integer,
    number,
)

# Behind each case: it is answered when the connection lives.
SENTINEL_STREAM = 0x7FFFFF
HEAD = block(call_headers(HEALTH))
# Any status but OK.
FAILED = frozenset(range(1, 17))


@dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    # Whether the connection afterwards `ends`, `lives`, or may do `either`.
    then: str
    # The statuses of gRPC that the call on stream 1 may end with; `None` when it is not looked at.
    statuses: frozenset | None = None
    handshake: bytes = HANDSHAKE

    @property
    def expected(self):
        then = {
            "ends": "the end of the connection",
            "lives": "a connection that lives",
            "either": "the next call answered, or the end of the connection",
        }
        statuses = (
            ""
            if self.statuses is None
            else "a call that fails, "
            if self.statuses == FAILED
            else f"a call that ends with {sorted(self.statuses)} or is reset, "
        )
        return statuses + then[self.then]


def ends(name, data, handshake=HANDSHAKE):
    return Case(name, data, "ends", handshake=handshake)


def setting(name, value):
    return name.to_bytes(2, "big") + number(value)


def violations():
    """What ends a connection (section 5.4.1)."""
    yield ends("DATA on an idle stream", frame(DATA, 0, 1, b"abc"))
    yield ends("DATA on stream 0", frame(DATA, 0, 0, b"abc"))
    yield ends("HEADERS on stream 0", frame(HEADERS, END_HEADERS, 0, HEAD))
    yield ends("a call with a server's stream", call(2))
    yield ends("a call on an earlier stream", call(5) + call(3))
    yield ends("a malformed block of headers", frame(HEADERS, END_HEADERS, 1, b"\xff" * 40))
    yield ends("a block that names what no table has", frame(HEADERS, END_HEADERS, 1, HEAD + integer(1_000_000, 7, 0x80)))
    yield ends("a table above the limit", frame(HEADERS, END_HEADERS, 1, integer(1 << 30, 5, 0x20) + HEAD))
    yield ends("an integer of many bytes", frame(HEADERS, END_HEADERS, 1, b"\xff" * 1 + b"\x80" * 100 + b"\x01"))
    yield ends("a frame above the limit", frame(DATA, 0, 1, b"", length=0xFFFFFF))
    yield ends("a window update of 0", frame(WINDOW_UPDATE, 0, 0, number(0)))
    yield ends("a window above the limit", frame(WINDOW_UPDATE, 0, 0, number(0x7FFFFFFF)) * 2)
    yield ends("a window update of 3 bytes", frame(WINDOW_UPDATE, 0, 0, b"abc"))
    yield ends("a window update of an idle stream", frame(WINDOW_UPDATE, 0, 1, number(5)))
    yield ends("SETTINGS on a stream", frame(SETTINGS, 0, 1))
    yield ends("a setting of 3 bytes", frame(SETTINGS, 0, 0, b"\x00\x03\x00"))
    yield ends("an acknowledgement with settings", frame(SETTINGS, ACKNOWLEDGEMENT, 0, setting(3, 1)))
    yield ends("an acknowledgement too many", frame(SETTINGS, ACKNOWLEDGEMENT))
    yield ends("a first window above the limit", frame(SETTINGS, 0, 0, setting(4, 0xFFFFFFFF)))
    yield ends("a frame size below the limit", frame(SETTINGS, 0, 0, setting(5, 1)))
    yield ends("push that is neither on nor off", frame(SETTINGS, 0, 0, setting(2, 7)))
    yield ends("SETTINGS of 12 KB", frame(SETTINGS, 0, 0, setting(3, 100) * 2_000))
    yield ends("PUSH_PROMISE from a client", frame(PUSH_PROMISE, END_HEADERS, 1, number(2) + HEAD))
    yield ends("a PING of 7 bytes", frame(PING, 0, 0, b"1234567"))
    yield ends("a PING on a stream", frame(PING, 0, 1, b"12345678"))
    yield ends("a reset of an idle stream", frame(RST_STREAM, 0, 1, number(8)))
    yield ends("a reset of 3 bytes", call(1, message=None) + frame(RST_STREAM, 0, 1, b"abc"))
    yield ends("GOAWAY with 12 KB", frame(GOAWAY, 0, 0, bytes(12_000)))
    yield ends("CONTINUATION without HEADERS", frame(CONTINUATION, END_HEADERS, 1, HEAD))
    yield ends("another frame within headers", frame(HEADERS, 0, 1, HEAD) + frame(PING, 0, 0, bytes(8)))
    yield ends("an unknown frame within headers", frame(HEADERS, 0, 1, HEAD) + frame(UNKNOWN, 0, 0, bytes(8)))
    yield ends("padding longer than its frame", frame(HEADERS, END_HEADERS | PADDED, 1, b"\xff" + HEAD[:50]))
    yield ends("no preface", call(1), handshake=frame(SETTINGS))
    yield ends("HTTP/1.1", b"", handshake=b"GET /livez HTTP/1.1\r\nHost: shop\r\n\r\n")
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n"
    yield ends("an upgrade from HTTP/1.1", b"", handshake=b"GET / HTTP/1.1\r\nHost: shop\r\n" + upgrade)
    yield ends("a greeting of TLS", b"", handshake=bytes.fromhex("16030100a5010000a10303") + bytes(158))
    yield ends("headers of 200 KB", frame(HEADERS, 0, 1, HEAD) + continuations(200_000) + frame(CONTINUATION, END_HEADERS, 1))
    yield ends("headers of 200 KB, compressed", frame(HEADERS, END_HEADERS, 1, HEAD + compressed(200_000)))
    yield Case("GOAWAY on a stream", frame(GOAWAY, 0, 1, bytes(8)), "either")
    yield Case("PRIORITY of 4 bytes", frame(PRIORITY, 0, 1, bytes(4)), "either")
    yield Case("a stream that depends on itself", frame(HEADERS, END_HEADERS | PRIORITISED, 1, number(1) + b"\x10" + HEAD), "either")
    yield Case("DATA after the end of its stream", call(1) + frame(DATA, END_STREAM, 1, EMPTY_MESSAGE), "either")
    yield Case("a second HEADERS without an end", call(1, message=None) + frame(HEADERS, END_HEADERS, 1, HEAD), "either")
    yield Case("a window update of 0 on a stream", call(1, message=None) + frame(WINDOW_UPDATE, 0, 1, number(0)), "either")
    yield Case("a window of a stream above the limit", call(1, message=None) + frame(WINDOW_UPDATE, 0, 1, number(0x7FFFFFFF)) * 2, "either")
    yield Case("an unknown frame", frame(UNKNOWN, 0xFF, 7, bytes(5_000)), "lives")
    yield Case("an unknown setting", frame(SETTINGS, 0, 0, setting(0x7777, 9)), "lives")


def malformed_heads():
    """Lists of headers with which no call may succeed, by name."""
    plain = call_headers(HEALTH)

    def without(name):
        return [header for header in plain if header[0] != name]

    heads = {
        "no path": without(":path"),
        "no method": without(":method"),
        "no scheme": without(":scheme"),
        "two paths": [*plain[:4], (":path", "/x"), *plain[4:]],
        "a pseudo-header behind others": [*without(":path"), (":path", HEALTH)],
        "an unknown pseudo-header": [(":x", "y"), *plain],
        "a pseudo-header of a response": [(":status", "200"), *plain],
        "a name in upper case": [*plain, ("X-A", "b")],
        "an empty name": [*plain, ("", "b")],
        "a name with a blank": [*plain, ("x a", "b")],
        "a name with a line break": [*plain, ("x\r\na", "b")],
        "a value with a line break": [*plain, ("x-a", "b\r\nx-b: c")],
        "a value with NUL": [*plain, ("x-a", "b\x00c")],
        "Connection": [*plain, ("connection", "close")],
        "Transfer-Encoding": [*plain, ("transfer-encoding", "chunked")],
        "Upgrade": [*plain, ("upgrade", "h2c")],
        "another TE": [*without("te"), ("te", "gzip")],
        "an empty path": [(name, "" if name == ":path" else value) for name, value in plain],
        "a path without a slash": [(name, value[1:] if name == ":path" else value) for name, value in plain],
        "GET": [(name, "GET" if name == ":method" else value) for name, value in plain],
        "CONNECT": [(":method", "CONNECT"), (":authority", "shop")],
        "no content type": without("content-type"),
        "two content types": [*plain, ("content-type", "application/grpc")],
        "another content type": [(name, "text/plain" if name == "content-type" else value) for name, value in plain],
        "two timeouts": [*plain, ("grpc-timeout", "1S"), ("grpc-timeout", "2S")],
        "a timeout that is none": [*plain, ("grpc-timeout", "soon")],
        "a timeout with a sign": [*plain, ("grpc-timeout", "+1S")],
        "compression": [*plain, ("grpc-encoding", "gzip")],
    }
    for value in ("+5", "-5", " 5", "5 5", "0x5", "5a", "", "4", "6", "5, 5", str(2**64 + 5)):
        heads[f"content-length {value!r}"] = [*plain, ("content-length", value)]
    return heads


def calls():
    """Calls with a malformed head or body: the connection may live, the call must fail."""
    for name, headers in malformed_heads().items():
        data = frame(HEADERS, END_HEADERS, 1, block(headers)) + frame(DATA, END_STREAM, 1, EMPTY_MESSAGE)
        yield Case(name, data, "either", FAILED)
    unended = call(1, message=None)
    yield Case(
        "headers of 20 KB",
        frame(HEADERS, 0, 1, HEAD + long_header(12_000))
        + frame(CONTINUATION, END_HEADERS, 1, long_header(8_000))
        + frame(DATA, END_STREAM, 1, EMPTY_MESSAGE),
        "lives",
        frozenset({8}),
    )
    yield Case(
        "headers of 40 KB, compressed",
        frame(HEADERS, END_HEADERS, 1, HEAD + compressed(40_000)) + frame(DATA, END_STREAM, 1, EMPTY_MESSAGE),
        "lives",
        frozenset({8}),
    )
    yield Case("a message that is longer than stated", unended + frame(DATA, END_STREAM, 1, b"\x00" + number(1) + b"abc"), "lives", FAILED)
    yield Case(
        "a message that is shorter than stated", unended + frame(DATA, END_STREAM, 1, b"\x00" + number(100) + b"abc"), "lives", FAILED
    )
    yield Case("a message of 4 GiB, as it states", unended + frame(DATA, END_STREAM, 1, b"\x00\xff\xff\xff\xffabc"), "lives", FAILED)
    yield Case("a compressed message", unended + frame(DATA, END_STREAM, 1, b"\x01" + number(1) + b"a"), "lives", FAILED)
    yield Case("two messages", unended + frame(DATA, END_STREAM, 1, EMPTY_MESSAGE * 2), "lives", FAILED)
    yield Case("no message", unended + frame(DATA, END_STREAM, 1), "lives", FAILED)
    yield Case("bytes that are no protobuf", unended + frame(DATA, END_STREAM, 1, b"\x00" + number(3) + b"\xff\xff\xff"), "lives", FAILED)
    yield Case("a call that does not exist", call(1, "/hostile.v1.None/None"), "lives", frozenset({12}))
    empty = frame(DATA, 0, 1)
    yield Case("three empty DATA", unended + empty * 3 + frame(DATA, END_STREAM, 1, EMPTY_MESSAGE), "lives", frozenset({0, 12}))


def long_header(count):
    """A header whose value has so many bytes."""
    return block([("x-long", "a" * count)])


def compressed(count):
    """A header of 3,900 bytes, put into the table and then named until the list has so many bytes."""
    return b"\x40" + integer(1, 7) + b"x" + integer(3_900, 7) + b"a" * 3_900 + integer(62, 7, 0x80) * (count // 3_900)


def continuations(count):
    return b"".join(frame(CONTINUATION, 0, 1, long_header(10_000)) for _ in range(count // 10_000))


# Bytes of a flood, if the server reads them: of long frames, and of tiny ones, which are many.
LONG_BYTES, TINY_BYTES = 64 << 20, 1 << 20


def floods():
    """Floods that leave nothing at the server: name, what is sent first, what is sent again and again, and bytes of all.

    The pieces of the first three never end where a frame ends, so that a parser that waits for that would keep them all.
    """
    wholes = {
        "unknown frames": frame(UNKNOWN, 0, 0, bytes(16_000)),
        "GOAWAY with debug data": frame(GOAWAY, 0, 0, bytes(900)),
        "long GOAWAY": frame(GOAWAY, 0, 0, bytes(16_000)),
    }
    for name, whole in wholes.items():
        yield name, whole[:-3], (whole[-3:] + whole[:-3]) * (32_000 // len(whole)), LONG_BYTES
    headers = frame(HEADERS, 0, 1, HEAD)
    yield "SETTINGS of 12 KB", b"", frame(SETTINGS, 0, 0, setting(3, 100) * 2_000), LONG_BYTES
    yield "CONTINUATION with bytes", headers, frame(CONTINUATION, 0, 1, long_header(10_000)), LONG_BYTES
    yield "CONTINUATION", headers, frame(CONTINUATION, 0, 1) * 1_000, TINY_BYTES
    yield "empty SETTINGS", b"", frame(SETTINGS) * 1_000, TINY_BYTES
    yield "PING", b"", frame(PING, 0, 0, bytes(8)) * 1_000, TINY_BYTES
    yield "PRIORITY", b"", frame(PRIORITY, 0, 3, number(0) + b"\x10") * 1_000, TINY_BYTES
    yield "empty DATA", call(1, message=None), frame(DATA, 0, 1) * 1_000, TINY_BYTES
    yield "window updates", b"", frame(WINDOW_UPDATE, 0, 0, number(1)) * 1_000, TINY_BYTES
