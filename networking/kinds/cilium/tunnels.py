"""By which node an agent sends packets for the pods of other planes, told from what it lists as JSON. Pure.

Both commands print `{key: [text]}` (cilium-dbg/cmd/bpf_tunnel_list.go, bpf_ipcache_list.go). Up to 1.17 a key is the
first address of a node's range and its text `NODE:KEY` (pkg/maps/tunnel). From 1.18 on the ranges stand among all
addresses that are known, each with `tunnelendpoint=NODE`, 0.0.0.0 for none (pkg/maps/ipcache; PRs #38483, #38839).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

from kbconsole.common.sentences import Json
from networking.addresses.ranges import Span
from networking.addresses.sources import spans_of

_ENDPOINT = re.compile(r"tunnelendpoint=(\S+)")
NOWHERE = ("", "<nil>", "0.0.0.0", "::")  # noqa: S104  an address that stands for none


def ways(answer: Json) -> list[Span]:
    """Return the ranges and addresses for which the agent has a node on another machine."""
    listed: Mapping[str, Any] = answer if isinstance(answer, dict) else {}
    texts = [key.partition("@")[0] for key, said in listed.items() if any(map(_node, _texts(said)))]
    return [span for text in texts for span in spans_of([text])]


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _node(text: str) -> bool:
    """Whether an entry names a node: all of the text is one, unless it has fields."""
    found = _ENDPOINT.search(text)
    node = found[1] if found else "" if "=" in text else text.rpartition(":")[0] or text
    return node not in NOWHERE


def missing(known: Iterable[Span], ranges: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the ranges of each plane in which no way begins: `{plane: [range]}`, without planes that have all."""
    firsts = sorted((span.version, span.first) for span in known)
    found = {}
    for plane, texts in ranges.items():
        if gone := [str(span) for span in spans_of(texts) if not _begins(span, firsts)]:
            found[plane] = gone
    return found


def _begins(span: Span, firsts: list[tuple[int, int]]) -> bool:
    """Whether one of the sorted first addresses lies in a range: what is known of it begins there, or within."""
    at = bisect_right(firsts, (span.version, span.last))
    return at > 0 and firsts[at - 1] >= (span.version, span.first)
