#!/usr/bin/env python3
"""The whole journey by API: ask for a database, wait for its plan, approve it, follow the run, show what runs where.

    python3 docs/journey.py http://127.0.0.1:8000 --dba dba:PASSWORD --admin admin:PASSWORD

Somebody is NAME:PASSWORD or an API token; also by the environment, where other people of the machine cannot read it:
KBCONSOLE_DBA and KBCONSOLE_ADMIN. Needs Python 3.9 and nothing else. docs/api.md explains each request.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

POLL_SECONDS = 1.0
PATIENCE_SECONDS = 15 * 60


class Problem(Exception):
    """What the console answered instead (RFC 9457)."""

    def __init__(self, body: dict[str, Any]) -> None:
        lines = [f"{body.get('status')} {body.get('title')}: {body.get('detail')}"]
        for field, sentences in body.get("errors", {}).items():
            lines += [f"  {field}: {sentence['text']}" for sentence in sentences]
        super().__init__("\n".join(lines))


class Person:
    """Somebody who calls the API with a token; a name and password get one first."""

    def __init__(self, base: str, who: str) -> None:
        self.base = base.rstrip("/") + "/api/v1/"
        self.token = ""
        name, colon, password = who.partition(":")
        if colon:
            self.token = self.call("POST", "token/", {"username": name, "password": password})["token"]
        else:
            self.token = who
        self.name = self.get("me/")["name"]

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""))

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.call("POST", path, body or {})

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Return the JSON of the answer. Raises Problem."""
        headers = {"Accept": "application/json"}
        if self.token:
            headers["Authorization"] = f"Token {self.token}"
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, headers, method=method)  # noqa: S310  the caller's URL
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.headers.get_content_type() != "application/problem+json":
                raise
            raise Problem(json.load(error)) from None


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def ask(dba: Person, options: argparse.Namespace) -> dict[str, Any]:
    """Ask for the database; planes and profile are the fleet's own unless somebody chose."""
    planes = options.planes.split(",") if options.planes else [
        plane["name"] for plane in dba.get("planes/")["results"] if plane["is_data_plane"]
    ]  # fmt: skip
    profile = options.profile or next(iter(row["name"] for row in dba.get("profiles/")["results"]), "")
    placement: dict[str, Any] = dba.post(
        "placements/",
        {
            "name": options.name, "namespace": options.namespace, "engine": "etcd", "replicas": options.replicas,
            "planes": planes, "profile": profile, "size": options.size, "purpose": "docs/journey.py",
        },
    )  # fmt: skip
    say(
        f"{dba.name} asked for {placement['namespace']}/{placement['name']}: {options.replicas} replicas on {planes}"
    )
    say(f"  {placement['survival']['headline']['text']}")
    return placement


def wait_for_plan(person: Person, placement: int) -> dict[str, Any]:
    """Return the plan once a worker has made it. Raises Problem if it could not be made."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        plan: dict[str, Any] = person.get(f"placements/{placement}/plan/")
        if plan["status"] == "failed":
            raise Problem({"status": "plan", "title": "failed", "detail": plan["failure"]["text"]})
        if plan["status"] != "making":
            return plan
        time.sleep(POLL_SECONDS)
    raise TimeoutError("the plan is still being made: does a worker run?")


def approve(admin: Person, plan: dict[str, Any]) -> int:
    """Read the plan, approve exactly its hash, and return the id of the run that this started."""
    say(f"{admin.name} reads plan {plan['id']}, {len(plan['steps'])} steps:")
    for step in plan["steps"]:
        touches = [f"{item['touch']} {item['ref']['kind']} {item['ref']['name']}" for item in step["diff"]]
        say(f"  {step['on']:14} {step['label']['text']}" + (f"  [{', '.join(touches)}]" if touches else ""))
    for caution in plan["cautions"]:
        say(f"  caution: {caution['sentence']['text']}")
    accepted = [caution["key"] for caution in plan["cautions"]]  # a person would read them first
    body = {"hash": plan["hash"], "accepted": accepted, "comment": "docs/journey.py"}
    done = admin.post(f"plans/{plan['id']}/approve/", body)
    if done["status"] != "approved":
        raise Problem({"status": "plan", "title": done["status"], "detail": "it needs one more approval"})
    say(f"{admin.name} approved {plan['hash'][:12]}")
    run: int = done["runs"][-1]
    return run


def follow(person: Person, run: int) -> str:
    """Print each line of the run's log once, until there are no more; return how it ended."""
    after, end = 0, time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        news = person.get(f"runs/{run}/events/", after=after)
        for event in news["results"]:
            say(f"  {event['at'][11:19]} {event['lane'] or 'console':14} {event['sentence']['text']}")
        after = news["last"]
        if not news["more"]:
            return str(news["status"])
        if not news["results"]:
            time.sleep(POLL_SECONDS)
    raise TimeoutError(f"run {run} is still under way; look at it with GET runs/{run}/")


def show(placement: dict[str, Any]) -> None:
    """Print where each replica runs and which addresses it has."""
    say(f"{placement['namespace']}/{placement['name']}: {placement['status']}")
    for row in placement["replica_rows"]:
        pod, service = row["pod"] or {}, row["service"] or {}
        state = "ready" if pod.get("ready") else pod.get("reason") or "not seen"
        addresses = ", ".join([*service.get("addresses", []), service.get("cluster_ip") or ""]).strip(", ")
        say(
            f"  {row['name']:28} {row['plane']:14} {state:9} {pod.get('role') or '-':9} {addresses or 'no address'}"
        )
    for endpoint in placement["endpoints"]:
        say(
            f"  for clients: {endpoint['address']}:{endpoint['port']} ({endpoint['plane']}, {endpoint['service']})"
        )
    if not placement["endpoints"]:
        say("  no address from outside: the network profile gives clients none")


def journey(options: argparse.Namespace) -> int:
    dba, admin = Person(options.base, options.dba), Person(options.base, options.admin)
    placement = ask(dba, options)
    run = approve(admin, wait_for_plan(admin, placement["id"]))
    ended = follow(dba, run)
    show(dba.get(f"placements/{placement['id']}/"))
    return 0 if ended == "succeeded" else 1


def main() -> int:
    parser = argparse.ArgumentParser(description="Ask, approve, follow: one database by API.")
    parser.add_argument("base", help="where the console is, such as http://127.0.0.1:8000")
    parser.add_argument("--dba", default=os.environ.get("KBCONSOLE_DBA"), help="NAME:PASSWORD or a token")
    parser.add_argument("--admin", default=os.environ.get("KBCONSOLE_ADMIN"), help="NAME:PASSWORD or a token")
    parser.add_argument("--name", default="etcd-journey")
    parser.add_argument("--namespace", default="demo")
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--planes", help="names with commas between, in order; default: all data planes")
    parser.add_argument("--profile", help="a network profile; default: the first")
    parser.add_argument("--size", default="guide")
    options = parser.parse_args()
    if not options.dba or not options.admin:
        parser.error(
            "name a DBA and an administrator: --dba and --admin, or KBCONSOLE_DBA and KBCONSOLE_ADMIN"
        )
    try:
        return journey(options)
    except (Problem, TimeoutError, urllib.error.URLError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
