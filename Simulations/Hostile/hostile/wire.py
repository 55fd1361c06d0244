"""HTTP/1 over raw sockets: sends any bytes, and reads the answers without believing anything."""

import re
import socket
import time
from dataclasses import dataclass, field

STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3}) ?[^\r\n]*\Z")
READ_BYTES = 1 << 16
# Of all answers on one connection.
ANSWER_BYTES_MAX = 64 << 20


class Hang(Exception):
    """The peer neither answered nor closed in time."""


class NotHTTP(Exception):
    """Bytes that are not an answer."""


@dataclass
class Answer:
    status: int
    # Names in lower case.
    headers: list = field(default_factory=list)
    body: bytes = b""

    def header(self, name):
        """The value of a header; `None` without it."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")


@dataclass
class Outcome:
    """What happened on a connection."""

    answers: list
    # `closed`, `reset`, or `hang`: still open at the end of the time.
    fate: str
    # Why the bytes are not answers; empty when they are.
    broken: str = ""

    @property
    def statuses(self):
        return [answer.status for answer in self.answers]

    def __str__(self):
        statuses = " ".join(map(str, self.statuses)) or "no answer"
        return f"{statuses}, then {self.fate}" + (f", {self.broken}" if self.broken else "")


class Connection:
    """A TCP connection whose steps together may take `seconds`."""

    def __init__(self, target, seconds, source=None):
        self.until = time.monotonic() + seconds
        address = (source, 0) if source else None
        self.socket = socket.create_connection((target.host, target.port), timeout=seconds, source_address=address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.socket.close()

    def _arm(self):
        left = self.until - time.monotonic()
        if left <= 0:
            raise Hang
        self.socket.settimeout(left)

    def send(self, data):
        """Whether all bytes were taken: false when the peer has closed."""
        try:
            self._arm()
            self.socket.sendall(data)
            return True
        except TimeoutError:
            raise Hang from None
        except OSError:
            return False

    def finish(self):
        """Ends the direction to the peer."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # The peer has closed.

    def receive(self):
        """The next bytes; none at the end. Raises `ConnectionResetError` when the peer has dropped the connection."""
        try:
            self._arm()
            return self.socket.recv(READ_BYTES)
        except TimeoutError:
            raise Hang from None

    def receive_all(self):
        """Everything until the end, and how the connection ended."""
        data = bytearray()
        try:
            while piece := self.receive():
                data += piece
                if len(data) > ANSWER_BYTES_MAX:
                    return bytes(data), "endless answers"
            return bytes(data), "closed"
        except Hang:
            return bytes(data), "hang"
        except OSError:
            return bytes(data), "reset"


def exchange(target, pieces, seconds, ends=False, source=None, is_head=False):
    """Sends the pieces on a connection of its own and reads until the server closes.

    `ends` closes the client's direction after the last piece. A server that cannot be connected to is a `reset`.
    """
    try:
        with Connection(target, seconds, source) as connection:
            try:
                for piece in pieces:
                    if not connection.send(piece):
                        break
                if ends:
                    connection.finish()
            except Hang:
                pass  # It does not read; perhaps it has answered.
            data, fate = connection.receive_all()
    except OSError as error:
        return Outcome([], f"no connection ({error})")
    try:
        return Outcome(list(answers(data, is_head)), fate)
    except NotHTTP as error:
        return Outcome([], fate, str(error))


def ask(target, method, path, seconds, headers=(), body=None, source=None):
    """One ordinary request; its answer, or the outcome without one as text."""
    outcome = exchange(target, [request(method, path, headers, body)], seconds, source=source, is_head=method == "HEAD")
    final = [answer for answer in outcome.answers if answer.status >= 200]
    return final[0] if len(final) == 1 and not outcome.broken else str(outcome)


def request(method, path, headers=(), body=None, host="shop"):
    """The bytes of a request after which the connection closes."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *(f"{name}: {value}" for name, value in headers)]
    if body is not None:
        names = {name.lower() for name, _ in headers}
        lines += [] if "content-type" in names else ["Content-Type: application/json"]
        lines += [f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def answers(data, is_head=False):
    """The answers in a stream of bytes that has ended, the first of them to HEAD. Raises `NotHTTP` for anything else."""
    while data:
        head, separator, rest = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        match = STATUS_LINE.match(lines[0])
        if not match:
            raise NotHTTP(f"these bytes are no answer: {data[:60]!r}")
        if not separator:
            raise NotHTTP("the head of an answer is incomplete")
        answer = Answer(int(match.group(1)))
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon:
                raise NotHTTP(f"a header without a colon: {line[:60]!r}")
            answer.headers.append((name.decode("latin-1").lower(), value.strip().decode("latin-1")))
        answer.body, data = body_of(answer, rest, is_head)
        is_head = is_head and answer.status < 200
        yield answer


def body_of(answer, rest, is_head):
    """The body of an answer, and the bytes behind it."""
    if is_head or answer.status < 200 or answer.status in (204, 304):
        return b"", rest
    if (answer.header("transfer-encoding") or "").lower() == "chunked":
        return chunked(rest)
    length = answer.header("content-length")
    if length is None:
        return rest, b""
    if not length.isdigit() or len(rest) < int(length):
        raise NotHTTP(f"{len(rest)} bytes of a body of {length[:20]}")
    return rest[: int(length)], rest[int(length) :]


def chunked(rest):
    body = b""
    while True:
        line, separator, rest = rest.partition(b"\r\n")
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            raise NotHTTP(f"a chunk's size is {line[:20]!r}") from None
        if not separator or len(rest) < size + 2:
            raise NotHTTP("a chunked body is incomplete")
        body, rest = body + rest[:size], rest[size + 2 :]
        if size == 0:
            return body, rest
