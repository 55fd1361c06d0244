"""Swift snippets, compiled against the modules of a finished debug build, as a package outside would be.

Each snippet is one file of one module. Types, extensions and functions at its top level stay there, all statements become
the body of an asynchronous function that may throw. What is declared at the top level is made private, so that snippets may
declare the same names.
"""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

MODIFIERS = "public|package|internal|private|fileprivate|final|indirect|nonisolated"
ATTRIBUTE = r"@\w+(?:\(.*\))?"
KINDS = "import|struct|enum|class|actor|protocol|extension|func|typealias"
DECLARATION = re.compile(rf"(?:{ATTRIBUTE} +)*(?:(?:{MODIFIERS}) +)*({KINDS}) ")
ACCESS = re.compile(rf"^((?:{ATTRIBUTE} +)*)(?:(?:public|package|internal) +)?(?!private|fileprivate)")
# A line that belongs to the one above it, as it closes or continues it.
CONTINUATION = re.compile(r"[\s)}\]]")
# A line that belongs to the one below it.
LEADING = re.compile(rf"//|{ATTRIBUTE}$")
DIAGNOSTIC = re.compile(r"^(?P<path>[^\s:][^:]*):(?P<line>\d+):\d+: (?:error|warning): (?P<text>.*)$")
FLAGS = [
    "-parse-as-library", "-swift-version", "6", "-enable-upcoming-feature", "ExistentialAny", "-wmo",
    "-suppress-warnings", "-diagnostic-style=llvm",
]  # fmt: skip


class Snippet(NamedTuple):
    path: str
    # Of the first line of the code.
    line: int
    code: str


class Finding(NamedTuple):
    path: str
    # `None` when the compiler names no place in a snippet.
    line: int | None
    text: str


def items(code):
    """The declarations and statements at the top level, as pairs of the index of the first line and the lines."""
    found, is_leading = [], False
    for index, line in enumerate(code.splitlines()):
        if found and (not line or CONTINUATION.match(line) or is_leading):
            found[-1][1].append(line)
        else:
            found.append((index, [line]))
        if line and not CONTINUATION.match(line):
            is_leading = bool(LEADING.match(line))
    return found


def wrapped(snippet, imports):
    """The snippet as a file. The compiler reports its lines as those of the file that it comes from."""
    head, body = [f"import {name}" for name in imports], []
    for index, lines in items(snippet.code):
        at = next((number for number, line in enumerate(lines) if not LEADING.match(line)), 0)
        declares = DECLARATION.match(lines[at])
        if declares and declares[1] not in ("import", "extension"):
            lines[at] = ACCESS.sub(r"\1private ", lines[at])
        place = f'#sourceLocation(file: "{snippet.path}", line: {snippet.line + index})'
        (head if declares else body).extend([place, *lines, "#sourceLocation()"])
    if body:
        head += ["private func statements() async throws {", *body, "}"]
    return "\n".join(head) + "\n"


def module_maps(root, build):
    """The C modules that the Swift modules of a build were compiled with: generated, of packages, and of the system."""
    found = [*(build / "debug").glob("*.build/module.modulemap")]
    found += (build / "checkouts").glob("*/Sources/**/include/module.modulemap")
    found += root.glob("Adapters/*/*/module.modulemap")
    return sorted(found)


class Compiler:
    """Compiles against the modules of a build, and against others that it has compiled before."""

    def __init__(self, folder, root=None, build=None):
        self.folder = Path(folder)
        self.flags = [*FLAGS, "-I", str(self.folder), "-module-cache-path", str(self.folder / "cache")]
        if build:
            self.flags += ["-I", str(build / "debug" / "Modules")]
            self.flags += [part for path in module_maps(root, build) for part in ("-Xcc", f"-fmodule-map-file={path}")]

    def run(self, *arguments):
        done = subprocess.run(["swiftc", *self.flags, *map(str, arguments)], capture_output=True, text=True)
        return [] if done.returncode == 0 else done.stderr.splitlines() or [f"swiftc: exit status {done.returncode}"]

    def module(self, name, sources):
        """Makes a module of `sources`, which the snippets can import. Returns the compiler's output when it fails."""
        path = self.folder / f"{name}.swiftmodule"
        return self.run("-emit-module", "-module-name", name, "-emit-module-path", path, *sources)

    def check(self, snippets, imports):
        """What the compiler refuses in the snippets."""
        paths = []
        for number, snippet in enumerate(snippets):
            paths.append(self.folder / f"Snippet{number}.swift")
            paths[-1].write_text(wrapped(snippet, imports), encoding="utf-8")
        # Up to SIL, where the compiler finds data races; nothing is written.
        output = self.run("-emit-sil", "-o", "/dev/null", "-module-name", "Snippets", *paths) if paths else []
        found = [match for line in output if (match := DIAGNOSTIC.match(line))]
        origins = {snippet.path for snippet in snippets}
        findings = {
            Finding(match["path"], int(match["line"]), match["text"])
            if match["path"] in origins
            else Finding("swiftc", None, match[0].replace(f"{self.folder}/", ""))
            for match in found
        }
        if output and not found:
            findings = {Finding("swiftc", None, "\n".join(output[:20]))}
        return sorted(findings, key=lambda finding: (finding.path, finding.line or 0, finding.text))
