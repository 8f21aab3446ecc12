"""Credentials of registered planes in the database: encrypted, told apart by their seals, replaced as a whole."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import record
from kbconsole.common.sentences import declare
from kbconsole.fleet import access, vault
from kbconsole.fleet.answers import make_well
from kbconsole.fleet.installing import moment
from kbconsole.fleet.models import Credential, Plane, Purpose
from kbconsole.k8s.credentials import PlaneCredential

declare(
    {
        "fleet.credential_replaced": _("Gave %(plane)s a new credential, version %(version)s"),
    }
)


def seal(secret: PlaneCredential) -> str:
    """Return a keyed fingerprint of the whole credential: it tells two apart and tells nothing of either."""
    text = json.dumps(secret.to_json(), sort_keys=True)
    return salted_hmac("kbconsole.fleet.credential", text, algorithm="sha256").hexdigest()[:32]


def newest(plane: Plane, purpose: str = Purpose.CONSOLE) -> Credential | None:
    return plane.credentials.filter(purpose=purpose).order_by("-version").first()


def keep_credential(
    plane: Plane, secret: PlaneCredential, *, version: int, by: Any, user: str = "",
    use_until: datetime | None = None,
) -> Credential:  # fmt: skip
    """Keep a credential encrypted, as this version of its plane's. `user`: whom the plane takes the console for.

    One that is used for a while only is an installer's.
    """
    row = Credential(
        plane=plane, version=version, fingerprint=secret.fingerprint(), expires_at=secret.expires_at(),
        key_id=vault.key_id(), created_by=by, subject=user[:300], use_until=use_until,
        purpose=Purpose.INSTALLER if use_until else Purpose.CONSOLE,
    )  # fmt: skip
    row.ciphertext = vault.encrypt(row.owner, secret.to_json())
    row.save()
    return row


def replace_credential(
    plane: Plane, secret: PlaneCredential, *, by: Any, owner: Any, user: str = "", run_id: int | None = None,
    use_until: datetime | None = None,
) -> Credential:  # fmt: skip
    """Put a credential in the place of the plane's present one, and take note of who did. The plane is locked.

    `owner` is the person who brought it. With `use_until` it is the installer's.
    """
    purpose = Purpose.INSTALLER if use_until else Purpose.CONSOLE
    old = newest(plane, purpose)
    plane.credentials.filter(purpose=purpose).delete()
    version = old.version + 1 if old else 1
    row = keep_credential(plane, secret, version=version, by=owner, user=user, use_until=use_until)
    if use_until is None:
        plane.server = secret.server
        plane.save(update_fields=["server", *make_well(plane)])
    about: dict[str, Any] = {"on": ("plane", plane.name, plane.name), "plane": plane.name, "run_id": run_id}
    if use_until is None:
        record("fleet.credential_replaced", by=by, version=row.version, **about)
    else:
        record("installer.given", by=by, user=row.subject, until=moment(use_until), **about)
    return row


def shown_of(row: Credential | None) -> dict[str, str]:
    """Return what a plan compares of a plane's present credential, by the names of `SaveCredential.shown`."""
    return shown(access.opened(row), row.subject, row.use_until) if row else {}


def shown(secret: PlaneCredential, user: str, use_until: datetime | None) -> dict[str, str]:
    """Return what a reader compares of a credential, by name; nothing of it is secret."""
    found = {
        "server": secret.server, "user": user, "ends": moment(secret.expires_at()),
        "fingerprint": secret.fingerprint(), "keyed fingerprint": seal(secret),
    }  # fmt: skip
    return {**found, "used until": moment(use_until)} if use_until else found
