"""Repeats one request beside the load, and records the results."""

import asyncio
import time

from .web import NoResponse


class Probe:
    def __init__(self, shop, path="/v1/products?page_size=1", token=None, interval=0.02, timeout=20.0, width=1):
        self.shop, self.path, self.token = shop, path, token or shop.merchant
        self.interval, self.timeout, self.width = interval, timeout, width
        # (begun, seconds, status or None)
        self.responses = []
        self.is_stopped = False

    async def __aenter__(self):
        self.tasks = [asyncio.ensure_future(self.run()) for _ in range(self.width)]
        return self

    async def __aexit__(self, *error):
        # A cancellation may get lost when a response arrives at the same moment, so a flag stops the tasks as well.
        self.is_stopped = True
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def run(self):
        headers = {"Authorization": f"Bearer {self.token}"}
        while not self.is_stopped:
            begun = time.monotonic()
            try:
                status = (await self.shop.http.send("GET", self.path, headers, timeout=self.timeout)).status
            except NoResponse:
                status = None
            self.responses.append((begun, time.monotonic() - begun, status))
            await asyncio.sleep(self.interval)

    def seconds(self, share, since=0.0, until=float("inf")):
        times = sorted(seconds for begun, seconds, _ in self.responses if since <= begun < until)
        return times[min(len(times) - 1, len(times) * share // 100)] if times else 0.0

    def statuses(self, since=0.0):
        counts = {}
        for begun, _, status in self.responses:
            if begun >= since:
                counts[str(status)] = counts.get(str(status), 0) + 1
        return dict(sorted(counts.items()))

    def share_of_success(self, since=0.0, until=float("inf")):
        statuses = [status for begun, _, status in self.responses if since <= begun < until]
        return sum(status == 200 for status in statuses) / len(statuses) if statuses else 1.0
