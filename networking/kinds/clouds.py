"""The clouds whose load balancers the console knows, and how annotations ask them for an address."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    """How one cloud is told what address a load balancer gets. With the type omitted, both make it public."""

    slug: str
    name: str
    address_key: str
    private: str
    public: str
    minimum_disk_gib: int
    subnet_key: str = ""

    def annotations(self, *, public: bool, subnet_id: str) -> dict[str, str]:
        subnet = {self.subnet_key: subnet_id} if self.subnet_key else {}
        return {**subnet, self.address_key: self.public if public else self.private}


_ALIBABA = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-"
_VOLCENGINE = "service.beta.kubernetes.io/volcengine-loadbalancer-"
_AWS = "service.beta.kubernetes.io/aws-load-balancer-scheme"
_GKE = "networking.gke.io/load-balancer-type"
ACK = Cloud("ack", "Alibaba Cloud ACK", _ALIBABA + "address-type", "intranet", "internet", 20)
VKE = Cloud(
    "vke", "Volcengine VKE", _VOLCENGINE + "address-type", "PRIVATE", "PUBLIC", 20, _VOLCENGINE + "subnet-id"
)
CLOUDS = {cloud.slug: cloud for cloud in (ACK, VKE)}
PROVIDERS: dict[str, tuple[Cloud, ...]] = {"ack": (ACK,), "vke": (VKE,), "ack_vke": (ACK, VKE), "custom": ()}
PRIVATE, PUBLIC = "private", "public"
SAYS = {
    **{(c.address_key, c.private.lower()): PRIVATE for c in CLOUDS.values()},
    **{(c.address_key, c.public.lower()): PUBLIC for c in CLOUDS.values()},
    (_AWS, "internal"): PRIVATE,
    (_AWS, "internet-facing"): PUBLIC,
    (_GKE, "internal"): PRIVATE,
    ("service.beta.kubernetes.io/azure-load-balancer-internal", "true"): PRIVATE,
}
"""(key, value in small letters) → the address type that an annotation asks for."""
