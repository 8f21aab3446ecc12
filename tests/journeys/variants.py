"""The guide's three variants, and what each has to leave on every plane, written out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from django.contrib.auth.models import User

from kbconsole.k8s.kinds import CONFIG_MAP, POD, PVC, ROLE_BINDING, SERVICE, SERVICE_ACCOUNT, Kind
from networking import services as networking
from networking.models import Profile
from placements.wishes import Wish
from tests.journeys.fleet import PLANES

Object = dict[str, Any]
GOLDEN = Path(__file__).parents[1] / "golden"
# A namespace that no plane has yet.
NAMESPACE_NAME = "databases"
DEFINITIONS = {"0.9": "etcd-0.9.0", "1.0": "etcd-3-1.0.2"}
ALIBABA = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-"
VOLCENGINE = "service.beta.kubernetes.io/volcengine-loadbalancer-"


@dataclass(frozen=True)
class Variant:
    """One example of the guide: its golden file, its network profile, and the services that it asks for."""

    golden: str
    kind: str
    config: Mapping[str, Any]
    service_type: str
    annotations: Mapping[str, str]
    disk: int

    @property
    def balanced(self) -> bool:
        return self.service_type == "LoadBalancer"

    def profile(self, admin: User) -> Profile:
        return networking.create_profile(name=self.golden, kind=self.kind, config=dict(self.config), by=admin)

    def wish(self, profile: Profile) -> Wish:
        return Wish(
            name="etcd-demo", namespace=NAMESPACE_NAME, engine="etcd", replicas=3, planes=PLANES,
            profile=profile.pk, size="guide", disk_gib=self.disk, termination_policy="WipeOut",
            purpose="the guide's example",
        )  # fmt: skip

    def cluster(self, line: str) -> Object:
        """Return the golden Cluster, in the namespace of the journey."""
        body: Object = yaml.safe_load((GOLDEN / line / f"{self.golden}.yaml").read_text())
        body["metadata"]["namespace"] = NAMESPACE_NAME
        return body


_CLOUD: dict[str, Any] = {"annotations": {}, "minimum_disk_gib": None}
VARIANTS = (
    Variant(
        "cloud-ack", "cloud_lb",
        {"provider": "ack", "address_type": "private", "subnet_id": "", **_CLOUD},
        "LoadBalancer", {f"{ALIBABA}address-type": "intranet"}, 20,
    ),
    Variant(
        "cross-cloud", "cloud_lb",
        {"provider": "ack_vke", "address_type": "public", "subnet_id": "<subnet-id>", **_CLOUD},
        "LoadBalancer",
        {
            f"{ALIBABA}address-type": "internet",
            f"{VOLCENGINE}subnet-id": "<subnet-id>",
            f"{VOLCENGINE}address-type": "PUBLIC",
        },
        20,
    ),
    Variant("self-built", "cilium_mesh", {}, "ClusterIP", {"service.cilium.io/global": "true"}, 1),
)  # fmt: skip


def peers(line: str) -> list[str]:
    """Return the names of the services of single replicas."""
    middle = "peer-" if line == "0.9" else ""
    return [f"etcd-demo-etcd-{middle}{ordinal}" for ordinal in range(3)]


def expected(variant: Variant, line: str, ordinal: int) -> dict[Kind, set[str]]:
    """Return the names of all that the plane of this ordinal has to hold, by kind, and nothing else."""
    balanced = [peers(line)[ordinal]] if variant.balanced else peers(line)
    others = ["etcd-demo-etcd-headless"] + (["etcd-demo-etcd-client"] if line == "1.0" else [])
    maps = ["etcd-demo-etcd-env"] + (["etcd-demo-etcd-rsm-env"] if line == "0.9" else [])
    return {
        POD: {f"etcd-demo-etcd-{ordinal}"},
        PVC: {f"data-etcd-demo-etcd-{ordinal}"},
        SERVICE: {*balanced, *others},
        CONFIG_MAP: set(maps),
        **accounts(line),
    }


def accounts(line: str) -> dict[Kind, set[str]]:
    """Return the two names that 1.0 shares among all databases of a definition, and so keeps."""
    if line == "0.9":
        return {SERVICE_ACCOUNT: {"kb-etcd-demo"}, ROLE_BINDING: {"kb-etcd-demo"}}
    name = f"kb-{DEFINITIONS[line]}"
    return {SERVICE_ACCOUNT: {name}, ROLE_BINDING: {f"{name}-pod"}}
