"""Measures an echo between the two processes of `rpc-echo`, a program of the package Benchmarks/."""

import subprocess

CALLS = 40000
WARM_UP_CALLS = 8000
IN_FLIGHT = 64
BYTES = 40


class End:
    """The server or the client process: it responds to each line with a number."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen(
            [program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"error: {' '.join(self.process.args)} exited early")
        return int(line)

    def request(self, text):
        self.process.stdin.write(f"{text}\n")
        return self.read()

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


def measure(program, wire, calls):
    """Microseconds of processor time per call, of server and client."""
    server = End(program, "server", wire)
    client = End(program, "client", wire, str(server.read()))
    client.request(WARM_UP_CALLS)
    before = server.request("usage")
    client_used = client.request(calls)
    server_used = server.request("usage") - before
    client.end()
    server.end()
    return {"server": server_used / calls, "client": client_used / calls}
