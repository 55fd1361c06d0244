"""JSON as the body of a request: a corpus of our own, JSONTestSuite where it is present, and generated documents.

The names of files state what is right, as in JSONTestSuite: `y_` is JSON, `n_` is not, `i_` may be either.
"""

import json
from pathlib import Path

from .. import wire

OWN = Path(__file__).resolve().parents[2] / "corpus/json"
# The methods that get each document: by their program, which also has them at its own port.
POSTS = [
    ("ordersd", "POST", "/v1/orders"),
    ("inventoryd", "PUT", "/v1/deliveries/hostile-json"),
    ("catalogd", "PUT", "/v1/products/HOSTILE-JSON"),
]
# Of a body.
BODY_BYTES_MAX = 2 << 20
# What a refusal as JSON has, and a refusal by the contract has not.
MALFORMED = "request.malformed"
# Of the public corpus: an empty body is a message without fields.
EMPTY = ("n_structure_no_data.json", "n_single_space.json")


class JSONBodies:
    name = "json"
    share = 0.05
    about = "documents that are JSON, are not, or may be, as bodies of requests"

    def run(self, context):
        documents = list(files(OWN)) + list(generated())
        public = list(files(context.corpora / "json"))
        context.note(
            f"json: {len(documents)} documents"
            + (f", {len(public)} of JSONTestSuite" if public else f", without JSONTestSuite: {context.corpora / 'json'} has none")
        )
        self.token = context.shop.token
        context.each(POSTS, lambda post: self.documents(context, post, documents + public))
        self.names(context)
        self.bodies(context)

    def documents(self, context, post, documents):
        program, method, path = post
        for index, (name, body) in enumerate(documents):
            # The gateway passes bodies on: a part of them is enough.
            targets = [context.target(program, "http")] + ([context.gateway] if index % 4 == 0 else [])
            for target in targets:
                self.check(context, target, (method, path), name, body)

    def check(self, context, target, call, name, body):
        case = f"{name} as the body of {call[0]} {call[1]}"
        context.at(case, target)
        answer = self.send(context, target, call, body)
        if not isinstance(answer, wire.Answer):
            return context.finding(case, target, expected="one answer", seen=answer)
        reason, detail = problem(answer)
        seen = f"{answer.status} {reason} {detail}"
        if answer.status >= 500:
            context.finding(case, target, expected="an answer below 500", seen=seen)
        elif name.startswith("y_") and reason == MALFORMED:
            context.finding(case, target, expected="a document that counts as JSON", seen=seen)
        elif name.startswith("n_") and name not in EMPTY and (answer.status != 400 or reason != MALFORMED):
            context.finding(case, target, expected=f"400 {MALFORMED}", seen=seen)
        elif reason == MALFORMED and not any(word in detail for word in ("JSON", "UTF-8", "nested", "number", "string")):
            context.finding(case, target, expected="a refusal that names what is wrong with the document", seen=seen)
        context.check_leaks(case, target, [answer.text])

    def send(self, context, target, call, body, headers=()):
        headers = [("Authorization", f"Bearer {self.token}"), ("Idempotency-Key", f"hostile-{context.cases}"), *headers]
        return wire.ask(target, *call, context.limits.answer, headers, body)

    # MARK: Text

    def names(self, context):
        """A name keeps its characters, escaped or not, of every plane."""
        for plane in range(17):
            code = (plane << 16) + (0x0BB7 if plane else 0x4E07)
            for how, written in (("escaped", json.dumps(chr(code))), ("as UTF-8", json.dumps(chr(code), ensure_ascii=False))):
                case = f"a character of plane {plane}, {how}"
                sku = f"PLANE-{plane}"
                for target in (context.target("catalogd", "http"), context.gateway):
                    context.at(case, target)
                    put = self.send(context, target, ("PUT", f"/v1/products/{sku}"), f'{{"name": {written}}}'.encode())
                    got = self.send(context, target, ("GET", f"/v1/products/{sku}"), None)
                    names = [name_of(answer) for answer in (put, got)]
                    if names != [chr(code)] * 2:
                        context.finding(
                            case,
                            target,
                            expected=f"U+{code:X} in the name of a product",
                            seen=[name and [f"U+{ord(part):X}" for part in name] for name in names],
                        )

    # MARK: Bodies

    def bodies(self, context):
        """What the headers state about a body, and its size."""
        cases = {
            "a body above the limit": (b" " * (BODY_BYTES_MAX + 1), (), {413}),
            "a body at the limit": (b" " * BODY_BYTES_MAX, (), {400}),
            "gzip": (b"\x1f\x8b\x08\x00", (("Content-Encoding", "gzip"),), {415}),
            "another media type": (b"{}", (("Content-Type", "text/plain"),), {415}),
            "a form": (b"a=b", (("Content-Type", "application/x-www-form-urlencoded"),), {415}),
            "parts": (b"--x--", (("Content-Type", "multipart/form-data; boundary=x"),), {415}),
            "another charset": ('{"name":"é"}'.encode("utf-16"), (("Content-Type", "application/json; charset=utf-16"),), {400, 415}),
        }
        for case, (body, headers, statuses) in cases.items():
            for program, method, path in POSTS:
                for target in (context.target(program, "http"), context.gateway):
                    context.at(case, target)
                    answer = self.send(context, target, (method, path), body, headers)
                    if not isinstance(answer, wire.Answer) or answer.status not in statuses:
                        seen = f"{answer.status} {answer.text[:200]}" if isinstance(answer, wire.Answer) else answer
                        context.finding(f"{case}, to {method} {path}", target, expected=" or ".join(map(str, sorted(statuses))), seen=seen)


def files(folder):
    """The documents of a folder by name, largest last."""
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        yield path.name, path.read_bytes()


def generated():
    """Documents that are too long for files."""
    for levels in (33, 100, 1_000, 100_000, 1_000_000):
        yield f"n_{levels} open lists", b"[" * levels
        yield f"i_{levels} lists", b"[" * levels + b"]" * levels
    yield "n_200000 open objects", b'{"a":' * 200_000
    yield "i_50000 objects", b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    for field in ("lines", "name", "kind", "payment_method"):
        yield f"i_{field} in 10000 lists", b'{"%s":' % field.encode() + b"[" * 10_000 + b"]" * 10_000 + b"}"
    for digits in (20, 400, 100_000):
        yield f"i_a number of {digits} digits", b'{"lines":[{"sku":"A","quantity":' + b"9" * digits + b"}]}"
        yield f"i_an exponent of {digits} digits", b'{"lines":[{"sku":"A","quantity":1e' + b"9" * digits + b"}]}"
        yield f"i_a fraction of {digits} digits", b'{"lines":[{"sku":"A","quantity":1.' + b"0" * digits + b"}]}"
    yield "i_a text of 1.9 MB", b'{"name":"' + b"a" * 1_900_000 + b'"}'
    yield "i_a text of 300,000 escapes", b'{"name":"' + b"\\u0061" * 300_000 + b'"}'
    yield "i_100,000 fields", b"{" + b",".join(b'"f%d":1' % number for number in range(100_000)) + b"}"
    yield "i_100,000 times one field", b"{" + b",".join([b'"name":"a"'] * 100_000) + b"}"
    yield "i_100,000 lines", b'{"payment_method":"pm_test_ok","lines":[' + b",".join([b'{"sku":"A","quantity":1}'] * 80_000) + b"]}"
    yield "i_1.9 MB of blanks", b" " * 1_900_000 + b"{}"


def problem(answer):
    """Reason and detail of a problem; empty for another answer."""
    try:
        document = json.loads(answer.body)
        return document.get("reason", ""), document.get("detail", "")
    except (ValueError, AttributeError):
        return "", ""


def name_of(answer):
    """The name in an answer with a product; `None` without one."""
    try:
        return json.loads(answer.body)["product"]["name"]
    except (AttributeError, ValueError, KeyError):
        return None
