"""Asking many planes at once whether they answer, and whether something stands there that must not."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic, sleep
from typing import TypeVar

from kbconsole.fleet import answers, watching
from kbconsole.fleet.access import probes
from kbconsole.fleet.identity import uid_of_plane
from kbconsole.fleet.models import Plane
from kbconsole.fleet.room import Room, read_room
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import KubeError
from kbconsole.k8s.kinds import (
    COMPONENT_V1,
    COMPONENT_V1ALPHA1,
    INSTANCE_SET_V1,
    INSTANCE_SET_V1ALPHA1,
    POD,
    Object,
)

T = TypeVar("T")
MOST_THREADS = 32
NOTE_SECONDS = 0.25
"""How long an answer may wait to be written down together with others."""
OWNERS = (INSTANCE_SET_V1ALPHA1, INSTANCE_SET_V1, COMPONENT_V1ALPHA1, COMPONENT_V1)
"""The kinds that own what the operator makes in a data plane."""


@dataclass(frozen=True)
class Answer:
    """What a plane said when asked for its version and which one it is: either that, or why not.

    `crds` are the kinds of KubeBlocks that it serves, as `resource.group`; None where that was not asked or not told.
    `uid` says which plane answered, "" likewise; `pods` are those of databases there, `room` is what is free, None
    likewise.
    """

    version: str = ""
    error: KubeError | None = None
    crds: tuple[str, ...] | None = None
    uid: str = ""
    pods: tuple[Object, ...] | None = None
    room: Room | None = None


def ask(client: PlaneClient) -> Answer:
    try:
        return Answer(version=client.version())
    except KubeError as error:
        return Answer(error=error)


def look(client: PlaneClient) -> Answer:
    """Ask for the version, which plane it is, and for the kinds of KubeBlocks.

    One that hides these kinds has answered; one that does not say which plane it is cannot be used.
    """
    answer = ask(client)
    if answer.error is not None:
        return answer
    try:
        answer = replace(answer, uid=uid_of_plane(client))
    except KubeError as error:
        return replace(answer, error=error)
    try:
        return replace(answer, crds=tuple(served_owners(client)))
    except KubeError:
        return answer


def look_closely(client: PlaneClient, *, room: bool) -> Answer:
    """Look, and read the pods of databases, and if wanted what is free. One that does not tell has answered."""
    answer = look(client)
    if answer.error is not None:
        return answer
    with suppress(KubeError):
        answer = replace(answer, pods=tuple(client.list(POD, labels=watching.LABELS)))
    with suppress(KubeError):
        answer = replace(answer, room=read_room(client) if room else None)
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
    found = {name: answer for some in as_they_come(clients, question) for name, answer in some.items()}
    return {name: found[name] for name in clients}


def as_they_come(
    clients: Mapping[str, PlaneClient], question: Callable[[PlaneClient], T], *, spread: float = 0.0
) -> Iterator[dict[str, T]]:
    """Put a question to every plane, and yield the answers in the order in which they come, a few at a time.

    The questions begin within `spread` seconds, each plane's always at the same point of them.
    """
    if not clients:
        return
    asked: dict[Future[T], str] = {}
    with ThreadPoolExecutor(min(MOST_THREADS, len(clients)), thread_name_prefix="ask") as pool:
        began = monotonic()
        for name in sorted(clients, key=turn):
            sleep(max(began + spread * turn(name) - monotonic(), 0.0))
            asked[pool.submit(question, clients[name])] = name
        while asked:
            done, _open = wait(asked, timeout=NOTE_SECONDS)
            if done:
                yield {asked.pop(future): future.result() for future in done}


def turn(plane: str) -> float:
    """Return the plane's place between 0 and 1 in a round of the checker: drawn from its name, so always the same."""
    return zlib.crc32(plane.encode()) / 2**32


def unheard(planes: Iterable[str]) -> dict[str, str]:
    """Ask these planes now. Return those without a usable answer, with the ISO time of their last one, "" for never."""
    found = {name: answer.error for name, answer in ask_all(probes(planes)).items()}
    for name, error in found.items():
        answers.note(name, error)
    silent = [name for name, error in found.items() if answers.failing(error)]
    rows = dict(Plane.objects.filter(name__in=silent).values_list("name", "last_answer_at"))
    return {name: at.isoformat(timespec="seconds") if (at := rows.get(name)) else "" for name in silent}
