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
from playwright.sync_api import Browser, Page, Request, Route

from tests.browser.watching import Complaints
from tests.people import signed_in

FORM = "application/x-www-form-urlencoded"
ASKED_WITH = ("accept-language", "hx-request", "hx-target")
Done = TypeVar("Done")


class Rows:
    """The database of one test. `asked` has the addresses that a server would have been asked for."""

    def __init__(self, browser: Browser) -> None:
        self.asked: list[str] = []
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
    def page(self, user: User | None) -> Iterator[Page]:
        """Yield a page of somebody who is signed in, or of a stranger.

        Raises AssertionError for what the browser complains about.
        """
        client: Client = self.do(signed_in, user) if user else Client()

        def answer(route: Route) -> None:
            request = route.request
            self.asked.append(request.url)
            status, headers, body = self.do(_answer, client, request)
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


def _answer(client: Client, request: Request) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(request.url)
    kept = {name: value for name, value in request.headers.items() if name in ASKED_WITH}
    address = f"{parts.path}?{parts.query}"
    if request.method == "POST":
        got: Any = client.post(address, request.post_data, content_type=FORM, headers=kept)
    else:
        got = client.get(address, headers=kept)
    if got.status_code == 302:  # what a browser is sent to by a route, it asks the network for
        onward = f'<meta http-equiv="refresh" content="0; url={got.headers["Location"]}">'
        return 200, {"Content-Type": "text/html"}, onward.encode()
    body = b"".join(got.streaming_content) if got.streaming else got.content
    return got.status_code, dict(got.headers), body
