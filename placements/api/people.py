"""Who one is here, and tokens."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from kbconsole.audit.services import Target, record
from kbconsole.common.roles import Role, roles_of
from kbconsole.common.sentences import declare, say
from kbconsole.people.models import Team
from placements.api.base import Api
from placements.api.describe import answers
from placements.api.fields import Answer, Body, Text

declare(
    {
        "api.token_given": _("%(actor)s got an API token by name and password."),
        "api.token_ended": _("%(actor)s ended their API token."),
        "api.wrong_password": _("No active person has this name and password."),
    }
)


class WrongPassword(APIException):
    """Says neither which of the two was wrong nor whether the name exists."""

    status_code = 400

    def __init__(self) -> None:
        self.sentence = say("api.wrong_password")
        super().__init__(str(self.sentence))


class MeAnswer(Answer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    roles = serializers.ListField(child=serializers.ChoiceField([str(role) for role in Role]))
    teams = serializers.ListField(child=serializers.CharField())
    by_token = serializers.BooleanField()


class TokenBody(Body):
    username = Text(max_length=150)
    password = Text(max_length=4096, trim_whitespace=False)


class TokenAnswer(Answer):
    token = serializers.CharField(help_text="For the header “Authorization: Token …”.")


class Me(Api):
    """The person who asks. This needs no role."""

    def admit(self, request: Request) -> None:
        """Everybody who is signed in."""

    @answers(MeAnswer)
    def get(self, request: Request) -> Response:
        user = request.user
        roles = sorted(str(role) for role in roles_of(user))
        answer = {
            "id": user.pk,
            "name": user.get_username(),
            "roles": roles,
            "teams": list(Team.objects.of(user).values_list("name", flat=True)),
            "by_token": request.auth is not None,
        }
        return self.answer(request, MeAnswer, answer)


class TokenApi(Api):
    """A person's one token. Getting it takes the password; ending it takes being signed in."""

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny()] if self.request.method == "POST" else [IsAuthenticated()]

    def admit(self, request: Request) -> None:
        """No role is needed: what a token may do is decided where it is used."""

    @answers(TokenAnswer, body=TokenBody)
    def post(self, request: Request) -> Response:
        given = self.body(request, TokenBody)
        user = authenticate(request._request, username=given["username"], password=given["password"])
        if user is None:
            raise WrongPassword
        with transaction.atomic():
            token, _made = Token.objects.get_or_create(user=user)
            record("api.token_given", by=user, on=Target("user", user.pk, user.get_username()))
        return self.answer(request, TokenAnswer, {"token": token.key})

    @answers(None, code=204)
    def delete(self, request: Request) -> Response:
        user: Any = request.user
        with transaction.atomic():
            Token.objects.filter(user=user).delete()
            record("api.token_ended", by=user, on=Target("user", user.pk, user.get_username()))
        return Response(status=204)
