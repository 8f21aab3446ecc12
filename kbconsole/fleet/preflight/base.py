"""What the checks of a preflight have in common."""

from __future__ import annotations

from dataclasses import dataclass

from kbconsole.fleet import access
from kbconsole.jobs.definition import Check
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.credentials import PlaneCredential


@dataclass(frozen=True)
class PlaneCheck(Check):
    """A check of one plane: a registered one, or with `draft` a context of an upload."""

    plane: str
    draft: int = 0

    def client(self) -> PlaneClient:
        return access.draft_client(self.draft, self.plane) if self.draft else access.client(self.plane)

    def credential(self) -> PlaneCredential:
        return access.credential(self.plane, self.draft)

    def kubectl(self, rest: str) -> list[str]:
        return [f"kubectl --context {self.plane} {rest}"]
