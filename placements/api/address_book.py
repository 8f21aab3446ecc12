"""The address book: ranges and where they meet, free blocks, what is reserved, and where blocks are taken from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.db.models import CharField, F, OuterRef, Subquery, Value
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from kbconsole.common.roles import Role
from kbconsole.fleet.models import Plane
from networking import address_services as services
from networking.address_forms import MOST_PLANES, mesh_name
from networking.addresses.facts import OF_PLANES, What
from networking.addresses.propose import Proposal
from networking.addresses.severity import Level, Overlap
from networking.addresses.sources import source_label
from networking.book import Book, read_book
from networking.models import AddressFact, MeshNumber, Reservation, Supernet
from placements.api.base import Api, Pages
from placements.api.describe import answers, lists
from placements.api.fields import Answer, Body, SentenceField, Text, Whole
from placements.api.planes import ContextName

USES = [what.value for what in OF_PLANES]


class RangesAnswer(Answer):
    """What one source says of one use of a plane. No range: the plane says that it has none."""

    id = serializers.IntegerField()
    plane = serializers.CharField(source="plane.name")
    what = serializers.ChoiceField(USES)
    ranges = serializers.ListField(child=serializers.CharField())
    source = serializers.CharField(  # type: ignore[assignment]  # a field, not the property
        help_text="`entered`: by a person; that one can be deleted."
    )
    source_label = serializers.SerializerMethodField()
    read_at = serializers.DateTimeField(help_text="When it was read or entered.")
    entered_by = serializers.CharField(source="entered_by.username", default="")

    def get_source_label(self, row: Any) -> str:
        return str(source_label(row.source, What(row.what)))


class RangesFilter(Body):
    plane = ContextName(required=False)


class RangesBody(Body):
    """It replaces what was entered for the same use of these planes before."""

    planes = serializers.ListField(child=ContextName(), min_length=1, max_length=MOST_PLANES)
    what = serializers.ChoiceField(USES)
    ranges = serializers.ListField(
        child=Text(max_length=100), min_length=1, max_length=services.MOST_ENTERED,
        help_text="CIDRs, `a-b` ranges or single addresses.",
    )  # fmt: skip
    reason = Text(required=False, default="", allow_blank=True, max_length=1000)


class EnteredAnswer(Answer):
    entered = RangesAnswer(many=True)


class OverlapAnswer(Answer):
    level = serializers.ChoiceField(["error", "warning"])
    planes = serializers.ListField(child=serializers.CharField())
    sentence = SentenceField()


class UnknownAnswer(Answer):
    plane = serializers.CharField()
    what = serializers.ListField(child=serializers.ChoiceField(USES))


class ProblemsAnswer(Answer):
    """The worst first. Of what is unknown nothing is said: it is neither free nor taken."""

    errors = serializers.IntegerField()  # type: ignore[assignment]  # a field, not the property
    warnings = serializers.IntegerField()
    problems = OverlapAnswer(many=True, help_text="At most 200.")
    unknown = UnknownAnswer(many=True)


class PlanesBody(Body):
    """Planes of the fleet, and others by the names that they will have."""

    planes = serializers.ListField(child=ContextName(), min_length=1, max_length=MOST_PLANES)


class ReserveBody(PlanesBody):
    """`seen` is that of the proposal."""

    seen = Text(max_length=40000)
    reason = Text(required=False, default="", allow_blank=True, max_length=1000)


class BlockAnswer(Answer):
    what = serializers.ChoiceField(USES)
    range = serializers.CharField()


class ProposalAnswer(Answer):
    plane = serializers.CharField()
    mesh_id = serializers.IntegerField()
    mesh_name = serializers.CharField()
    blocks = BlockAnswer(many=True)
    kept = serializers.ListField(
        child=serializers.CharField(), help_text="What the plane had before: `mesh_id`, `pods` and so on."
    )


class ProposalsAnswer(Answer):
    """`seen` says what was seen: a reservation names it, and is refused where it is not free any more."""

    proposals = ProposalAnswer(many=True)
    seen = serializers.CharField()


class ReservationAnswer(Answer):
    """A block of a plane, with its mesh id; or the mesh id alone of a plane that has no block."""

    id = serializers.IntegerField(
        source="block", allow_null=True, help_text="Null: a mesh id without a block."
    )
    plane = serializers.CharField()
    mesh_id = serializers.IntegerField(allow_null=True)
    what = serializers.ChoiceField(USES, allow_null=True)
    range = serializers.CharField(allow_null=True)
    made_by = serializers.CharField(source="made_by.username")
    made_at = serializers.DateTimeField()


class SupernetAnswer(Answer):
    id = serializers.IntegerField()
    range = serializers.CharField()
    what = serializers.CharField(help_text="Empty: for any use.")
    block = serializers.IntegerField(help_text="The prefix of a block: 16 means /16.")
    made_by = serializers.CharField(source="made_by.username")
    made_at = serializers.DateTimeField()


class SupernetBody(Body):
    range = Text(max_length=100)
    what = serializers.ChoiceField(["", *USES], required=False, default="")
    block = Whole(min_value=1, max_value=128)


class BookApi(Api):
    """Reading is for every role, writing for administrators."""

    acts = (Role.ADMIN,)


def _facts(request: Request) -> Any:
    rows = AddressFact.objects.visible_to(request.user).filter(plane__is_data_plane=True)
    return rows.select_related("plane", "entered_by")


class RangesList(BookApi):
    """The ranges of planes, each with its source and time. What no API tells is entered."""

    pagination_class = Pages

    @lists(RangesAnswer, filters=RangesFilter)
    def get(self, request: Request) -> Response:
        given, rows = self.filters(request, RangesFilter), _facts(request)
        chosen = rows.filter(plane__name=given["plane"]) if "plane" in given else rows
        return self.page(request, chosen, RangesAnswer)

    @answers(EnteredAnswer, body=RangesBody, code=201)
    def post(self, request: Request) -> Response:
        given = self.body(request, RangesBody)
        planes = {plane.name: plane for plane in Plane.objects.data_planes().filter(name__in=given["planes"])}
        if strangers := sorted(set(given["planes"]) - set(planes)):
            said = _("No data plane of the fleet is called %(plane)s.") % {"plane": strangers[0]}
            raise serializers.ValidationError({"planes": [serializers.ErrorDetail(said, code="unknown")]})
        what = What(given["what"])
        services.enter_ranges(
            planes=list(planes.values()), what=what, text="\n".join(given["ranges"]), reason=given["reason"],
            by=request.user,
        )  # fmt: skip
        rows = _facts(request).filter(plane__in=planes.values(), what=what, source="entered")
        return self.answer(request, EnteredAnswer, {"entered": rows}, 201)


class RangesOne(BookApi):
    """Forget what a person entered."""

    @answers(None, code=204)
    def delete(self, request: Request, pk: int) -> Response:
        get_object_or_404(_facts(request), pk=pk)
        services.remove_entry(pk=pk, by=request.user)
        return Response(status=204)


class Problems(BookApi):
    """Where ranges of the fleet meet that may not, and what nobody knows."""

    @answers(ProblemsAnswer)
    def get(self, request: Request) -> Response:
        self.filters(request, Body)
        book = read_book()
        found = book.overlaps()
        errors = sum(overlap.level == Level.ERROR for overlap in found)
        body = {
            "errors": errors, "warnings": len(found) - errors,
            "problems": [_overlap(overlap) for overlap in found[:200]], "unknown": _unknown(book),
        }  # fmt: skip
        return self.answer(request, ProblemsAnswer, body)


def _overlap(overlap: Overlap) -> dict[str, Any]:
    level = "error" if overlap.level == Level.ERROR else "warning"
    return {"level": level, "planes": sorted(overlap.planes), "sentence": overlap.sentence()}


def _unknown(book: Book) -> list[dict[str, Any]]:
    """Return what should be known of planes; clients may be anywhere, so they are nobody's gap."""
    wanted = [what for what in OF_PLANES if what != What.CLIENTS]
    rows = {
        name: [what for what in wanted if what not in book.ranges[name].known] for name in book.registered
    }
    return [{"plane": name, "what": missing} for name, missing in rows.items() if missing]


def _proposed(proposals: Sequence[Proposal]) -> dict[str, Any]:
    rows = [
        {
            "plane": one.plane, "mesh_id": one.mesh_id, "mesh_name": one.mesh_name, "kept": sorted(one.kept),
            "blocks": [{"what": what, "range": str(span)} for what, span in one.blocks.items()],
        }
        for one in proposals
    ]  # fmt: skip
    return {"proposals": rows, "seen": services.fingerprint(proposals)}


class BlocksApi(BookApi):
    def wanted(self, given: dict[str, Any]) -> list[str]:
        """Return the names, each once. Raises ValidationError for one that neither the fleet nor a mesh knows."""
        names = list(dict.fromkeys(given["planes"]))
        known = set(Plane.objects.data_planes().filter(name__in=names).values_list("name", flat=True))
        try:
            for name in names:
                if name not in known:
                    mesh_name(name)
        except Invalid as error:
            details = [serializers.ErrorDetail(text, code="invalid") for text in error.messages]
            raise serializers.ValidationError({"planes": details}) from None
        return names


class Proposals(BlocksApi):
    """Free blocks and mesh ids for planes, all at once. It changes nothing and keeps nothing."""

    @answers(ProposalsAnswer, body=PlanesBody)
    def post(self, request: Request) -> Response:
        names = self.wanted(self.body(request, PlanesBody))
        return self.answer(request, ProposalsAnswer, _proposed(services.proposed(names)))


class ReservationList(BlocksApi):
    """What is reserved; and reserving what was proposed, which of two who ask at once only the first gets."""

    pagination_class = Pages

    @lists(ReservationAnswer)
    def get(self, request: Request) -> Response:
        self.filters(request, Body)
        number = MeshNumber.objects.filter(plane=OuterRef("plane")).values("number")[:1]
        rows = Reservation.objects.visible_to(request.user).select_related("made_by")
        rows = rows.annotate(block=F("pk"), mesh_id=Subquery(number))
        page = self.page(request, rows, ReservationAnswer)
        if page.data["next"] is None:  # at most 127, so the last page is a little longer for them
            page.data["results"] += ReservationAnswer(_without_block(request), many=True).data
        return page

    @answers(ProposalsAnswer, body=ReserveBody, code=201)
    def post(self, request: Request) -> Response:
        given = self.body(request, ReserveBody)
        made = services.reserve(
            planes=self.wanted(given), seen=given["seen"], reason=given["reason"], by=request.user
        )
        return self.answer(request, ProposalsAnswer, _proposed(made), 201)


def _without_block(request: Request) -> Any:
    """Return the mesh ids of planes that nothing else is reserved for."""
    rows = MeshNumber.objects.visible_to(request.user).exclude(plane__in=Reservation.objects.values("plane"))
    none = {name: Value(None, output_field=CharField()) for name in ("block", "what", "range")}
    return rows.select_related("made_by").annotate(mesh_id=F("number"), **none)


class ReservationOne(BookApi):
    """Release everything that is reserved for a plane. What it really uses stays known."""

    @answers(None, code=204)
    def delete(self, request: Request, name: str) -> Response:
        services.release(plane=name, by=request.user)
        return Response(status=204)


class SupernetList(BookApi):
    """The addresses of the organisation that blocks are taken from; while there are none, the guide's."""

    pagination_class = Pages

    @lists(SupernetAnswer)
    def get(self, request: Request) -> Response:
        self.filters(request, Body)
        rows = Supernet.objects.visible_to(request.user).select_related("made_by")
        return self.page(request, rows, SupernetAnswer)

    @answers(SupernetAnswer, body=SupernetBody, code=201)
    def post(self, request: Request) -> Response:
        given = self.body(request, SupernetBody)
        use = What(given["what"]) if given["what"] else None
        row = services.add_supernet(text=given["range"], what=use, block=given["block"], by=request.user)
        return self.answer(request, SupernetAnswer, row, 201)


class SupernetOne(BookApi):
    """Take no more blocks from a range; what is reserved stays."""

    @answers(None, code=204)
    def delete(self, request: Request, pk: int) -> Response:
        get_object_or_404(Supernet.objects.visible_to(request.user), pk=pk)
        services.remove_supernet(pk=pk, by=request.user)
        return Response(status=204)
