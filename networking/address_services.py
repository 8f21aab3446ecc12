"""What administrators do with the address book: enter what no API tells, give blocks away, take them back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import record
from kbconsole.common.errors import ConsoleError, Stale
from kbconsole.common.policy import Policy, act
from kbconsole.common.roles import Role
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet.models import Plane
from kbconsole.jobs.models import Run
from kbconsole.jobs.services import start
from networking.address_jobs import ReadAddresses
from networking.addresses.facts import ENTERED, What
from networking.addresses.propose import GUIDE, MESH_IDS, Proposal
from networking.addresses.ranges import BITS, parsed, parsed_all
from networking.addresses.sources import source_label
from networking.book import parents, proposal_for, read_book
from networking.models import AddressBook, AddressFact, MeshNumber, Reservation, Supernet

declare(
    {
        "addresses.entered": _("Entered for %(planes)s, %(what)s: %(ranges)s"),
        "addresses.entry_removed": _("Removed what was entered for %(plane)s, %(what)s: %(ranges)s"),
        "addresses.reserved": _("Reserved for %(plane)s: mesh id %(number)s, %(blocks)s"),
        "addresses.released": _("Released what was reserved for %(plane)s: mesh id %(number)s, %(blocks)s"),
        "addresses.block": _("%(what)s %(range)s"),
        "addresses.supernet_added": _("Set %(range)s aside, blocks of /%(block)s, for %(what)s"),
        "addresses.supernet_removed": _(
            "Took %(range)s, for %(what)s, off the ranges that blocks are taken from"
        ),
        "addresses.what_any": _("anything"),
        "addresses.nothing_entered": _("Write at least one range, or leave the page."),
        "addresses.too_many": _(
            "These are %(count)s ranges, and at most %(most)s are kept for one use of a plane. Write neighbours as "
            "one, such as 10.1.0.0/16 for all that it holds."
        ),
        "addresses.its_own": _(
            "%(plane)s tells this itself (%(source)s), so there is nothing to remove: it would stand here again after "
            "the next look. Only what a person entered is removed here; change the plane, then check again."
        ),
        "addresses.gone": _("Somebody else removed this meanwhile. Look at the page as it is now."),
        "addresses.block_too_big": _(
            "A block of /%(block)s does not fit into %(range)s. Take a number from %(least)s to %(most)s."
        ),
        "addresses.supernet_meets": _(
            "%(range)s overlaps %(other)s, which is set aside already. Take other addresses."
        ),
        "addresses.supernet_taken": _("%(range)s is set aside for this already."),
        "addresses.other_proposal": _(
            "Somebody reserved addresses, or a plane told something new, while you looked. This is what is free now: "
            "look at it, then reserve again."
        ),
        "addresses.nothing_reserved": _("Nothing is reserved for %(plane)s any more."),
        "addresses.nothing_new": _("Everything that is shown is reserved already. There is nothing to do."),
    }
)
BOOK = act(
    "address-book", _("Enter ranges of planes, reserve and release blocks"), Policy(asks=(Role.ADMIN,))
)
MOST_ENTERED = 500


def said(what: What | str) -> Sentence:
    return say(f"addresses.what_{What(what).value}" if what else "addresses.what_any")


@transaction.atomic
def enter_ranges(*, planes: Sequence[Plane], what: What, text: str, by: Any, reason: str = "") -> list[str]:
    """Keep what a person says of planes; it replaces what was entered for the same use. Raises ConsoleError."""
    BOOK.require(by)
    ranges = [str(span) for span in parsed_all(text)]
    if not ranges or not planes:
        raise ConsoleError("addresses.nothing_entered")
    if len(ranges) > MOST_ENTERED:
        raise ConsoleError("addresses.too_many", count=len(ranges), most=MOST_ENTERED)
    for plane in planes:
        AddressFact.objects.update_or_create(
            plane=plane, what=what, source=ENTERED,
            defaults={"ranges": ranges, "read_at": timezone.now(), "entered_by": by},
        )  # fmt: skip
    names = [plane.name for plane in planes]
    record(
        "addresses.entered", by=by, on=_target(names[0]), reason=reason, plane=names[0] if len(names) == 1 else "",
        planes=names, what=said(what), ranges=ranges,
    )  # fmt: skip
    return ranges


def _target(name: str) -> tuple[str, str, str]:
    return "plane", name, name


@transaction.atomic
def remove_entry(*, pk: int, by: Any) -> None:
    """Forget what a person entered. Raises Stale where it is gone, or where the plane tells it itself."""
    BOOK.require(by)
    row = AddressFact.objects.select_for_update(of=("self",)).select_related("plane")
    fact = row.filter(pk=pk).first()
    if fact is None:
        raise Stale("addresses.gone")
    if fact.source != ENTERED:
        source = str(source_label(fact.source, What(fact.what)))
        raise Stale("addresses.its_own", plane=fact.plane.name, source=source)
    fact.delete()
    record(
        "addresses.entry_removed", by=by, on=_target(fact.plane.name), plane=fact.plane.name,
        what=said(fact.what), ranges=fact.ranges,
    )  # fmt: skip


@transaction.atomic
def add_supernet(*, text: str, what: What | None, block: int, by: Any) -> Supernet:
    """Set addresses of the organisation aside, to take blocks from. Raises ConsoleError."""
    BOOK.require(by)
    AddressBook.lock()
    span, use = parsed(text), what.value if what else ""
    bits = BITS[span.version]
    least = bits - (span.size.bit_length() - 1)
    if not least <= block <= bits:
        raise ConsoleError("addresses.block_too_big", block=block, range=str(span), least=least, most=bits)
    for other in Supernet.objects.all():
        if other.what == use and parsed(other.range).meets(span):
            code = "addresses.supernet_taken" if other.range == str(span) else "addresses.supernet_meets"
            raise ConsoleError(code, range=str(span), other=other.range)
    row = Supernet.objects.create(range=str(span), what=use, block=block, made_by=by)
    record(
        "addresses.supernet_added", by=by, on=("supernet", row.pk, row.range), range=row.range, block=block,
        what=said(use),
    )  # fmt: skip
    return row


@transaction.atomic
def remove_supernet(*, pk: int, by: Any) -> None:
    """Take no more blocks from a range; what was reserved stays. Raises Stale where it is gone."""
    BOOK.require(by)
    row = Supernet.objects.filter(pk=pk).first()
    if row is None:
        raise Stale("addresses.gone")
    row.delete()
    record(
        "addresses.supernet_removed",
        by=by,
        on=("supernet", pk, row.range),
        range=row.range,
        what=said(row.what),
    )


def proposed(planes: Sequence[str]) -> list[Proposal]:
    """Return what these planes would get now. Raises ConsoleError where something is used up."""
    return proposal_for(planes, read_book(), parents())


def fingerprint(proposals: Sequence[Proposal]) -> str:
    """Return a proposal as one text, so that what was seen can be compared with what would be reserved."""
    return ";".join(
        f"{one.plane}={one.mesh_id}," + ",".join(f"{what.value}:{span}" for what, span in one.blocks.items())
        for one in proposals
    )


@transaction.atomic
def reserve(*, planes: Sequence[str], seen: str, by: Any, reason: str = "") -> list[Proposal]:
    """Give planes what was proposed. Raises Stale where it is not free any more, so that the person looks again.

    The book is locked first: of two people who ask at once, the second one reads what the first one left.
    """
    BOOK.require(by)
    AddressBook.lock()
    proposals = proposed(planes)
    if fingerprint(proposals) != seen:
        raise Stale("addresses.other_proposal")
    _keep_plan(by)
    new = [one for one in proposals if _give(one, by)]
    if not new:
        raise ConsoleError("addresses.nothing_new")
    for one in new:
        record(
            "addresses.reserved", by=by, on=_target(one.plane), plane=one.plane, reason=reason,
            number=one.mesh_id, blocks=_blocks((what, str(span)) for what, span in one.blocks.items()),
        )  # fmt: skip
    return proposals


def _keep_plan(by: Any) -> None:
    """Write down the guide's plan when somebody takes the first block from it, so that it can be seen and changed."""
    if Supernet.objects.exists():
        return
    for parent in GUIDE:
        add_supernet(text=str(parent.span), what=parent.what, block=parent.prefix, by=by)


def _give(one: Proposal, by: Any) -> bool:
    """Write down what a plane gets; whether any of it is new. Raises Stale where the database has another owner."""
    try:
        with transaction.atomic():
            new = False
            if one.mesh_id in MESH_IDS:  # a higher one is what the plane was installed with
                number = {"number": one.mesh_id, "made_by": by}
                _number, new = MeshNumber.objects.get_or_create(plane=one.plane, defaults=number)
            for what, span in one.blocks.items():
                _block, made = Reservation.objects.get_or_create(
                    plane=one.plane, what=what, range=str(span), defaults={"made_by": by}
                )
                new = new or made
    except IntegrityError:
        raise Stale("addresses.other_proposal") from None
    return new


def _blocks(blocks: Any) -> list[Sentence]:
    return [say("addresses.block", what=said(what), range=text) for what, text in blocks]


@transaction.atomic
def release(*, plane: str, by: Any, reason: str = "") -> None:
    """Take back what was reserved for a plane; what the plane really uses stays known. Raises Stale."""
    BOOK.require(by)
    AddressBook.lock()
    rows = list(Reservation.objects.filter(plane=plane))
    number = MeshNumber.objects.filter(plane=plane).first()
    if not rows and number is None:
        raise Stale("addresses.nothing_reserved", plane=plane)
    Reservation.objects.filter(plane=plane).delete()
    MeshNumber.objects.filter(plane=plane).delete()
    record(
        "addresses.released", by=by, on=_target(plane), plane=plane, reason=reason,
        number=number.number if number else "–", blocks=_blocks((row.what, row.range) for row in rows),
    )  # fmt: skip


@transaction.atomic
def read_again(*, by: Any) -> Run:
    """Ask every data plane for its ranges now. Raises ConsoleError where there is none, Stale while it is done."""
    BOOK.require(by)
    names = list(Plane.objects.data_planes().order_by("name").values_list("name", flat=True))
    if not names:
        raise ConsoleError("addresses.no_planes")
    return start(ReadAddresses(names), by=by)
