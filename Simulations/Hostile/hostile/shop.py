"""The shop that the suites attack: release programs in a temporary folder."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "Scripts/benchmarks"))
from shop import Shop

from .target import Target
from .watcher import Log

# Of open files, for each process: so few that clients can reach the limit of connections.
DESCRIPTORS = 1_024
# Of the messages of a supervisor that does not start: the last characters that are printed.
MESSAGES_MAX = 2_000


class HostileShop(Shop):
    """`martlet up` with something to sell, and its listeners as targets."""

    sku = "HOSTILE"
    prefix = ("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}")

    def __enter__(self):
        self.messages = tempfile.NamedTemporaryFile("w+", prefix="martlet-hostile-", suffix=".log")
        try:
            super().__enter__()
        except SystemExit as error:
            raise SystemExit(f"{error}:\n{Path(self.messages.name).read_text()[-MESSAGES_MAX:].rstrip()}") from None
        self.targets = Target.all(self.up["processes"])
        self.customer = self.token_of("--customer", "bystander")
        self.call("PUT", f"/v1/products/{self.sku}", {"name": "A thing", "stocked": True})
        self.call("POST", f"/v1/products/{self.sku}/prices", {"unit_price": {"currency": "GBP", "units": 5}})
        received = {"kind": "DELIVERY_KIND_PURCHASE", "lines": [{"sku": self.sku, "quantity": 1_000_000}]}
        self.call("PUT", "/v1/deliveries/hostile", received)
        return self

    def __exit__(self, *error):
        super().__exit__(*error)
        self.messages.close()

    @property
    def gateway(self):
        return next(target for target in self.targets if target.is_gateway and target.kind == "http")

    def token_of(self, *role):
        """A token for a role of `martlet token`."""
        return self.run("token", *role, "--ttl", "1h", "--data", self.data).strip()

    @property
    def logs(self):
        rows = [Log(row["name"], row["log"]) for row in self.up["processes"]]
        return [*rows, Log("the supervisor", self.messages.name)]

    @property
    def folders(self):
        """What answers must not name."""
        return [self.data, Path(self.martlet).resolve().parent, ROOT]
