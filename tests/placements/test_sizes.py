"""Figures: what is read, and what is refused with which sentence."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from networking.kinds.base import kind_named
from placements.sizes import (
    SIZES,
    QuantityRefused,
    cpu_cores,
    disk_gib,
    disk_problem,
    figures_warning,
    memory_bytes,
)


@pytest.mark.parametrize(
    ("text", "cores"),
    [("100m", "0.1"), ("1", "1"), ("1.5", "1.5"), ("256", "256"), ("10m", "0.01"), (" 2 ", "2")],
)
def test_cpu(text: str, cores: str) -> None:
    assert cpu_cores(text) == Decimal(cores)


@pytest.mark.parametrize(
    ("text", "count"), [("100M", 10**8), ("2Gi", 2 * 1024**3), ("0.5Gi", 1024**3 // 2), ("4Ti", 4 * 1024**4)]
)
def test_memory(text: str, count: int) -> None:
    assert memory_bytes(text) == count


@pytest.mark.parametrize(("text", "gib"), [("20", 20), ("20Gi", 20), ("1Ti", 1024), ("65536", 65536)])
def test_disk(text: str, gib: int) -> None:
    assert disk_gib(text) == gib


HOSTILE = [
    "-1",
    "∞",
    "1e99999999",
    "1E9",
    "inf",
    "NaN",
    "1Gib",
    "1GiB",
    "",
    " ",
    "Gi",
    "1 Gi",
    "1,5",
    "0x10",
    "١",
    "9" * 40,
]


@pytest.mark.parametrize("text", [*HOSTILE, "0", "0m", "9m", "257", "100M", "1n"])
def test_cpu_that_cannot_be(text: str) -> None:
    with pytest.raises(QuantityRefused):
        cpu_cores(text)


@pytest.mark.parametrize("text", [*HOSTILE, "0", "100m", "2", "31Mi", "5Ti", "1E", "1Ei"])
def test_memory_that_cannot_be(text: str) -> None:
    with pytest.raises(QuantityRefused):
        memory_bytes(text)


@pytest.mark.parametrize("text", [*HOSTILE, "0", "1.5", "20G", "65537", "100Ti", "500Mi"])
def test_disks_that_cannot_be(text: str) -> None:
    with pytest.raises(QuantityRefused):
        disk_gib(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1Gib", "The unit is written Gi, not Gib or GiB: 2Gi."),
        ("1e9", "Write the number without an exponent, such as 2Gi."),
        ("-1", "This is no Kubernetes quantity. Write a number with a unit after it, such as 2Gi."),
        ("", "Give a figure."),
    ],
)
def test_the_refusal_says_how_to_write_it(text: str, sentence: str) -> None:
    with pytest.raises(QuantityRefused) as refusal:
        memory_bytes(text)
    assert str(refusal.value) == sentence


def test_a_small_m_for_memory_is_explained() -> None:
    with pytest.raises(QuantityRefused, match="thousandths of one"):
        memory_bytes("512m")


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (cpu_cores, memory_bytes, disk_gib):
        try:
            assert read(text) > 0
        except QuantityRefused as refusal:
            assert str(refusal)


@given(st.integers(1, 65536))
def test_whole_gib_are_read_with_and_without_unit(gib: int) -> None:
    assert disk_gib(str(gib)) == disk_gib(f"{gib}Gi") == gib


@given(st.integers(10, 256_000))
def test_millicores_are_read(millicores: int) -> None:
    assert cpu_cores(f"{millicores}m") * 1000 == millicores


@pytest.mark.parametrize("slug", SIZES)
def test_every_size_can_be_used(slug: str) -> None:
    size = SIZES[slug]
    assert cpu_cores(size.cpu) and memory_bytes(size.memory) and disk_gib(str(size.disk_gib))
    assert (size.warning() is not None) == size.demo == (slug == "guide")


def test_figures_as_small_as_the_guides_are_warned_about_however_they_were_chosen() -> None:
    assert figures_warning("100m", "2Gi") is not None
    assert figures_warning("1", "95Mi") is not None
    assert figures_warning("1", "2Gi") is None


def test_a_disk_below_the_profiles_minimum_says_the_minimum_and_its_reason() -> None:
    reason = kind_named("cilium_mesh").minimum_disk_reason({})
    assert disk_problem(20, 20, reason) is None
    assert str(disk_problem(19, 20, reason)).startswith("The volume needs at least 20 GiB. Self-built planes")
    assert disk_problem(0, 1, reason) is not None
    assert disk_problem(10**9, 1, reason) is not None
