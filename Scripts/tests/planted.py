"""Small servers with planted faults, for the tests of Simulations/Hostile."""

import contextlib
import os
import socket
import sys
import threading
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Simulations/Hostile"))
from hostile import bystander
from hostile.context import Context, Limits
from hostile.finding import Findings
from hostile.leak import Leaks
from hostile.target import Target
from hostile.watcher import resident_bytes

MIB = 1 << 20
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
LEAK = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 24\r\n\r\nfailed in Storage.swift."


@contextlib.contextmanager
def server(handle):
    """A server that gives each connection to `handle`, and then closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def serve(connection):
        with connection, contextlib.suppress(OSError):
            handle(connection)
            connection.shutdown(socket.SHUT_WR)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield Target("tiny", "http", listener.getsockname()[1], os.getpid())
    finally:
        listener.close()


def answering(*answers):
    def handle(connection):
        connection.recv(MIB)
        for answer in answers:
            connection.sendall(answer)

    return handle


def never(connection):
    while connection.recv(MIB):
        pass


def context(target, answer=5.0):
    """A context whose findings are `context.findings.all`."""
    watcher = types.SimpleNamespace(memory=resident_bytes)
    shop = types.SimpleNamespace(targets=[target], token="t")
    return Context(
        "trial", seed=7, seconds=0, shop=shop, findings=Findings(lambda _: None), watcher=watcher, corpora=Path("none"),
        leaks=Leaks(["/data/shop"]), limits=Limits(answer=answer, bystander=answer), note=lambda _: None, present=bystander.Present(),
    )  # fmt: skip
