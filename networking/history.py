"""The versions of a profile: who made each, what differs from the one before, and which databases keep it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from kbconsole.audit import object_links
from kbconsole.common.sentences import Json
from networking.jobs import differences, flat
from networking.kinds.network import Network
from networking.models import OVER, Profile, ProfileVersion


@dataclass(frozen=True)
class Setting:
    """One setting by its label, before and after a change; of what is only shown, `before` is ""."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Database:
    name: str
    url: str


@dataclass(frozen=True)
class VersionRow:
    """`by` is "" where nobody wrote it down. `differs` is None for a version whose predecessor is not kept."""

    kept: ProfileVersion
    by: str
    differs: list[Setting] | None
    databases: list[Database]
    present: bool


@dataclass(frozen=True)
class History:
    """The versions, newest first, and the databases that are asked for: these get the present one."""

    versions: list[VersionRow]
    asked_for: list[Database]

    def version(self, number: int) -> VersionRow | None:
        return next((row for row in self.versions if row.kept.version == number), None)


def history_of(profile: Profile) -> History:
    """Return the history in two queries."""
    rows = list(profile.versions.select_related("made_by").order_by("-version"))
    kept = {row.version: row for row in rows}
    users = _databases(profile)
    versions = [
        VersionRow(
            row, row.made_by.get_username() if row.made_by else "", changed(kept.get(row.version - 1), row),
            users[row.pk], row.version == profile.version,
        )
        for row in rows
    ]  # fmt: skip
    return History(versions, users[None])


def _databases(profile: Profile) -> Mapping[int | None, list[Database]]:
    """Return the databases that stand or are asked for, by the version that they keep; None: not made yet."""
    found: dict[int | None, list[Database]] = defaultdict(list)
    rows = profile.placements.exclude(status__in=OVER).order_by("namespace", "name")
    for pk, namespace, name, version in rows.values_list("pk", "namespace", "name", "profile_version"):
        found[version].append(Database(f"{namespace}/{name}", object_links.url_for("placement", str(pk))))
    return found


def changed(before: ProfileVersion | None, after: ProfileVersion) -> list[Setting] | None:
    """Return what differs; [] for the first version, None where the one before is not kept."""
    if before is None:
        return [] if after.version == 1 else None
    was, will = before.network, after.network
    found = [(path, one, two) for path, one, two in differences(flat(was), flat(will)) if one or two]
    return [
        Setting(
            _label(path, will if path in flat(will) else was), _text(one, path, was), _text(two, path, will)
        )
        for path, one, two in found
    ]  # fmt: skip


def settings_of(network: Network) -> list[Setting]:
    """Return everything that is set, by the labels of the forms."""
    return [
        Setting(_label(path, network), "", _text(value, path, network))
        for path, value in flat(network).items()
        if value not in (None, "", [], {})
    ]


def _field(path: str, network: Network) -> Any:
    """Return the field of a kind's form that a path stands for; None for one that no form has."""
    if not network.known:
        return None
    outside, _dot, name = path.rpartition(".")
    kind = network.clients if outside == "clients" else network.between
    return kind.Config.base_fields.get(name) if kind else None


def _label(path: str, network: Network) -> str:
    own = {"clients": _("How clients reach it from outside"), "client_networks": _("Networks of the clients")}
    label = own.get(path) or getattr(_field(path, network), "label", None) or path
    return _("Clients: %(setting)s") % {"setting": label} if path.startswith("clients.") else str(label)


def _text(value: Json, path: str, network: Network) -> str:
    """Return a value as people read it; "–" for none."""
    if value in (None, "", [], {}):
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if path == "clients":
        return str(network.clients.label) if network.known and network.clients else str(value)
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_text(one, '', network)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    choices = dict(getattr(_field(path, network), "choices", ()))
    return str(choices.get(value, value))
