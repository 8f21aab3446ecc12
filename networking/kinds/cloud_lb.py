"""Replicas reach each other through one cloud load balancer per replica."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from networking.kinds.annotations import AnnotationsField
from networking.kinds.base import KINDS, Direction, NetworkKind, PlaneFact, ProfileConfig, ServicePart
from networking.kinds.clouds import ACK, CLOUDS, PRIVATE, PROVIDERS, PUBLIC, SAYS, VKE, Cloud

declare(
    {
        "cloud_lb.disk": _("The smallest disk that %(clouds)s makes is %(gib)s GiB."),
        "cloud_lb.disk_custom": _(
            "The administrator who wrote this profile set %(gib)s GiB as the smallest disk."
        ),
        "cloud_lb.disk_too_small": _(
            "Give %(gib)s or more: %(clouds)s makes no smaller disk. Or leave it empty."
        ),
        "cloud_lb.disk_missing": _(
            "Say the smallest disk, in GiB, that your cloud makes; the console cannot know it."
        ),
        "cloud_lb.subnet_missing": _(
            "Volcengine needs the ID of a subnet for every load balancer. Fill it in."
        ),
        "cloud_lb.subnet_unused": _("Only Volcengine needs a subnet. Leave it empty."),
        "cloud_lb.annotations_missing": _(
            "Write the annotations that your cloud needs, one “key: value” a line."
        ),
        "cloud_lb.annotations_unused": _(
            "The annotations of this provider are known. Leave this empty, or take “Own annotations”."
        ),
        "cloud_lb.contradiction": _(
            "%(key)s: %(value)s asks for another kind of address than the one chosen above. Change one of "
            "the two."
        ),
        "cloud_lb.wrong_cloud": _(
            "%(plane)s runs in %(cloud)s, and this profile writes no address type for that cloud: its load "
            "balancers could become public. Take a profile for %(cloud)s, or another plane."
        ),
        "cloud_lb.one_subnet": _(
            "%(planes)s share one Volcengine subnet in this profile, because KubeBlocks writes the same "
            "annotations on every plane. If the planes are in different subnets, load balancers will stay "
            "without an address."
        ),
        "cloud_lb.internet": _(
            "The replicas get public addresses and talk to each other over the internet without TLS. "
            "Prefer a private connection between the clouds, or let only the planes' addresses through the "
            "firewall."
        ),
        "cloud_lb.unknown_address_type": _(
            "None of the profile's annotations is an address type that the console knows. Many clouds make "
            "a load balancer public when nothing is said: check it before you approve."
        ),
    }
)


class CloudLbConfig(forms.Form):
    """Which cloud, which addresses. The address type has no default: a forgotten one would be public."""

    provider = forms.ChoiceField(
        label=_("Provider"),
        choices=[
            ("ack", ACK.name),
            ("vke", VKE.name),
            ("ack_vke", _("Across clouds: Alibaba Cloud ACK and Volcengine VKE")),
            ("custom", _("Own annotations")),
        ],
    )
    address_type = forms.ChoiceField(
        label=_("Addresses"),
        choices=[
            (PRIVATE, _("Private: reached from inside the network")),
            (PUBLIC, _("Public: on the internet")),
        ],
        widget=forms.RadioSelect,
    )
    subnet_id = forms.CharField(
        label=_("Volcengine subnet ID"),
        required=False,
        validators=[RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,62}\Z", _("This is no subnet ID."))],
    )
    annotations = AnnotationsField(label=_("Own annotations"), required=False)
    minimum_disk_gib = forms.IntegerField(
        label=_("Smallest disk (GiB)"), required=False, min_value=1, max_value=65536
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        if "provider" not in data or self.errors:
            return data
        clouds = PROVIDERS[data["provider"]]
        self._check_disk(clouds, data.get("minimum_disk_gib"))
        self._check_subnet(needed=VKE in clouds, given=bool(data.get("subnet_id")))
        self._check_annotations(data, custom=not clouds)
        return data

    def _refuse(self, field: str, code: str, **params: Any) -> None:
        self.add_error(field, ValidationError(str(say(code, **params)), code=code))

    def _check_disk(self, clouds: tuple[Cloud, ...], gib: int | None) -> None:
        if not clouds and gib is None:
            self._refuse("minimum_disk_gib", "cloud_lb.disk_missing")
        needed = max((cloud.minimum_disk_gib for cloud in clouds), default=0)
        if gib is not None and gib < needed:
            names = [cloud.name for cloud in clouds]
            self._refuse("minimum_disk_gib", "cloud_lb.disk_too_small", gib=needed, clouds=names)

    def _check_subnet(self, *, needed: bool, given: bool) -> None:
        if needed != given:
            self._refuse("subnet_id", "cloud_lb.subnet_missing" if needed else "cloud_lb.subnet_unused")

    def _check_annotations(self, data: dict[str, Any], *, custom: bool) -> None:
        annotations: dict[str, str] = data.get("annotations") or {}
        if custom != bool(annotations):
            self._refuse("annotations", "cloud_lb.annotations_" + ("missing" if custom else "unused"))
            return
        for key, value in annotations.items():
            if SAYS.get((key, value.lower()), data["address_type"]) != data["address_type"]:
                self._refuse("annotations", "cloud_lb.contradiction", key=key, value=value)


@KINDS.register
class CloudLb(NetworkKind):
    """A LoadBalancer service per replica, each only in the plane of its replica.

    Always `unique`: mirrored services would make replicas × planes load balancers, most without a backend.
    """

    slug = "cloud_lb"
    label = _("Cloud load balancers")
    note = _(
        "The guide's first example has the service under the volume templates, where it is dropped; here "
        "it stands under the services. The address type is always written, because clouds make a load "
        "balancer public when nothing is said. Public addresses need a second approver."
    )
    carries = frozenset({Direction.EAST_WEST})
    Config = CloudLbConfig

    def service(self, config: ProfileConfig) -> ServicePart:
        return ServicePart("LoadBalancer", self._annotations(config), unique=True)

    def _annotations(self, config: ProfileConfig) -> dict[str, str]:
        merged = dict(config.get("annotations") or {})
        for cloud in PROVIDERS[config["provider"]]:
            merged |= cloud.annotations(public=self.public(config), subnet_id=config.get("subnet_id") or "")
        return merged

    def minimum_disk_gib(self, config: ProfileConfig) -> int:
        clouds = PROVIDERS[config["provider"]]
        return max([cloud.minimum_disk_gib for cloud in clouds] + [config.get("minimum_disk_gib") or 1])

    def minimum_disk_reason(self, config: ProfileConfig) -> Sentence:
        gib, clouds = self.minimum_disk_gib(config), PROVIDERS[config["provider"]]
        if not clouds or gib > max(cloud.minimum_disk_gib for cloud in clouds):
            return say("cloud_lb.disk_custom", gib=gib)
        return say("cloud_lb.disk", gib=gib, clouds=[cloud.name for cloud in clouds])

    def load_balancers(self, config: ProfileConfig, replicas: int) -> int:
        return replicas

    def public(self, config: ProfileConfig) -> bool:
        return bool(config["address_type"] == PUBLIC)

    def problems(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        known = PROVIDERS[config["provider"]]
        return [
            say("cloud_lb.wrong_cloud", plane=plane.name, cloud=CLOUDS[plane.cloud].name)
            for plane in planes
            if known and plane.cloud in CLOUDS and CLOUDS[plane.cloud] not in known
        ]

    def cautions(self, config: ProfileConfig, planes: Sequence[PlaneFact]) -> list[Sentence]:
        found = [say("cloud_lb.internet")] if self.public(config) else []
        in_vke = [plane.name for plane in planes if plane.cloud == VKE.slug]
        if VKE in PROVIDERS[config["provider"]] and len(in_vke) > 1:
            found.append(say("cloud_lb.one_subnet", planes=in_vke))
        asked = {(key, value.lower()) for key, value in self._annotations(config).items()}
        if not asked & set(SAYS):
            found.append(say("cloud_lb.unknown_address_type"))
        return found
