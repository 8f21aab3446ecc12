"""Changing a network profile as a run, where somebody else has to agree: it waits in the same list as other plans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import record
from kbconsole.common.errors import Stale
from kbconsole.common.policy import Policy
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet.jobs import CHANGES_FLEET
from kbconsole.jobs.definition import (
    CONSOLE,
    Change,
    Diff,
    Job,
    Mark,
    ObjectDiff,
    Outcome,
    Step,
    Subject,
    Touch,
    Touched,
    actions,
    declare_phases,
    register,
)
from kbconsole.jobs.execution import current_step
from kbconsole.jobs.models import RunStep
from networking.kinds.base import NetworkKind
from networking.kinds.network import Network
from networking.models import Profile

declare_phases({"save": _("Save")})
declare(
    {
        "networking.save_profile": _("Save %(name)s as version %(version)s"),
        "networking.what_change": _("Change the network profile %(name)s"),
        "networking.becomes_public": _("addresses become public"),
        "networking.used": _(
            "%(count)s databases use %(name)s. They stay as they are; plans for them that wait become out of date."
        ),
        "networking.profile_changed": _("Changed the network profile %(name)s to version %(version)s"),
        "networking.changed_meanwhile": _(
            "Somebody changed %(name)s meanwhile. Load the page again and repeat your change."
        ),
    }
)


def flat(network: Network) -> dict[str, Json]:
    """Return the settings of a profile by path, for the difference that a plan shows, in the order of the forms."""
    kinds = (network.between, network.clients) if network.known else (None, None)
    between, clients = map(_in_order, (network.config, network.outside_config), kinds)
    outside = {f"clients.{key}": value for key, value in clients.items()}
    networks: dict[str, Json] = (
        {"client_networks": list(network.client_networks)} if network.client_networks else {}
    )
    return {
        **between,
        **({"clients": network.outside, **outside} if network.outside else {}),
        **networks,
    }


def _in_order(config: Mapping[str, Json], kind: NetworkKind | None) -> dict[str, Json]:
    """Return settings in the order of the kind's form: PostgreSQL keeps another one than they were given in."""
    order = {name: place for place, name in enumerate(kind.Config.base_fields)} if kind else {}
    return dict(sorted(config.items(), key=lambda one: (order.get(one[0], len(order)), one[0])))


def differences(was: Mapping[str, Json], will: Mapping[str, Json]) -> list[tuple[str, Json, Json]]:
    """Return the paths that two flat settings differ in, with what is at each before and after."""
    return [(key, was.get(key), will.get(key)) for key in {**was, **will} if was.get(key) != will.get(key)]


def _asked_by() -> Any:
    """Return who asked for the plan of the step that this thread carries out; None outside of a run."""
    try:
        step = RunStep.objects.select_related("run__plan__requested_by").get(pk=current_step())
    except (LookupError, RunStep.DoesNotExist):
        return None
    return step.run.plan.requested_by if step.run.plan else step.run.by


@actions.register
@dataclass(frozen=True)
class SaveProfile(Change):
    """Replace the settings of a profile that is still at `version`. Nothing of it is on a plane."""

    slug: ClassVar[str] = "save-profile"
    profile: int
    name: str
    version: int
    config: dict[str, Json]
    outside: str = ""
    outside_config: dict[str, Json] = field(default_factory=dict)
    client_networks: list[str] = field(default_factory=list)

    @property
    def ref(self) -> dict[str, str]:
        return {"apiVersion": "kbconsole", "kind": "NetworkProfile", "namespace": "", "name": self.name}

    def label(self) -> Sentence:
        return say("networking.save_profile", name=self.name, version=self.version + 1)

    def diff(self) -> Diff:
        row = self._row()
        was, will = flat(row.network), flat(self._network(row))
        changes = tuple(
            {"path": key, "before": before, "after": after} for key, before, after in differences(was, will)
        )
        return Diff(
            (ObjectDiff(Touch.UPDATED if changes else Touch.UNCHANGED, self.ref, str(row.pk), changes),)
        )

    def _network(self, row: Profile) -> Network:
        return Network(row.kind, self.config, self.outside, self.outside_config, tuple(self.client_networks))

    def carry_out(self) -> Outcome:
        row = self._row()
        if row.version > self.version:  # by this very step, before its worker was lost
            return Outcome((Touched(Touch.UNCHANGED, self.ref, str(self.profile)),))
        with transaction.atomic():
            if not Profile.objects.replace_settings(
                self.profile, seen=self.version, network=self._network(row), by=_asked_by()
            ):
                raise Stale("networking.changed_meanwhile", name=self.name)
            record(
                "networking.profile_changed", by="worker", on=("profile", self.profile, self.name),
                name=self.name, version=self.version + 1,
            )  # fmt: skip
        return Outcome((Touched(Touch.UPDATED, self.ref, str(self.profile)),))

    def _row(self) -> Profile:
        """Return the profile. Raises Stale if it is neither as it was read, nor as this step makes it."""
        row = Profile.objects.filter(pk=self.profile).first()
        made = row is not None and row.version == self.version + 1 and row.network == self._network(row)
        if row is None or (row.version != self.version and not made):
            raise Stale("networking.changed_meanwhile", name=self.name)
        return row


@register
@dataclass(frozen=True)
class ChangeProfile(Job):
    """Give a profile other settings, for the databases that are placed from then on."""

    slug: ClassVar[str] = "change-profile"
    label: ClassVar[Any] = _("Change network profile")
    approval: ClassVar[Policy] = replace(
        CHANGES_FLEET, note=_("It touches no plane; plans that were made with the older version are void.")
    )
    words: ClassVar[dict[str, Any]] = {
        "config": _("Network settings"),
        "outside": _("How clients reach it"),
        "outside_config": _("Settings for clients"),
        "client_networks": _("Networks of clients"),
    }
    profile: int
    name: str
    kind: str
    version: int
    """The version that was read."""
    config: dict[str, Json]
    users: int = 0
    """How many databases used it when the plan was made."""
    publishes: bool = False
    """Whether its addresses become public by that."""
    outside: str = ""
    outside_config: dict[str, Json] = field(default_factory=dict)
    client_networks: list[str] = field(default_factory=list)

    def subject(self) -> Subject:
        return Subject("profile", str(self.profile), self.name)

    def lanes(self) -> list[str]:
        return [CONSOLE]

    def informed(self) -> ChangeProfile:
        row = Profile.objects.with_users().get(pk=self.profile)
        users: int = getattr(row, "users", 0)
        public, will = (
            row.network.public(),
            Network(self.kind, self.config, self.outside, self.outside_config),
        )
        return replace(self, users=users, publishes=will.public() and not public)

    def steps(self) -> Iterator[Step]:
        change = SaveProfile(
            self.profile, self.name, self.version, self.config, self.outside, self.outside_config,
            self.client_networks,
        )  # fmt: skip
        yield Step(on=CONSOLE, phase="save", change=change)

    def facts(self) -> dict[str, Json]:
        return {"profile_version": Profile.objects.values_list("version", flat=True).get(pk=self.profile)}

    def what(self) -> Sentence:
        return say("networking.what_change", name=self.name)

    def marks(self) -> list[Mark]:
        return [Mark(say("networking.becomes_public"))] if self.publishes else []

    def cautions(self) -> list[Sentence]:
        return [say("networking.used", count=self.users, name=self.name)] if self.users else []
