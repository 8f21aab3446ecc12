"""People for tests."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.test import Client


def person(name: str, *roles: str, superuser: bool = False) -> User:
    """Return the user of that name in exactly these groups; made on first use."""
    user, _ = User.objects.get_or_create(username=name, defaults={"is_superuser": superuser})
    # Not by `set`: the audit log would tell of it, and these people were there before.
    member = User.groups.through
    member.objects.filter(user_id=user.pk).delete()
    groups = [Group.objects.get_or_create(name=role)[0] for role in roles]
    member.objects.bulk_create(member(user_id=user.pk, group_id=group.pk) for group in groups)
    return user


def signed_in(user: User) -> Client:
    """Return a browser in which this person is signed in."""
    client = Client()
    client.force_login(user)
    return client
