"""HTTP/1.1 at every REST port and every port for health: the table of http1_cases, bursts, what follows an upgrade, and mutations of valid requests."""

import re
import socket
import threading
import time

from .. import wire
from ..target import Target
from . import http1_cases
from .http1_cases import get, post

SENTINEL = wire.request("GET", "/livez")
# Statuses above 499 with which a server may refuse.
REFUSALS = {501, 503, 504, 505}
# Of bytes behind a request for another protocol: how many are sent, and by how much the process may grow meanwhile.
FOLLOWING_BYTES, FOLLOWING_SECONDS = 64 << 20, 4
GROWTH_BYTES_MAX = 32 << 20
BURST = 100
# The least number of mutations for each target, also when the time is over.
MUTATIONS_LEAST = 100


class HTTP1:
    name = "http1"
    share = 0.1
    about = "malformed, ambiguous and mutated requests at every REST port and port for health"

    def run(self, context):
        cases = http1_cases.all_cases()
        foreign = list(foreign_requests(context.corpora))
        context.note(
            f"http1: {len(cases)} cases"
            + (f", {len(foreign)} of {context.corpora / 'http1'}" if foreign else ", no public cases: no folder http1 among the corpora")
        )

        def work(target):
            for case in cases:
                self.check(context, target, case)
            for name, data in foreign:
                self.check_mutation(context, target, name, data)
            self.burst(context, target)
            self.upgrades(context, target)
            self.mutations(context, target)

        context.each(context.targets(*Target.HTTP), work)

    # MARK: The table

    def check(self, context, target, case):
        context.at(case.name, target)
        outcome = wire.exchange(target, [case.data + SENTINEL], context.limits.answer, is_head=case.data.startswith(b"HEAD "))
        finals = [status for status in outcome.statuses if status >= 200]
        if not is_right(case, finals) or outcome.broken or outcome.fate not in ("closed", "reset"):
            context.finding(case.name, target, expected=case.expected, seen=outcome)
        context.check_leaks(case.name, target, [answer.text for answer in outcome.answers])

    # MARK: Bursts

    def burst(self, context, target):
        """Many requests at once: one answer each, in their order."""
        case = f"{BURST} requests at once"
        context.at(case, target)
        ids = [f"burst-{number}" for number in range(BURST)]
        data = b"".join(get(b"X-Request-Id: " + name.encode(), target=b"/v1/hostile") for name in ids)
        outcome = wire.exchange(target, [data + SENTINEL], context.limits.answer)
        seen = [answer.header("x-request-id") for answer in outcome.answers]
        if seen[:BURST] != ids or outcome.statuses[BURST:] != [200]:
            context.finding(
                case, target, expected="an answer to each, in order", seen=f"{len(outcome.answers)} answers, then {outcome.fate}"
            )

    # MARK: Other protocols

    def upgrades(self, context, target):
        """What follows a request for another protocol is not kept."""
        asked = {
            "upgrade to h2c": get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"),
            "upgrade of a post": post(b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: 2", body=b"{}"),
            "CONNECT": b"CONNECT shop:443 HTTP/1.1\r\nHost: shop:443\r\n\r\n",
        }
        for name, data in asked.items():
            case = f"{name}, then {FOLLOWING_BYTES >> 20} MiB"
            context.at(case, target)
            with context.memory(target, GROWTH_BYTES_MAX, case) as memory:
                pour(target, data, FOLLOWING_BYTES, FOLLOWING_SECONDS, lambda: (memory.growth or 0) > GROWTH_BYTES_MAX)

    # MARK: Mutations

    def mutations(self, context, target):
        """Random changes of valid requests, until the suite's time is over."""
        random, number = context.rng(target), 0
        while number < MUTATIONS_LEAST or context.left > 0:
            number += 1
            self.check_mutation(context, target, f"mutation {number}", mutated(random.choice(VALID), random))

    def check_mutation(self, context, target, case, data):
        context.at(case, target)
        outcome = wire.exchange(target, [data], context.limits.answer, ends=True)
        wrong = [status for status in outcome.statuses if status >= 500 and status not in REFUSALS]
        # Where the answers to HEAD end is not known in advance.
        if wrong or (outcome.broken and b"HEAD" not in data) or outcome.fate not in ("closed", "reset"):
            expected = "answers below 500, then a close"
            context.finding(case, target, expected=expected, seen=f"{outcome}; sent {data[:200]!r}")
        context.check_leaks(case, target, [answer.text for answer in outcome.answers])


VALID = [
    get(), get(target=b"/openapi.json"), get(target=b"/v1/products?query=mug&page_size=5"), get(b"Connection: close"),
    get(method=b"HEAD"), get(method=b"OPTIONS", target=b"/v1/orders"),
    post(b"Content-Length: 2", b"Idempotency-Key: k", target=b"/v1/carts", body=b"{}"),
    post(b"Transfer-Encoding: chunked", target=b"/v1/orders", body=b"2\r\n{}\r\n0\r\nX-T: y\r\n\r\n"),
    post(b"Content-Length: 14", b"Authorization: Bearer a.b.c", target=b"/v1/orders", body=b'{"lines":[{}]}'),
    post(b"Expect: 100-continue", b"Content-Length: 2", b"X-Request-Timeout: 50", target=b"/v1/carts", body=b"{}"),
    get() + get(b"X-Request-Id: second", target=b"/v1/hostile") + get(target=b"/metrics"),
]  # fmt: skip
PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b" ",
    b"\t",
    b":",
    b"\r\n\r\n",
    b"\xff",
    b"\xe2\x84\xaa",
    b"%",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Host: other\r\n",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    b"GET / HTTP/1.1\r\n",
    b"0\r\n\r\n",
    b"9" * 30,
    b"a" * 5_000,
]


def mutated(data, random):
    """One to four changes: bytes replaced, inserted, removed, repeated or moved."""
    data = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at, to = sorted((random.randrange(len(data) + 1), random.randrange(len(data) + 1)))
        kind = random.randrange(5)
        if kind == 0 and at < len(data):
            data[at] = random.randrange(256)
        elif kind == 1:
            data[at:at] = random.choice(PIECES)
        elif kind == 2:
            del data[at : min(to, at + 20)]
        elif kind == 3:
            data[to:to] = data[at:to]
        else:
            data[at:to] = reversed(data[at:to])
    return bytes(data)


def is_right(case, statuses):
    if not statuses:
        return case.may_be_silent
    if statuses[0] not in case.statuses:
        return False
    behind = statuses[1:]
    return {"closed": behind == [], "answered": behind == [200], "either": behind in ([], [200])}[case.then]


def pour(target, first, count, seconds, is_enough):
    """Sends `first` and then up to so many bytes that belong to nothing, until the server closes; reads what it answers."""
    until, piece = time.monotonic() + seconds, b"x" * (1 << 18)
    try:
        with socket.create_connection((target.host, target.port), timeout=seconds) as connection:
            reader = threading.Thread(target=read_until_end, args=(connection,), daemon=True)
            reader.start()
            connection.sendall(first)
            # Behind the request, and not together with it.
            time.sleep(0.1)
            sent = 0
            while sent < count and time.monotonic() < until and not is_enough():
                connection.sendall(piece)
                sent += len(piece)
    except OSError:
        pass  # It has closed, as it should.


def read_until_end(connection):
    try:
        while connection.recv(wire.READ_BYTES):
            pass
    except OSError:
        pass  # Closed by either side.


def foreign_requests(corpora):
    """Requests of a public corpus in the folder `http1`: raw files, and the blocks `http` of Markdown as llhttp has them."""
    folder = corpora / "http1"
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.suffix == ".md":
            blocks = re.findall(r"^```http\n(.*?)^```", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE | re.DOTALL)
            for number, block in enumerate(blocks, 1):
                yield f"{path.name} {number}", unescaped(block)
        elif path.suffix in (".raw", ".http", ".req"):
            yield path.name, path.read_bytes()


def unescaped(block):
    """The bytes of a block: lines end with CRLF, a backslash at their end joins them, and escapes stand for bytes."""
    text = block.replace("\\\n", "").replace("\n", "\r\n")
    for written, meant in (("\\r", "\r"), ("\\n", "\n"), ("\\t", "\t"), ("\\f", "\f"), ("\\0", "\0")):
        text = text.replace(written, meant)
    return re.sub(r"\\x([0-9a-fA-F]{2})", lambda match: chr(int(match.group(1), 16)), text).encode("latin-1", "replace")
