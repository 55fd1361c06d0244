"""A listener of the shop."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    program: str
    # `http`, `grpc`, `operate` (gRPC for operators) or `health` (HTTP, with health and metrics only).
    kind: str
    port: int
    pid: int
    host: str = "127.0.0.1"

    KINDS = ("http", "grpc", "operate", "health")
    # Those that speak HTTP/1.
    HTTP = ("http", "health")
    GATEWAY = "gatewayd"

    def __str__(self):
        return f"{self.program} {self.kind} {self.port}"

    @property
    def is_gateway(self):
        return self.program == self.GATEWAY

    @staticmethod
    def all(processes):
        """The listeners of processes as `martlet up --json` lists them; a port of 0 is none."""
        return [Target(row["name"], kind, row[kind], row["pid"]) for row in processes for kind in Target.KINDS if row.get(kind)]
