"""The network between the processes, hurt by our proxy: slow, gone, cut, reset, one-way."""

import asyncio
import time

from ..probe import Probe
from ..run import Scenario


# What the proxy must really have done to bytes and connections, and for which fault.
EFFECTS = {
    "delayed_pieces": "F57",
    "away": "F58",
    "reset": "F59",
    "half_closed": "F59",
    "cut": "F60",
    "swallowed_bytes": "F62",
}


class Network(Scenario):
    """One trouble after another, each healed before the next."""

    name = "network"
    covers = ("F46", "F47", "F48", "F57", "F58", "F59", "F60", "F62", "F64")
    rate = 40.0

    async def inject(self, stage):
        for self.of, trouble in (
            ("F57", self.slow_upstream), ("F58", self.silent_upstream), ("F59", self.cut_answers), ("F60", self.idle_cut),
            ("F47", self.lost_acknowledgements), ("F46", self.silent_log), ("F48", self.restless_members),
            ("F62", self.one_way), ("F59", self.half_closed), ("F64", self.failing_bottom),
        ):  # fmt: skip
            await trouble(stage)
            stage.faults.heal()
            await asyncio.sleep(1.5)
        counts = await stage.shop.proxies.counts()
        for kind, fault in EFFECTS.items():
            stage.require(fault, counts.get(kind), f"the proxy was told to and never did: {kind}")

    async def hurt(self, stage, asking, asked, seconds, what, **fault):
        await stage.shop.detour(asking, asked)
        await stage.shop.proxies.set(asking, asked, **fault)
        stage.faults.did(f"{asking} > {asked}: {what}", healed=False, of=self.of)
        await asyncio.sleep(seconds)
        await stage.shop.proxies.set(asking, asked)

    async def slow_upstream(self, stage):
        """One upstream is slow, then hangs: the others do not feel it."""
        shop = stage.shop
        async with Probe(shop, "/v1/orders:summary") as other, Probe(shop, width=20, timeout=40) as hanging:
            await asyncio.sleep(3)
            healthy = time.monotonic()
            normal = other.seconds(99)
            await self.hurt(stage, "gatewayd", "catalog", 4, "latency 100 to 300 ms", latency_ms=100, jitter_ms=200)
            await self.hurt(stage, "gatewayd", "catalog", 12, "latency 30 s", latency_ms=30_000)
            hurt = other.seconds(99, since=healthy)
            slowest = max((seconds for begun, seconds, _ in hanging.answers if begun > healthy), default=0)
        # Two cores carry nine daemons, the proxy and the driver: below 60 ms nothing can be told.
        stage.require("F57", hurt <= max(2 * normal, 0.06), f"another route's p99 went from {normal:.3f} to {hurt:.3f} s")
        stage.require("F57", other.share_of_success() == 1.0, f"another route failed: {other.statuses()}")
        stage.remarks["F57"] = f"other routes p99 {normal * 1000:.0f} to {hurt * 1000:.0f} ms; the hanging one ended after {slowest:.1f} s"
        await self.hurt(stage, "ordersd", "inventory", 4, "latency 50 to 250 ms", latency_ms=50, jitter_ms=200)
        await self.hurt(stage, "paymentsd", "provider", 4, "latency 0 to 400 ms", jitter_ms=400)

    async def silent_upstream(self, stage):
        """SYN packets are dropped: there is no connection and no refusal."""
        shop = stage.shop
        await shop.detour("gatewayd", "catalog")
        await shop.proxies.cut("gatewayd", "catalog")
        await shop.proxies.set("gatewayd", "catalog", drop_syn=True)
        stage.faults.did("gatewayd > catalog: SYN dropped", healed=False, of=self.of)
        async with Probe(shop, timeout=20) as probe:
            await asyncio.sleep(8)
        await shop.proxies.set("gatewayd", "catalog")
        slowest = max((seconds for _, seconds, _ in probe.answers), default=20.0)
        stage.require("F58", probe.answers and slowest < 6, f"a request waited {slowest:.1f} s for a connection")
        back = time.monotonic()
        async with Probe(shop, timeout=10) as probe:
            while probe.share_of_success(back) == 0 or not probe.answers:
                await asyncio.sleep(0.1)
                if time.monotonic() > back + 15:
                    stage.found("F58", "the catalogue is not reached 15 s after the network was whole again")
                    break
        stage.remarks["F58"] = f"the slowest request was answered after {slowest:.1f} s, the first good one {time.monotonic() - back:.1f} s after"
        await self.hurt(stage, "ordersd", "payments", 4, "SYN dropped", drop_syn=True)

    async def cut_answers(self, stage):
        """Answers end in their middle, by reset: a client sees an error or the whole, never a part."""
        for asking, asked in (("gatewayd", "orders"), ("ordersd", "payments"), ("paymentsd", "provider")):
            for after in (0, 120, 900):
                await self.hurt(stage, asking, asked, 1.5, f"reset after {after} bytes of answers", cut_after=after,
                                reset=True, cut_share=0.5)  # fmt: skip
            await self.hurt(stage, asking, asked, 1.5, "reset after 300 bytes of requests", cut_after=300,
                            cut_side="request", reset=True, cut_share=0.5)  # fmt: skip

    async def idle_cut(self, stage):
        """Connections end at any moment, also when they are about to be used again."""
        for asking, asked in (("gatewayd", "orders"), ("ordersd", "inventory"), ("gatewayd", "catalog")):
            await stage.shop.detour(asking, asked)
            for turn in range(25):
                await stage.shop.proxies.cut(asking, asked, reset=turn % 2 == 0)
                await asyncio.sleep(0.08)
            stage.faults.did(f"{asking} > {asked}: all connections ended, closed or reset", 25, of=self.of)

    async def lost_acknowledgements(self, stage):
        """The event log has written and its answer is lost: it is published again."""
        for asking in ("ordersd", "inventoryd", "paymentsd"):
            await self.hurt(stage, asking, "eventlog", 3, "half of the answers lost", cut_after=60, cut_share=0.5, reset=True)

    async def silent_log(self, stage):
        """The log takes what it is sent and never answers."""
        await self.hurt(stage, "ordersd", "eventlog", 12, "answers swallowed", blackhole="answers")

    async def restless_members(self, stage):
        for _ in range(5):
            for asking in ("inventoryd", "cartsd"):
                await stage.shop.detour(asking, "eventlog")
                await stage.shop.proxies.cut(asking, "eventlog")
                stage.faults.did(f"{asking} > eventlog: disconnected", of=self.of)
            await asyncio.sleep(2)

    async def one_way(self, stage):
        await self.hurt(stage, "ordersd", "inventory", 8, "answers swallowed", blackhole="answers")
        await self.hurt(stage, "paymentsd", "provider", 8, "requests swallowed", blackhole="requests")

    async def half_closed(self, stage):
        await self.hurt(stage, "gatewayd", "orders", 3, "half-closed after 500 bytes", cut_after=500, half_close=True)
        await self.hurt(stage, "ordersd", "catalog", 3, "half-closed after 500 bytes", cut_after=500, half_close=True)

    async def failing_bottom(self, stage):
        """The lowest of a chain fails always: it is asked at most a fifth more than is offered."""
        shop = stage.shop
        await shop.detour("ordersd", "catalog")
        await shop.proxies.cut("ordersd", "catalog")
        await shop.proxies.set("ordersd", "catalog", cut_after=0, reset=True)
        before, offered = await self.asked(shop), sum(stage.observer.answers.values())
        await asyncio.sleep(6)
        asked = await self.asked(shop) - before
        offered = sum(stage.observer.answers.values()) - offered
        await shop.proxies.set("ordersd", "catalog")
        stage.faults.did("ordersd > catalog: every answer lost", healed=False, of=self.of)
        stage.require("F64", asked <= 1.2 * offered, f"{offered} requests were offered, {asked} reached the bottom")
        stage.remarks["F64"] = f"{offered} offered by clients, {asked} reached the bottom"

    async def asked(self, shop):
        """Connections on which the bottom was asked: each is lost with its first answer."""
        return (await shop.proxies.counts("ordersd>catalog")).get("reset", 0)
