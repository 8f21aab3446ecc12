"""The clouds whose load balancers the console knows: which annotations ask them for an address. Data, no behaviour.

Each row comes from the documentation of the controller that reads it: kubernetes/cloud-provider-alibaba-cloud
docs/usage.md; Volcengine "Configuring a LoadBalancer Service using annotations"; kubernetes-sigs/
aws-load-balancer-controller docs/guide/service/annotations.md; kubernetes/cloud-provider-gcp gce_annotations.go;
kubernetes-sigs/cloud-provider-azure consts.go. Smallest disks: kubernetes-sigs/alibaba-cloud-csi-driver
pkg/disk/constants.go; those of the others as the clouds say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Cloud:
    """How one cloud is told what address a load balancer gets.

    `public` "" means: the cloud has no word for it, a load balancer without `private` is public. `needed` is written
    beside either type, `private_too` beside the private one. `versions` are what its Kubernetes has in the version,
    `machines` the beginnings of its nodes' providerID.
    """

    slug: str
    name: str
    address_key: str
    private: str
    public: str
    minimum_disk_gib: int
    needed: Mapping[str, str] = field(default_factory=dict)
    private_too: Mapping[str, str] = field(default_factory=dict)
    subnet_key: str = ""
    subnet_required: bool = False
    subnet_private_only: bool = True
    versions: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()

    def annotations(self, *, public: bool, subnet: str = "") -> dict[str, str]:
        """Return what a service says; a subnet only where the cloud takes one for this type of address."""
        asked = {self.address_key: self.public if public else self.private}
        said = {key: value for key, value in asked.items() if value} | dict(self.needed)
        if not public:
            said |= self.private_too
        if subnet and self.takes_subnet(public=public):
            said[self.subnet_key] = subnet
        return said

    def takes_subnet(self, *, public: bool) -> bool:
        return bool(self.subnet_key) and not (public and self.subnet_private_only)


_BETA = "service.beta.kubernetes.io/"
_ALIBABA, _VOLCENGINE = f"{_BETA}alibaba-cloud-loadbalancer-", f"{_BETA}volcengine-loadbalancer-"
_AWS, _AZURE = f"{_BETA}aws-load-balancer-", f"{_BETA}azure-load-balancer-internal"
_GKE = "networking.gke.io/"

ACK = Cloud(
    "ack", "Alibaba Cloud ACK", f"{_ALIBABA}address-type", "intranet", "internet", 20,
    subnet_key=f"{_ALIBABA}vswitch-id", versions=("-aliyun.",),
)  # fmt: skip
VKE = Cloud(
    "vke", "Volcengine VKE", f"{_VOLCENGINE}address-type", "PRIVATE", "PUBLIC", 20,
    subnet_key=f"{_VOLCENGINE}subnet-id", subnet_required=True, subnet_private_only=False, versions=("-vke.",),
)  # fmt: skip
EKS = Cloud(
    # Only with both does the AWS Load Balancer Controller take the service; targets by IP need the VPC's own CNI, which
    # EKS has, and let a pod be reached through a load balancer from its own node.
    "eks", "AWS EKS", f"{_AWS}scheme", "internal", "internet-facing", 1,
    needed={f"{_AWS}type": "external", f"{_AWS}nlb-target-type": "ip"},
    subnet_key=f"{_AWS}subnets", subnet_private_only=False, versions=("-eks-",), machines=("aws://",),
)  # fmt: skip
GKE = Cloud(
    # Planes are often in different regions, and an internal address answers only its own without the second key.
    "gke", "Google GKE", f"{_GKE}load-balancer-type", "Internal", "", 10,
    private_too={f"{_GKE}internal-load-balancer-allow-global-access": "true"},
    subnet_key=f"{_GKE}internal-load-balancer-subnet", versions=("-gke.",), machines=("gce://",),
)  # fmt: skip
AKS = Cloud(
    "aks", "Azure AKS", _AZURE, "true", "false", 1,
    subnet_key=f"{_AZURE}-subnet", machines=("azure://",),
)  # fmt: skip
CLOUDS = {cloud.slug: cloud for cloud in (ACK, VKE, EKS, GKE, AKS)}
CUSTOM = "custom"
PRIVATE, PUBLIC = "private", "public"
SAYS = {
    **{(c.address_key, c.private.lower()): PRIVATE for c in CLOUDS.values()},
    **{(c.address_key, c.public.lower()): PUBLIC for c in CLOUDS.values() if c.public},
    (f"{_AWS}internal", "true"): PRIVATE,
    ("cloud.google.com/load-balancer-type", "internal"): PRIVATE,
}
"""(key, value in small letters) → the address type that an annotation asks for."""


def named(provider: str) -> tuple[Cloud, ...]:
    """Return the clouds of a stored choice: slugs joined by "_"; none for an administrator's own annotations."""
    return tuple(CLOUDS[slug] for slug in provider.split("_") if slug != CUSTOM)


def subnet_cloud(clouds: Iterable[Cloud], *, public: bool) -> Cloud | None:
    """Return the one cloud that a subnet is meant for: the one that requires it, or the only one that takes it."""
    takes = [cloud for cloud in clouds if cloud.takes_subnet(public=public)]
    needs = [cloud for cloud in takes if cloud.subnet_required]
    chosen = needs or takes
    return chosen[0] if len(chosen) == 1 else None


def cloud_of(version: str, machines: Iterable[str]) -> str:
    """Return the slug of the cloud that a plane's version or its nodes' providerID tell of; "" if neither does.

    A scheme of another cloud, such as openstack, is returned as it is.
    """
    for cloud in CLOUDS.values():
        if any(mark in version for mark in cloud.versions):
            return cloud.slug
    schemes = {one.partition("://")[0] for one in machines if "://" in one}
    ours = {cloud.slug for cloud in CLOUDS.values() if {f"{one}://" for one in schemes} & set(cloud.machines)}
    return min(ours or schemes, default="")
