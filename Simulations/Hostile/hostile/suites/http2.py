"""HTTP/2 at every gRPC and operators' port: the tables of http2_cases, floods, calls without a token, idle connections, mutations."""

import time
from concurrent.futures import ThreadPoolExecutor

from .. import frames, wire
from ..frames import DATA, END_HEADERS, HEADERS, HEALTH, RST_STREAM, SETTINGS, call, frame, message, number
from . import http2_cases

# How long one flood lasts at most, how many processes get one at a time, and by how much a process may grow meanwhile: less than a flood
# sends, and more than one leaves to the next, which was up to 41 MiB on a loaded machine.
FLOOD_SECONDS, FLOODS_MAX = 3, 2
GROWTH_BYTES_MAX = 48 << 20
RESETS = 25_000
# The beginning of a message, as long as a frame may be.
MESSAGE_BEGINNING = b"\x00" + number(4 << 20) + bytes(16_000)
CALLS_MANY = 2_000
# When a connection without a token must have closed: 10 s, and what a loaded machine needs.
UNAUTHENTICATED_SECONDS = 10
UNAUTHENTICATED_SECONDS_MAX = 16
MUTATIONS_LEAST = 30
UNAUTHENTICATED = 16
# A method that needs a token, by the program and the kind of its port.
METHODS = {
    ("ordersd", "grpc"): "/shop.orders.v1.OrdersService/ListOrders",
    ("catalogd", "grpc"): "/shop.catalog.v1.CatalogService/PutProduct",
    ("inventoryd", "grpc"): "/shop.inventory.v1.InventoryService/ListStock",
    ("paymentsd", "grpc"): "/shop.payments.v1.PaymentsService/GetPayment",
    ("testproviderd", "grpc"): "/shop.provider.v1.ProviderService/GetLedger",
    ("eventlogd", "grpc"): "/martlet.eventlog.v1.EventLogService/Publish",
}
LOG_OPERATORS_METHOD = "/martlet.eventlog.v1.EventLogService/Status"
OPERATORS_METHOD = "/martlet.operate.v1.OperateService/ListWorkflows"


def method_with_token(target):
    """A method of the target that needs a token; `None` when all are for everybody."""
    if target.kind == "operate":
        return LOG_OPERATORS_METHOD if target.program == "eventlogd" else OPERATORS_METHOD
    return METHODS.get((target.program, target.kind))


class HTTP2:
    name = "http2"
    share = 0.14
    about = "malformed and mutated frames, floods and calls without a token at every gRPC and operators' port"

    def run(self, context):
        targets = context.targets("grpc", "operate")
        cases = [*http2_cases.violations(), *http2_cases.calls()]
        context.note(f"http2: {len(cases)} cases")
        with ThreadPoolExecutor(len(targets)) as pool:
            silent = [pool.submit(self.stay_silent, context, target) for target in targets]
            context.each(targets, lambda target: [self.check(context, target, case) for case in cases])
            context.each(targets, lambda target: self.bodies_without_token(context, target))
            # Those of one process one at a time, since its memory is measured.
            programs = sorted({target.program for target in targets})
            context.each(
                programs, lambda program: [self.floods(context, target) for target in targets if target.program == program], FLOODS_MAX
            )
            context.each(targets, lambda target: self.mutations(context, target))
            for future in silent:
                future.result()

    # MARK: The tables

    def check(self, context, target, case):
        context.at(case.name, target)
        try:
            with frames.Connection(target, context.limits.answer, handshake=case.handshake) as connection:
                connection.send(case.data + call(http2_cases.SENTINEL_STREAM))
                lives = connection.stream(http2_cases.SENTINEL_STREAM).end is not None
                # The sentinel may overtake the case.
                first = connection.stream(1) if lives and case.statuses is not None else connection.streams.get(1)
        except wire.Hang:
            return context.finding(case.name, target, expected=case.expected, seen=f"neither after {context.limits.answer:g} s")
        except OSError as error:
            return context.finding(case.name, target, expected=case.expected, seen=f"no connection ({error})")
        wrong = []
        if case.then != "either" and lives != (case.then == "lives"):
            wrong.append("the connection lives" if lives else f"the connection {connection.ended}, GOAWAY {connection.goaway}")
        if case.statuses is not None and first is not None and first.status is not None and first.status not in case.statuses:
            wrong.append(f"the call: {first}")
        if case.statuses is not None and case.then == "lives" and lives and (first is None or first.end is None):
            wrong.append("the call is not answered")
        if wrong:
            context.finding(case.name, target, expected=case.expected, seen=", ".join(wrong))
        context.check_leaks(case.name, target, [f"{stream}" for stream in connection.streams.values()])

    # MARK: Without a token

    def bodies_without_token(self, context, target):
        """A call without a token is refused at its headers, before a byte of its message is sent."""
        path = method_with_token(target)
        if not path:
            return
        case = "headers of a call without a token"
        context.at(case, target)
        found = frames.ask(target, path, context.limits.answer, body=None)
        if not isinstance(found, frames.Stream) or found.status != UNAUTHENTICATED:
            context.finding(case, target, expected="UNAUTHENTICATED before the message is sent", seen=found)

        def calls(number_of_piece):
            streams = range(200 * number_of_piece + 1, 200 * (number_of_piece + 1) + 1, 2)
            return b"".join(call(stream, path, message=None) + frame(DATA, 0, stream, MESSAGE_BEGINNING) for stream in streams)

        self.flood(context, target, "1,000 calls without a token, each with the beginning of a message of 4 MiB", b"", calls, 10)

    def stay_silent(self, context, target):
        """A connection on which no token arrives closes."""
        case = "a connection without a token"
        begun = time.monotonic()
        try:
            with frames.Connection(target, UNAUTHENTICATED_SECONDS_MAX) as connection:
                connection.wait_for_end()
                return
        except wire.Hang:
            seen = "still open"
        except OSError as error:
            seen = str(error)
        expected = f"a close after {UNAUTHENTICATED_SECONDS} s"
        context.finding(case, target, expected=expected, seen=f"{seen} after {time.monotonic() - begun:.0f} s")

    # MARK: Floods

    def floods(self, context, target):
        for name, first, piece, count in http2_cases.floods():
            self.flood(context, target, f"a flood of {name}", first, lambda _, piece=piece: piece, count // len(piece))
        head = call(1, message=None)[frames.FRAME_BYTES :]

        def resets(number_of_piece):
            streams = range(2_000 * number_of_piece + 1, 2_000 * (number_of_piece + 1) + 1, 2)
            return b"".join(frame(HEADERS, END_HEADERS, stream, head) + frame(RST_STREAM, 0, stream, number(8)) for stream in streams)

        self.flood(context, target, f"{RESETS:,} calls that are reset", b"", resets, RESETS // 1_000)

        def calls(number_of_piece):
            return b"".join(frame(HEADERS, END_HEADERS, 2 * (100 * number_of_piece + index) + 1, head) for index in range(100))

        self.flood(context, target, f"{CALLS_MANY:,} calls without an end", b"", calls, CALLS_MANY // 100)
        closed_window = frame(SETTINGS, 0, 0, http2_cases.setting(4, 0))

        def unread(number_of_piece):
            return b"".join(call(2 * (100 * number_of_piece + index) + 1, HEALTH, message=message()) for index in range(100))

        self.flood(context, target, "answers for which no window is open", closed_window, unread, 9)

    def flood(self, context, target, case, first, piece, pieces):
        """Sends so many pieces, unless the server closes before, and reads what it sends; its memory stays bounded."""
        context.at(case, target)
        with context.memory(target, GROWTH_BYTES_MAX, case) as memory:
            try:
                with wire.Connection(target, FLOOD_SECONDS) as connection:
                    if not connection.send(frames.HANDSHAKE + first):
                        return
                    for index in range(pieces):
                        if not connection.send(piece(index)):
                            return
                        drain(connection)
                        if index % 64 == 0 and (memory.growth or 0) > GROWTH_BYTES_MAX:
                            return
            except (OSError, wire.Hang):
                pass  # Refused, or no longer read.

    # MARK: Mutations

    def mutations(self, context, target):
        """Frames with random kinds, flags, streams and payloads: the connection ends, or answers."""
        random, count = context.rng(target), 0
        while count < MUTATIONS_LEAST or context.left > 0:
            count += 1
            case = f"mutation {count}"
            context.at(case, target)
            data = b"".join(random_frame(random) for _ in range(20))
            try:
                with wire.Connection(target, context.limits.answer) as connection:
                    connection.send((frames.HANDSHAKE if random.random() < 0.9 else random.randbytes(30)) + data)
                    connection.finish()
                    _, fate = connection.receive_all()
            except OSError as error:
                fate = f"no connection ({error})"
            if fate not in ("closed", "reset"):
                context.finding(case, target, expected="the end of the connection", seen=f"{fate}; sent {data[:60].hex()}")


def random_frame(random):
    kind = random.choice((random.randrange(10), random.randrange(2), random.randrange(256)))
    payload = random.randbytes(random.choice((0, 4, 5, 8, random.randrange(60), random.randrange(2_000))))
    if kind == HEADERS and random.random() < 0.7:
        payload = bytearray(http2_cases.HEAD)
        payload[random.randrange(len(payload))] = random.randrange(256)
    return frame(kind, random.randrange(64), random.choice((0, 0, 1, 1, 3, 5, random.randrange(1 << 31))), bytes(payload))


def drain(connection):
    """Reads what has arrived, without waiting."""
    try:
        connection.socket.setblocking(False)
        while connection.socket.recv(wire.READ_BYTES):
            pass
    except BlockingIOError:
        pass
    finally:
        connection.socket.setblocking(True)
