"""Calling the API in tests, and a small world to call it about."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.authtoken.models import Token

from kbconsole.fleet.changes import EnsureNamespace
from kbconsole.fleet.models import Plane
from kbconsole.jobs.cautions import cautions_of
from kbconsole.jobs.definition import Step, canonical_text, digest
from kbconsole.jobs.models import Plan, PlanStatus, RunStatus
from networking.models import Profile
from networking.services import create_profile
from placements import services
from placements.models import Placement
from placements.wishes import Wish
from tests.people import person

Response = Any  # the test client's, with .json()
ROOT = "/api/v1/"
PLANES = ("k8s-1", "k8s-2", "k8s-3")


CLIENT = Client()  # one for all: a new one reads every static file's headers first


class Caller:
    """Somebody with a token; without a person, somebody who sends none."""

    def __init__(self, user: User | None = None) -> None:
        self.user = user
        self.client = CLIENT
        token = Token.objects.get_or_create(user=user)[0] if user else None
        self.headers = {"Authorization": f"Token {token.key}"} if token else {}

    def get(self, path: str, **query: Any) -> Response:
        return self.client.get(ROOT + path, query, headers=self.headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """Send JSON; bytes and text go as they are."""
        data = body if isinstance(body, bytes | str) else canonical_text({} if body is None else body)
        return self.client.generic(
            method, ROOT + path, data, content_type="application/json", headers={**self.headers, **headers}
        )

    def post(self, path: str, body: Any = None, **headers: str) -> Response:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any) -> Response:
        return self.send("PUT", path, body)


def caller(name: str) -> Caller:
    """Return dana (dba), adam and ada (admin), vera (auditor), nobody, or anonymous, ready to call."""
    if name == "anonymous":
        return Caller()
    roles = {"dana": "dba", "dora": "dba", "adam": "admin", "ada": "admin", "vera": "auditor"}
    return Caller(person(name, *([roles[name]] if name in roles else [])))


def a_fleet() -> None:
    """Register planes, as rows only."""
    Plane.objects.create(
        name="control-plane", uid="u-0", server="https://127.0.0.1:1", is_control_plane=True, is_data_plane=False,
        release_line="0.9", operator_contexts=list(PLANES),
        definitions=[{"name": "etcd-0.9.0", "chart": "etcd-0.9.4", "available": True, "message": ""}],
    )  # fmt: skip
    for number, name in enumerate(PLANES, start=1):
        Plane.objects.create(name=name, uid=f"u-{number}", server=f"https://127.0.0.1:{number}")


def a_profile(name: str = "mesh") -> Profile:
    return create_profile(name=name, kind="cilium_mesh", config={}, by=person("adam", "admin"))


def a_wish(**changes: Any) -> dict[str, Any]:
    """Return the body of a request for the guide's database."""
    wish = {
        "name": "etcd-demo", "namespace": "demo", "engine": "etcd", "replicas": 3, "planes": list(PLANES),
        "profile": "mesh", "size": "guide", "purpose": "to try it out",
    }  # fmt: skip
    return {**wish, **changes}


def a_placement(
    name: str = "etcd-demo", *, by: User | None = None, profile: Profile | None = None
) -> Placement:
    """Ask for a database; its plan is still being made."""
    profile = profile or Profile.objects.first() or a_profile()
    wish = Wish(
        name=name,
        namespace="demo",
        engine="etcd",
        replicas=3,
        planes=PLANES,
        profile=profile.pk,
        size="guide",
    )
    return services.request(wish, by=by or person("dana", "dba"))


def made_ready(placement: Placement) -> Plan:
    """Finish the plan as a worker would, with one step on the first plane."""
    plan = placement.plans()[0]
    step = Step(on="k8s-1", phase="namespace", change=EnsureNamespace("k8s-1", "demo"))
    body = {
        "job": plan.job,
        "params": plan.params,
        "facts": {"planes": {"k8s-1": "u-1"}},
        "steps": [step.canonical()],
    }
    content = canonical_text(body)
    diff = {"touch": "created", "ref": {"kind": "Namespace", "name": "demo"}, "uid": "", "changes": [],
            "conflicts": [], "checked": True}  # fmt: skip
    plan.diffs.create(position=0, lane="k8s-1", diff=[diff], baseline=[])
    plan.runs.update(status=RunStatus.SUCCEEDED, ended_at=timezone.now())
    Plan.objects.filter(pk=plan.pk).update(
        status=PlanStatus.READY,
        content=content,
        hash=digest(content),
        approvals_needed=1,
        made_at=timezone.now(),
    )
    plan.refresh_from_db()
    return plan


def yes(plan: Plan) -> dict[str, Any]:
    """Return the body of an approval by somebody who read everything."""
    return {"hash": plan.hash, "accepted": [caution.key for caution in cautions_of(plan)]}
