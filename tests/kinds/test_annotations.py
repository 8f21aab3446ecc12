"""An admin's own annotations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from networking.kinds.annotations import MAXIMUM_BYTES, AnnotationsField, AnnotationsRefused, parse, write

KEYS = st.from_regex(
    r"([a-z0-9]{1,9}(\.[a-z]{1,5})?/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,20}[A-Za-z0-9])?", fullmatch=True
)
VALUES = st.text(max_size=40).filter(str.isprintable)


@pytest.mark.parametrize(
    ("text", "annotations"),
    [
        ("example.com/a: b", {"example.com/a": "b"}),
        (
            "plain: value with blanks   # why\n\n# comment\nother: 'it''s'",
            {"plain": "value with blanks", "other": "it's"},
        ),
        ('example.com/a: "true" # as in the guide', {"example.com/a": "true"}),
        ("""example.com/elb: '{"type":"inner"}'""", {"example.com/elb": '{"type":"inner"}'}),
        ("example.com/empty:", {"example.com/empty": ""}),
        ("example.com/url: http://h:80/#part", {"example.com/url": "http://h:80/#part"}),
        ("a: 1\r\nb: 2\r\n", {"a": "1", "b": "2"}),
        ("", {}),
    ],
)
def test_lines_are_read_as_yaml_would_read_them(text: str, annotations: dict[str, str]) -> None:
    assert parse(text) == annotations


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no colon here", "annotations.no_colon"),
        ("key:value", "annotations.no_colon"),
        ("a: b\nExample.com/a: b", "annotations.prefix"),
        ("/a: b", "annotations.prefix"),
        ("a..b/c: d", "annotations.prefix"),
        ("x" * 254 + "/a: b", "annotations.prefix"),
        ("a/b/c: d", "annotations.prefix"),
        ("example.com/: b", "annotations.name"),
        ("-a: b", "annotations.name"),
        ("a b: c", "annotations.name"),
        ("é: c", "annotations.name"),
        ("n" * 64 + ": c", "annotations.name"),
        ("apps.kubeblocks.io/multi-cluster-service-placement: mirror", "annotations.reserved"),
        ("kubeblocks.io/a: b", "annotations.reserved"),
        ("meta.helm.sh/release-name: x", "annotations.reserved"),
        ("a: 1\na: 2", "annotations.twice"),
        ('a: "open', "annotations.quote"),
        ('a: "b" c', "annotations.quote"),
        ('a: "\\x"', "annotations.quote"),
        ("a: b\x07c", "annotations.control"),
        ('a: "b\\nc"', "annotations.control"),
        ("a: " + "é" * (MAXIMUM_BYTES // 2), "annotations.too_long"),
    ],
)
def test_what_kubernetes_or_the_console_refuses_is_named(text: str, code: str) -> None:
    with pytest.raises(AnnotationsRefused) as refusal:
        parse(text)
    assert refusal.value.sentence.code == code


def test_the_line_is_named() -> None:
    with pytest.raises(AnnotationsRefused, match=r"^Line 3: "):
        parse("a: b\n\nbroken")


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_what_is_written_is_read_back(annotations: dict[str, str]) -> None:
    assert parse(write(annotations)) == annotations


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except AnnotationsRefused as refusal:
        assert str(refusal)
    else:
        assert all(key and value.isprintable() for key, value in found.items())


def test_a_saved_profile_fills_the_form_again() -> None:
    field = AnnotationsField(required=False)
    assert field.prepare_value({"a": "1"}) == 'a: "1"'
    assert field.clean(field.prepare_value({"a": "1"})) == {"a": "1"}
    assert field.clean({"a": "1"}) == {"a": "1"}
