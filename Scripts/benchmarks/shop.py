"""Runs a shop of release programs in a temporary folder, and measures it from outside by metrics and /proc."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
READY_SECONDS_MAX = 120
QUIESCENT_SECONDS_MAX = 600
# A shop is quiescent when no order has moved for this long.
QUIESCENT_SECONDS = 3
SERVED = re.compile(r'^martlet_server_calls_total\{service="([^"]*)",method="([^"]*)",[^}]*\} (\S+)$', re.MULTILINE)
FORWARDED = re.compile(r'^martlet_http_requests_total\{service="(gateway)",method="([^"]*)",route="([^"]*)",[^}]*\} (\S+)$', re.MULTILINE)
SERIES = re.compile(r'^(martlet_sql_\w+_total)\{service="([^"]*)"(?:,name="((?:[^"\\]|\\.)*)")?\} (\S+)$', re.MULTILINE)


class Shop:
    """`martlet up` on an empty folder; stops at the end of the `with` block.

    `settings` are those of daemons, as `--set` takes them; programs of before that flag take none.
    """

    # What starts the supervisor, such as `prlimit`, and the file of its messages instead of standard error.
    prefix, messages = (), None

    def __init__(self, programs, settings=()):
        self.martlet = str(Path(programs) / "martlet")
        self.settings = settings

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="martlet-bench-")
        self.data = self.folder.name
        command = [self.martlet, "up", "--data", self.data, "--port", str(free_port()), "--json", "--log-level", "warning"]
        command += [argument for setting in self.settings for argument in ("--set", setting)]
        self.supervisor = subprocess.Popen([*self.prefix, *command], stdout=subprocess.PIPE, stderr=self.messages, text=True)
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wait_until_ready(self):
        text = ""
        for line in self.supervisor.stdout:
            text += line
            try:
                self.up = json.loads(text)
                break
            except json.JSONDecodeError:
                continue
        else:
            raise SystemExit("error: the shop exited before it was ready")
        self.url = self.up["url"]
        self.token = self.run("token", "--merchant", "--ttl", "1h", "--data", self.data).strip()

    def __exit__(self, *error):
        self.supervisor.send_signal(signal.SIGINT)
        self.supervisor.wait(timeout=60)
        self.folder.cleanup()

    def run(self, *arguments, statuses=(0,)):
        done = subprocess.run([self.martlet, *arguments], stdout=subprocess.PIPE, text=True)
        if done.returncode not in statuses:
            raise SystemExit(f"error: 'martlet {' '.join(arguments)}' exited with {done.returncode}")
        return done.stdout

    def call(self, method, path, body=None, key=None):
        """Calls the gateway; returns the response as JSON."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read())

    @property
    def processes(self):
        """Process ids by name, including the supervisor's."""
        numbers = {row["name"]: row["pid"] for row in self.up["processes"]}
        return {**numbers, "martlet up": self.up["supervisor"]}

    def cpu_milliseconds(self):
        """Processor time that each process has used so far, user and system."""
        used = {}
        for name, pid in self.processes.items():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used[name] = (int(fields[11]) + int(fields[12])) * 1000 / TICKS_PER_SECOND
        return used

    def memory_bytes(self):
        """Proportional set size of each process."""
        sizes = {}
        for name, pid in self.processes.items():
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            sizes[name] = int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024
        return sizes

    def counts(self):
        """Logical transactions by service and name, and physical commits by service."""
        transactions, commits = {}, {}
        for text in self.metrics():
            for series, service, name, value in SERIES.findall(text):
                if series == "martlet_sql_transactions_total":
                    transactions[service, name] = int(float(value))
                elif series == "martlet_sql_commits_total":
                    commits[service] = int(float(value))
        return transactions, commits

    def calls(self):
        """Calls that each service has served, by service and method; of the gateway, requests by service and route."""
        found = {}
        for text in self.metrics():
            for service, method, value in SERVED.findall(text):
                found[service, method] = found.get((service, method), 0) + int(float(value))
            for service, verb, route, value in FORWARDED.findall(text):
                name = f"{verb} {route}"
                found[service, name] = found.get((service, name), 0) + int(float(value))
        return found

    def metrics(self):
        """The metrics of each process, as text."""
        for row in self.up["processes"]:
            with urllib.request.urlopen(f"http://127.0.0.1:{row.get('health', row['http'])}/metrics", timeout=30) as response:
                yield response.read().decode()

    def wait_until_quiescent(self):
        """Waits until all events are acknowledged and only background jobs run."""
        until = time.monotonic() + QUIESCENT_SECONDS_MAX
        while time.monotonic() < until:
            before = self.busy_count()
            time.sleep(QUIESCENT_SECONDS)
            status = json.loads(self.run("status", "--json", "--data", self.data, statuses=(0, 1)))
            if status["lag"] == 0 and self.busy_count() == before:
                return
        raise SystemExit(f"error: the shop was not quiescent after {QUIESCENT_SECONDS_MAX} s")

    def busy_count(self):
        """The number of transactions that background jobs do not cause: it changes when an order moves."""
        names = ("outbox.mark", "inbox.take", "request", "workflow.settle", "workflow.local", "workflow.intent")
        transactions, _ = self.counts()
        return sum(count for (_, name), count in transactions.items() if name in names)


def difference(after, before):
    return {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)}


def free_port():
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
