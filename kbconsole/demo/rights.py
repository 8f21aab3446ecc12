"""What each user of the embedded planes may do, as RBAC objects."""

from __future__ import annotations

from typing import Any

from kbconsole.demo.authz import MASTERS, User
from kbconsole.demo.resources import RBAC

Object = dict[str, Any]
POD_ROLE = "kubeblocks-cluster-pod-role"
_EVERYBODY = "system:authenticated"
_ALL_VERBS = "get list watch create update patch delete deletecollection"
USERS = {
    "admin": User("admin", (MASTERS, _EVERYBODY)),
    "kbconsole": User("kbconsole", ("kbconsole", _EVERYBODY)),
    "operator": User("operator", ("kubeblocks", _EVERYBODY)),
    "nobody": User("nobody", (_EVERYBODY,)),
}


def rule(group: str, resources: str, verbs: str, *names: str) -> Object:
    made: Object = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
    return made | ({"resourceNames": list(names)} if names else {})


def cluster_role(name: str, rules: list[Object], **extra: Any) -> Object:
    labels = extra.pop("labels", None)
    metadata = {"name": name} | ({"labels": labels} if labels else {}) | extra.pop("metadata", {})
    return {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules} | extra


def binding(name: str, role: str, subject: str, *, kind: str = "User") -> Object:
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": kind, "name": subject, "apiGroup": RBAC}],
    }


def bootstrap() -> list[Object]:
    """Return the roles that every API server starts with."""
    reviews = [
        rule("authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews", "create"),
        rule("authentication.k8s.io", "selfsubjectreviews", "create"),
    ]
    public = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
    paths = sorted([*public, "/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"])
    everything = [rule("*", "*", "*"), {"nonResourceURLs": ["*"], "verbs": ["*"]}]
    viewer = "system:public-info-viewer"
    viewers = binding(viewer, viewer, _EVERYBODY, kind="Group")
    viewers["subjects"].append({"kind": "Group", "name": "system:unauthenticated", "apiGroup": RBAC})
    return [
        cluster_role("cluster-admin", everything),
        cluster_role("system:basic-user", reviews),
        cluster_role("system:discovery", [{"nonResourceURLs": paths, "verbs": ["get"]}]),
        cluster_role("system:public-info-viewer", [{"nonResourceURLs": public, "verbs": ["get"]}]),
        binding("cluster-admin", "cluster-admin", MASTERS, kind="Group"),
        binding("system:basic-user", "system:basic-user", _EVERYBODY, kind="Group"),
        binding("system:discovery", "system:discovery", _EVERYBODY, kind="Group"),
        viewers,
    ]


def of_data_plane() -> list[Object]:
    """Return the console's and the operator's rights in a data plane."""
    console = [
        rule(RBAC, "clusterroles", "get create patch escalate bind delete", POD_ROLE),
        rule("", "namespaces", "get list create patch"),
        rule("", "events nodes", "get list"),
        rule("", "pods persistentvolumeclaims", "get list delete"),
        rule("", "services configmaps serviceaccounts", "get list create patch delete"),
        rule(RBAC, "rolebindings", "get list create patch delete"),
        rule("storage.k8s.io", "storageclasses", "get list"),
        rule("networking.k8s.io", "servicecidrs", "get list"),
        rule("cilium.io", "ciliumnodes ciliumloadbalancerippools", "get list"),
        rule("crd.projectcalico.org", "ippools", "get list"),
        rule("metallb.io", "ipaddresspools l2advertisements", "get list create patch delete"),
        rule("metallb.io", "configurationstates", "get list"),
        rule("apps", "deployments daemonsets", "get list"),
    ]
    operator = [
        rule("", "pods persistentvolumeclaims services configmaps secrets serviceaccounts", _ALL_VERBS),
        rule("", "pods/status services/status", "get patch update"),
        rule("batch", "jobs", _ALL_VERBS),
        rule(RBAC, "roles rolebindings clusterrolebindings", _ALL_VERBS),
        rule(RBAC, "clusterroles", "get"),
        rule(RBAC, "clusterroles", "bind", POD_ROLE),
        rule("", "persistentvolumes", "get list watch patch update"),
        rule("", "events", "get list watch create patch"),
        rule("", "pods/exec", "create get"),
        rule("", "pods/log", "get"),
        rule("", "namespaces", "get list"),
        rule("storage.k8s.io", "storageclasses csidrivers", "get list"),
    ]
    return _granted(console, operator)


def of_control_plane() -> list[Object]:
    """Return the console's and the operator's rights in the control plane."""
    console = [
        rule("apps.kubeblocks.io", "clusters", "get list create patch delete"),
        rule("apps.kubeblocks.io", "componentdefinitions components", "get list"),
        rule("workloads.kubeblocks.io", "instancesets", "get list"),
        rule(RBAC, "clusterroles", "get"),
        rule("", "namespaces", "get list create patch"),
        rule("", "events", "get list"),
    ]
    operator = [
        rule("apps.kubeblocks.io", "*", "*"),
        rule("workloads.kubeblocks.io", "*", "*"),
        rule("", "events", "get list create patch"),
        rule("", "namespaces", "get list"),
        rule("apps", "deployments", "get list"),
        # What it makes here when it was started without contexts.
        rule("", "pods persistentvolumeclaims services configmaps serviceaccounts", _ALL_VERBS),
        rule(RBAC, "rolebindings", _ALL_VERBS),
        rule(RBAC, "clusterroles", "get"),
        rule(RBAC, "clusterroles", "bind", POD_ROLE),
    ]
    reader = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "Role",
        "metadata": {"name": "kbconsole", "namespace": "kb-system"},
        "rules": [
            rule("apps", "deployments", "get list"),
            rule("apps", "deployments", "patch", "kubeblocks", "kubeblocks-dataprotection"),
        ],
    }
    bound = binding("kbconsole", "kbconsole", "kbconsole")
    role_ref = {"apiGroup": RBAC, "kind": "Role", "name": "kbconsole"}
    metadata = {"name": "kbconsole", "namespace": "kb-system"}
    return [
        *_granted(console, operator),
        reader,
        {**bound, "kind": "RoleBinding", "metadata": metadata, "roleRef": role_ref},
    ]


def _granted(console: list[Object], operator: list[Object]) -> list[Object]:
    return [
        cluster_role("kbconsole", console),
        binding("kbconsole", "kbconsole", "kbconsole"),
        cluster_role("kubeblocks-operator", operator),
        binding("kubeblocks-operator", "kubeblocks-operator", "operator"),
    ]
