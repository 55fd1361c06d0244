"""Forged tokens over REST and gRPC: each is refused as unauthenticated, and so are two authorisations."""

import json

from .. import frames, wire
from ..signing import Issuer
from . import forgeries
from .http2 import UNAUTHENTICATED, method_with_token

# A path that reads something with the rights of the control's token, by program.
PATHS = {
    "gatewayd": "/v1/orders",
    "ordersd": "/v1/orders",
    "cartsd": "/v1/carts/me",
    "catalogd": "/v1/products",
    "inventoryd": "/v1/stock",
    "paymentsd": "/v1/ledger:trial-balance",
}
# Of the public vectors, for each target, also when the time is over.
VECTORS_LEAST = 50
# Carts has no gRPC method for which a token is needed; a wrong one is refused anyway.
CARTS_METHOD = "/shop.carts.v1.CartsService/GetCart"


class Tokens:
    name = "tokens"
    share = 0.06
    about = "forged tokens, and two at once, over REST and gRPC"

    def run(self, context):
        issuer = Issuer(context.shop.data)
        valid = issuer.token(issuer.header, forgeries.claims())
        forged = [*forgeries.by_the_issuer(issuer), *forgeries.without_the_key(issuer, valid, context.random)]
        public = list(vectors(context.corpora / "wycheproof"))
        context.note(
            f"tokens: {len(forged)} forgeries"
            + (f", {len(public)} of Wycheproof" if public else f", without Wycheproof: {context.corpora / 'wycheproof'} has none")
        )
        rest = [target for target in context.targets("http") if target.program in PATHS]
        grpc = context.targets("grpc", "operate")
        context.each(rest + grpc, lambda target: self.work(context, target, valid, forged))
        context.each(rest + grpc, lambda target: self.public(context, target, public))

    def public(self, context, target, vectors):
        """The vectors in an order that follows from the seed, as many as the time permits."""
        ask = self.rest if target.kind == "http" else self.grpc
        for number, (name, token) in enumerate(context.rng(target).sample(vectors, len(vectors))):
            if number >= VECTORS_LEAST and context.left < 0:
                return
            self.expect(context, target, name, ask(context, target, [f"Bearer {token}"]))

    def work(self, context, target, valid, forged):
        ask = self.rest if target.kind == "http" else self.grpc
        self.expect(context, target, "a valid token", ask(context, target, [f"Bearer {valid}"]), accepted=True)
        for name, token in forged:
            self.expect(context, target, name, ask(context, target, [f"Bearer {token}"]))
        for name, values in {
            "two valid authorisations": [f"Bearer {valid}"] * 2,
            "a valid authorisation and a wrong one": [f"Bearer {valid}", "Bearer a.b.c"],
            "a wrong authorisation and a valid one": ["Bearer a.b.c", f"Bearer {valid}"],
            "an empty authorisation and a valid one": ["", f"Bearer {valid}"],
            "another scheme": [f"Basic {valid}"],
            "no scheme": [valid],
            "a scheme without a token": ["Bearer"],
            "a scheme and a blank": ["Bearer "],
        }.items():
            self.expect(context, target, name, ask(context, target, values))

    def expect(self, context, target, name, found, accepted=False):
        """What was found is `accepted`, `refused`, or the answer as text."""
        context.at(name, target)
        if found == ("accepted" if accepted else "refused"):
            return
        expected = "the control to be accepted" if accepted else "401" if target.kind == "http" else "UNAUTHENTICATED"
        context.finding(name, target, expected=expected, seen=found)

    @staticmethod
    def rest(context, target, values):
        headers = [("Authorization", value) for value in values]
        answer = wire.ask(target, "GET", PATHS[target.program], context.limits.answer, headers)
        if not isinstance(answer, wire.Answer):
            return answer
        # A header that is no header is refused as such, and one that is too long as well.
        if answer.status in (400, 401, 431):
            return "refused"
        return "accepted" if answer.status in (200, 404) else f"{answer.status} {answer.text[:200]}"

    @staticmethod
    def grpc(context, target, values):
        path = method_with_token(target) or CARTS_METHOD
        found = frames.ask(target, path, context.limits.answer, [("authorization", value) for value in values])
        if isinstance(found, str):
            return found
        if found.status is None:
            # Headers that are too long, or are none.
            return "refused" if str(found).startswith("reset") else str(found)
        # The control may be refused for another reason than its token; headers that are too long are RESOURCE_EXHAUSTED.
        return "refused" if found.status in (UNAUTHENTICATED, 8) else "accepted" if found.status in (0, 3, 5, 7, 9) else str(found)


def vectors(folder):
    """The signed and encrypted texts of Wycheproof's JOSE vectors: none of them is signed by the shop's issuer."""
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        for group in json.loads(path.read_text())["testGroups"]:
            for test in group["tests"]:
                for kind in ("jws", "jwe"):
                    text = test.get(kind)
                    if isinstance(text, dict):
                        text = json.dumps(text)
                    if text and text.isascii() and text.isprintable():
                        yield f"Wycheproof {path.stem} {test['tcId']}", text
