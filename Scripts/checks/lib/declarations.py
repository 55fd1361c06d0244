"""The declarations of functions, initializers, subscripts and cases in Swift source without comments and strings."""

import re

HEAD = re.compile(
    r"(?<![.\w])(?:func\s+(?:\w+|`\w+`|[-+*/<>=!&|^~%]+)|init[?!]?|subscript|case\s+\w+)\s*(?=[<(])"
)
# What can follow a declaration that has no body.
NEXT = re.compile(
    r"\n\s*(?:[@#]|(?:func|var|let|init|subscript|case|static|associatedtype|typealias|mutating|nonisolated"
    r"|public|package|internal|fileprivate|private)\b)"
)
UNLABELLED = re.compile(r"\s*(?:@\w+\s+)*_\s+\w+\s*:")
# A parameter of a case has a label, or only a type.
LABELLED_VALUE = re.compile(r"\s*\w+\s*:")
OPENING, CLOSING = "([{<", ")]}>"


class Declaration:
    def __init__(self, code, start, text, parameters, end):
        self.code = code
        self.start = start
        self.is_case = text.startswith("case")
        self.name = text.split()[-1]
        self.parameters = parameters
        # The offset after the parameters.
        self.end = end

    @property
    def line(self):
        return self.code.count("\n", 0, self.start) + 1

    @property
    def unlabelled(self):
        """The number of parameters without a label."""
        if self.is_case:
            return sum(1 for text in self.parameters if not LABELLED_VALUE.match(text))
        return sum(1 for text in self.parameters if UNLABELLED.match(text))

    @property
    def lines(self):
        """The number of lines to the end of its body; 0 without one."""
        brace = self.code.find("{", self.end)
        following = NEXT.search(self.code, self.end)
        over = self.code.find("}", self.end)
        if self.is_case or brace < 0 or 0 <= over < brace or (following and following.start() < brace):
            return 0
        return self.code.count("\n", self.start, closing(self.code, brace)) + 1


def closing(code, at):
    """The offset of the bracket that closes the one at `at`."""
    opened = code[at]
    closed, depth = CLOSING[OPENING.index(opened)], 0
    while at < len(code):
        if code[at] == opened:
            depth += 1
        elif code[at] == closed and not (closed == ">" and code[at - 1] == "-"):
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return len(code)


def divided(text):
    """The parts between commas that are in no brackets."""
    parts, depth, begin = [], 0, 0
    for at, character in enumerate(text):
        if character in OPENING:
            depth += 1
        elif character in CLOSING and not (character == ">" and text[at - 1] in "-="):
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[begin:at])
            begin = at + 1
    return parts + ([text[begin:]] if text[begin:].strip() else [])


def declarations(code):
    for match in HEAD.finditer(code):
        at, text = match.end(), match.group(0).rstrip("?! \n")
        if code[at] == "<":
            at = closing(code, at) + 1
            at += len(code[at:]) - len(code[at:].lstrip())
        if code[at : at + 1] != "(":
            continue
        end = closing(code, at)
        parameters = divided(code[at + 1 : end])
        # A pattern of a switch or of `if case` is not a declaration.
        is_pattern = re.match(r"\s*(?:[:=]|where\b)", code[end + 1 :]) or any(
            re.match(r"\s*(?:let\b|var\b|_|\.|$)", part) for part in parameters
        )
        if text.startswith("case") and (is_pattern or not parameters):
            continue
        yield Declaration(code, match.start(), text, parameters, end + 1)
