"""`make demo`: migrate, embedded fleet, web, worker, beat, story; all of it ends with Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from types import FrameType
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from django.contrib.auth.models import Group, User
from django.core.management import BaseCommand, CommandError, call_command

from kbconsole.common.roles import Role
from kbconsole.demo import anew, links
from kbconsole.demo.processes import PYTHON, Child, Children
from kbconsole.demo.settings import DEMO_DIR, DEMO_PASSWORD

PEOPLE = {"dba": Role.DBA, "admin": Role.ADMIN, "admin2": Role.ADMIN, "auditor": Role.AUDITOR}
HOST = "127.0.0.1"


class Stopped(Exception):
    """Ctrl-C, or a signal to end."""


class Command(BaseCommand):
    help = "Runs the whole console on this machine, with an embedded fleet instead of Kubernetes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--fresh", action="store_true", help="start anew: database and fleet")
        parser.add_argument("--no-story", action="store_true", help="an empty console")

    def handle(self, *args: Any, **options: Any) -> None:
        os.umask(0o077)  # for every process of the demo: state, logs and messages are the owner's alone
        self.folder = DEMO_DIR
        self.port: int = options["port"]
        self.children = Children(self.say)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stopped)
        try:
            self.check_port()
            self.prepare(fresh=options["fresh"])
            self.start()
            self.show()
            story = None if options["no_story"] else self.tell()
            self.watch(story)
        except Stopped:
            self.say("Stopping …")
        finally:
            for ignored in (signal.SIGINT, signal.SIGTERM):
                signal.signal(ignored, signal.SIG_IGN)
            self.children.stop()
        self.say("Stopped. A second start finds everything as it is now.")

    def stopped(self, number: int, frame: FrameType | None) -> None:
        raise Stopped

    def say(self, line: str = "") -> None:
        with suppress(BrokenPipeError):
            self.stdout.write(line)
            self.stdout.flush()

    def check_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.port))
            except OSError as error:
                raise CommandError(
                    f"Port {self.port} is busy. Stop what listens there, or take another: "
                    f"make demo PORT={self.port + 1}"
                ) from error

    def prepare(self, *, fresh: bool) -> None:
        if fresh:
            anew.start_anew(self.folder)
        anew.claim(self.folder)
        (self.folder / "logs").mkdir(mode=0o700, exist_ok=True)
        call_command("migrate", verbosity=0, interactive=False)
        for username, role in PEOPLE.items():
            user, made = User.objects.get_or_create(username=username)
            if made:
                user.set_password(DEMO_PASSWORD)
                user.save()
            user.groups.set([Group.objects.get(name=role)])
        links.forget(self.folder / "links")

    def start(self) -> None:
        fleet = self.child("fleet", PYTHON, "-m", "kbconsole.demo.serve", "--state", self.state,
                           "--kubeconfig-out", str(self.folder / "fleet.kubeconfig"))  # fmt: skip
        self.child(
            "web", PYTHON, "-m", "gunicorn", "kbconsole.wsgi", "--bind", f"{HOST}:{self.port}", "--workers", "1",
            "--threads", "8", "--worker-class", "gthread", "--log-level", "warning",
        )  # fmt: skip
        celery = (PYTHON, "-m", "celery", "--app", "kbconsole", "--quiet")
        self.child("worker", *celery, "worker", "--concurrency", "3", "--loglevel", "WARNING", "--without-gossip",
                   "--without-mingle", "--without-heartbeat", "--hostname", "demo@localhost")  # fmt: skip
        self.child("beat", *celery, "beat", "--loglevel", "WARNING", "--pidfile", "")
        self.wait_for(f"http://{HOST}:{self.port}/sign-in/", fleet)

    @property
    def state(self) -> str:
        return str(self.folder / "fleet.sqlite3")

    def child(self, name: str, *command: str, again: bool = True) -> Child:
        return self.children.start(name, *command, log=self.folder / "logs" / f"{name}.log", again=again)

    def wait_for(self, url: str, fleet: Child) -> None:
        until = monotonic() + 60
        while monotonic() < until:
            self.children.look()
            with suppress(URLError, OSError), urlopen(url, timeout=2) as answer:
                if answer.status == 200 and (self.folder / "fleet.kubeconfig").exists():
                    return
            sleep(0.1)
        raise CommandError(f"The console does not answer at {url}. Its logs are in {self.folder / 'logs'}.")

    def show(self) -> None:
        here = Path.cwd()
        state = Path(self.state)
        shown = state.relative_to(here) if state.is_relative_to(here) else state
        python = Path(PYTHON).relative_to(here) if Path(PYTHON).is_relative_to(here) else PYTHON
        fault = f"{python} -m kbconsole.demo.fault --state {shown} k8s-3"
        base = f"http://{HOST}:{self.port}"
        self.say(f"\n  kbconsole is at {base}/\n\n  Sign in by a link; each is valid once:")
        for username in PEOPLE:
            token = links.make(self.folder / "links", username)
            self.say(f"    {username:<8} {base}/demo/sign-in/{token}/")
        self.say(
            f"    … or by these names with the password {DEMO_PASSWORD}\n"
            "  Use a private window for the second role, so that both stay signed in.\n\n"
            "  Next three clicks:\n"
            "    1. as dba:    Databases → Ask for a database → Show the plan\n"
            "    2. as admin:  Approvals → Open → Approve\n"
            "    3. as either: watch the steps turn green, then see where each replica runs\n\n"
            f"  Break k8s-3:    {fault} unreachable\n"
            f"  Mend k8s-3:     {fault} off\n"
            f"  A fourth plane: upload {shown.parent / 'k8s-4.kubeconfig'} under Fleet → Add planes\n\n"
            "  Ctrl-C stops all of it; make demo FRESH=1 starts anew.\n"
        )

    def tell(self) -> Child:
        self.say("  The story is being made: planes, profiles, three databases …")
        return self.child("story", PYTHON, "-m", "django", "demo_story", again=False)

    def watch(self, story: Child | None) -> None:
        begun = monotonic()
        while True:
            if story is not None and story.code is not None:
                done = f"  The story is complete after {monotonic() - begun:.0f} s.\n"
                broken = f"  The story stopped half-way; its log: {story.log}\n"
                self.say(done if story.code == 0 else broken)
                story = None
            self.children.look()
            sleep(0.5)
