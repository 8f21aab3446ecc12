"""Taking a right away from a user of a fleet, of either backend."""

from __future__ import annotations

import copy
from contextlib import closing
from time import monotonic, sleep
from typing import Any

from kbconsole.k8s.kinds import CLUSTER_ROLE
from tests.fleets.protocol import Fleet

Object = dict[str, Any]
SEEN_SECONDS = 20.0


def take_away(
    fleet: Fleet, plane: str, verb: str, resource: str, *, group: str = "", user: str = "kbconsole"
) -> None:
    """Take one verb on one resource from the user's ClusterRole; returns when the server refuses it."""
    role = {"kbconsole": "kbconsole", "operator": "kubeblocks-operator"}[user]
    with closing(fleet.client(plane)) as admin, closing(fleet.client(plane, user)) as himself:
        found = admin.get(CLUSTER_ROLE, role)
        assert found is not None, role
        rules = [part for rule in found["rules"] for part in _without(rule, group, resource, verb)]
        assert rules != found["rules"], f"{role} grants no {verb} {resource}"
        admin.patch(CLUSTER_ROLE, role, "", {"rules": rules})
        until = monotonic() + SEEN_SECONDS
        while himself.can_i(verb, group=group, resource=resource):
            assert monotonic() < until, f"{user} still may {verb} {resource}"
            sleep(0.05)


def _without(rule: Object, group: str, resource: str, verb: str) -> list[Object]:
    """Return what is left of a rule, in up to two."""
    if group not in rule["apiGroups"] or resource not in rule["resources"] or verb not in rule["verbs"]:
        return [rule]
    rest, narrowed = copy.deepcopy(rule), copy.deepcopy(rule)
    rest["resources"].remove(resource)
    narrowed["resources"], narrowed["verbs"] = [resource], [v for v in rule["verbs"] if v != verb]
    return [part for part in (rest, narrowed) if part["resources"] and part["verbs"]]
