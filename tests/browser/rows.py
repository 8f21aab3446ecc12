"""Pages with the rows of a test, without a server: what the browser asks for, Django's client answers.

While Playwright runs, Django takes its thread for an asynchronous one. So all that Django does, it does in another,
within one transaction that is never committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from playwright.sync_api import Browser, Page, Route

from tests.browser.watching import Complaints
from tests.people import signed_in

ASKED_WITH = ("accept-language", "hx-request", "hx-target")
Done = TypeVar("Done")


class Rows:
    """The database of one test."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._thread = ThreadPoolExecutor(1)
        self._block = transaction.atomic()
        self._block._from_testcase = True  # type: ignore[attr-defined]  # refusals insist on a transaction of their own

    def do(self, work: Callable[..., Done], *given: Any, **named: Any) -> Done:
        """Return what the work returns, done where the database is."""
        return self._thread.submit(work, *given, **named).result()

    def begin(self) -> None:
        self.do(self._block.__enter__)

    def end(self) -> None:
        def undo() -> None:
            transaction.set_rollback(True)
            self._block.__exit__(None, None, None)
            connection.close()

        self.do(undo)
        self._thread.shutdown()

    @contextmanager
    def page(self, user: User) -> Iterator[Page]:
        """Yield a page of somebody who is signed in. Raises AssertionError for what the browser complains about."""
        client: Client = self.do(signed_in, user)

        def answer(route: Route) -> None:
            status, headers, body = self.do(_answer, client, route.request.url, route.request.headers)
            route.fulfill(status=status, headers=headers, body=body)

        context = self._browser.new_context(
            base_url="http://localhost", locale="en-GB", reduced_motion="reduce"
        )
        complaints = Complaints(context)
        context.route("**/*", answer)
        yield context.new_page()
        context.unroute_all(behavior="wait")
        context.close()
        assert not complaints.seen, "\n".join(complaints.seen)


def _answer(client: Client, url: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    kept = {name: value for name, value in headers.items() if name in ASKED_WITH}
    got: Any = client.get(f"{parts.path}?{parts.query}", headers=kept)
    body = b"".join(got.streaming_content) if got.streaming else got.content
    return got.status_code, dict(got.headers), body
