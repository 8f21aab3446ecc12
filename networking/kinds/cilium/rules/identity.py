"""R1 to R5: names and numbers of the planes in the mesh."""

from __future__ import annotations

import re

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import declare, say
from networking.kinds.cilium.rules.base import Fleet, Found, Severity, grouped, rule

declare(
    {
        "mesh.r1_name": _(
            "%(plane)s: the mesh name “%(name)s” is not allowed. Take at most 32 small letters, digits and "
            "dashes that begin and end with a letter or digit, such as %(plane)s, as cluster.name."
        ),
        "mesh.r1_twice": _(
            "%(planes)s are all called “%(name)s” in the mesh. Give each plane a cluster.name of its own."
        ),
        "mesh.r2": _(
            "%(plane)s has no identity in a mesh yet: cluster.name is “%(name)s”, cluster.id is %(id)s. Set a "
            "name other than “default” and an id from 1 on."
        ),
        "mesh.r3_most": _(
            "%(plane)s: maxConnectedClusters is %(most)s. Only 255 and 511 work; it is set once, when Cilium is "
            "installed."
        ),
        "mesh.r3_differs": _(
            "maxConnectedClusters differs: %(values)s. It has to be the same on every plane and cannot be changed "
            "later. Install Cilium anew where it is wrong, or leave that plane out."
        ),
        "mesh.r3_id": _(
            "%(plane)s: cluster.id %(id)s is above the highest that its installation allows (%(most)s). Take a "
            "smaller one."
        ),
        "mesh.r3_twice": _("%(planes)s all have cluster.id %(id)s. Give each plane an id of its own."),
        "mesh.r4": _(
            "%(plane)s: cluster.id %(id)s does not work with %(mode)s; the agents refuse ids from 128 to 255 and "
            "from 384 to 511 there. Take an id below 128."
        ),
        "mesh.r5": _(
            "%(plane)s would be called %(new)s instead of %(old)s while Cilium runs there. Every pod on it has to be "
            "restarted after that; choose a time for it, or keep the name and the id."
        ),
        "mesh.identity": _("%(name)s (id %(id)s)"),
        "mesh.value_of": _("%(value)s on %(planes)s"),
    }
)  # fmt: skip

NAME = re.compile(r"^([a-z0-9][-a-z0-9]*)?[a-z0-9]$")
LONGEST_NAME = 32
SAME_ID = "mesh.r3_twice"
MOSTS = (255, 511)
BUGGY = (range(128, 256), range(384, 512))


@rule(
    "R1",
    "cilium/cilium pkg/clustermesh/types/types.go; cannot be bypassed since 1.17 (operations/upgrade.rst)",
)
def names(fleet: Fleet) -> Found:
    for plane in fleet.meshed:
        name = fleet.called(plane).name
        if name and (len(name) > LONGEST_NAME or not NAME.match(name)):
            yield Severity.ERROR, say("mesh.r1_name", plane=plane.plane, name=name)
    for name, planes in grouped(fleet.meshed, lambda plane: fleet.called(plane).name).items():
        if len(planes) > 1 and name not in ("", "default"):
            yield Severity.ERROR, say("mesh.r1_twice", planes=planes, name=name)


@rule("R2", "pkg/clustermesh/types/option.go; cilium-cli clustermesh.go validateInfoForConnect")
def identified(fleet: Fleet) -> Found:
    for plane in fleet.meshed:
        called = fleet.called(plane)
        if called.name in ("", "default") or not called.id:
            yield (
                Severity.ERROR,
                say("mesh.r2", plane=plane.plane, name=called.name or "default", id=called.id),
            )


@rule("R3", "pkg/clustermesh/types/option.go; network/clustermesh/setup.rst “Scaling Limitations”")
def numbers(fleet: Fleet) -> Found:
    for plane in fleet.meshed:
        if plane.most not in MOSTS:
            yield Severity.ERROR, say("mesh.r3_most", plane=plane.plane, most=plane.most)
        elif fleet.called(plane).id > plane.most:
            id_ = fleet.called(plane).id
            yield Severity.ERROR, say("mesh.r3_id", plane=plane.plane, id=id_, most=plane.most)
    mosts = grouped(fleet.meshed, lambda plane: plane.most)
    if len(mosts) > 1:
        values = [say("mesh.value_of", value=most, planes=planes) for most, planes in mosts.items()]
        yield Severity.ERROR, say("mesh.r3_differs", values=values)
    for id_, planes in grouped(fleet.meshed, lambda plane: fleet.called(plane).id).items():
        if len(planes) > 1 and id_:
            yield Severity.ERROR, say(SAME_ID, planes=planes, id=id_)


@rule("R4", "pkg/clustermesh/types/option.go ValidateBuggyClusterID; cilium/cilium issue #21330")
def buggy_numbers(fleet: Fleet) -> Found:
    for plane in fleet.meshed:
        mode = plane.ipam if plane.ipam in ("eni", "alibabacloud") else plane.chaining
        fragile = plane.ipam in ("eni", "alibabacloud") or plane.chaining == "aws-cni"
        id_ = fleet.called(plane).id
        if fragile and any(id_ in numbers for numbers in BUGGY):
            yield Severity.ERROR, say("mesh.r4", plane=plane.plane, id=id_, mode=mode)


@rule("R5", "network/clustermesh/setup.rst")
def changed_identity(fleet: Fleet) -> Found:
    for plane in fleet.meshed:
        wanted = fleet.wanted.get(plane.plane)
        if wanted and (wanted.name, wanted.id) != (plane.name, plane.id):
            new = say("mesh.identity", name=wanted.name, id=wanted.id)
            old = say("mesh.identity", name=plane.name or "default", id=plane.id)
            yield Severity.WARN, say("mesh.r5", plane=plane.plane, new=new, old=old)
