"""Two administrators act in the same moment, each in a transaction of their own, as two processes would."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from django.contrib.auth.models import User
from django.db import connection

from kbconsole.common.errors import ConsoleError
from kbconsole.common.roles import Role, has_role
from kbconsole.people import services
from tests.people import person

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(acts: list[Callable[[], object]]) -> list[str]:
    """Return what became of each: "" or the code of its refusal."""
    ready, said = Barrier(len(acts)), [""] * len(acts)

    def do(number: int, act: Callable[[], object]) -> None:
        ready.wait(10)
        try:
            act()
        except ConsoleError as error:
            said[number] = error.sentence.code
        finally:
            connection.close()

    threads = [Thread(target=do, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return said


def test_two_who_put_each_other_out_leave_one_administrator() -> None:
    adam, ada = person("adam", "admin"), person("ada", "admin")
    for user in (adam, ada):
        assert has_role(user, Role.ADMIN), "the role is known to each request before either acts"
    said = at_once(
        [lambda: services.deactivate(ada.pk, by=adam), lambda: services.deactivate(adam.pk, by=ada)]
    )
    assert sorted(said) == ["", "roles.refused"]
    assert User.objects.filter(is_active=True, groups__name="admin").count() == 1


def test_two_who_give_their_own_role_away_leave_one_administrator() -> None:
    adam, ada = person("adam", "admin"), person("ada", "admin")
    roles = {Role.AUDITOR}
    said = at_once(
        [
            lambda: services.set_roles(adam.pk, roles=roles, by=adam),
            lambda: services.set_roles(ada.pk, roles=roles, by=ada),
        ]
    )
    assert sorted(said) == ["", "people.last_admin"]
    assert services.administrators().count() == 1
