"""Signing in by a link of the demo."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from kbconsole.demo import links
from kbconsole.demo.settings import DEMO_DIR


@login_not_required
@require_GET
def sign_in(request: HttpRequest, token: str) -> HttpResponse:
    """Use up a link. One that was used before leads to the sign-in page, which says so."""
    username = links.take(DEMO_DIR / "links", token)
    if username is None:
        messages.error(
            request,
            _(
                "This link was used already. Sign in with the password that make demo printed, or start it again."
            ),
        )
        return redirect("login")
    user = get_user_model().objects.get(username=username)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("home")
