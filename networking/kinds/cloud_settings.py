"""The settings of a profile with cloud load balancers: a form that refuses what no cloud would understand."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import declare, say
from networking.kinds.annotations import AnnotationsField
from networking.kinds.clouds import CLOUDS, CUSTOM, PRIVATE, PUBLIC, SAYS, Cloud, named, subnet_cloud
from networking.kinds.lines import PerPlaneField

SUBNET = r"\A[A-Za-z0-9][A-Za-z0-9_.,-]{0,200}\Z"

declare(
    {
        "cloud_lb.disk_too_small": _(
            "Give %(gib)s or more: %(clouds)s makes no smaller disk. Or leave it empty."
        ),
        "cloud_lb.disk_missing": _(
            "Say the smallest disk, in GiB, that your cloud makes; the console cannot know it."
        ),
        "cloud_lb.custom_alone": _(
            "Tick clouds, or “Own annotations”, not both: the console would not know which of them counts."
        ),
        "cloud_lb.subnet_missing": _(
            "%(cloud)s needs the ID of a subnet for every load balancer. Fill it in, or write one for each plane below."
        ),
        "cloud_lb.subnet_unused": _("None of the chosen clouds takes a subnet for these addresses. Leave it empty."),
        "cloud_lb.subnet_whose": _(
            "%(clouds)s can all be told a subnet, and none of them needs one, so nobody knows which is meant. Leave it "
            "empty, or make a profile for one of them."
        ),
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
    }
)  # fmt: skip


class ProvidersField(forms.MultipleChoiceField):
    """Clouds to tick. The cleaned value is their slugs joined by "_" (`ack_vke`), which a program may also send."""

    widget = forms.CheckboxSelectMultiple

    def prepare_value(self, value: Any) -> Any:
        return value.split("_") if isinstance(value, str) else value

    def to_python(self, value: Any) -> list[str]:
        return super().to_python(self.prepare_value(value))

    def clean(self, value: Any) -> str:
        ticked: list[str] = super().clean(value)
        return "_".join(slug for slug in (*CLOUDS, CUSTOM) if slug in ticked)


class CloudLbConfig(forms.Form):
    """Which cloud, which addresses. The address type has no default: a forgotten one would be public."""

    provider = ProvidersField(
        label=_("Clouds of the planes"),
        choices=[*((cloud.slug, cloud.name) for cloud in CLOUDS.values()), (CUSTOM, _("Own annotations"))],
        help_text=_("Several for databases across clouds: each cloud ignores what is meant for another."),
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
        label=_("Subnet ID"),
        required=False,
        validators=[RegexValidator(SUBNET, _("This is no subnet ID."))],
        help_text=_("Volcengine needs one; for the others it is the cloud's choice when left empty."),
    )
    plane_subnets = PerPlaneField(
        label=_("Subnets of single planes"),
        required=False,
        example="subnet-2fe79j7c8o5c",
        valid=lambda value: re.match(SUBNET, value) is not None,
        help_text=_("One “plane: subnet” a line, for planes that are not in the subnet above."),
    )
    annotations = AnnotationsField(label=_("Own annotations"), required=False)
    minimum_disk_gib = forms.IntegerField(
        label=_("Smallest disk (GiB)"), required=False, min_value=1, max_value=65536
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        if self.errors:
            return data
        clouds = named(data["provider"])
        custom = CUSTOM in data["provider"].split("_")
        if custom and clouds:
            self._refuse("provider", "cloud_lb.custom_alone")
            return data
        self._check_disk(clouds, data.get("minimum_disk_gib"))
        self._check_subnet(clouds, data)
        self._check_annotations(data, custom=custom)
        return data

    def _refuse(self, field: str, code: str, **params: Any) -> None:
        self.add_error(field, ValidationError(str(say(code, **params)), code=code))

    def _check_disk(self, clouds: tuple[Cloud, ...], gib: int | None) -> None:
        if not clouds and gib is None:
            self._refuse("minimum_disk_gib", "cloud_lb.disk_missing")
        needed = max((cloud.minimum_disk_gib for cloud in clouds), default=0)
        if gib is not None and gib < needed:
            names = [cloud.name for cloud in clouds if cloud.minimum_disk_gib == needed]
            self._refuse("minimum_disk_gib", "cloud_lb.disk_too_small", gib=needed, clouds=names)

    def _check_subnet(self, clouds: tuple[Cloud, ...], data: dict[str, Any]) -> None:
        public = data["address_type"] == PUBLIC
        given = [name for name in ("subnet_id", "plane_subnets") if data.get(name)]
        needs = [cloud for cloud in clouds if cloud.subnet_required]
        if needs and not given:
            self._refuse("subnet_id", "cloud_lb.subnet_missing", cloud=needs[0].name)
        if not given or subnet_cloud(clouds, public=public):
            return
        names = [cloud.name for cloud in clouds if cloud.takes_subnet(public=public)]
        code = "cloud_lb.subnet_whose" if names else "cloud_lb.subnet_unused"
        self._refuse(given[0], code, clouds=names)

    def _check_annotations(self, data: dict[str, Any], *, custom: bool) -> None:
        annotations: dict[str, str] = data.get("annotations") or {}
        if custom != bool(annotations):
            self._refuse("annotations", "cloud_lb.annotations_" + ("missing" if custom else "unused"))
            return
        for key, value in annotations.items():
            if SAYS.get((key, value.lower()), data["address_type"]) != data["address_type"]:
                self._refuse("annotations", "cloud_lb.contradiction", key=key, value=value)
