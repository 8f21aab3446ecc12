"""The only place that opens credentials and makes clients for planes. Workers use it, web requests never."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import declare
from kbconsole.fleet import installing, vault
from kbconsole.fleet.identity import InstallerClient, RegisteredClient
from kbconsole.fleet.models import Credential, KubeconfigDraft, Plane, Purpose
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.credentials import PlaneCredential

declare(
    {
        "fleet.no_control_plane": _(
            "The console knows no control plane yet. Add one under Fleet, then try again."
        ),
        "fleet.unknown_plane": _("The fleet has no plane called %(plane)s. Look under Fleet for its name."),
        "fleet.no_credential": _(
            "The console has no credential for %(plane)s. Upload a kubeconfig for it under Fleet."
        ),
        "fleet.draft_gone": _("This upload has expired or was saved already. Upload the kubeconfig again."),
        "fleet.no_such_context": _("The upload has no usable context called %(context)s. Tick another one."),
    }
)

MOST_CLIENTS = 256
PROBE_SECONDS = 6.0
_lock = threading.Lock()
_clients: OrderedDict[Hashable, PlaneClient] = OrderedDict()


def client(plane: str) -> PlaneClient:
    """Return the client of a registered plane, which talks to no other; its answers are kept with the plane.

    Raises ConsoleError for a plane that is not registered or has no credential.
    """
    rows = Credential.objects.filter(plane__name=plane, purpose=Purpose.CONSOLE).order_by("-version")
    # Asked at every call, so not for the credential itself.
    key = rows.values_list("plane__uid", "pk", "version").first()
    return _cached((os.getpid(), "plane", plane, key), lambda: _made(_credential(plane)))


def _client_of(row: Credential) -> PlaneClient:
    """Return the client of a credential that was read; the same as `client` has of the console's."""
    key = (row.plane.uid, row.pk, row.version)
    return _cached((os.getpid(), "plane", row.plane.name, key), lambda: _made(row))


def _made(row: Credential) -> PlaneClient:
    kind = InstallerClient if row.purpose == Purpose.INSTALLER else RegisteredClient
    return kind(row.plane.name, opened(row), uid=row.plane.uid, **_patience())


def installer_client(plane: str, run: int | None = None) -> PlaneClient:
    """Return a client with the plane's installer credential, for what the console's own user may not do.

    Only runs use it, and the audit log tells which: `run`, or the one that this thread works for. Otherwise, and where
    none was given, its time is over or it was taken away, it is the console's own client. Raises ConsoleError like
    `client`.
    """
    row, run = installing.row_of(plane), run or installing.run_of_this_thread()
    if row is None or run is None or not installing.note_use(row, run):
        return client(plane)
    return _client_of(row)


def tool_credential(plane: str, run: int) -> tuple[Credential, PlaneClient]:
    """Return the credential that a tool gets in a run, chosen like that of `installer_client`, and a client with it.

    Raises ConsoleError like `client`.
    """
    row = installing.row_of(plane)
    if row is None or not installing.note_use(row, run):
        row = _credential(plane)
    return row, _client_of(row)


def _patience() -> dict[str, Any]:
    """How long a call may take in all, tries included, and how long one try may."""
    deadline = float(settings.KBCONSOLE_PLANE_SECONDS)
    return {"deadline": deadline, "read_timeout": deadline * 0.7, "connect_timeout": deadline * 0.3}


def probes(planes: Iterable[str]) -> dict[str, PlaneClient]:
    """Return impatient clients for the checker, which keeps their answers itself, all at once."""
    rows = Credential.objects.filter(plane__name__in=list(planes), purpose=Purpose.CONSOLE)
    newest = {row.plane.name: row for row in rows.select_related("plane").order_by("version")}
    return {name: _probe(row) for name, row in newest.items()}


def _probe(row: Credential) -> PlaneClient:
    key = (os.getpid(), "probe", row.plane.name, row.pk, row.version)
    return _cached(key, lambda: PlaneClient(row.plane.name, opened(row), deadline=PROBE_SECONDS))


def control_plane() -> Plane:
    """Return the registered control plane. Raises ConsoleError while there is none."""
    plane = Plane.objects.filter(is_control_plane=True).first()
    if plane is None:
        raise ConsoleError("fleet.no_control_plane")
    return plane


def draft_client(draft_id: int, context: str) -> PlaneClient:
    """Return a client for a context of an upload. Raises ConsoleError when the upload is gone."""
    draft = _draft(draft_id)
    key = (os.getpid(), "draft", draft_id, context)
    return _cached(key, lambda: PlaneClient(context, draft_credential(draft, context), **_patience()))


def client_for(plane: str, draft_id: int) -> PlaneClient:
    """Return the client of a context of an upload, or with `draft_id` 0 of a registered plane."""
    return draft_client(draft_id, plane) if draft_id else client(plane)


def credential(plane: str, draft_id: int = 0) -> PlaneCredential:
    """Open the credential itself, to see when it expires. Raises ConsoleError."""
    if not draft_id:
        return opened(_credential(plane))
    return draft_credential(_draft(draft_id), plane)


def _draft(draft_id: int) -> KubeconfigDraft:
    draft = KubeconfigDraft.objects.filter(pk=draft_id, expires_at__gt=timezone.now()).first()
    if draft is None:
        raise ConsoleError("fleet.draft_gone")
    return draft


def draft_credential(draft: KubeconfigDraft, context: str) -> PlaneCredential:
    """Open one credential of an upload. Raises ConsoleError for a context that was not accepted."""
    if not draft.ciphertext:
        raise ConsoleError("fleet.draft_gone")
    opened = vault.decrypt(draft.vault_owner, draft.ciphertext)
    if context not in opened:
        raise ConsoleError("fleet.no_such_context", context=context)
    return PlaneCredential.from_json(opened[context])


def _credential(plane: str) -> Credential:
    rows = Credential.objects.filter(plane__name=plane, purpose=Purpose.CONSOLE)
    # Not what was read of the plane.
    needed = ("ciphertext", "purpose", "version", "plane__name", "plane__uid")
    row = rows.select_related("plane").only(*needed).order_by("-version").first()
    if row is not None:
        return row
    known = Plane.objects.filter(name=plane).exists()
    raise ConsoleError("fleet.no_credential" if known else "fleet.unknown_plane", plane=plane)


def opened(row: Credential) -> PlaneCredential:
    """Decrypt the credential of a row."""
    return PlaneCredential.from_json(vault.decrypt(row.owner, row.ciphertext))


def _cached(key: Hashable, make: Callable[[], PlaneClient]) -> PlaneClient:
    """Return the client of this key; the longest unused one is closed when there are too many.

    Keys carry the process id: a client must not cross a fork.
    """
    with _lock:
        if key not in _clients:
            _clients[key] = make()
        _clients.move_to_end(key)
        if len(_clients) > MOST_CLIENTS:
            _clients.popitem(last=False)[1].close()
        return _clients[key]


def forget_clients() -> None:
    """Close every client, so that the next call opens the credential again."""
    with _lock:
        while _clients:
            _clients.popitem()[1].close()
