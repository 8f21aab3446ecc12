"""Make an administrator, the first one above all: `manage.py create_admin NAME`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from getpass import getpass
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from kbconsole.audit.services import record
from kbconsole.common.roles import Role


class Command(BaseCommand):
    """The password is never an argument: other users of the machine see those in the list of processes."""

    help = "Make a user in the group admin. Asks for the password twice, unless told where to read it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--email", default="")
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--password-stdin", action="store_true", help="read it from the first line of input"
        )
        source.add_argument("--password-file", type=Path, help="read it from the first line of a file")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User(username=options["name"], email=options["email"])
        _check(user)
        password = _password(options)
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise CommandError(_("No user was made. %(why)s") % {"why": " ".join(error.messages)}) from None
        user.set_password(password)
        create_admin(user)
        self.stdout.write(_("%(name)s is an administrator and may sign in now.") % {"name": user.username})


@transaction.atomic
def create_admin(user: User) -> None:
    """Save the user, put it into the group admin, and record that. Raises CommandError for a name in use."""
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        raise CommandError(_taken(user.username)) from None
    user.groups.add(Group.objects.get_or_create(name=Role.ADMIN.value)[0])
    record("access.admin_created", by="system", on=("user", user.pk, user.username))


def _check(user: User) -> None:
    """Refuse a wrong name or address before a password is asked for."""
    if User.objects.filter(username=user.username).exists():
        raise CommandError(_taken(user.username))
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        lines = [f"{name}: {' '.join(said)}" for name, said in error.message_dict.items()]
        raise CommandError(_("No user was made. %(why)s") % {"why": " ".join(lines)}) from None


def _taken(name: str) -> str:
    return _(
        "There is a user called %(name)s already; nothing was changed. Choose another name, or give that user "
        "a new password with: manage.py changepassword %(name)s"
    ) % {"name": name}


def _password(options: dict[str, Any]) -> str:
    if options["password_stdin"]:
        return sys.stdin.readline().rstrip("\r\n")
    if options["password_file"]:
        try:
            return str(options["password_file"].read_text()).partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(_("The password cannot be read: %(why)s") % {"why": error}) from None
    first = getpass(_("Password: "))
    if first != getpass(_("Password again: ")):
        raise CommandError(_("The two passwords differ; nothing was changed."))
    return first
