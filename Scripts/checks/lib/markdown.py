"""The fenced blocks of Markdown documents, and the documents whose blocks CI checks."""

import re
from dataclasses import dataclass, field

# Guides whose commands run, in this order, as one session: see Scripts/checks/guides. README.md has a check of its own.
GUIDES = tuple(f"Docs/Guides/{name}.md" for name in ("Services", "Events", "Workflows", "Testing", "Adapters"))

FENCE = re.compile(r"^(?P<indent> {0,3})(?P<fence>```+|~~~+)\s*(?P<language>\S*)")
COMMENT = re.compile(r"^\s*<!--\s*(?P<text>.*?)\s*-->\s*$")


@dataclass
class Block:
    language: str
    # The number of the first line inside.
    start: int
    lines: list = field(default_factory=list)
    # The HTML comment directly above the block, blank lines aside; empty when there is none.
    comment: str = ""


def blocks(text):
    """The fenced blocks of a document, in order."""
    found, block, fence, comment = [], None, "", ""
    for number, line in enumerate(text.splitlines(), 1):
        if block is not None:
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                found.append(block)
                block, comment = None, ""
            else:
                block.lines.append(line)
        elif mark := FENCE.match(line):
            fence = mark["fence"]
            block = Block(mark["language"], number + 1, comment=comment)
        elif line.strip():
            note = COMMENT.match(line)
            comment = note["text"] if note else ""
    return found
