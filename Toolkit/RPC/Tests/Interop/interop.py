"""Validates the wire format with grpcio: as a client of our server, and as a server for our client.

Generic stubs on bytes, so that no generated code is needed. Every message is one string in field 1.
"""
import sys
import threading
from concurrent import futures

import grpc

SERVICE = "/martlet.test.Texts/"
# Only a hang reaches it, as `HangLimit.wait` in the tests.
HANG_SECONDS = 300
# The limit of a connection attempt: a slow machine may need more than the default 20 seconds.
CONNECT = ("grpc.min_reconnect_backoff_ms", HANG_SECONDS * 1_000)


def encode(text):
    data = text.encode()
    size, head = len(data), b""
    while size >= 0x80:
        head += bytes([size & 0x7F | 0x80])
        size >>= 7
    return b"\x0a" + head + bytes([size]) + data if data else b""


def decode(message):
    if not message:
        return ""
    assert message[0] == 0x0A, message
    size, shift, at = 0, 0, 1
    while True:
        size |= (message[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if message[at - 1] < 0x80:
            break
    assert len(message) == at + size
    return message[at:].decode()


def client(port):
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), CONNECT]
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=options)

    def unary(name, text="", **more):
        return channel.unary_unary(SERVICE + name)(encode(text), **more)

    def fault(call):
        try:
            call()
        except grpc.RpcError as error:
            return error
        raise AssertionError("the call should have failed")

    assert decode(unary("Echo", "hello")) == "hello"
    assert decode(unary("Echo")) == ""

    refused = fault(lambda: unary("Refuse"))
    assert refused.code() == grpc.StatusCode.FAILED_PRECONDITION, refused
    assert refused.details() == "ni\u00e9t \u2013 100 %", refused.details()
    details = dict(refused.trailing_metadata())["grpc-status-details-bin"]
    for part in (b"texts.no", b"google.rpc.ErrorInfo", b"google.rpc.BadRequest", b"google.rpc.RetryInfo"):
        assert part in details, details

    timeout = 0.04
    while decode(unary("Begun")) == "no":
        late = fault(lambda: unary("Slow", timeout=timeout))
        assert late.code() == grpc.StatusCode.DEADLINE_EXCEEDED, late
        timeout *= 2
    assert decode(unary("AwaitCancelled")) == "cancelled"

    slow = channel.unary_unary(SERVICE + "Slow").future(b"")
    assert decode(unary("Echo", "between")) == "between"
    slow.cancel()
    assert slow.cancelled()

    answers = [int(decode(message)) for message in channel.unary_stream(SERVICE + "Many")(encode("10000"))]
    assert answers == list(range(10000)), len(answers)

    stream = channel.unary_stream(SERVICE + "Flood")(b"")
    next(stream)
    stream.cancel()

    assert len(decode(unary("Echo", "x" * 1_048_576))) == 1_048_576
    large = fault(lambda: unary("Echo", "x" * (5 * 1_048_576)))
    assert large.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, large

    about = decode(
        unary(
            "About",
            metadata=[
                ("x-colour", "green"), ("x-raw-bin", b"\x00\x01"), ("idempotency-key", "k1"),
                ("authorization", "Bearer user"),
                ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ],
            timeout=HANG_SECONDS,
        ))
    assert about == "k1|u1|green|AAE|0af7651916cd43dd8448eb211c80319c|deadline", about

    for name, code in (
        ("Unserved", grpc.StatusCode.UNIMPLEMENTED), ("Guarded", grpc.StatusCode.UNAUTHENTICATED)):
        error = fault(lambda: unary(name))
        assert error.code() == code, error
    denied = fault(lambda: unary("Admin", metadata=[("authorization", "Bearer user")]))
    assert denied.code() == grpc.StatusCode.PERMISSION_DENIED, denied
    packed = fault(lambda: unary("Echo", "x" * 2000, compression=grpc.Compression.Gzip))
    assert packed.code() == grpc.StatusCode.UNIMPLEMENTED, packed

    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    assert check(b"") == b"\x08\x01"
    assert check(encode("martlet.test.Texts")) == b"\x08\x01"
    assert fault(lambda: check(encode("unknown"))).code() == grpc.StatusCode.NOT_FOUND
    watch = channel.unary_stream("/grpc.health.v1.Health/Watch")(encode("unknown"))
    assert next(watch) == b"\x08\x03"
    watch.cancel()

    with futures.ThreadPoolExecutor(16) as pool:
        numbers = list(pool.map(lambda number: int(decode(unary("Echo", str(number)))), range(1000)))
    assert numbers == list(range(1000))
    channel.close()


def drained(port):
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.initial_reconnect_backoff_ms", 100), CONNECT])
    held = channel.unary_unary(SERVICE + "Hold").future(encode("held"))
    assert decode(held.result()) == "held"
    try:
        # Until GOAWAY has arrived.
        while True:
            channel.unary_unary(SERVICE + "Echo")(b"", timeout=HANG_SECONDS)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE, error
    channel.close()


class Texts(grpc.GenericRpcHandler):
    def __init__(self):
        self.begun = threading.Event()
        self.cancelled = threading.Event()

    def service(self, details):
        name = details.method.rsplit("/", 1)[1]
        one, many = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
        return {
            "Echo": lambda: one(lambda request, context: request),
            "Refuse": lambda: one(self.refuse),
            "Slow": lambda: one(self.slow),
            "Begun": lambda: one(lambda request, context: encode("yes" if self.begun.is_set() else "no")),
            "AwaitCancelled": lambda: one(self.await_cancelled),
            "About": lambda: one(self.about),
            "Many": lambda: many(lambda request, context: (encode(str(n)) for n in range(int(decode(request))))),
            "Flood": lambda: many(self.flood),
        }.get(name, lambda: None)()

    def refuse(self, request, context):
        context.set_trailing_metadata((("grpc-status-details-bin", bytes.fromhex(decode(request))),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "ni\u00e9t \u2013 100 %")

    def slow(self, request, context):
        self.begun.set()
        ended = threading.Event()
        context.add_callback(ended.set)
        ended.wait(HANG_SECONDS)
        self.cancelled.set()
        return b""

    def await_cancelled(self, request, context):
        assert self.cancelled.wait(HANG_SECONDS), "waited for the cancellation of Slow"
        return encode("cancelled")

    def about(self, request, context):
        facts = dict(context.invocation_metadata())
        parts = [
            facts.get("idempotency-key", "-"), facts.get("martlet-speaks-for", "-"), facts.get("x-colour", "-"),
            facts.get("x-raw-bin", b"").hex(), facts.get("traceparent", "-"), facts.get("authorization", "-"),
            "deadline" if context.time_remaining() else "no deadline",
        ]
        return encode("|".join(parts))

    def flood(self, request, context):
        while context.is_active():
            yield encode("x" * 65_536)


def server():
    # Without the protection it refuses only calls above its announced limit, which our client respects.
    options = [
        ("grpc.max_receive_message_length", 2 * 1_048_576), ("grpc.max_concurrent_streams", 20),
        ("grpc.max_concurrent_streams_overload_protection", 0),
    ]
    texts = Texts()
    running = grpc.server(futures.ThreadPoolExecutor(32), handlers=[texts], options=options)
    port = running.add_insecure_port("127.0.0.1:0")
    running.start()
    print(port, flush=True)
    for line in sys.stdin:
        if line.strip() == "stop":
            running.stop(HANG_SECONDS).wait()
            print("stopped", flush=True)
    running.stop(0).wait()


if __name__ == "__main__":
    role = sys.argv[1]
    if role == "server":
        server()
    else:
        {"client": client, "drained": drained}[role](int(sys.argv[2]))
        print("good")
