"""Swift source without comments and strings, so that a rule about code does not match prose."""


def masked(source, keep_strings=False):
    """The source with comments and, unless `keep_strings`, strings replaced by spaces; interpolations are kept."""
    return _Masker(source, keep_strings).run()


class _Masker:
    def __init__(self, source, keep_strings):
        self.source = source
        self.keep_strings = keep_strings
        self.out = []
        self.at = 0

    def run(self):
        self.code(until_parenthesis=False)
        return "".join(self.out)

    def blank(self, count):
        for character in self.source[self.at : self.at + count]:
            self.out.append("\n" if character == "\n" else " ")
        self.at += count

    def copy(self, count):
        self.out.append(self.source[self.at : self.at + count])
        self.at += count

    def code(self, until_parenthesis):
        """Reads code, to the end or to the parenthesis that closes an interpolation."""
        depth = 0
        while self.at < len(self.source):
            rest = self.source[self.at : self.at + 2]
            if rest == "//":
                end = self.source.find("\n", self.at)
                self.blank((len(self.source) if end < 0 else end) - self.at)
            elif rest == "/*":
                self.block_comment()
            elif self.string_start():
                self.string()
            else:
                character = rest[0]
                if character == "(":
                    depth += 1
                if character == ")":
                    depth -= 1
                    if until_parenthesis and depth < 0:
                        return
                self.copy(1)

    def block_comment(self):
        depth = 0
        while self.at < len(self.source):
            two = self.source[self.at : self.at + 2]
            if two == "/*":
                depth += 1
                self.blank(2)
            elif two == "*/":
                depth -= 1
                self.blank(2)
                if depth == 0:
                    return
            else:
                self.blank(1)

    def string_start(self):
        """Whether a string literal starts here, raw or not."""
        if self.source[self.at] not in '"#':
            return False
        at = self.at
        while at < len(self.source) and self.source[at] == "#":
            at += 1
        return at < len(self.source) and self.source[at] == '"'

    def string(self):
        hashes = 0
        while self.source[self.at + hashes] == "#":
            hashes += 1
        quotes = '"""' if self.source.startswith('"""', self.at + hashes) else '"'
        close = quotes + "#" * hashes
        escape = "\\" + "#" * hashes
        text = self.copy if self.keep_strings else self.blank
        text(hashes + len(quotes))
        while self.at < len(self.source):
            if self.source.startswith(close, self.at):
                text(len(close))
                return
            if self.source.startswith(escape + "(", self.at):
                self.copy(len(escape) + 1)
                self.code(until_parenthesis=True)
                if self.at < len(self.source):
                    self.copy(1)
            elif self.source.startswith(escape, self.at):
                text(min(len(escape) + 1, len(self.source) - self.at))
            elif quotes == '"' and self.source[self.at] == "\n":
                return
            else:
                text(1)
