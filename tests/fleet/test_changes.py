"""What changes do to a plane, what their dry run says before, and what checks say afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from kbconsole.common.errors import ConsoleError
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet.changes import Apply, EnsureNamespace, Remove, RemoveMatching
from kbconsole.fleet.checks import Absent, Holds
from kbconsole.fleet.models import Plane
from kbconsole.jobs.definition import Change, Touch, Verdict
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.errors import Conflict
from kbconsole.k8s.kinds import CONFIG_MAP, Object

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def mighty(fleet: dict[str, Plane], embedded: EmbeddedFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The console's user may do everything here: rights are not what these tests are about."""

    def opened(row: Any) -> PlaneCredential:
        return embedded.credential(row.plane.name, "admin")

    monkeypatch.setattr("kbconsole.fleet.access.opened", opened)


def config(value: str = "1", *, name: str = "c", namespace: str = "demo", **meta: Any) -> Object:
    metadata = {"name": name, "namespace": namespace, **meta}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": value}}


@pytest.fixture
def demo(embedded: EmbeddedFleet, mighty: None) -> EmbeddedFleet:
    embedded.client("k8s-1").create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}})
    return embedded


def test_an_apply_says_before_what_it_does_then(demo: EmbeddedFleet) -> None:
    change = Apply("k8s-1", config())
    (first,) = change.diff().objects
    assert (first.touch, first.checked, first.uid) == (Touch.CREATED, True, "")
    assert demo.store("k8s-1").look("configmaps", "c", "demo") is None
    (made,) = change.carry_out().touched
    there = demo.store("k8s-1").look("configmaps", "c", "demo")
    assert there is not None
    assert (made.touch, made.uid) == (Touch.CREATED, there["metadata"]["uid"])
    assert [t.touch for t in change.carry_out().touched] == [Touch.UNCHANGED]
    (again,) = Apply("k8s-1", config("2")).diff().objects
    assert (again.touch, list(again.changes)) == (
        Touch.UPDATED,
        [{"path": "data.k", "before": "1", "after": "2"}],
    )


def test_a_dry_run_twice_has_the_same_baseline(demo: EmbeddedFleet) -> None:
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "demo"},
        "spec": {"ports": [{"port": 80}]},
    }  # fmt: skip
    change = Apply("k8s-1", service)
    assert change.diff().baseline() == change.diff().baseline()
    change.carry_out()
    assert change.diff().objects[0].touch == Touch.UNCHANGED


def test_an_object_in_a_namespace_that_an_earlier_step_makes_is_not_yet_checked(mighty: None) -> None:
    (shown,) = Apply("k8s-1", config(namespace="later")).diff().objects
    assert (shown.touch, shown.checked) == (Touch.CREATED, False)
    assert "data" in [change["path"] for change in shown.changes]


def test_an_apply_is_hashed_without_what_a_server_set(demo: EmbeddedFleet) -> None:
    Apply("k8s-1", config()).carry_out()
    there = demo.client("k8s-1").get(CONFIG_MAP, "c", "demo")
    assert there is not None
    assert Apply("k8s-1", there).canonical() == Apply("k8s-1", config()).canonical()
    assert Change.load(Apply("k8s-1", config()).canonical()) == Apply("k8s-1", config())


def test_fields_of_others_are_shown_and_never_taken_without_force(demo: EmbeddedFleet) -> None:
    demo.client("k8s-1", manager="helm").create(config("theirs"))
    change = Apply("k8s-1", config("ours"))
    (shown,) = change.diff().objects
    assert [dict(c) for c in shown.conflicts] == [{"manager": "helm", "field": ".data.k"}]
    assert shown.changes[0]["after"] == "ours"
    with pytest.raises(Conflict):
        change.carry_out()
    assert (demo.store("k8s-1").look("configmaps", "c", "demo") or {})["data"] == {"k": "theirs"}
    Apply("k8s-1", config("ours"), force=True).carry_out()
    assert (demo.store("k8s-1").look("configmaps", "c", "demo") or {})["data"] == {"k": "ours"}


def test_what_an_apply_made_is_taken_back_by_its_uid_and_nothing_else_is(demo: EmbeddedFleet) -> None:
    change = Apply("k8s-1", config())
    back = change.inverse(change.carry_out())
    assert back is not None
    assert change.inverse(Apply("k8s-1", config()).carry_out()) is None
    demo.client("k8s-1").delete(CONFIG_MAP, "c", "demo")
    demo.client("k8s-1").create(config("somebody else's"))
    assert back.diff().objects[0].touch == Touch.ABSENT
    assert [touched.touch for touched in back.carry_out().touched] == [Touch.ABSENT]
    assert demo.store("k8s-1").look("configmaps", "c", "demo")
    gone = back.proof()
    assert gone is not None and gone.look().verdict == Verdict.PASS
    assert "another one of that name" in str(gone.look().sentence)


def test_what_would_take_along_the_things_of_others_is_never_taken_back_and_says_so(
    demo: EmbeddedFleet,
) -> None:
    for change in (EnsureNamespace("k8s-1", "own"), Apply("k8s-1", EnsureNamespace("k8s-1", "other").object)):
        outcome = change.carry_out()
        assert outcome.touched[0].touch == Touch.CREATED
        assert change.inverse(outcome) is None
        assert "takes along what others have put there" in str(change.stays(outcome))
        assert change.stays(change.carry_out()) is None, "a namespace that was there is nobody's to remove"


def test_removing_what_is_gone_is_fine(demo: EmbeddedFleet) -> None:
    change = Remove("k8s-1", "v1", "ConfigMap", "c", "demo")
    assert change.carry_out().touched[0].touch == Touch.ABSENT
    Apply("k8s-1", config()).carry_out()
    assert change.diff().objects[0].touch == Touch.REMOVED
    assert change.carry_out().touched[0].touch == Touch.REMOVED
    assert demo.store("k8s-1").names("configmaps", "demo") == []


def test_a_namespace_is_made_once_and_one_that_is_there_stays_as_it_is(embedded: EmbeddedFleet) -> None:
    change = EnsureNamespace("k8s-1", "made")
    assert change.diff().objects[0].touch == Touch.CREATED
    assert change.carry_out().touched[0].touch == Touch.CREATED
    before = embedded.store("k8s-1").look("namespaces", "default")
    assert EnsureNamespace("k8s-1", "default").carry_out().touched[0].touch == Touch.UNCHANGED
    assert embedded.store("k8s-1").look("namespaces", "default") == before
    assert embedded.store("k8s-1").look("namespaces", "made")


def test_left_overs_go_with_their_finalizers_and_only_those_with_the_labels(demo: EmbeddedFleet) -> None:
    held: dict[str, Any] = {"labels": {"app": "x"}, "finalizers": ["component.kubeblocks.io/finalizer"]}
    for name in ("a", "b"):
        demo.client("k8s-1").create(config(name=name, **held))
    demo.client("k8s-1").create(config(name="other", labels={"app": "y"}))
    plain = RemoveMatching("k8s-1", "v1", "ConfigMap", "demo", {"app": "x"})
    assert [o.ref["name"] for o in plain.diff().objects] == ["a", "b"]
    plain.carry_out()
    left = Absent("k8s-1", "v1", "ConfigMap", "demo", {"app": "x"})
    found = left.look()
    assert found.verdict == Verdict.WAIT
    assert "a, b" in str(found.sentence)
    RemoveMatching("k8s-1", "v1", "ConfigMap", "demo", {"app": "x"}, clear_finalizers=True).carry_out()
    assert left.look().verdict == Verdict.PASS
    assert demo.store("k8s-1").names("configmaps", "demo") == ["other"]


def test_a_finalizer_that_is_not_of_kubeblocks_is_left_to_its_controller(demo: EmbeddedFleet) -> None:
    theirs = "service.kubernetes.io/load-balancer-cleanup"
    held: dict[str, Any] = {
        "labels": {"app": "x"},
        "finalizers": ["component.kubeblocks.io/finalizer", theirs],
    }
    demo.client("k8s-1").create(config(**held))
    change = RemoveMatching("k8s-1", "v1", "ConfigMap", "demo", {"app": "x"}, clear_finalizers=True)
    change.carry_out()
    there = demo.store("k8s-1").look("configmaps", "c", "demo") or {}
    assert there["metadata"]["finalizers"] == [theirs]
    assert "deletionTimestamp" in there["metadata"]
    change.carry_out()
    assert Absent("k8s-1", "v1", "ConfigMap", "demo", {"app": "x"}).look().verdict == Verdict.WAIT


def test_what_was_applied_holds_until_somebody_changes_it(demo: EmbeddedFleet) -> None:
    check = Holds("k8s-1", config())
    assert "is not on k8s-1" in str(check.look().sentence)
    Apply("k8s-1", config()).carry_out()
    assert check.look().verdict == Verdict.PASS
    demo.client("k8s-1", manager="helm").patch(CONFIG_MAP, "c", "demo", {"data": {"more": "x"}})
    assert check.look().verdict == Verdict.PASS
    demo.client("k8s-1", manager="helm").patch(CONFIG_MAP, "c", "demo", {"data": {"k": "2"}})
    found = check.look()
    assert found.verdict == Verdict.FAIL
    assert "helm" in str(found.sentence)


def test_an_unknown_plane_is_a_sentence(mighty: None) -> None:
    with pytest.raises(ConsoleError, match="no plane called k8s-9"):
        EnsureNamespace("k8s-9", "x").carry_out()


def test_commands_name_the_plane(mighty: None) -> None:
    for change in (
        Apply("k8s-1", config()), EnsureNamespace("k8s-1", "x"), Remove("k8s-1", "v1", "ConfigMap", "c", "demo"),
        RemoveMatching("k8s-1", "v1", "Service", "demo", {"app": "x"}, clear_finalizers=True),
    ):  # fmt: skip
        assert change.commands()
        assert all("kubectl --context k8s-1" in line for line in change.commands())
