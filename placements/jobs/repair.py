"""Copying the mirrored objects that one plane lacks from a plane that has them: the operator never does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.policy import Policy, Rule
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.changes import EnsureNamespace
from kbconsole.fleet.preflight import room
from kbconsole.jobs import cures
from kbconsole.jobs.definition import Ended, Step, register
from kbconsole.jobs.models import RunStatus
from kbconsole.k8s.kinds import CONFIG_MAP, ROLE_BINDING, SERVICE, SERVICE_ACCOUNT, Object
from placements.checks import OperatorSays, PlaneFits
from placements.checks.agreement import Key, said
from placements.copies import mirrored_copy
from placements.jobs.base import DatabaseJob, known_definition, note_observation
from placements.jobs.changes import CopyMissing, own_cluster
from placements.models import Status
from placements.names import DatabaseNames, names_of

declare(
    {
        "placements.what_repair": _("Copy the objects that planes of %(subject)s lack"),
        "placements.repair_no_source": _(
            "Nothing to copy from: no plane of %(name)s has %(objects)s. What no plane has, the operator makes by "
            "itself; if it does not within a minute, look at its log in the control plane. A RoleBinding it tries "
            "only once on KubeBlocks 0.9."
        ),
        "placements.repair_unsure": _(
            "%(kind)s %(name)s is missing on %(without)s, and %(with)s do not have the same one, so the console does "
            "not know which to copy. Compare them, correct the wrong one, then make the plan again."
        ),
        "placements.repair_no_cluster": _(
            "The control plane has no Cluster %(namespace)s/%(name)s any more, or it is being deleted: no operator "
            "would take up what is copied. Nothing was copied. Retire the database, so that its planes are cleaned."
        ),
        "placements.undo_repair": _(
            "What was copied belongs to %(name)s, and its pods may use it by now, so it is not taken back. It goes "
            "when the database is retired."
        ),
    }
)
ORDER = (SERVICE_ACCOUNT.kind, ROLE_BINDING.kind, CONFIG_MAP.kind, SERVICE.kind)
"""What pods need to be made at all comes first."""
Held = Mapping[str, Mapping[Key, Object]]


@register
@dataclass(frozen=True)
class RepairMirrors(DatabaseJob):
    """Copy what is missing on a plane from a plane that has it, then prove that the database runs everywhere."""

    slug: ClassVar[str] = "repair-mirrors"
    label: ClassVar[object] = _("Copy missing objects")
    approval: ClassVar[Policy] = Policy(owned=True, rules=(Rule(1),))
    uid: str
    """Of the Cluster: only the database that the placement made is mended."""

    def steps(self) -> Iterable[Step]:
        control, row = access.control_plane().name, self.row()
        there = own_cluster(control, row.release_line, self.namespace, self.name, self.uid)
        if there is None or "deletionTimestamp" in there["metadata"]:  # nobody would take up what is copied
            raise ConsoleError("placements.repair_no_cluster", namespace=self.namespace, name=self.name)
        names = names_of(self.name, self.engine_(), known_definition(row), self.replicas)
        copies = list(self._copies(names))
        yield from self._preflight(control, row.release_line, row.definition)
        mended = list(dict.fromkeys(copy.plane for copy in copies))
        for plane in mended:
            yield Step(on=plane, phase="namespace", change=EnsureNamespace(plane, self.namespace))
        for copy in copies:
            yield Step(on=copy.plane, phase="copy", change=copy)
        for step in self.look_steps(names, gate=True):
            # What was copied and went missing again before a Retry is copied again.
            yield replace(step, repeats="copy") if step.on in mended else step

    def _preflight(self, control: str, line: str, definition: str) -> Iterator[Step]:
        """Yield the looks before the first write: what is copied to a disabled plane would never be taken up."""
        uids = self.uids()
        says = OperatorSays(control, line, list(self.planes), definition)
        yield Step(on=control, phase="preflight", check=says)
        for plane in self.planes:
            yield Step(on=plane, phase="preflight", check=PlaneFits(plane, uids[plane]))
            if plane != control:
                yield Step(on=plane, phase="preflight", check=room.NoCrds(plane))

    def _copies(self, names: DatabaseNames) -> Iterator[CopyMissing]:
        """Yield a copy for each object that a plane lacks. Reads all planes. Raises ConsoleError."""
        held = self.agreement(names).held()
        wanted = {*_expected(names, unique=self.unique()), *(key for found in held.values() for key in found)}
        nowhere = sorted(key for key in wanted if not any(key in found for found in held.values()))
        if nowhere:
            objects: list[Json] = [f"{kind} {name}" for kind, name in nowhere]
            raise ConsoleError("placements.repair_no_source", name=self.name, objects=objects)
        for key in sorted(wanted, key=lambda key: (ORDER.index(key[0]), key[1])):
            yield from _copies_of(key, held)

    def facts(self) -> dict[str, Json]:
        return {"planes": self.uids(), "cluster": self.uid}

    def what(self) -> Sentence:
        return say("placements.what_repair", subject=self.subject().label)

    def undone_by(self, run_id: int) -> Sentence | None:
        """Also after a run that failed: pods may have started with what it had copied until then."""
        return say("placements.undo_repair", name=self.name)

    def on_start(self, run_id: int) -> None:
        self.set_status(Status.APPLYING)

    def on_end(self, ended: Ended) -> None:
        works = ended.status == RunStatus.SUCCEEDED
        changes = note_observation(self, ended, proven=works)
        self.set_status(Status.IN_SERVICE if works else Status.ATTENTION, **changes)


def _expected(names: DatabaseNames, *, unique: bool) -> Iterator[Key]:
    """Yield what every plane must hold, whether any has it or not. What is on one plane only is made again there."""
    yield SERVICE_ACCOUNT.kind, names.service_account
    yield ROLE_BINDING.kind, names.role_binding
    for name in names.config_maps:
        yield CONFIG_MAP.kind, name
    for name in (names.headless_service, *names.component_services, *(() if unique else names.pod_services)):
        yield SERVICE.kind, name


def _copies_of(key: Key, held: Held) -> Iterator[CopyMissing]:
    without = [plane for plane, found in held.items() if key not in found]
    having = {plane: found[key] for plane, found in held.items() if key in found}
    if without and len({said(item) for item in having.values()}) > 1:
        words = {"kind": key[0], "name": key[1], "without": without, "with": list(having)}
        raise ConsoleError("placements.repair_unsure", **words)
    source = next(iter(having))
    for plane in without:
        yield CopyMissing(plane, mirrored_copy(having[source], plane), source=source)


cures.register(
    "placements:repair", _("Copy the missing objects"),
    "placements.mirror_fix", "placements.services_fix", "placements.pods_fix", "placements.binding_lacks",
)  # fmt: skip
