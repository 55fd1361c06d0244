"""The tools of the generator: protoc, Google's protos, and the plugins, which SwiftPM builds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from configuration import Refusal

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".build-tools" / "venv"
SETUP = f"run {ROOT / 'Scripts' / 'setup'} proto"
GOOGLE = ("google/api/annotations.proto", "google/api/http.proto")
OPTIONS = "martlet/options/v1/options.proto"


class Toolchain:
    """What one run needs.

    `scratch` is a build folder of SwiftPM other than Martlet's own, `plugins` a folder of plugins that are built already.
    """

    def __init__(self, scratch=None, plugins=None):
        self.scratch = scratch or ROOT / ".build"
        self.plugins = plugins
        self.built = {}
        self.python = str(VENV / "bin" / "python3") if (VENV / "bin" / "python3").exists() else sys.executable

    def plugin(self, name):
        """The path of a plugin, which SwiftPM builds when its sources are newer."""
        if name not in self.built:
            self.built[name] = self.ready(name) if self.plugins else self.build(name)
        return self.built[name]

    def ready(self, name):
        if not (self.plugins / name).exists():
            raise Refusal(f"there is no {name} in {self.plugins}")
        return self.plugins / name

    def build(self, name):
        program = self.scratch / "debug" / name
        if not program.exists():
            print(f"==> building {name}, which takes minutes the first time", file=sys.stderr, flush=True)
        command = ["swift", "build", "--package-path", str(ROOT), "--scratch-path", str(self.scratch), "--product", name]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            raise Refusal("swift is missing: https://www.swift.org/install") from None
        if done.returncode != 0:
            output = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith(("[", "warning:"))]
            raise Refusal("\n".join([f"{' '.join(command)}:", *output]))
        return program

    def google(self):
        """The folder that contains Google's HTTP annotations: of the Python package that has them."""
        python = "import google.api, grpc_tools, os; print(os.path.dirname(os.path.dirname(list(google.api.__path__)[0])))"
        done = subprocess.run([self.python, "-B", "-c", python], capture_output=True, text=True)
        if done.returncode != 0:
            raise Refusal(f"the Python packages grpcio-tools and googleapis-common-protos are missing: {SETUP}")
        return Path(done.stdout.strip())

    def protoc(self, package, includes, files, plugins):
        """Runs protoc in the package's folder. `plugins` has the name, the options and the output folder of each."""
        command = [self.python, "-B", "-m", "grpc_tools.protoc", *(f"-I{include}" for include in includes)]
        for name, options, output in plugins:
            output.mkdir(parents=True, exist_ok=True)
            # Separate flags: an output folder may contain a colon.
            command += [f"--plugin=protoc-gen-{name}={self.plugin(f'protoc-gen-{name}')}", f"--{name}_out={output}"]
            command += [f"--{name}_opt={option}" for option in options]
        done = subprocess.run([*command, *files], cwd=package, capture_output=True, text=True)
        if done.returncode != 0:
            raise Refusal(located(done.stderr or done.stdout, includes[0], package))
        if done.stderr.strip():
            print(located(done.stderr, includes[0], package), file=sys.stderr)

    def validate(self, documents):
        """Validates OpenAPI documents."""
        program = shutil.which("openapi-spec-validator", path=f"{VENV / 'bin'}:{os.environ.get('PATH', '')}")
        if not program:
            raise Refusal(f"openapi-spec-validator is missing: {SETUP}")
        done = subprocess.run([program, *map(str, documents)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Refusal(f"an OpenAPI document is not valid:\n{(done.stdout + done.stderr).strip()}")


def located(output, protos, package):
    """The messages of protoc and of the plugins, with paths as the package has them."""
    lines = []
    for line in output.strip().splitlines():
        line = line.removeprefix("--martlet_out: ").removeprefix("--swift_out: ")
        file = line.split(":")[0]
        shown = os.path.relpath(Path(protos) / file, package)
        lines.append(shown + line[len(file) :] if file.endswith(".proto") and (Path(protos) / file).exists() else line)
    return "\n".join(lines)


def provide(package, protos, google):
    """Copies the protos that the package may import into its `.build-proto`, and returns the folders of the copies.

    Other tools, as buf or an editor, find them there.
    """
    work = package / ".build-proto"
    copies = [(google / name, work / "google" / name) for name in GOOGLE]
    if not (protos / OPTIONS).exists():
        copies.append((ROOT / "Contracts" / "proto" / OPTIONS, work / "martlet" / OPTIONS))
    write(work / ".gitignore", b"*\n")
    for source, copy in copies:
        write(copy, source.read_bytes())
    return [work / "google", work / "martlet"] if len(copies) > len(GOOGLE) else [work / "google"]


def write(path, content):
    """Writes a file unless it has this content; returns whether it did."""
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True
