"""Kubeconfigs given by people: hostile input, copied by allow-list into credentials, never given to a loader.

What a kubeconfig may do in kubectl (run commands, read files, use proxies, skip TLS) is refused by the name
of the key, context by context, so that one bad context does not hold back the others.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.k8s import strict_yaml
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.pems import PemRefused, read_authorities, read_client

declare(
    {
        "k8s.kubeconfig_kind": _("The file is no kubeconfig: it has no kind: Config. Upload a kubeconfig."),
        "k8s.kubeconfig_shape": _("The part %(key)s of the file is not as in a kubeconfig. Write it anew."),
        "k8s.kubeconfig_many": _(
            "The file has more than %(limit)s %(key)s. Split it: kubectl config view --raw --minify."
        ),
        "k8s.kubeconfig_twice": _("The file has two %(key)s of one name. Rename one of them."),
        "k8s.kubeconfig_empty": _("The file has no contexts. Add one with kubectl config set-context."),
        "k8s.context_name": _(
            "The name of the context cannot name a plane: use 1 to 128 letters, digits and . _ : / @ - only "
            "(kubectl config rename-context)."
        ),
        "k8s.context_cluster": _("cluster: the context names a cluster that the file does not have. Add it."),
        "k8s.context_user": _("user: the context names a user that the file does not have. Add it."),
        "k8s.context_no_credential": _(
            "user: there is neither a token nor a client certificate in it. "
            "Make a ServiceAccount token for the console."
        ),
        "k8s.context_two_credentials": _(
            "user: there are a token and a client certificate; the server would take only one. Keep one."
        ),
        "k8s.context_unknown_key": _("%(key)s: the console does not know this key. Remove it."),
        "k8s.context_shape": _("%(key)s: its value is not as in a kubeconfig. Write it anew."),
        "k8s.key_exec": _(
            "exec: login commands are not run here. Make a ServiceAccount token for the console instead."
        ),
        "k8s.key_auth_provider": _(
            "auth-provider: login plugins are not run here. "
            "Make a ServiceAccount token for the console instead."
        ),
        "k8s.key_file": _(
            "%(key)s: files are not read from a path. Put the content in %(instead)s "
            "(kubectl config view --raw --flatten does it)."
        ),
        "k8s.key_proxy": _("proxy-url: the console uses no proxies of a kubeconfig. Remove it."),
        "k8s.key_password": _(
            "%(key)s: passwords are not taken. Make a ServiceAccount token for the console instead."
        ),
        "k8s.key_impersonate": _(
            "%(key)s: acting as somebody else is not allowed. Use a credential of the console's own."
        ),
        "k8s.key_insecure": _(
            "insecure-skip-tls-verify: the server must prove who it is. "
            "Remove it and add certificate-authority-data."
        ),
        "k8s.server_missing": _("server: it is missing. Give the https address of the API server."),
        "k8s.server_http": _("server: it is not https, so the credential would be readable. Use https."),
        "k8s.server_parts": _(
            "server: only https://host:port with an optional path is taken, without user name, query "
            "or fragment."
        ),
        "k8s.server_name": _("tls-server-name: it is no DNS name or address. Correct or remove it."),
        "k8s.token_lines": _(
            "token: it is not one line of visible ASCII characters. Copy it again, without line breaks."
        ),
    }
)

T = TypeVar("T")
NAMES_LIMIT = 64
NAME = re.compile(r"(?!(?:.*/)?\.\.?(?:/|\Z))[A-Za-z0-9._:/@-]{1,128}\Z")
"""Without the parts . and .., which a browser takes out of an address before it asks."""
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\]"
_SERVER = re.compile(
    rf"https://(?P<host>{_HOST})(:(?P<port>[0-9]{{1,5}}))?(?P<path>(/[A-Za-z0-9_.~:%-]+)*)/?\Z"
)
_SERVER_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,252})\Z")
_TOKEN = re.compile(r"[!-~]{1,16384}\Z")
_SHOWABLE_KEY = re.compile(r"[A-Za-z][A-Za-z-]{0,39}\Z")
_EMPTY = ("", "null", "~", "Null", "NULL")
_CLUSTER_KEYS = frozenset(
    {"server", "certificate-authority-data", "tls-server-name", "insecure-skip-tls-verify"}
)
_USER_KEYS = frozenset({"token", "client-certificate-data", "client-key-data"})
_HARMLESS = frozenset({"extensions", "disable-compression", "namespace", "preferences"})
_BY_NAME: Mapping[str, tuple[str, str]] = {
    "exec": ("k8s.key_exec", ""),
    "auth-provider": ("k8s.key_auth_provider", ""),
    "proxy-url": ("k8s.key_proxy", ""),
    "username": ("k8s.key_password", ""),
    "password": ("k8s.key_password", ""),
    "tokenFile": ("k8s.key_file", "token"),
    "certificate-authority": ("k8s.key_file", "certificate-authority-data"),
    "client-certificate": ("k8s.key_file", "client-certificate-data"),
    "client-key": ("k8s.key_file", "client-key-data"),
}


class KubeconfigRefused(ConsoleError):
    """The whole file is not taken."""


@dataclass(frozen=True)
class ContextReport:
    """One context: its credential, or why it is refused, by the names of the keys.

    `name` is safe to show; `server` is "" where it was not understood; `namespace` is the
    context's, "" if none.
    """

    name: str
    credential: PlaneCredential | None
    findings: list[Sentence] = field(default_factory=list)
    namespace: str = ""
    server: str = ""

    @property
    def accepted(self) -> bool:
        return self.credential is not None


@dataclass(frozen=True)
class Kubeconfig:
    """A file that was understood."""

    contexts: list[ContextReport]

    @property
    def accepted(self) -> list[ContextReport]:
        """The contexts that can be registered."""
        return [context for context in self.contexts if context.accepted]


def parse(data: bytes) -> Kubeconfig:
    """Read a kubeconfig. Raises KubeconfigRefused only for what is wrong with the file as a whole.

    Nothing of the file is kept but the credentials of accepted contexts, rebuilt from their parsed parts.
    """
    try:
        loaded = strict_yaml.load(data)
    except strict_yaml.YamlRefused as refused:
        raise KubeconfigRefused(refused.sentence.code, **refused.sentence.params) from None
    if not isinstance(loaded, dict) or loaded.get("kind") != "Config":
        raise KubeconfigRefused("k8s.kubeconfig_kind")
    clusters = dict(_named(loaded, "clusters", "cluster"))
    users = dict(_named(loaded, "users", "user"))
    contexts = _named(loaded, "contexts", "context")
    if not contexts:
        raise KubeconfigRefused("k8s.kubeconfig_empty")
    return Kubeconfig([_report(name, context, clusters, users) for name, context in contexts])


def write(credentials: Mapping[str, PlaneCredential]) -> str:
    """Return a kubeconfig that needs no other file: one context per plane, the first is current."""
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": next(iter(credentials), ""),
        "clusters": [{"name": name, "cluster": _cluster(given)} for name, given in credentials.items()],
        "users": [{"name": name, "user": _user(given)} for name, given in credentials.items()],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in credentials],
    }
    return yaml.safe_dump(config, sort_keys=False, default_flow_style=False, width=1 << 20)


def _cluster(credential: PlaneCredential) -> dict[str, str]:
    cluster = {"server": credential.server, "certificate-authority-data": _encoded(credential.ca_pem)}
    if credential.tls_server_name:
        cluster["tls-server-name"] = credential.tls_server_name
    return cluster


def _user(credential: PlaneCredential) -> dict[str, str]:
    if not credential.client_cert_pem:
        return {"token": credential.token}
    return {
        "client-certificate-data": _encoded(credential.client_cert_pem),
        "client-key-data": _encoded(credential.client_key_pem),
    }


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _named(loaded: Mapping[str, Any], key: str, inner: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the entries of one of the three lists with their names."""
    entries = loaded.get(key, [])
    if entries in _EMPTY:
        return []
    if not isinstance(entries, list):
        raise KubeconfigRefused("k8s.kubeconfig_shape", key=key)
    if len(entries) > NAMES_LIMIT:
        raise KubeconfigRefused("k8s.kubeconfig_many", key=key, limit=NAMES_LIMIT)
    named: dict[str, dict[str, Any]] = {}
    for entry in entries:
        body = entry.get(inner, {}) if isinstance(entry, dict) else None
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not isinstance(body, dict):
            raise KubeconfigRefused("k8s.kubeconfig_shape", key=key)
        if name in named:
            raise KubeconfigRefused("k8s.kubeconfig_twice", key=key)
        named[name] = body
    return list(named.items())


def _report(
    name: str, context: Mapping[str, Any], clusters: Mapping[str, Any], users: Mapping[str, Any]
) -> ContextReport:
    findings: list[Sentence] = []
    if not NAME.match(name):
        findings.append(say("k8s.context_name"))
    cluster, user = (
        _referred(context, "cluster", clusters, findings),
        _referred(context, "user", users, findings),
    )
    server, ca, server_name = _read_cluster(cluster, findings) if cluster is not None else ("", "", "")
    token, cert, key = _read_user(user, findings) if user is not None else ("", "", "")
    credential = None
    if not findings:
        credential = PlaneCredential(server, ca, token, cert, key, server_name)
    namespace = _text(context, "namespace", findings=[])
    return ContextReport(
        name=re.sub(r"[^A-Za-z0-9._:/@-]", "?", name[:128]),
        credential=credential,
        findings=findings,
        namespace=namespace if _NAMESPACE.match(namespace) else "",
        server=server,
    )


def _referred(
    context: Mapping[str, Any], key: str, known: Mapping[str, Any], findings: list[Sentence]
) -> dict[str, Any] | None:
    name = context.get(key)
    found: dict[str, Any] | None = known.get(name) if isinstance(name, str) else None
    if found is None:
        findings.append(say(f"k8s.context_{key}"))
    return found


def _read_cluster(cluster: Mapping[str, Any], findings: list[Sentence]) -> tuple[str, str, str]:
    _check_keys(cluster, _CLUSTER_KEYS, findings)
    if _text(cluster, "insecure-skip-tls-verify", findings).lower() not in ("", "false"):
        findings.append(say("k8s.key_insecure"))
    server = _server(_text(cluster, "server", findings), findings)
    name = _text(cluster, "tls-server-name", findings)
    if name and not _SERVER_NAME.match(name):
        findings.append(say("k8s.server_name"))
    encoded = _text(cluster, "certificate-authority-data", findings)
    ca = _pem(lambda: read_authorities(encoded), findings, otherwise="")
    return server, ca, name


def _read_user(user: Mapping[str, Any], findings: list[Sentence]) -> tuple[str, str, str]:
    before = len(findings)
    _check_keys(user, _USER_KEYS, findings)
    token = _text(user, "token", findings)
    if token and not _TOKEN.match(token):
        findings.append(say("k8s.token_lines"))
    encoded = (_text(user, "client-certificate-data", findings), _text(user, "client-key-data", findings))
    cert, key = (
        _pem(lambda: read_client(*encoded), findings, otherwise=("", "")) if any(encoded) else ("", "")
    )
    if token and any(encoded):
        findings.append(say("k8s.context_two_credentials"))
    elif not token and not cert and len(findings) == before:
        findings.append(say("k8s.context_no_credential"))
    return token, cert, key


def _pem(read: Callable[[], T], findings: list[Sentence], *, otherwise: T) -> T:
    try:
        return read()
    except PemRefused as refused:
        findings.append(refused.sentence)
        return otherwise


def _check_keys(part: Mapping[str, Any], taken: frozenset[str], findings: list[Sentence]) -> None:
    for key, value in part.items():
        if key in taken or key in _HARMLESS or value in _EMPTY:
            continue
        if key in _BY_NAME:
            code, instead = _BY_NAME[key]
            findings.append(say(code, key=key, instead=instead))
        elif key == "as" or key.startswith("as-"):
            findings.append(say("k8s.key_impersonate", key=_showable(key)))
        else:
            findings.append(say("k8s.context_unknown_key", key=_showable(key)))


def _showable(key: str) -> str:
    """Return the key, or `?` where it may be a piece of something else, such as of a token."""
    return key if _SHOWABLE_KEY.match(key) else "?"


def _text(part: Mapping[str, Any], key: str, findings: list[Sentence]) -> str:
    value = part.get(key, "")
    if not isinstance(value, str):
        findings.append(say("k8s.context_shape", key=key))
        return ""
    return "" if value in _EMPTY else value


def _server(text: str, findings: list[Sentence]) -> str:
    """Return `https://host:port` with an optional path, "" if there is no such thing in `text`."""
    found = _SERVER.match(text)
    if not text:
        findings.append(say("k8s.server_missing"))
    elif not text.startswith("https://"):
        findings.append(say("k8s.server_http"))
    elif (
        found is None or not 0 < int(found["port"] or 443) < 65536 or not _sound(found["host"], found["path"])
    ):
        findings.append(say("k8s.server_parts"))
    else:
        return f"https://{found['host'].lower()}:{int(found['port'] or 443)}{found['path']}"
    return ""


def _sound(host: str, path: str) -> bool:
    """Return whether a host in brackets is an address and no part of the path walks upwards."""
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return False
    return not any(part.replace("%2e", ".").replace("%2E", ".") in (".", "..") for part in path.split("/"))
