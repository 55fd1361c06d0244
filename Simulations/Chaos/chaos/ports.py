"""Ports for processes that run for one experiment."""

import random
import socket


def free_port():
    """A free port below the kernel's range for outgoing connections."""
    rng = random.SystemRandom()
    for _ in range(1_000):
        port = rng.randrange(20_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise SystemExit("error: no free port")
