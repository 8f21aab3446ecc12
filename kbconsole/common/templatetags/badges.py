"""The words, icons and colours of every state, in one table: a badge never says anything by colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True)
class Look:
    """How a state is shown. `tone` is a colour of app.css: ok, busy, wait, warn, bad, quiet."""

    word: Any
    icon: str
    tone: str


LOOKS: dict[str, dict[str, Look]] = {
    "placement": {
        "waiting": Look(_("Waiting for approval"), "wait", "wait"),
        "applying": Look(_("Applying"), "run", "busy"),
        "in_service": Look(_("In service"), "pass", "ok"),
        "attention": Look(_("Needs attention"), "warn", "warn"),
        "rejected": Look(_("Rejected"), "stop", "quiet"),
        "cancelled": Look(_("Cancelled"), "stop", "quiet"),
        "retired": Look(_("Retired"), "archive", "quiet"),
    },
    "run": {
        "queued": Look(_("Queued"), "wait", "quiet"),
        "pending": Look(_("Not started"), "dot", "quiet"),
        "running": Look(_("Running"), "run", "busy"),
        "waiting": Look(pgettext_lazy("a step", "Waiting"), "wait", "wait"),
        "needs_person": Look(_("Needs a person"), "person", "wait"),
        "succeeded": Look(_("Succeeded"), "pass", "ok"),
        "failed": Look(_("Failed"), "fail", "bad"),
        "errored": Look(_("Broke off"), "fail", "bad"),
        "skipped": Look(_("Skipped"), "skip", "quiet"),
        "cancelled": Look(_("Cancelled"), "stop", "quiet"),
    },
    "check": {
        "pass": Look(_("Passed"), "pass", "ok"),
        "warn": Look(_("Warning"), "warn", "warn"),
        "fail": Look(pgettext_lazy("a check", "Failed"), "fail", "bad"),
        "wait": Look(_("Not yet"), "wait", "wait"),
        "person": Look(_("Needs a person"), "person", "wait"),
        "info": Look(_("Note"), "info", "busy"),
    },
    "plan": {
        "making": Look(_("Being made"), "run", "busy"),
        "ready": Look(_("Ready"), "wait", "wait"),
        "approved": Look(_("Approved"), "pass", "ok"),
        "rejected": Look(_("Rejected"), "stop", "quiet"),
        "withdrawn": Look(_("Withdrawn"), "stop", "quiet"),
        "stale": Look(_("Out of date"), "warn", "warn"),
        "failed": Look(_("Could not be made"), "fail", "bad"),
        "superseded": Look(_("Replaced by a newer plan"), "skip", "quiet"),
        "expired": Look(_("Expired"), "stop", "warn"),
    },
    "match": {
        "matches": Look(_("Matches plan"), "pass", "ok"),
        "differs": Look(_("Differs from plan"), "warn", "warn"),
        "unknown": Look(_("Not compared with plan"), "unknown", "quiet"),
    },
    "health": {
        "healthy": Look(_("Healthy"), "pass", "ok"),
        "degraded": Look(_("Degraded"), "warn", "warn"),
        "down": Look(_("Down"), "fail", "bad"),
        "unknown": Look(_("Health unknown"), "unknown", "quiet"),
    },
    "plane": {
        "connected": Look(_("Connected"), "pass", "ok"),
        "connecting": Look(_("Connecting"), "run", "busy"),
        "silent": Look(_("No answer"), "fail", "bad"),
        "unchecked": Look(_("Not checked"), "unknown", "quiet"),
        "maintenance": Look(_("Maintenance"), "pause", "wait"),
        "disabled": Look(_("Disabled"), "stop", "quiet"),
        "retired": Look(_("Retired"), "archive", "quiet"),
    },
    "person": {
        "active": Look(_("Active"), "pass", "ok"),
        "invited": Look(_("Invited, no password yet"), "wait", "wait"),
        "inactive": Look(_("Deactivated"), "stop", "quiet"),
    },
    "touch": {
        "created": Look(_("created"), "plus", "ok"),
        "updated": Look(_("changed"), "pencil", "busy"),
        "unchanged": Look(_("unchanged"), "dot", "quiet"),
        "removed": Look(_("removed"), "trash", "bad"),
        "absent": Look(_("was not there"), "dot", "quiet"),
    },
}
UNKNOWN = Look(_("unknown"), "unknown", "quiet")


def look_of(state: object, kind: str = "") -> Look:
    """Return how to show a state.

    `kind` is a key of LOOKS and needed where one word means two things ("waiting", "rejected"); without it a
    run's meaning comes first. A state that nobody knows is grey and shows its own text, never green.
    """
    key = str(getattr(state, "value", state) or "").lower()
    kinds = [kind] if kind else ["run", *LOOKS]
    for name in kinds:
        if key in LOOKS.get(name, {}):
            return LOOKS[name][key]
    return Look(key.replace("_", " "), UNKNOWN.icon, UNKNOWN.tone) if key else UNKNOWN
