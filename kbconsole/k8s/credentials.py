"""What the console needs to talk to a plane: an address, whom to trust, and one way to say who it is."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes

_TOKEN = re.compile(r"[!-~]{1,65536}\Z")


@dataclass(frozen=True, repr=False)
class PlaneCredential:
    """A token or a client certificate, and the server that it is for. Secret: never shown or logged.

    `server` is `https://host:port` with an optional path. `tls_server_name`: the name that the server's
    certificate must carry, where it is not the host of `server`. Raises ValueError (without the value) for a
    server that is not https and for a token of several lines, so that neither reaches a request.
    """

    server: str
    ca_pem: str
    token: str = ""
    client_cert_pem: str = ""
    client_key_pem: str = ""
    tls_server_name: str = ""

    def __post_init__(self) -> None:
        if not self.server.startswith("https://"):
            raise ValueError("the server of a plane must be https")
        if self.token and not _TOKEN.match(self.token):
            raise ValueError("a token is one line of visible ASCII characters")

    def __repr__(self) -> str:
        return f"<PlaneCredential {self.server} by {self.user_kind}>"

    @property
    def user_kind(self) -> str:
        """`token` or `certificate`."""
        return "certificate" if self.client_cert_pem else "token"

    def to_json(self) -> dict[str, str]:
        """Return every part, the secret ones included: for encryption only."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, str]) -> Self:
        """Read what `to_json` gave."""
        return cls(**{f.name: str(stored[f.name]) for f in fields(cls) if f.name in stored})

    def fingerprint(self) -> str:
        """Return a sha256 in hex over the parts that are no secret: a new token alone does not change it."""
        public = [self.server, self.ca_pem, self.client_cert_pem, self.tls_server_name]
        return hashlib.sha256(json.dumps(public).encode()).hexdigest()

    def expires_at(self) -> datetime | None:
        """Return when the first of client certificate, CA and token expires; None if nothing says so."""
        return min(self._ends(), default=None)

    def certificates(self) -> list[dict[str, Any]]:
        """Return what a person may see of each certificate: `{use, subject, issuer, expires, sha256}`.

        `use` is `ca` or `client`; `expires` is an aware datetime.
        """
        return [
            {
                "use": use,
                "subject": cert.subject.rfc4514_string(),
                "issuer": cert.issuer.rfc4514_string(),
                "expires": cert.not_valid_after_utc,
                "sha256": cert.fingerprint(hashes.SHA256()).hex(),
            }
            for use, pem in (("ca", self.ca_pem), ("client", self.client_cert_pem))
            for cert in certificates_in(pem)
        ]

    def _ends(self) -> Iterator[datetime]:
        for pem in (self.client_cert_pem, self.ca_pem):
            for cert in certificates_in(pem):
                yield cert.not_valid_after_utc
        if (end := token_expiry(self.token)) is not None:
            yield end


def certificates_in(pem: str) -> list[x509.Certificate]:
    """Return the certificates of a PEM text, [] for an empty one. Raises ValueError for anything else."""
    return x509.load_pem_x509_certificates(pem.encode()) if pem.strip() else []


def token_expiry(token: str) -> datetime | None:
    """Return the `exp` of a JWT, for display and reminders only: its signature is not checked.

    None for other tokens and for one that does not expire.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(int(claims["exp"]), UTC)
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
        return None
