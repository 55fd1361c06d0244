"""Records the stacks of the processes of a shop with perf, and what else one run costs."""

import os
import select
import signal
import subprocess
import tempfile
import time
from pathlib import Path

SAMPLES_PER_SECOND = 999
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60
PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")
SWITCHES = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")
# By the processor's time of a thread, which every machine has: counters of the processor are missing in many virtual ones.
EVENT = ["-e", "cpu-clock", "-F", str(SAMPLES_PER_SECOND), "--call-graph", "fp"]


def require_perf():
    """Ends with a message unless perf is there and may record."""
    with tempfile.TemporaryDirectory(prefix="martlet-profile-") as folder:
        try:
            command = ["perf", "record", *EVENT, "-o", f"{folder}/perf.data", "--", "true"]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        except FileNotFoundError:
            raise SystemExit("error: perf is missing: apt-get install linux-perf")
    if done.returncode != 0:
        paranoid = PARANOID.read_text().strip() if PARANOID.exists() else ""
        raise SystemExit(refusal(done.stdout, paranoid, os.geteuid() == 0))


def refusal(output, paranoid, is_root):
    """The message for a perf that fails, by its output and the setting of the kernel."""
    reason = next((line for line in output.splitlines() if line.strip()), "no output").strip()
    text = f"error: perf may not record: {reason}"
    if not paranoid:
        return f"{text}\nThe kernel has no perf events."
    text += f"\nkernel.perf_event_paranoid is {paranoid}. "
    if is_root:
        return text + "In a container, root needs the capability CAP_PERFMON and a seccomp profile that allows perf_event_open."
    return text + "Run as root, or allow it: sudo sysctl kernel.perf_event_paranoid=1 kernel.kptr_restrict=0"


class Recording:
    """Records inside of its `with` block; perf has ended after it, whatever happens."""

    def __init__(self, pids, file):
        self.pids, self.file = pids, file
        self.perf, self.pipes = None, []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def start(self):
        """Returns when perf has attached itself to every thread and counts."""
        self.pipes = [*os.pipe(), *os.pipe()]
        commands, command, acknowledged, acknowledge = self.pipes
        self.perf = subprocess.Popen(
            ["perf", "record", *EVENT, "--delay=-1", f"--control=fd:{commands},{acknowledge}", "-o", str(self.file),
             "-p", ",".join(map(str, self.pids))],
            pass_fds=(commands, acknowledge), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            # Ctrl-C ends the shop first.
            start_new_session=True,
        )  # fmt: skip
        os.write(command, b"enable\n")
        until = time.monotonic() + START_SECONDS_MAX
        while not select.select([acknowledged], [], [], 0.1)[0]:
            if self.perf.poll() is not None:
                raise SystemExit(f"error: perf ended: {self.perf.stderr.read().strip()}")
            if time.monotonic() > until:
                raise SystemExit(f"error: perf did not start within {START_SECONDS_MAX} s")

    def stop(self):
        """Ends perf; returns the last of its messages."""
        output = ""
        try:
            if self.perf and self.perf.poll() is None:
                self.perf.send_signal(signal.SIGINT)
            if self.perf:
                _, output = self.perf.communicate(timeout=STOP_SECONDS_MAX)
        except BaseException:
            self.perf.kill()
            self.perf.wait()
            raise
        finally:
            for end in self.pipes:
                os.close(end)
            self.pipes = []
        return output

    def __exit__(self, kind, *error):
        output = self.stop()
        # perf ends by the signal that it has handled.
        if kind is None and self.perf.returncode not in (0, -signal.SIGINT):
            raise SystemExit(f"error: perf exited with {self.perf.returncode}: {output.strip()}")


def script(file):
    """The recorded samples as text, see `stacks.read`."""
    command = ["perf", "script", "-i", str(file), "--no-inline", "-F", "pid,ip,sym,dso"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
    if done.returncode != 0:
        raise SystemExit(f"error: 'perf script' failed: {done.stderr.strip()}")
    return done.stdout


def switches(pid, root="/proc"):
    """Context switches of each thread of a process: voluntary (it waits), involuntary (another one is to run)."""
    found = {}
    for task in sorted(Path(f"{root}/{pid}/task").iterdir()):
        try:
            fields = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines() if ":" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[task.name] = tuple(int(fields[name]) for name in SWITCHES)
    return found


def switched(before, after):
    """Switches between two readings, by kind. Those of threads that have ended since are not known."""
    pairs = [(before.get(task, (0, 0)), counts) for task, counts in after.items()]
    return tuple(sum(late[kind] - early[kind] for early, late in pairs) for kind in (0, 1))
