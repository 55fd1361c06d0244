"""Network faults between processes, by the proxy: slow, unreachable, cut, reset, one-way."""

import asyncio
import time

from ..probe import Probe
from ..run import Scenario

# Counts of the proxy that must not be zero, and the fault of each.
EFFECTS = {
    "delayed_pieces": "F57",
    "away": "F58",
    "reset": "F59",
    "half_closed": "F59",
    "cut": "F60",
    "swallowed_bytes": "F62",
}


class Network(Scenario):
    """One fault after another, each healed before the next."""

    name = "network"
    covers = ("F46", "F47", "F48", "F57", "F58", "F59", "F60", "F62", "F64")
    rate = 40.0

    async def inject(self, run):
        for self.of, fault in (
            ("F57", self.slow_upstream), ("F58", self.unreachable_upstream), ("F59", self.cut_responses), ("F60", self.idle_cut),
            ("F47", self.lost_acknowledgements), ("F46", self.unresponsive_log), ("F48", self.disconnected_members),
            ("F62", self.one_way), ("F59", self.half_closed), ("F64", self.failing_last_service),
        ):  # fmt: skip
            await fault(run)
            run.faults.heal()
            await asyncio.sleep(1.5)
        counts = await run.shop.proxies.counts()
        for kind, fault in EFFECTS.items():
            run.require(fault, counts.get(kind), f"the proxy never injected: {kind}")

    async def inject_fault(self, run, caller, callee, seconds, what, **fault):
        await run.shop.insert_proxy(caller, callee)
        await run.shop.proxies.set(caller, callee, **fault)
        run.faults.record(f"{caller} > {callee}: {what}", healed=False, of=self.of)
        await asyncio.sleep(seconds)
        await run.shop.proxies.set(caller, callee)

    async def slow_upstream(self, run):
        """One upstream is slow, then hangs: other routes are not affected."""
        shop = run.shop
        async with Probe(shop, "/v1/orders:summary") as other, Probe(shop, width=20, timeout=40) as hanging:
            await asyncio.sleep(3)
            healthy = time.monotonic()
            normal = other.seconds(99)
            await self.inject_fault(run, "gatewayd", "catalog", 4, "latency 100 to 300 ms", latency_ms=100, jitter_ms=200)
            await self.inject_fault(run, "gatewayd", "catalog", 12, "latency 30 s", latency_ms=30_000)
            disturbed = other.seconds(99, since=healthy)
            slowest = max((seconds for begun, seconds, _ in hanging.responses if begun > healthy), default=0)
        # Two cores run nine daemons, the proxy and the driver: below 60 ms differences are noise.
        run.require("F57", disturbed <= max(2 * normal, 0.06), f"another route's p99 went from {normal:.3f} to {disturbed:.3f} s")
        run.require("F57", other.share_of_success() == 1.0, f"another route failed: {other.statuses()}")
        run.remarks["F57"] = (
            f"other routes p99 {normal * 1000:.0f} to {disturbed * 1000:.0f} ms; the hanging one responded after {slowest:.1f} s")
        await self.inject_fault(run, "ordersd", "inventory", 4, "latency 50 to 250 ms", latency_ms=50, jitter_ms=200)
        await self.inject_fault(run, "paymentsd", "provider", 4, "latency 0 to 400 ms", jitter_ms=400)

    async def unreachable_upstream(self, run):
        """SYN packets are dropped: a connection is neither accepted nor refused."""
        shop = run.shop
        await shop.insert_proxy("gatewayd", "catalog")
        await shop.proxies.cut("gatewayd", "catalog")
        await shop.proxies.set("gatewayd", "catalog", drop_syn=True)
        run.faults.record("gatewayd > catalog: SYN dropped", healed=False, of=self.of)
        async with Probe(shop, timeout=20) as probe:
            await asyncio.sleep(8)
        await shop.proxies.set("gatewayd", "catalog")
        slowest = max((seconds for _, seconds, _ in probe.responses), default=20.0)
        run.require("F58", probe.responses and slowest < 6, f"a request waited {slowest:.1f} s for a connection")
        healed = time.monotonic()
        async with Probe(shop, timeout=10) as probe:
            while probe.share_of_success(healed) == 0 or not probe.responses:
                await asyncio.sleep(0.1)
                if time.monotonic() > healed + 15:
                    run.add_finding("F58", "the catalogue is not reachable 15 s after the network was healed")
                    break
        run.remarks["F58"] = (
            f"the slowest request took {slowest:.1f} s, the first success came {time.monotonic() - healed:.1f} s after healing")
        await self.inject_fault(run, "ordersd", "payments", 4, "SYN dropped", drop_syn=True)

    async def cut_responses(self, run):
        """Responses are cut by a reset: a client receives an error or the whole response."""
        for caller, callee in (("gatewayd", "orders"), ("ordersd", "payments"), ("paymentsd", "provider")):
            for after in (0, 120, 900):
                await self.inject_fault(run, caller, callee, 1.5, f"reset after {after} bytes of responses", cut_after=after,
                                        reset=True, cut_share=0.5)  # fmt: skip
            await self.inject_fault(run, caller, callee, 1.5, "reset after 300 bytes of requests", cut_after=300,
                                    cut_side="request", reset=True, cut_share=0.5)  # fmt: skip

    async def idle_cut(self, run):
        """Connections are closed at any moment, also when they are about to be reused."""
        for caller, callee in (("gatewayd", "orders"), ("ordersd", "inventory"), ("gatewayd", "catalog")):
            await run.shop.insert_proxy(caller, callee)
            for turn in range(25):
                await run.shop.proxies.cut(caller, callee, reset=turn % 2 == 0)
                await asyncio.sleep(0.08)
            run.faults.record(f"{caller} > {callee}: all connections closed or reset", 25, of=self.of)

    async def lost_acknowledgements(self, run):
        """The event log has stored events and its response is lost: they are published again."""
        for caller in ("ordersd", "inventoryd", "paymentsd"):
            await self.inject_fault(run, caller, "eventlog", 3, "half of the responses lost", cut_after=60, cut_share=0.5,
                                    reset=True)  # fmt: skip

    async def unresponsive_log(self, run):
        """The event log stores events and never responds."""
        await self.inject_fault(run, "ordersd", "eventlog", 12, "responses dropped", blackhole="responses")

    async def disconnected_members(self, run):
        for _ in range(5):
            for caller in ("inventoryd", "cartsd"):
                await run.shop.insert_proxy(caller, "eventlog")
                await run.shop.proxies.cut(caller, "eventlog")
                run.faults.record(f"{caller} > eventlog: disconnected", of=self.of)
            await asyncio.sleep(2)

    async def one_way(self, run):
        await self.inject_fault(run, "ordersd", "inventory", 8, "responses dropped", blackhole="responses")
        await self.inject_fault(run, "paymentsd", "provider", 8, "requests dropped", blackhole="requests")

    async def half_closed(self, run):
        await self.inject_fault(run, "gatewayd", "orders", 3, "half-closed after 500 bytes", cut_after=500, half_close=True)
        await self.inject_fault(run, "ordersd", "catalog", 3, "half-closed after 500 bytes", cut_after=500, half_close=True)

    async def failing_last_service(self, run):
        """The last service of a call chain always fails: retries add at most a fifth of the load."""
        shop = run.shop
        await shop.insert_proxy("ordersd", "catalog")
        await shop.proxies.cut("ordersd", "catalog")
        await shop.proxies.set("ordersd", "catalog", cut_after=0, reset=True)
        before, offered = await self.calls(shop), sum(run.observer.responses.values())
        await asyncio.sleep(6)
        calls = await self.calls(shop) - before
        offered = sum(run.observer.responses.values()) - offered
        await shop.proxies.set("ordersd", "catalog")
        run.faults.record("ordersd > catalog: every response lost", healed=False, of=self.of)
        run.require("F64", calls <= 1.2 * offered, f"{offered} requests were offered, {calls} reached the last service")
        run.remarks["F64"] = f"{offered} offered by clients, {calls} reached the last service"

    async def calls(self, shop):
        """Calls to the last service: each connection is reset at its first response."""
        return (await shop.proxies.counts("ordersd>catalog")).get("reset", 0)
