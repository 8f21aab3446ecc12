"""Writing the audit log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.audit import sealing
from kbconsole.audit.context import Context, current
from kbconsole.audit.models import ACCESS_DENIED, ActorKind, Entry, Head, Outcome
from kbconsole.common import policy
from kbconsole.common.errors import Refused
from kbconsole.common.roles import Role
from kbconsole.common.sentences import Sentence, say

Actor = AbstractBaseUser | AnonymousUser | str

ANONYMOUS = "anonymous"


EXPORT = policy.act(
    "audit-export", _("Export the audit log, or read who may do what"),
    policy.Policy(asks=(Role.AUDITOR, Role.ADMIN), note=_("Each export is itself an entry.")),
)  # fmt: skip


class Target(NamedTuple):
    """What was acted on; the label is copied, so that the entry outlives the object."""

    kind: str
    id: int | str
    label: str = ""


class OutsideTransaction(RuntimeError):
    """An entry was to be written outside the transaction of its act: a bug of the caller."""


def record(
    act: str,
    *,
    by: Actor,
    on: Target | tuple[str, int | str, str] | None = None,
    outcome: str = Outcome.SUCCESS,
    plane: str = "",
    run_id: int | str | None = None,
    plan_hash: str = "",
    reason: str = "",
    detail: str = "",
    context: Context | None = None,
    **params: Any,
) -> Entry:
    """Append an entry to the log, in the transaction of the act that it tells of.

    `act` is a declared sentence; it may use actor, object, plane and reason beside `params`, which are JSON
    values or sentences and never hold a secret. `by` is a person, or "worker" or "system". Call it last in a
    service: it locks the head of the chain until the transaction ends, and all appends wait for that. Raises
    OutsideTransaction when no transaction is open, KeyError for an act that nobody declared.
    """
    if not transaction.get_connection().in_atomic_block:
        raise OutsideTransaction(f"record({act!r}) outside of a transaction")
    target = Target(*on) if on else Target("", "", "")
    fields = {
        "act": act,
        "outcome": str(Outcome(outcome)),
        **_actor(by, context or current()),
        "object_kind": target.kind,
        "object_id": _text(str(target.id), 200),
        "object_label": _text(target.label, 253),
        "plane": _text(plane, 253),
        "run_id": "" if run_id is None else str(run_id),
        "plan_hash": plan_hash,
        "reason": _text(reason, None),
        "detail": _text(detail, None),
        "params": _clean(say(act, **params).to_json()["params"]),
    }
    return _append(fields)


@transaction.atomic
def exported(*, by: Actor, kind: str, filters: Mapping[str, str]) -> Entry:
    """Record that somebody takes a copy of the log; its number bounds what they get."""
    return record("audit.exported", by=by, format=kind, filters=filters_in_words(filters))


def filters_in_words(filters: Mapping[str, str]) -> list[str | Sentence]:
    """Return the filters of an export for a sentence."""
    return [f"{name}={value}" for name, value in filters.items()] or [say("audit.unfiltered")]


@transaction.atomic
def exported_access(*, by: Actor) -> Entry:
    """Record that somebody takes a copy of the access report."""
    return record("audit.access_exported", by=by)


def _append(fields: dict[str, Any]) -> Entry:
    head = Head.objects.select_for_update().get()
    key_id, key = sealing.current_key()
    fields |= {
        "seq": head.seq + 1,
        "at": timezone.now(),
        "key_id": key_id,
        "prev_hash": head.hash,
        "schema_version": sealing.SCHEMA_VERSION,
    }
    text = sealing.canonical_text(fields)
    entry = Entry(**fields, canonical=text, hash=sealing.seal(text, key))
    entry.save(force_insert=True)
    Head.objects.filter(pk=head.pk).update(seq=entry.seq, hash=entry.hash)
    return entry


def denied(
    act: str,
    *,
    by: Actor,
    on: Target | tuple[str, int | str, str] | None = None,
    error: Refused,
    **rest: Any,
) -> Entry:
    """Record that an act was refused, in a transaction of its own.

    Call it where the refused transaction has been rolled back already. `rest` is what `record` takes. Raises
    RuntimeError inside another transaction: the refusal would roll that back, and this entry with it.
    """
    with transaction.atomic(durable=True):
        entry = record(act, by=by, on=on, outcome=Outcome.DENIED, error=error.sentence, **rest)
    error.audited = True  # type: ignore[attr-defined]
    return entry


@contextmanager
def recording_denials(
    act: str, *, by: Actor, on: Target | tuple[str, int | str, str] | None = None, **rest: Any
) -> Iterator[None]:
    """Record a Refused that passes through, and let it pass; put it around the call of a service.

    A refusal that is recorded here is not recorded a second time by the middleware or the API.
    """
    try:
        yield
    except Refused as error:
        denied(act, by=by, on=on, error=error, **rest)
        raise


def denied_request(request: HttpRequest, error: Refused) -> Entry | None:
    """Record that a request ended in a refusal, unless a caller nearer to the act did so already.

    For the middleware; packages above may call it too.
    """
    if getattr(error, "audited", False):
        return None
    match = getattr(request, "resolver_match", None)
    route = match.view_name if match else request.path
    user = getattr(request, "user", None) or AnonymousUser()
    return denied(ACCESS_DENIED, by=user, error=error, route=route, method=request.method or "")


def _actor(by: Actor, context: Context) -> dict[str, Any]:
    where = {"source_ip": context.source_ip, "request_id": context.request_id}
    if isinstance(by, str):
        return {"actor": None, "actor_label": by, "actor_kind": str(ActorKind(by)), **where}
    known = by.is_authenticated
    label = _text(by.get_username(), 200) if known else ANONYMOUS
    kind = str(ActorKind(context.kind))
    return {"actor": by.pk if known else None, "actor_label": label, "actor_kind": kind, **where}


def _text(value: str, limit: int | None) -> str:
    """Return the text without control characters and lone surrogates, which PostgreSQL does not store."""
    whole = value.encode("utf-8", "replace").decode("utf-8")
    clean = "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in whole
    )
    return clean if limit is None or len(clean) <= limit else clean[: limit - 1] + "…"


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value, None)
    if isinstance(value, dict):
        return {_text(str(key), None): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value
