"""The titles of the API's problems, in the reader's language."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from django.utils import translation

from kbconsole.common.problems import title

ANSWERED = (400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429, 500, 502)


@pytest.mark.parametrize("status", ANSWERED)
def test_a_title_is_translated(status: int) -> None:
    with translation.override("en"):
        english = title(status)
    with translation.override("zh-hans"):
        assert title(status) != english
        assert not title(status).isascii()


def test_a_status_without_words_of_its_own_keeps_those_of_http() -> None:
    assert title(HTTPStatus.IM_A_TEAPOT) == "I'm a Teapot"
