"""A user of the console's own on a plane: the manifest that makes it, and commands that print its kubeconfig.

The rights come from the table that the preflight checks, so that what is granted and what is asked for are the same.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from kbconsole.common.sentences import Json, Sentence
from kbconsole.fleet.preflight.rights import GROUPS, groups_for
from kbconsole.k8s.commands import manifest_yaml
from kbconsole.k8s.kinds import Object

NAME = "kbconsole"
"""Of the namespace, the account, the Secret, the roles and their bindings."""
DURATION = "8760h"
INSTALLER, INSTALLER_HOME = "kbconsole-installer", "kube-system"
"""The administrator that is made for installing, in a namespace where whoever may make accounts is one already."""
KINDS: Mapping[str, tuple[bool, bool]] = {
    "plane": (False, True),
    "control": (True, False),
    "both": (True, True),
}
"""What an account may be for, as (control plane, data plane)."""
ENDED_BY_AN_ACCOUNT = frozenset(
    {"k8s.key_exec", "k8s.key_auth_provider", "k8s.key_password", "k8s.context_no_credential"}
)
"""Refusals of a kubeconfig whose way out is an account of the console's own."""
_RBAC = "rbac.authorization.k8s.io"
_CONFIG = """\
apiVersion: v1
kind: Config
clusters:
{{range .clusters}}- name: "NAME"
  cluster:
    server: {{.cluster.server}}
{{with index .cluster "tls-server-name"}}    tls-server-name: {{.}}
{{end}}{{with index .cluster "certificate-authority-data"}}    certificate-authority-data: {{.}}
{{end}}{{end}}users:
- name: "NAME"
  user:
    token: '"$(TOKEN)"'
contexts:
- name: "NAME"
  context:
    cluster: "NAME"
    user: "NAME"
"""


def file_name(kind: str) -> str:
    return f"{NAME}-{kind}.yaml"


def manifest(*, control: bool, data: bool) -> str:
    """Return the YAML of a user with the least rights that a plane needs."""
    account = {"name": NAME, "namespace": NAME}
    of_account = {**account, "annotations": {"kubernetes.io/service-account.name": NAME}}
    token = {"kind": "Secret", "metadata": of_account, "type": "kubernetes.io/service-account-token"}
    objects: list[Object] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        {"apiVersion": "v1", **token},
    ]
    by_namespace: dict[str, list[Mapping[str, list[str]]]] = {}
    for group in groups_for(control=control, data=data):
        by_namespace.setdefault(GROUPS[group].namespace, []).extend(GROUPS[group].rules)
    for namespace, rules in by_namespace.items():
        objects += _grant(namespace, rules, account)
    return "---\n".join(manifest_yaml(obj) for obj in objects)


def _grant(namespace: str, rules: list[Mapping[str, list[str]]], account: Mapping[str, str]) -> list[Object]:
    kind = "Role" if namespace else "ClusterRole"
    metadata = {"name": NAME, **({"namespace": namespace} if namespace else {})}
    role = {"kind": kind, "metadata": metadata, "rules": [dict(rule) for rule in rules]}
    binding = {
        "kind": f"{kind}Binding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": NAME},
        "subjects": [{"kind": "ServiceAccount", **account}],
    }
    return [{"apiVersion": f"{_RBAC}/v1", **made} for made in (role, binding)]


def apply_command(context: str, kind: str) -> str:
    return f"kubectl --context {shlex.quote(context)} apply -f {file_name(kind)}"


def kubeconfig_command(context: str, plane: str, *, ending: bool = False) -> str:
    """Return what prints the kubeconfig of the account; `ending`: with a token that ends by itself.

    Server and authorities are those of the administrator's own context, because these are known to lead there from
    outside; only the user is another. `plane` must be a name that `kbconsole.k8s.kubeconfig` takes.
    """
    kubectl = f"kubectl --context {shlex.quote(context)}"
    token = f"{kubectl} -n {NAME} get secret {NAME} -o go-template='{{{{base64decode .data.token}}}}'"
    if ending:
        token = f"{kubectl} -n {NAME} create token {NAME} --duration {DURATION}"
    return _printed(kubectl, plane, token)


def installer_commands(context: str, plane: str) -> list[str]:
    """Return what makes an administrator for a day on a plane, prints its kubeconfig, and takes it away again."""
    kubectl = f"kubectl --context {shlex.quote(context)}"
    account = f"{INSTALLER_HOME}:{INSTALLER}"
    made = f"clusterrolebinding {INSTALLER} --clusterrole cluster-admin --serviceaccount {account}"
    token = f"{kubectl} -n {INSTALLER_HOME} create token {INSTALLER} --duration 24h"
    return [
        f"{kubectl} -n {INSTALLER_HOME} create serviceaccount {INSTALLER}",
        f"{kubectl} create {made}",
        _printed(kubectl, plane, token),
        f"{kubectl} delete clusterrolebinding {INSTALLER}; "
        f"{kubectl} -n {INSTALLER_HOME} delete serviceaccount {INSTALLER}",
    ]


def _printed(kubectl: str, plane: str, token: str) -> str:
    template = _CONFIG.replace("NAME", plane).replace("TOKEN", token)
    return f"{kubectl} config view --raw --flatten --minify -o go-template='{template}'"


def would_help(findings: Iterable[Sentence | Json]) -> bool:
    """Return whether one of these refusals, or of those inside them, is ended by an account of the console's own."""
    return any(_helps(finding) for finding in findings)


def _helps(said: Sentence | Json) -> bool:
    if isinstance(said, list | tuple):
        return would_help(said)
    if isinstance(said, Mapping) and set(said) == {"code", "params"}:
        said = Sentence.from_json(said)
    if not isinstance(said, Sentence):
        return False
    return said.code in ENDED_BY_AN_ACCOUNT or would_help(said.params.values())
