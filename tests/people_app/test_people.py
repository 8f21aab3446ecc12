"""Inviting, putting out, giving and taking roles: by an administrator, audited, and never so that nobody is left."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.authtoken.models import Token

from kbconsole.audit.models import Entry
from kbconsole.common.errors import Refused, Stale
from kbconsole.common.roles import Role, roles_of
from kbconsole.jobs.models import Plan
from kbconsole.jobs.services import decide
from kbconsole.people import services
from tests.driving import drive
from tests.people import person, signed_in

PASSWORD = "quiet otters play the piano"


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def acts() -> QuerySet[Entry]:
    """Return what the log tells, sign-ins apart."""
    return Entry.objects.exclude(act__startswith="access.").order_by("seq")


def told() -> list[str]:
    return [str(entry.sentence) for entry in acts()]


def link_in(response: Any) -> str:
    found = re.search(r"http://testserver(/people/set-password/[^<\s]+)", response.content.decode())
    assert found, text(response)
    return found[1]


def invited(admin: User, name: str = "nina", **form: Any) -> str:
    """Invite somebody by the page and return the path of the link."""
    body = {"username": name, "full_name": "Nina N", "roles": ["dba"], **form}
    return link_in(signed_in(admin).post("/people/invite/", body))


def use(link: str, password: str = PASSWORD) -> Any:
    """Open the link as its receiver, in a browser of their own, and set a password."""
    browser = Client()
    page, _hash, code = link.partition("#")
    assert browser.get(page).status_code == 200
    shown = browser.post(page, {"code": code}, follow=True)
    if "new_password1" not in shown.content.decode():
        return shown
    form = {"new_password1": password, "new_password2": password}
    return browser.post(shown.request["PATH_INFO"], form, follow=True)


def may_sign_in(name: str, password: str = PASSWORD) -> bool:
    return Client().post("/sign-in/", {"username": name, "password": password}).status_code == 302


def test_somebody_invited_sets_a_password_by_the_link_and_signs_in(adam: User) -> None:
    link = invited(adam)
    assert told() == [
        "Invited nina, who may set a password within 24 hours",
        "Gave nina the role dba",
    ]
    assert {entry.actor_label for entry in acts()} == {"adam"}
    assert "The password is set. Sign in with it." in text(use(link))
    assert may_sign_in("nina")
    assert told()[2] == "nina set a password by the link that an administrator made"
    assert "is not good any more" in text(use(link)), "a link is good for one password"


def test_the_link_is_shown_once_and_stands_neither_in_the_log_nor_on_a_page(adam: User) -> None:
    page, _hash, secret = invited(adam).partition("#")
    assert page == "/people/set-password/" and len(secret) > 30, "no server is told what stands behind the #"
    nina = User.objects.get(username="nina")
    assert secret not in str(list(Entry.objects.values()))
    browser = signed_in(adam)
    for page in ("/people/", f"/people/{nina.pk}/", "/audit/"):
        assert secret not in browser.get(page).content.decode()


def test_a_link_ends_after_a_day_with_a_newer_one_and_with_deactivation(
    adam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = invited(adam)
    nina = User.objects.get(username="nina")
    later = timezone.now() + timedelta(hours=24, minutes=1)
    with monkeypatch.context() as patched:
        patched.setattr(
            "django.contrib.auth.tokens.PasswordResetTokenGenerator._now",
            lambda self: later.replace(tzinfo=None),
        )
        assert "is not good any more" in text(use(link))
    newer = link_in(signed_in(adam).post(f"/people/{nina.pk}/link/"))
    assert "is not good any more" in text(use(link))
    User.objects.filter(pk=nina.pk).update(is_active=False)  # as a script may
    assert "is not good any more" in text(use(newer))
    User.objects.filter(pk=nina.pk).update(is_active=True)
    services.deactivate(nina.pk, by=adam)
    services.activate(nina.pk, by=adam)
    assert "is not good any more" in text(use(newer)), "activation does not revive a link"
    assert not may_sign_in("nina")


def test_a_name_that_somebody_has_in_other_letters_is_refused_and_what_was_typed_stays(
    adam: User, dana: User
) -> None:
    body = {"username": "DANA", "full_name": "Another Dana", "roles": ["admin"]}
    refused = signed_in(adam).post("/people/invite/", body)
    assert refused.status_code == 409
    assert "Somebody is called DANA already." in text(refused)
    assert 'value="Another Dana"' in refused.content.decode()
    nothing = signed_in(adam).post("/people/invite/", {"username": "a b", "roles": []})
    assert (nothing.status_code, User.objects.count()) == (422, 2)
    assert "Choose at least one role" in text(nothing)


def test_somebody_deactivated_is_out_at_once_with_session_and_token_and_comes_back_without_them(
    adam: User, dana: User
) -> None:
    dana.set_password(PASSWORD)
    dana.save()
    browser, token = signed_in(dana), Token.objects.create(user=dana)
    api = {"Authorization": f"Token {token.key}"}
    assert browser.get("/").status_code == Client().get("/api/v1/me/", headers=api).status_code == 200
    assert signed_in(adam).post(f"/people/{dana.pk}/deactivate/").status_code == 302
    assert browser.get("/").status_code == 302
    assert Client().get("/api/v1/me/", headers=api).status_code == 401
    assert not may_sign_in("dana")
    assert signed_in(adam).post(f"/people/{dana.pk}/activate/").status_code == 302
    assert browser.get("/").status_code == 302, "the old session stays ended"
    assert Client().get("/api/v1/me/", headers=api).status_code == 401
    assert may_sign_in("dana")
    assert told()[:2] == [
        "Deactivated dana, who cannot sign in any more",
        "Activated dana, who may sign in again",
    ]


def test_a_new_link_ends_the_old_password_so_that_its_owner_notices(adam: User, dana: User) -> None:
    dana.set_password(PASSWORD)
    dana.save()
    browser = signed_in(dana)
    link = link_in(signed_in(adam).post(f"/people/{dana.pk}/link/"))
    assert browser.get("/").status_code == 302 and not may_sign_in("dana")
    assert told()[0].startswith("Made a new link for dana to set a password")
    use(link, "another fine password")
    assert may_sign_in("dana", "another fine password")


def test_roles_are_given_and_taken_and_told_once(adam: User, dana: User) -> None:
    answer = signed_in(adam).post(f"/people/{dana.pk}/roles/", {"roles": ["auditor"]}, follow=True)
    assert "dana has these roles now." in text(answer)
    assert sorted(told()) == ["Gave dana the role auditor", "Took the role dba from dana"]
    assert {entry.actor_label for entry in acts()} == {"adam"}


@pytest.mark.parametrize(
    "typed", ["", "MQ", "MQ.", "x.y", "é.é", "MQ.used-token", "http://testserver/#MQ.c-d"]
)
def test_a_code_that_is_none_sets_nothing_and_says_so(typed: str, adam: User) -> None:
    refused = Client().post("/people/set-password/", {"code": typed})
    assert (refused.status_code, "Nothing was saved yet" in text(refused)) == (422, True)
    assert "is not good any more" in text(Client().get("/people/set-password/new/"))


@pytest.mark.django_db(transaction=True)
def test_a_second_administrator_agrees_before_there_is_a_third(adam: User, ada: User, dana: User) -> None:
    answer = signed_in(adam).post(f"/people/{dana.pk}/roles/", {"roles": ["admin", "auditor"]}, follow=True)
    assert "That dana becomes an administrator, another administrator has to approve" in text(answer)
    plan = Plan.objects.get()
    assert roles_of(User.objects.get(pk=dana.pk)) == {Role.AUDITOR}
    drive(plan.runs.get())
    plan.refresh_from_db()
    assert "Make dana an administrator" in text(signed_in(ada).get("/approvals/"))
    with pytest.raises(Refused):
        decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash)
    decide(plan.pk, by=ada, approve=True, seen_hash=plan.hash)
    assert drive(plan.runs.exclude(job="make-plan").get()).status == "succeeded"
    assert roles_of(User.objects.get(pk=dana.pk)) == {Role.AUDITOR, Role.ADMIN}
    given = Entry.objects.get(act="role.given", params__role="admin")
    assert (given.actor_label, given.object_label) == ("adam", "dana")
    assert Entry.objects.get(act="plan.approved").actor_label == "ada"


def test_somebody_invited_as_administrator_waits_for_that_and_has_the_link_now(adam: User, ada: User) -> None:
    form = {"username": "nina", "roles": ["admin", "dba"]}
    answer = signed_in(adam).post("/people/invite/", form)
    assert "Another administrator has to approve that" in text(answer)
    assert "The password is set." in text(use(link_in(answer)))
    assert roles_of(User.objects.get(username="nina")) == {Role.DBA}


def test_the_only_administrator_makes_the_second_one_at_once(adam: User, dana: User) -> None:
    assert services.set_roles(dana.pk, roles={Role.ADMIN}, by=adam).plan is None
    assert roles_of(User.objects.get(pk=dana.pk)) == {Role.ADMIN}


def test_nobody_deactivates_themselves(adam: User, ada: User) -> None:
    answer = signed_in(adam).post(f"/people/{adam.pk}/deactivate/")
    assert answer.status_code == 403
    assert "You cannot deactivate yourself." in text(answer)
    with pytest.raises(Refused):
        services.renew_link(adam.pk, by=adam)
    adam.refresh_from_db()
    assert adam.is_active


def test_the_last_administrator_who_can_sign_in_keeps_the_role(adam: User, dana: User) -> None:
    invited(adam, "nils", roles=["admin"])  # has no password yet, so cannot help anybody
    off = {Role.DBA}
    with pytest.raises(Stale, match="adam is the last administrator who can sign in"):
        services.set_roles(adam.pk, roles=off, by=adam)
    answer = signed_in(adam).post(f"/people/{adam.pk}/roles/", {"roles": ["dba"]})
    assert (answer.status_code, "last administrator" in text(answer)) == (409, True)
    person("ada", "admin")
    services.set_roles(adam.pk, roles=off, by=adam)
    with pytest.raises(Refused):
        services.deactivate(dana.pk, by=adam)


def test_of_two_administrators_who_put_each_other_out_only_one_does(adam: User, ada: User) -> None:
    """The second request began while its sender was still an administrator, and kept that in mind."""
    as_it_began = User.objects.get(pk=ada.pk)
    assert roles_of(as_it_began) == {Role.ADMIN}
    services.deactivate(ada.pk, by=adam)
    with pytest.raises(Refused):
        services.deactivate(adam.pk, by=as_it_began)
    adam.refresh_from_db()
    assert adam.is_active


def test_what_somebody_cannot_do_is_said_and_nothing_is_changed_twice(adam: User, dana: User) -> None:
    services.deactivate(dana.pk, by=adam)
    again = signed_in(adam).post(f"/people/{dana.pk}/deactivate/")
    assert (again.status_code, "dana is deactivated already" in text(again)) == (409, True)
    link = signed_in(adam).post(f"/people/{dana.pk}/link/")
    assert (link.status_code, "Activate them first." in text(link)) == (409, True)


def test_the_page_says_who_is_here_and_how_they_stand(adam: User, vera: User, dana: User) -> None:
    invited(adam)
    services.deactivate(dana.pk, by=adam)
    seen = signed_in(vera).get("/people/")
    for word in ("nina", "Nina N", "Invited, no password yet", "Deactivated", "Administrator", "Auditor"):
        assert word in text(seen)
    assert "An administrator can do this." in text(seen) and "/people/invite/" not in seen.content.decode()
    own = signed_in(person("dora", "dba"))
    assert (
        own.get("/people/", follow=True).request["PATH_INFO"]
        == f"/people/{User.objects.get(username='dora').pk}/"
    )
    assert own.get(f"/people/{adam.pk}/").status_code == 404


def test_the_page_asks_as_often_for_thirty_people_as_for_three(adam: User) -> None:
    browser, counts = signed_in(adam), []
    for more in (2, 30):
        for number in range(more):
            person(f"somebody-{more}-{number}", "dba", "admin")
        with CaptureQueriesContext(connection) as asked:
            assert browser.get("/people/").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 12
