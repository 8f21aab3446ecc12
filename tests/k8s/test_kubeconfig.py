"""What is taken from a kubeconfig, and every attack that is refused by name."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kbconsole.k8s import kubeconfig
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.kubeconfig import ContextReport, KubeconfigRefused
from tests.k8s.server import Authority, cert_pem, certificate, key_pem, new_key

TOKEN = "canary-token-0123456789"
FILE = "/etc/passwd"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config(authority: Authority, **changes: Any) -> dict[str, Any]:
    """Return a good kubeconfig; `cluster=`, `user=`, `context=` merge into it, None removes a key."""
    parts: dict[str, dict[str, Any]] = {
        "cluster": {"server": "https://10.0.0.1:6443", "certificate-authority-data": encoded(authority.pem)},
        "user": {"token": TOKEN},
        "context": {"cluster": "c", "user": "u"},
    }
    for part, change in changes.items():
        parts[part] = {key: value for key, value in {**parts[part], **change}.items() if value is not None}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": parts["cluster"]}],
        "users": [{"name": "u", "user": parts["user"]}],
        "contexts": [{"name": "k8s-1", "context": parts["context"]}],
    }


def only(loaded: dict[str, Any]) -> ContextReport:
    contexts = kubeconfig.parse(yaml.safe_dump(loaded).encode()).contexts
    assert len(contexts) == 1
    return contexts[0]


def said(report: ContextReport) -> str:
    return " ".join(str(finding) for finding in report.findings)


def test_a_token_context_becomes_a_credential(authority: Authority) -> None:
    report = only(config(authority, context={"namespace": "db"}))
    assert report.accepted
    assert report.findings == []
    assert report.namespace == "db"
    assert report.credential == PlaneCredential("https://10.0.0.1:6443", authority.pem, token=TOKEN)


def test_a_client_certificate_becomes_a_credential(authority: Authority) -> None:
    cert, key = authority.issue("dba")
    user = {"token": None, "client-certificate-data": encoded(cert), "client-key-data": encoded(key)}
    report = only(config(authority, user=user, cluster={"tls-server-name": "kubernetes"}))
    assert report.credential is not None
    assert report.credential.client_cert_pem == cert
    assert report.credential.client_key_pem == key
    assert report.credential.tls_server_name == "kubernetes"
    assert report.credential.user_kind == "certificate"


def test_what_is_written_is_read_back(authority: Authority) -> None:
    cert, key = authority.issue("dba")
    given = {
        "k8s-1": PlaneCredential("https://a.example:6443", authority.pem, token=TOKEN),
        "k8s-2": PlaneCredential(
            "https://[fd00::1]:6443/k8s/c-1", authority.pem, "", cert, key, "kubernetes"
        ),
    }
    read = kubeconfig.parse(kubeconfig.write(given).encode())
    assert {context.name: context.credential for context in read.accepted} == given


def test_one_bad_context_does_not_hold_back_the_others(authority: Authority) -> None:
    loaded = config(authority)
    loaded["users"].append({"name": "runs", "user": {"exec": {"command": "aws"}}})
    loaded["contexts"].append({"name": "eks", "context": {"cluster": "c", "user": "runs"}})
    read = kubeconfig.parse(yaml.safe_dump(loaded).encode())
    assert [context.name for context in read.accepted] == ["k8s-1"]
    assert said(read.contexts[1]).startswith("exec: login commands are not run here")


def test_keys_that_do_nothing_are_ignored(authority: Authority) -> None:
    harmless = {
        "extensions": [{"name": "minikube", "extension": {"version": "1"}}],
        "disable-compression": "true",
    }
    change = {**harmless, "insecure-skip-tls-verify": False, "proxy-url": ""}
    assert only(config(authority, cluster=change, user={"username": "", "exec": None})).accepted


@pytest.mark.parametrize(
    ("part", "change", "key"),
    [
        ("user", {"exec": {"command": "sh", "args": ["-c", "id"]}}, "exec"),
        ("user", {"auth-provider": {"name": "gcp", "config": {"cmd-path": "/bin/sh"}}}, "auth-provider"),
        ("user", {"tokenFile": FILE}, "tokenFile"),
        ("user", {"client-certificate": FILE}, "client-certificate"),
        ("user", {"client-key": FILE}, "client-key"),
        ("user", {"username": "admin", "password": "canary-password"}, "password"),
        ("user", {"as": "system:admin"}, "as"),
        ("user", {"as-groups": ["system:masters"]}, "as-groups"),
        ("user", {"as-user-extra": {"a": ["b"]}}, "as-user-extra"),
        ("user", {"other": "x"}, "other"),
        ("user", {"token": f"{TOKEN}\nroot:x:0:0"}, "token"),
        ("user", {"token": "canary-tökén"}, "token"),
        ("user", {"token": ["canary"]}, "token"),
        ("cluster", {"certificate-authority": FILE}, "certificate-authority"),
        ("cluster", {"proxy-url": "http://10.9.9.9:3128"}, "proxy-url"),
        ("cluster", {"insecure-skip-tls-verify": True}, "insecure-skip-tls-verify"),
        ("cluster", {"insecure-skip-tls-verify": "yes"}, "insecure-skip-tls-verify"),
        ("cluster", {"certificate-authority-data": None}, "certificate-authority-data"),
        ("cluster", {"certificate-authority-data": "AAAA"}, "certificate-authority-data"),
        ("cluster", {"server": None}, "server"),
        ("cluster", {"server": "http://10.0.0.1:6443"}, "server"),
        ("cluster", {"server": "https://admin:canary@10.0.0.1:6443"}, "server"),
        ("cluster", {"server": "https://10.0.0.1:6443/?a=b"}, "server"),
        ("cluster", {"server": "https://10.0.0.1:6443/#a"}, "server"),
        ("cluster", {"server": "https://10.0.0.1:70000"}, "server"),
        ("cluster", {"server": "https://10.0.0.1/../x"}, "server"),
        ("cluster", {"server": "https://10.0.0.1/%2e%2E/x"}, "server"),
        ("cluster", {"server": "https://10.0.0.1:6443\n.evil"}, "server"),
        ("cluster", {"server": "https://[fd00::1"}, "server"),
        ("cluster", {"server": "https://[::::]:1"}, "server"),
        ("cluster", {"server": "unix:///run/x.sock"}, "server"),
        ("cluster", {"tls-server-name": "a b"}, "tls-server-name"),
        ("context", {"cluster": "gone"}, "cluster"),
        ("context", {"user": "gone"}, "user"),
        ("context", {"user": None}, "user"),
        ("user", {"token": None}, "user"),
    ],
)
def test_it_is_refused_by_the_name_of_the_key(
    authority: Authority, part: str, change: dict[str, Any], key: str
) -> None:
    report = only(config(authority, **{part: change}))
    assert not report.accepted
    assert any(str(finding).startswith(f"{key}: ") for finding in report.findings), said(report)
    for secret in ("canary", FILE, "root:x", "/bin/sh", "10.9.9.9"):
        assert secret not in said(report)


def test_an_expired_ca_is_refused_with_its_date(authority: Authority) -> None:
    expired = cert_pem(certificate("old ca", new_key(), ca=True, days=-1))
    report = only(config(authority, cluster={"certificate-authority-data": encoded(authority.pem + expired)}))
    assert "certificate-authority-data: CN=old ca expired on " in said(report)


@pytest.mark.parametrize("case", ["expired", "pair", "half", "key", "encrypted", "both"])
def test_a_bad_client_certificate_is_refused(authority: Authority, case: str) -> None:
    cert, key = authority.issue("dba", days=-1 if case == "expired" else 9)
    user: dict[str, Any] = {"token": TOKEN if case == "both" else None}
    user["client-certificate-data"] = encoded(cert)
    user["client-key-data"] = encoded({"pair": key_pem(new_key()), "key": cert}.get(case, key))
    if case == "half":
        user["client-key-data"] = None
    if case == "encrypted":
        header = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
        user["client-key-data"] = encoded(header)
    expected = {
        "expired": "client-certificate-data: CN=dba expired on",
        "pair": "does not belong to client-certificate-data",
        "half": "client-key-data: it is missing",
        "key": "client-key-data: it is no base64 of a PEM private key",
        "encrypted": "client-key-data: it is no base64 of a PEM private key",
        "both": "the server would take only one",
    }[case]
    assert expected in said(only(config(authority, user=user)))


@pytest.mark.parametrize("name", ["a,b", "a b", "a" * 129, "<script>", "a\nb", ""])
def test_a_name_that_cannot_name_a_plane_is_refused_and_shown_harmless(
    authority: Authority, name: str
) -> None:
    loaded = config(authority)
    loaded["contexts"][0]["name"] = name
    report = only(loaded)
    assert not report.accepted
    assert "cannot name a plane" in said(report)
    assert not set(report.name) & set(", <>\n")


def test_the_name_of_an_eks_context_is_taken(authority: Authority) -> None:
    loaded = config(authority)
    loaded["contexts"][0]["name"] = "arn:aws:eks:eu-1:1:cluster/prod"
    assert only(loaded).accepted


def deep(count: int) -> bytes:
    return b"kind: Config\nusers: " + b"[" * count


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no kind: Config"),
        (b"[]", "no kind: Config"),
        (b"kind: Pod", "no kind: Config"),
        (b"kind: Config\nusers: 7\ncontexts: []", "users"),
        (b"kind: Config\ncontexts: [7]", "contexts"),
        (b"kind: Config", "no contexts"),
        (b"kind: Config\nkind: Config", "same key twice (line 2)"),
        (b"kind: Config\n---\nkind: Config", "several YAML documents"),
        (b"kind: Config\nusers: &a [x]", "anchors or aliases (line 2)"),
        (b"kind: Config\nusers: *a", "anchors or aliases"),
        (b"kind: !!python/object/apply:os.system [id]", "tags (line 1)"),
        (b"kind: Config\nusers: !!binary AAAA", "tags (line 2)"),
        (b"a: b\n\x00", "no UTF-8 text"),
        (b"\xff\xfe", "no UTF-8 text"),
        (b"a: [", "no valid YAML"),
        (b'a: "\\ud800"', "no valid YAML"),
        (b'a: "\\UFFFFFFFF"', "no valid YAML"),
        (b"%YAML 1." + b"1" * 5000 + b"\n---\na: b", "no valid YAML"),
        (b"? [a]\n: b", "no text (line 1)"),
        (b"- " * 50, "nested deeper"),
        (deep(21), "nested deeper"),
        (deep(100_000), "nested deeper"),
        (b"kind: Config\na: [" + b"x," * 30_000 + b"]", "entries"),
        (b"a: " + b"x" * (257 << 10), "larger than 256 KB"),
    ],
)
def test_a_file_is_refused_as_a_whole_and_soon(data: bytes, why: str) -> None:
    started = time.process_time()
    with pytest.raises(KubeconfigRefused) as caught:
        kubeconfig.parse(data)
    assert why in str(caught.value)
    assert time.process_time() - started < 3


def test_a_hundred_thousand_brackets_are_refused_at_once() -> None:
    started = time.process_time()
    with pytest.raises(KubeconfigRefused):
        kubeconfig.parse(deep(100_000))
    assert time.process_time() - started < 0.05


def test_an_alias_bomb_is_refused_at_once() -> None:
    levels = [b"a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    levels += [b"a%d: &a%d [%s]" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 9)]
    started = time.process_time()
    with pytest.raises(KubeconfigRefused, match="anchors or aliases"):
        kubeconfig.parse(b"\n".join(levels))
    assert time.process_time() - started < 0.05


def test_two_contexts_of_one_name_are_refused(authority: Authority) -> None:
    loaded = config(authority)
    loaded["contexts"] *= 2
    with pytest.raises(KubeconfigRefused) as caught:
        only(yaml.safe_load(yaml.dump(loaded, Dumper=NoAlias)))
    assert "two contexts of one name" in str(caught.value)


class NoAlias(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def test_a_broken_file_does_not_come_back_in_the_sentence() -> None:
    with pytest.raises(KubeconfigRefused) as caught:
        kubeconfig.parse(f"users:\n- user:\n    token: {TOKEN}\n  {TOKEN}: [".encode())
    assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(caught.value.__dict__)


def test_a_token_that_slid_into_a_key_does_not_come_back(authority: Authority) -> None:
    assert TOKEN not in said(only(config(authority, user={TOKEN: "x"})))


scalars = st.one_of(
    st.text(max_size=20), st.none(), st.booleans(), st.integers(), st.sampled_from(["c", "u", "~"])
)
KEYS = (
    "kind clusters users contexts name cluster user context server token exec namespace as << "
    "certificate-authority-data client-key-data client-certificate-data"
)
keys = st.sampled_from(KEYS.split())
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(keys | st.text(max_size=5), inner, max_size=5)
    ),
)
relaxed = settings(max_examples=150, deadline=200, suppress_health_check=[HealthCheck.too_slow])


def refused_or_read(data: bytes) -> None:
    try:
        read = kubeconfig.parse(data)
    except KubeconfigRefused as refused:
        assert str(refused)
        return
    for context in read.contexts:
        assert context.accepted != bool(context.findings)
        assert all(str(finding) for finding in context.findings)


@relaxed
@given(st.binary(max_size=400))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    refused_or_read(data)


@relaxed
@given(st.text(alphabet="abc:-[]{}\"'\\#&*!|>%@?, \n\t~<=0xuU", max_size=200))
def test_any_yaml_is_refused_or_read(text: str) -> None:
    refused_or_read(b"kind: Config\n" + text.encode())


@relaxed
@given(trees)
def test_any_tree_is_refused_or_read(tree: Any) -> None:
    refused_or_read(
        yaml.dump({"kind": "Config", "contexts": tree}, Dumper=NoAlias, allow_unicode=True).encode()
    )


@relaxed
@given(trees, trees)
def test_any_parts_of_a_context_are_refused_or_read(cluster: Any, user: Any) -> None:
    loaded = {
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "k8s-1", "context": {"cluster": "c", "user": "u"}}],
    }
    refused_or_read(yaml.dump(loaded, Dumper=NoAlias, allow_unicode=True).encode())


@pytest.mark.parametrize("name", [".", "..", "../up", "a/../b", "a/.", "a b", "", "n" * 129, "<b>", "a\r\nb"])
def test_a_context_that_no_address_can_name_is_refused(name: str) -> None:
    assert not kubeconfig.NAME.match(name)


@pytest.mark.parametrize(
    "name", ["k8s-1", "a.b", "...", "a/b..c", "arn:aws:eks:eu-1:1:cluster/x", "me@there"]
)
def test_names_of_real_contexts_can_name_planes(name: str) -> None:
    assert kubeconfig.NAME.match(name)
