"""Asks one thing again and again beside the load, and remembers how it was answered."""

import asyncio
import time

from .web import NoAnswer


class Probe:
    def __init__(self, shop, path="/v1/products?page_size=1", token=None, pause=0.02, timeout=20.0, width=1):
        self.shop, self.path, self.token = shop, path, token or shop.merchant
        self.pause, self.timeout, self.width = pause, timeout, width
        # (begun, seconds, status or None)
        self.answers = []
        self.is_over = False

    async def __aenter__(self):
        self.tasks = [asyncio.ensure_future(self.run()) for _ in range(self.width)]
        return self

    async def __aexit__(self, *error):
        # A cancellation may get lost in an answer that comes at the same moment, so they are told as well.
        self.is_over = True
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def run(self):
        headers = {"Authorization": f"Bearer {self.token}"}
        while not self.is_over:
            begun = time.monotonic()
            try:
                status = (await self.shop.http.send("GET", self.path, headers, timeout=self.timeout)).status
            except NoAnswer:
                status = None
            self.answers.append((begun, time.monotonic() - begun, status))
            await asyncio.sleep(self.pause)

    def seconds(self, share, since=0.0, until=float("inf")):
        times = sorted(seconds for begun, seconds, _ in self.answers if since <= begun < until)
        return times[min(len(times) - 1, len(times) * share // 100)] if times else 0.0

    def statuses(self, since=0.0):
        counts = {}
        for begun, _, status in self.answers:
            if begun >= since:
                counts[str(status)] = counts.get(str(status), 0) + 1
        return dict(sorted(counts.items()))

    def share_of_success(self, since=0.0, until=float("inf")):
        statuses = [status for begun, _, status in self.answers if since <= begun < until]
        return sum(status == 200 for status in statuses) / len(statuses) if statuses else 1.0
