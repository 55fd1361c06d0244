"""A collector of spans that keeps nothing, and the settings by which a shop sends it every span."""

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Collector:
    """OTLP over HTTP on a free port, within the `with` block; its processor time is not that of the shop."""

    def __init__(self):
        self.batches, self.bytes = 0, 0
        self._lock = threading.Lock()

    def __enter__(self):
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                count = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                with collector._lock:
                    collector.batches += 1
                    collector.bytes += count
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._server.server_close()

    def settings(self, programs):
        """Of each of these daemons, as `martlet up --set` takes them: all traces, to this collector."""
        own = (f"traces-endpoint=http://127.0.0.1:{self._server.server_port}", "traces-share=1")
        return [f"{program}.{setting}" for program in programs for setting in own]


def daemons(folder):
    """The names of the daemons whose programs are in a folder."""
    done = subprocess.run([str(Path(folder) / "martlet"), "topology", "--json"], stdout=subprocess.PIPE, check=True)
    return [process["program"] for process in json.loads(done.stdout)["processes"]]
