"""The link by which a person sets a password: its code stands behind the #, which no browser sends to a server.

So it is in no server's log and in no Referer. The page of the link posts it; without JavaScript it is typed in.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

SESSION_PERSON = "_set_password_person"


def code_for(person: User) -> str:
    """Return the code, which is good for one password and for `settings.PASSWORD_RESET_TIMEOUT` seconds."""
    return f"{urlsafe_base64_encode(force_bytes(person.pk))}.{default_token_generator.make_token(person)}"


def link_for(request: HttpRequest, person: User) -> tuple[str, datetime]:
    """Return the whole link and until when it is good. It is kept nowhere: whoever loses it has to make another."""
    link = request.build_absolute_uri(reverse("people:set-password"))
    return f"{link}#{code_for(person)}", timezone.now() + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


def parts_of(typed: str) -> tuple[str, str]:
    """Return person and token of a code, or of a whole link that was pasted; both may be anything."""
    person, _dot, token = typed.strip().rpartition("#")[2].partition(".")
    return person, token


def person_of(typed: str) -> User | None:
    """Return whom a code is for; None for one that is not good, or not any more."""
    encoded, token = parts_of(typed)
    try:
        person: Any = User.objects.filter(pk=int(urlsafe_base64_decode(encoded)), is_active=True).first()
    except (ValueError, OverflowError):
        return None
    return person if person is not None and default_token_generator.check_token(person, token) else None
