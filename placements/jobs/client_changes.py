"""What the console does to the services that it makes for clients: never to what others made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.changes import Apply, RemoveMatching, named
from kbconsole.fleet.checks import Absent
from kbconsole.jobs.definition import Diff, Outcome, Step, actions
from kbconsole.k8s.kinds import SERVICE, Object, kind_of
from placements.addresses import client_labels
from placements.jobs.changes import applied_by_console

PROOF_SECONDS = 300
declare(
    {
        "clients.taken": _(
            "%(plane)s has a Service %(name)s that the console did not make for this database, so it is not touched. "
            "Have it renamed or removed there by its owner, then make the plan again."
        ),
        "clients.remove": _("Remove the services that the console made for clients in %(namespace)s"),
    }
)  # fmt: skip


@actions.register
@dataclass(frozen=True)
class ApplyClient(Apply):
    """Apply a client service, unless one of its name is there that the console did not make for this database."""

    slug: ClassVar[str] = "apply-client"

    def diff(self) -> Diff:
        self._refuse_others()
        return super().diff()

    def carry_out(self) -> Outcome:
        self._refuse_others()
        return super().carry_out()

    def _refuse_others(self) -> None:
        ref = self.ref
        there = access.client(self.plane).get(kind_of(self.object), ref["name"], ref["namespace"])
        wanted = self.object["metadata"]["labels"].items()
        if there is not None and not (
            applied_by_console(there) and wanted <= (there["metadata"].get("labels") or {}).items()
        ):
            raise ConsoleError("clients.taken", plane=self.plane, name=named(ref)["name"])


@actions.register
@dataclass(frozen=True)
class RemoveClients(RemoveMatching):
    """Delete what the console applied with these labels, each by its UID. What only carries the labels stays."""

    slug: ClassVar[str] = "remove-clients"

    def label(self) -> Sentence:
        return say("clients.remove", namespace=self.namespace)

    def _found(self) -> list[Object]:
        return [item for item in super()._found() if applied_by_console(item)]


def removal(plane: str, namespace: str, name: str) -> RemoveClients:
    return RemoveClients(plane, SERVICE.api_version, SERVICE.kind, namespace, client_labels(name))


def none_left(plane: str, namespace: str, name: str) -> Absent:
    return Absent(plane, SERVICE.api_version, SERVICE.kind, namespace, labels=client_labels(name))


def clean_steps(plane: str, namespace: str, name: str, *, repeats: str = "") -> Iterator[Step]:
    """Yield the removal of a database's client services on a plane, and the proof that none is left."""
    yield Step(on=plane, phase="unserve", change=removal(plane, namespace, name), repeats=repeats)
    yield Step(
        on=plane, phase="none_left", check=none_left(plane, namespace, name), deadline=PROOF_SECONDS,
        repeats="unserve",
    )  # fmt: skip
