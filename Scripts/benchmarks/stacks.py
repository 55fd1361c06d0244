"""Stacks of a profile: reads what `perf script` prints, demangles the names, and marks stacks that end early.

A stack is a tuple of frames, the outermost first; the profile counts equal ones (`Counter`).
"""

import re
import subprocess
from collections import Counter, namedtuple

Frame = namedtuple("Frame", "name library")
# The process by its name, and its frames.
Stack = namedtuple("Stack", "process frames")

LINE = re.compile(r"\s+[0-9a-f]+ (.*) \(([^()]+?)(?: \(deleted\))?\)$")
# Where the stack of a thread begins. Every other outermost frame means that a library has no frame pointers.
FIRST_FUNCTIONS = {"start_thread", "clone3", "__clone3", "_start", "__libc_start_main", "__libc_start_call_main", "ret_from_fork_asm"}
UNKNOWN = "[unknown]"
CALLERS_UNKNOWN = "callers unknown"
PARTIAL, SPECIALIZED = "partial apply for ", "specialized "


def library(path):
    """The short name of a program or library: `libc` of `/usr/lib/x86_64-linux-gnu/libc.so.6`."""
    if path == "[kernel.kallsyms]":
        return "kernel"
    name = path.rsplit("/", 1)[-1].strip("[]")
    return re.sub(r"\.so(\.\d+)*$", "", name)


def frames(lines):
    """The frames of the lines of one sample, outermost first, with mangled names.

    A function without a symbol has the name of its library; an address outside of all libraries is no frame.
    """
    found = []
    for line in reversed(lines):
        match = LINE.match(line)
        if not match or match.group(2) == UNKNOWN:
            continue
        name, owner = match.group(1), library(match.group(2))
        found.append(Frame(f"{owner}, no symbol" if name == UNKNOWN else name, owner))
    return found


def joined(found):
    """One frame instead of several of one function in a row, as of a closure and its partial application."""
    named = [Frame(frame.name.removeprefix(PARTIAL), frame.library) for frame in found]
    functions = [frame.name.removeprefix(SPECIALIZED) for frame in named]
    return [frame for at, frame in enumerate(named) if at == 0 or functions[at] != functions[at - 1]]


def marked(found):
    """A stack that does not begin at a thread's first function begins at the library in which it ends early."""
    if found[0].name in FIRST_FUNCTIONS:
        return found
    return [Frame(f"{found[0].library}: {CALLERS_UNKNOWN}", found[0].library), *found]


def is_broken(stack):
    return stack.frames[0].name.endswith(f": {CALLERS_UNKNOWN}")


def read(text, names, demangled=None):
    """Counts the stacks of the output of `perf script -F pid,ip,sym,dso`.

    `names` has the process of each id; `demangled` maps mangled names, by default with `swift demangle`.
    """
    samples = []
    for block in text.split("\n\n"):
        lines = block.strip("\n").split("\n")
        if not lines[0].strip().isdigit() or int(lines[0]) not in names:
            continue
        found = frames(lines[1:])
        if found:
            samples.append((names[int(lines[0])], found))
    if demangled is None:
        demangled = demangle({frame.name for _, found in samples for frame in found})
    counts = Counter()
    for process, found in samples:
        found = [Frame(demangled.get(frame.name, frame.name), frame.library) for frame in found]
        counts[Stack(process, tuple(marked(joined(found))))] += 1
    return counts


def demangle(names):
    """What the names of Swift functions mean; other names are not in the result."""
    mangled = sorted(name for name in names if name.startswith("$"))
    if not mangled:
        return {}
    done = subprocess.run(["swift", "demangle", "--simplified"], input="\n".join(mangled), stdout=subprocess.PIPE, text=True)
    lines = done.stdout.split("\n")
    if done.returncode != 0 or len(lines) < len(mangled):
        raise SystemExit("error: 'swift demangle' failed")
    return dict(zip(mangled, lines))


def folded(counts):
    """The stacks as lines `process;function [library];… count`, which other tools for flame graphs read, too."""
    lines = []
    for stack, count in counts.items():
        parts = [stack.process, *(f"{frame.name} [{frame.library}]".replace(";", ",") for frame in stack.frames)]
        lines.append(f"{';'.join(parts)} {count}")
    return "".join(f"{line}\n" for line in sorted(lines))


def unfolded(text):
    """The stacks of lines that `folded` has written."""
    counts = Counter()
    for line in text.splitlines():
        path, _, count = line.rpartition(" ")
        process, *parts = path.split(";")
        found = []
        for part in parts:
            name, _, owner = part.rpartition(" [")
            found.append(Frame(name, owner.removesuffix("]")))
        counts[Stack(process, tuple(found))] += int(count)
    return counts
