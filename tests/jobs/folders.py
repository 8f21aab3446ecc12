"""A job whose planes are folders and whose objects are files: what it did outlives the process that did it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import ClassVar

from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.jobs.definition import (
    Change,
    Check,
    Diff,
    Finding,
    Job,
    Outcome,
    Step,
    Subject,
    Touch,
    Touched,
    Verdict,
    actions,
    register,
)

declare(
    {
        "folders.write": "write %(name)s",
        "folders.seen": "%(name)s is there",
        "folders.absent": "nothing there",
    }
)
HELD_SECONDS = 30.0


@actions.register
@dataclass(frozen=True)
class WriteFile(Change):
    """Make a file unless it is there. While `slow.NAME` is there it takes for ever, and says so by `busy.NAME`."""

    slug: ClassVar[str] = "folders-write"
    plane: str
    name: str

    def label(self) -> Sentence:
        return say("folders.write", name=self.name)

    def diff(self) -> Diff:
        return Diff()

    def carry_out(self) -> Outcome:
        plane = Path(self.plane)
        self._dawdle(plane)
        with (plane / "calls").open("a") as calls:
            calls.write(f"{self.name}\n")
        touch = Touch.UNCHANGED
        with suppress(FileExistsError):
            os.close(os.open(plane / self.name, os.O_CREAT | os.O_EXCL))
            touch = Touch.CREATED
        ref = {"apiVersion": "v1", "kind": "File", "namespace": "", "name": self.name}
        return Outcome((Touched(touch, ref, uid=str((plane / self.name).stat().st_ino)),))

    def _dawdle(self, plane: Path) -> None:
        until = monotonic() + HELD_SECONDS
        while (plane / f"slow.{self.name}").exists() and monotonic() < until:
            (plane / f"busy.{self.name}").write_text(str(os.getpid()))
            sleep(0.02)


@actions.register
@dataclass(frozen=True)
class SeeFile(Check):
    slug: ClassVar[str] = "folders-see"
    plane: str
    name: str

    def label(self) -> Sentence:
        return say("folders.seen", name=self.name)

    def look(self) -> Finding:
        if (Path(self.plane) / self.name).exists():
            return Finding(Verdict.PASS, say("folders.seen", name=self.name))
        return Finding(Verdict.FAIL, say("folders.absent"))


@register
@dataclass(frozen=True)
class Folders(Job):
    """Two objects per folder, each with its proof, then one look at all of them. `planes` are paths."""

    slug: ClassVar[str] = "folders"
    label: ClassVar[object] = "Folders"
    planned: ClassVar[bool] = False
    planes: list[str]

    def subject(self) -> Subject:
        return Subject("folder", self.planes[0][-90:], "folders")

    def lanes(self) -> list[str]:
        return [Path(plane).name for plane in self.planes]

    def steps(self) -> Iterable[Step]:
        for plane in self.planes:
            on = Path(plane).name
            yield Step(on=on, phase="first", change=WriteFile(plane, "first"))
            yield Step(
                on=on, phase="second", change=WriteFile(plane, "second"), check=SeeFile(plane, "second")
            )
        yield Step(on="console", phase="all", check=SeeFile(self.planes[0], "second"), gate=True)


def made(folder: Path, *names: str) -> list[str]:
    """Make planes and return their paths, as the job wants them."""
    for name in names:
        (folder / name).mkdir()
    return [str(folder / name) for name in names]


def objects(planes: Iterable[str]) -> list[str]:
    """Return what the planes hold, as PLANE/NAME."""
    found = [path for plane in planes for path in Path(plane).iterdir() if path.name in ("first", "second")]
    return sorted(f"{path.parent.name}/{path.name}" for path in found)


def calls(plane: str) -> list[str]:
    """Return the changes that were carried out on a plane, in order."""
    return (Path(plane) / "calls").read_text().split()
