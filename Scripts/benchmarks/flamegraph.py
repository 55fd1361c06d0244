"""Draws stacks as a flame graph: one SVG file that needs nothing else; a click enlarges a frame, and a field searches.

The root is at the top. A frame is as wide as its share of the samples; what it called is below it.
"""

import math
import zlib
from xml.sax.saxutils import escape, quoteattr

WIDTH = 1400
ROW = 17
HEADER = 62
MARGIN = 10
# Of a monospaced font, for its size. DejaVu's is 0.602; no common one is wider.
CHARACTER = 0.61
FONT = 11.5
# Narrower frames are left out; an enlarged parent shows their space empty.
WIDTH_MIN = 0.3
# Hue, saturation and lightness of each kind of library.
KINDS = {
    "programs": (212, 62, 76), "Swift": (14, 82, 78), "Foundation": (282, 45, 80), "SQLite": (140, 40, 72),
    "C library": (48, 78, 72), "kernel": (0, 0, 80), "callers unknown": (330, 52, 82),
}  # fmt: skip
KNOWN = {("libswift", "libdispatch"): "Swift", ("libFoundation", "lib_Foundation"): "Foundation", ("libsqlite",): "SQLite"}


def kind(frame):
    name = frame.library
    if frame.name.endswith(": callers unknown"):
        return "callers unknown"
    if name == "kernel" or name.endswith("vdso"):
        return "kernel"
    for starts, found in KNOWN.items():
        if name.startswith(starts):
            return found
    return "C library" if name.startswith(("lib", "ld-")) else "programs"


class Node:
    """A frame with all frames that lead to it."""

    def __init__(self, frame, depth):
        self.frame, self.depth = frame, depth
        self.count, self.children = 0, {}


def tree(counts, root):
    """All stacks as one tree: the root, the processes, and their frames."""
    top = Node(root, 0)
    for stack, count in counts.items():
        node = top
        node.count += count
        for frame in (type(root)(stack.process, stack.process), *stack.frames):
            node = node.children.setdefault(frame, Node(frame, node.depth + 1))
            node.count += count
    return top


def placed(node, left, scale):
    """Frames with their left edge and width in samples: children side by side from their parent's left edge."""
    if node.count * scale < WIDTH_MIN:
        return
    yield node, left
    # The processes by their samples, functions by name: so the same function is at the same place in every graph.
    for child in sorted(node.children.values(), key=lambda child: (-child.count if node.depth == 0 else 0, child.frame)):
        yield from placed(child, left, scale)
        left += child.count


def color(frame):
    hue, saturation, lightness = KINDS[kind(frame)]
    shade = zlib.crc32(frame.name.encode()) % 9 - 4
    return f"hsl({hue},{saturation}%,{lightness + shade}%)"


def fitting(text, width):
    """As much of a text as fits into so many pixels."""
    space = math.floor((width - 6) / (FONT * CHARACTER))
    if len(text) <= space:
        return text
    return text[: space - 1] + "…" if space >= 3 else ""


def svg(counts, root, title):
    """The flame graph of stacks; `root` is the frame of all of them."""
    top = tree(counts, root)
    scale = (WIDTH - 2 * MARGIN) / max(1, top.count)
    nodes = list(placed(top, 0, scale))
    height = HEADER + (max((node.depth for node, _ in nodes), default=0) + 1) * ROW + MARGIN
    body = []
    for node, left in nodes:
        name, width = node.frame.name, node.count * scale
        owner = "" if node.frame.library == name or node.depth < 2 else f" [{node.frame.library}]"
        label = f"{name}{owner}: {node.count:,} samples, {100 * node.count / max(1, top.count):.2f} %"
        body.append(
            f'<g class="f" data-s="{left}" data-c="{node.count}" data-d="{node.depth}" data-n={quoteattr(name)}>'
            f"<title>{escape(label)}</title>"
            f'<rect x="{MARGIN + left * scale:.2f}" y="{HEADER + node.depth * ROW}" width="{width:.2f}" height="{ROW - 1}" '
            f'fill="{color(node.frame)}"/>'
            f'<text x="{MARGIN + left * scale + 3:.2f}" y="{HEADER + node.depth * ROW + 12}">{escape(fitting(name, width))}</text></g>'
        )
    return TEMPLATE.format(
        width=WIDTH, height=height, font=FONT, title=escape(fitting(title, WIDTH - 420)), legend=legend(),
        frames="\n".join(body), total=max(1, top.count), margin=MARGIN, character=CHARACTER * FONT,
        space=WIDTH - 2 * MARGIN, right=WIDTH - MARGIN,
    )  # fmt: skip


def legend():
    parts, left = [], MARGIN
    for name, (hue, saturation, lightness) in KINDS.items():
        parts.append(f'<rect x="{left}" y="38" width="12" height="12" fill="hsl({hue},{saturation}%,{lightness}%)"/>')
        parts.append(f'<text x="{left + 17}" y="48">{name}</text>')
        left += 17 + math.ceil(len(name) * FONT * CHARACTER) + 18
    return "".join(parts)


TEMPLATE = """<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<style>
text {{ font: {font}px "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1b1b1b; pointer-events: none }}
.title {{ font-size: 16px; font-weight: bold }}
.link {{ fill: #0b57d0; cursor: pointer; pointer-events: all }}
.f {{ cursor: pointer }}
.f:hover rect {{ stroke: #1b1b1b; stroke-width: 0.8 }}
.hidden {{ display: none }}
.above rect {{ opacity: 0.5 }}
.match rect {{ fill: #d43fd4 }}
</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text class="title" x="{margin}" y="24">{title}</text>
<text id="found" x="{right}" y="48" text-anchor="end"></text>
<text class="link" id="search" x="{right}" y="22" text-anchor="end">search … (regular expression)</text>
{legend}
<g id="frames">
{frames}
</g>
<script><![CDATA[
(function () {{
  var total = {total}, space = {space}, margin = {margin}, character = {character};
  var frames = Array.prototype.slice.call(document.querySelectorAll('.f')).map(function (g) {{
    return {{ g: g, start: +g.dataset.s, count: +g.dataset.c, depth: +g.dataset.d, name: g.dataset.n,
             rect: g.querySelector('rect'), text: g.querySelector('text') }};
  }});
  function label(name, width) {{
    var fits = Math.floor((width - 6) / character);
    return name.length <= fits ? name : fits >= 3 ? name.slice(0, fits - 1) + '\\u2026' : '';
  }}
  // Shows a frame over the whole width: what contains it above, what it called below.
  function zoom(to) {{
    frames.forEach(function (f) {{
      var above = f.depth < to.depth && f.start <= to.start && f.start + f.count >= to.start + to.count;
      var inside = f.depth >= to.depth && f.start >= to.start && f.start + f.count <= to.start + to.count;
      f.g.classList.toggle('hidden', !above && !inside);
      f.g.classList.toggle('above', above);
      if (!above && !inside) return;
      var left = above ? 0 : (f.start - to.start) / to.count * space, width = above ? space : f.count / to.count * space;
      f.rect.setAttribute('x', margin + left);
      f.rect.setAttribute('width', width);
      f.text.setAttribute('x', margin + left + 3);
      f.text.textContent = label(f.name, width);
    }});
  }}
  // Marks what matches; counts samples with a match once, whatever matches above and below it.
  function search(pattern) {{
    var matches = null, samples = 0, until = -1;
    try {{ matches = pattern ? new RegExp(pattern) : null; }} catch (error) {{ return; }}
    frames.forEach(function (f) {{ f.g.classList.toggle('match', matches !== null && f.depth > 0 && matches.test(f.name)); }});
    frames.filter(function (f) {{ return f.g.classList.contains('match'); }})
      .sort(function (a, b) {{ return a.start - b.start || a.depth - b.depth; }})
      .forEach(function (f) {{ if (f.start >= until) {{ samples += f.count; until = f.start + f.count; }} }});
    document.getElementById('found').textContent =
      matches ? pattern.slice(0, 40) + ': ' + (100 * samples / total).toFixed(1) + ' % of the samples' : '';
  }}
  frames.forEach(function (f) {{ f.g.addEventListener('click', function () {{ zoom(f); }}); }});
  document.getElementById("search").addEventListener('click', function () {{
    var pattern = window.prompt('Functions that match this regular expression (empty: none):', '');
    if (pattern !== null) search(pattern);
  }});
}})();
]]></script>
</svg>
"""
