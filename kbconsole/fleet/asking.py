"""Asking many planes at once whether they answer, and whether something stands there that must not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from kbconsole.fleet import answers
from kbconsole.fleet.access import probes
from kbconsole.fleet.identity import uid_of_plane
from kbconsole.fleet.models import Plane
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import KubeError
from kbconsole.k8s.kinds import COMPONENT_V1, COMPONENT_V1ALPHA1, INSTANCE_SET_V1, INSTANCE_SET_V1ALPHA1

MOST_THREADS = 32
OWNERS = (INSTANCE_SET_V1ALPHA1, INSTANCE_SET_V1, COMPONENT_V1ALPHA1, COMPONENT_V1)
"""The kinds that own what the operator makes in a data plane."""


@dataclass(frozen=True)
class Answer:
    """What a plane said when asked for its version: either that, or why not.

    `crds` are the kinds of KubeBlocks that it serves, as `resource.group`; None where that was not asked or not told.
    `uid` says which plane answered, "" likewise.
    """

    version: str = ""
    error: KubeError | None = None
    crds: tuple[str, ...] | None = None
    uid: str = ""


def ask(client: PlaneClient) -> Answer:
    try:
        return Answer(version=client.version())
    except KubeError as error:
        return Answer(error=error)


def look(client: PlaneClient) -> Answer:
    """Ask for the version, which plane it is, and for the kinds of KubeBlocks. One that hides these has answered."""
    answer = ask(client)
    if answer.error is not None:
        return answer
    try:
        answer = replace(answer, uid=uid_of_plane(client))
        return replace(answer, crds=tuple(served_owners(client)))
    except KubeError:
        return answer


def served_owners(client: PlaneClient) -> list[str]:
    """Return which of OWNERS the plane serves, as `resource.group`. One request where there is none. Raises KubeError.

    With one of them the plane's garbage collector looks for the owners of database pods, finds none, and deletes
    the pods; on 1.0 their volumes too.
    """
    groups = set(client.groups())
    asked = [kind for kind in OWNERS if kind.api_version.split("/")[0] in groups]
    served = [kind.resource for kind in asked if client.serves(kind.api_version, kind.plural)]
    return sorted(set(served))


def ask_all(
    clients: Mapping[str, PlaneClient], question: Callable[[PlaneClient], Answer] = ask
) -> dict[str, Answer]:
    """Put a question to every plane at the same time; one that is dead holds up nobody but itself."""
    if not clients:
        return {}
    with ThreadPoolExecutor(min(MOST_THREADS, len(clients)), thread_name_prefix="ask") as pool:
        return dict(zip(clients, pool.map(question, clients.values()), strict=True))


def unheard(planes: Iterable[str]) -> dict[str, str]:
    """Ask these planes now. Return those without a usable answer, with the ISO time of their last one, "" for never."""
    found = {name: answer.error for name, answer in ask_all(probes(planes)).items()}
    for name, error in found.items():
        answers.note(name, error)
    silent = [name for name, error in found.items() if answers.failing(error)]
    rows = dict(Plane.objects.filter(name__in=silent).values_list("name", "last_answer_at"))
    return {name: at.isoformat(timespec="seconds") if (at := rows.get(name)) else "" for name in silent}
