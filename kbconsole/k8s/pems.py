"""Certificates and keys out of a kubeconfig: parsed, checked and written anew."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import declare

declare(
    {
        "k8s.ca_missing": _(
            "certificate-authority-data: it is missing, so the server could not prove who it is. "
            "Add the CA of the API server."
        ),
        "k8s.pem_bad": _("%(key)s: it is no base64 of PEM certificates. Copy it again from the plane."),
        "k8s.pem_key": _(
            "client-key-data: it is no base64 of a PEM private key without a passphrase. Copy it again."
        ),
        "k8s.pem_expired": _("%(key)s: %(subject)s expired on %(date)s. Get a new one from the plane."),
        "k8s.pem_pair": _("client-key-data: it does not belong to client-certificate-data. Copy both again."),
        "k8s.pem_half": _(
            "%(key)s: it is missing. A client certificate needs its key and the other way round."
        ),
    }
)

_KEY_LIMIT = 16 << 10
_CHAIN_LIMIT = 32
_CA, _CERT, _KEY = "certificate-authority-data", "client-certificate-data", "client-key-data"
_TROUBLE = (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error)


class PemRefused(ConsoleError):
    """A certificate or key is not taken; the sentence names its key in the kubeconfig."""


def read_authorities(encoded: str) -> str:
    """Return the PEM of the CA certificates. Raises PemRefused: none, unreadable, or one that has expired."""
    if not encoded:
        raise PemRefused("k8s.ca_missing")
    return _written(_certificates(encoded, _CA))


def read_client(encoded_cert: str, encoded_key: str) -> tuple[str, str]:
    """Return the PEM of the certificate chain and of its key (PKCS 8). Raises PemRefused."""
    for key, encoded in ((_CERT, encoded_cert), (_KEY, encoded_key)):
        if not encoded:
            raise PemRefused("k8s.pem_half", key=key)
    chain = _certificates(encoded_cert, _CERT)
    try:
        pem = _decoded(encoded_key)
        if len(pem) > _KEY_LIMIT:
            raise ValueError("too long")
        # Checking the primes takes a third of a second per key; a key that is broken only fails its owner.
        private = serialization.load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
        form = serialization.PrivateFormat.PKCS8
        written = private.private_bytes(Encoding.PEM, form, serialization.NoEncryption()).decode()
        public, certified = (
            key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            for key in (private.public_key(), chain[0].public_key())
        )
    except _TROUBLE:
        raise PemRefused("k8s.pem_key") from None
    if public != certified:
        raise PemRefused("k8s.pem_pair")
    return _written(chain), written


def _certificates(encoded: str, key: str) -> list[x509.Certificate]:
    try:
        chain = x509.load_pem_x509_certificates(_decoded(encoded))
        if not 0 < len(chain) <= _CHAIN_LIMIT:
            raise ValueError("too many")
        ends = [(cert.not_valid_after_utc, cert.subject.rfc4514_string()) for cert in chain]
    except _TROUBLE:
        raise PemRefused("k8s.pem_bad", key=key) from None
    for end, subject in ends:
        if end <= datetime.now(UTC):
            raise PemRefused("k8s.pem_expired", key=key, subject=subject[:200], date=end.date().isoformat())
    return chain


def _decoded(encoded: str) -> bytes:
    return base64.b64decode("".join(encoded.split()), validate=True)


def _written(chain: list[x509.Certificate]) -> str:
    return "".join(cert.public_bytes(Encoding.PEM).decode() for cert in chain)
