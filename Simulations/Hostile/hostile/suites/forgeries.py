"""Tokens that must not be accepted: of an ordinary one, with its issuer's key or without it."""

import hashlib
import hmac
import json
import time

from ..signing import decoded, encoded

# Above any token of the shop.
HUGE = 20_000


def claims(**changes):
    """Claims of a customer with every right; `None` removes one."""
    now = int(time.time())
    scope = "operate orders:read orders:write payments:read inventory:read inventory:write catalog:write"
    found = {
        "iss": "martlet-local",
        "sub": "hostile",
        "aud": ["martlet"],
        "iat": now - 5,
        "exp": now + 3_600,
        "scope": scope,
        "kind": "user",
    }
    found |= changes
    return {name: value for name, value in found.items() if value is not None}


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def wrong_claims():
    """Changes of an ordinary token's claims, by name."""
    now = int(time.time())
    return {
        "expired": {"exp": now - 3_600},
        "expired since 1970": {"exp": 0},
        "expiry below 0": {"exp": -1},
        "no expiry": {"exp": None},
        "expiry as text": {"exp": str(now + 3_600)},
        "expiry of 2^63": {"exp": 2**63},
        "expiry of 10^400": {"exp": 10**400},
        "expiry as a list": {"exp": [now + 3_600]},
        "issued in the future": {"iat": now + 3_600},
        "issued in 2^62": {"iat": 2**62},
        "not yet valid": {"nbf": now + 3_600},
        "another issuer": {"iss": "other"},
        "no issuer": {"iss": None},
        "an issuer that looks alike": {"iss": "martlet\u2010local"},
        "another audience": {"aud": ["other"]},
        "no audience": {"aud": None},
        "an empty audience": {"aud": []},
        "no subject": {"sub": None},
        "an empty subject": {"sub": ""},
        "a subject that is an object": {"sub": {"id": "hostile"}},
        "a subject of 300 bytes": {"sub": "a" * 300},
        "another kind": {"kind": "root"},
        "scopes as a list": {"scope": ["operate"]},
        "100 scopes": {"scope": " ".join(f"s{number}" for number in range(100))},
    }


def wrong_headers(issuer):
    """Changes of a token's header, by name."""
    header = issuer.header
    return {
        "no type": {"typ": None},
        "the type of another token": {"typ": "JWT"},
        "no key": {"kid": None},
        "another key": {"kid": "other"},
        "a key that is a path": {"kid": "../../../dev/null"},
        "a key of SQL": {"kid": "' OR 1=1 --"},
        "an empty key": {"kid": ""},
        "a key that is a list": {"kid": [header["kid"]]},
        "no algorithm": {"alg": None},
        "algorithm none": {"alg": "none"},
        "algorithm None": {"alg": "None"},
        "algorithm HS256": {"alg": "HS256"},
        "another algorithm": {"alg": "ES256" if header["alg"] != "ES256" else "EdDSA"},
        "algorithm in lower case": {"alg": header["alg"].lower()},
        "a key of its own": {"jwk": issuer.entry},
        "a URL of keys": {"jku": "http://127.0.0.1/jwks.json"},
        "a certificate": {"x5c": ["MIIB"]},
        "a critical extension": {"crit": ["exp"]},
        "compression": {"zip": "DEF"},
        "an unencoded payload": {"b64": False},
    }


def by_the_issuer(issuer):
    """Signed with the right key: what is wrong is the content."""
    header = issuer.header
    for name, changes in wrong_claims().items():
        yield name, issuer.token(header, claims(**changes))
    body = compact(claims())
    for name, claim in (
        ("subject", b'"sub":"other"'),
        ("scope", b'"scope":"operate"'),
        ("expiry", b'"exp":9999999999'),
        ("subject, escaped", b'"s\\u0075b":"other"'),
    ):
        yield f"{name} twice", issuer.token(header, body[:-1] + b"," + claim + b"}")
        yield f"{name} twice, first", issuer.token(header, b"{" + claim + b"," + body[1:])
    for name, bytes_behind in (("a byte", b"x"), ("NUL", b"\x00"), ("another object", b"{}"), ("a comma", b",")):
        yield f"claims with {name} behind", issuer.token(header, body + bytes_behind)
        yield f"header with {name} behind", issuer.token(compact(header) + bytes_behind, body)
    for name, wrong in (
        ("a list", b"[]"),
        ("null", b"null"),
        ("nothing", b""),
        ("no JSON", b"claims"),
        ("no UTF-8", body[:-1] + b',"x":"\xff"}'),
        ("900 open lists", b"[" * 900),
    ):
        yield f"claims that are {name}", issuer.token(header, wrong)
        yield f"a header that is {name}", issuer.token(wrong, body)
    yield "a token of 20 KB", issuer.token(header, claims(x="a" * HUGE))
    for name, changes in wrong_headers(issuer).items():
        changed_header = {key: value for key, value in (header | changes).items() if value is not None}
        yield f"header: {name}", issuer.token(changed_header, claims())
    yield "header: algorithm twice", issuer.token(compact(header)[:-1] + b',"alg":"none"}', claims())
    yield "header: key twice", issuer.token(b'{"kid":"other",' + compact(header)[1:], claims())


def without_the_key(issuer, valid, random):
    """Made from public things: the public key, and a token that was seen."""
    head, body, signature = valid.split(".")
    for algorithm in ("none", "None", "NONE", "nOnE", ""):
        other = encoded(compact(issuer.header | {"alg": algorithm}))
        yield f"algorithm {algorithm!r}, without a signature", f"{other}.{body}."
        yield f"algorithm {algorithm!r}, with the old signature", f"{other}.{body}.{signature}"
    secrets = {
        "the public key as PEM": issuer.public_pem,
        "the public key": issuer.public_raw,
        "the key's text": issuer.entry["x"].encode(),
        "nothing": b"",
        "the key's id": issuer.entry["kid"].encode(),
    }
    for algorithm, digest in (("HS256", hashlib.sha256), ("HS384", hashlib.sha384), ("HS512", hashlib.sha512)):
        for name, secret in secrets.items():
            signed = f"{encoded(compact(issuer.header | {'alg': algorithm}))}.{body}"
            yield f"{algorithm} with {name} as the secret", f"{signed}.{encoded(hmac.new(secret, signed.encode(), digest).digest())}"
    signatures = {
        "no signature": b"",
        "zeros": bytes(64),
        "ones": b"\xff" * 64,
        "half of it": decoded(signature)[:32],
        "a byte more": decoded(signature) + b"\x00",
        "both halves swapped": decoded(signature)[32:] + decoded(signature)[:32],
    }
    for name, changed in signatures.items():
        yield f"signature: {name}", f"{head}.{body}.{encoded(changed)}"
    yield "claims of another user under an old signature", f"{head}.{encoded(compact(claims(sub='other')))}.{signature}"
    yield from texts(valid)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for number in range(100):
        at = random.randrange(len(valid))
        other = random.choice([letter for letter in alphabet + "." if letter != valid[at]])
        yield f"one letter changed, {number + 1}", valid[:at] + other + valid[at + 1 :]
    last = alphabet[alphabet.index(valid[-1]) ^ 1]
    yield "unused bits at the end", valid[:-1] + last


def texts(valid):
    """The same token, written differently."""
    head, body, signature = valid.split(".")
    yield "padding", f"{head}=.{body}.{signature}=="
    yield "four parts", f"{valid}.{signature}"
    yield "two parts", f"{head}.{body}"
    yield "five parts", f"{head}.{body}.{signature}.{body}.{signature}"
    yield "an empty head", f".{body}.{signature}"
    yield "an empty body", f"{head}..{signature}"
    yield "dots", ".."
    yield "blanks within", f"{head}. {body}.{signature}"
    yield "a line of blanks within", f"{head}.{body[:20]} {body[20:]}.{signature}"
    yield "the alphabet of base64", f"{head}.{body}.{signature}+/"
    yield "JSON", json.dumps({"protected": head, "payload": body, "signature": signature})
    yield "in quotes", f'"{valid}"'
    yield "twice", f"{valid},{valid}"
    yield "a percent sign", valid.replace(".", "%2E")
    yield "20 KB of dots", "." * HUGE
    yield "20 KB of letters", "a" * HUGE
