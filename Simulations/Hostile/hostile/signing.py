"""Tokens as the shop's issuer signs them, and forgeries of them."""

import base64
import json
from pathlib import Path

TYPE = "at+jwt"


def encoded(data):
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Issuer:
    """The private key in a shop's data folder."""

    def __init__(self, data):
        from cryptography.hazmat.primitives import serialization  # Only here: other suites need no library.

        folder = Path(data) / "keys"
        self.pem = (folder / "issuer.pem").read_bytes()
        self.key = serialization.load_pem_private_key(self.pem, password=None)
        self.entry = json.loads((folder / "jwks.json").read_text())["keys"][0]
        self.public_pem = self.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.public_raw = decoded(self.entry["x"]) + decoded(self.entry.get("y", ""))

    @property
    def header(self):
        return {"alg": self.entry["alg"], "kid": self.entry["kid"], "typ": TYPE}

    def signature(self, data):
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
        from cryptography.hazmat.primitives.hashes import SHA256

        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        r, s = utils.decode_dss_signature(self.key.sign(data, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def token(self, header, claims):
        """A token whose parts are objects, or the bytes of their JSON."""
        parts = [part if isinstance(part, bytes) else json.dumps(part, separators=(",", ":")).encode() for part in (header, claims)]
        signed = ".".join(map(encoded, parts))
        return f"{signed}.{encoded(self.signature(signed.encode()))}"
