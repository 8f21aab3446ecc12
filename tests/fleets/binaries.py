"""Where the real binaries and KubeBlocks' CustomResourceDefinitions are, if they are there at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from kbconsole.demo import kbschema
from kbconsole.demo.seed import VERSIONS

Object = dict[str, Any]
ASSETS, CRDS = "KUBEBUILDER_ASSETS", "KBCONSOLE_CRD_DIR"
NEEDED = ("etcd", "kube-apiserver")
MANAGER = "kube-controller-manager"


def why_no_servers() -> str:
    """Return why real API servers cannot be started here, "" if they can."""
    folder = os.environ.get(ASSETS, "")
    if not folder:
        return (
            f"needs real API servers: set {ASSETS} to a folder with etcd and kube-apiserver (docs/testing.md)"
        )
    missing = [name for name in NEEDED if not os.access(Path(folder, name), os.X_OK)]
    return f"needs real API servers: {ASSETS} has no {' and no '.join(missing)}" if missing else ""


def why_no_definitions(line: str) -> str:
    """Return why KubeBlocks' CustomResourceDefinitions of a release line are not there, "" if they are."""
    if not os.environ.get(CRDS):
        return f"needs KubeBlocks' CRDs: set {CRDS} to a folder with kubeblocks-v{VERSIONS[line]} (docs/testing.md)"
    if not list(_folder(line).glob("*_clusters.yaml")):
        return f"needs KubeBlocks' CRDs: {CRDS} has no kubeblocks-v{VERSIONS[line]}"
    return ""


def binary(name: str) -> Path:
    """Return its path. Raises KeyError without the variable."""
    return Path(os.environ[ASSETS], name)


def has(name: str) -> bool:
    folder = os.environ.get(ASSETS, "")
    return bool(folder) and os.access(Path(folder, name), os.X_OK)


def definitions(line: str) -> list[Object]:
    """Return the definitions that the console needs: those of KubeBlocks, trimmed ones for files that are absent.

    Descriptions go: they are most of the text, and the API server publishes the schema sooner without.
    """
    made = []
    for trimmed in kbschema.definitions(line):
        names = trimmed["spec"]["names"]
        file = _folder(line) / f"{trimmed['spec']['group']}_{names['plural']}.yaml"
        if file.is_file():
            body = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
            body.pop("status", None)
            made.append(_undescribed(body))
        else:
            made.append(trimmed)
    return made


def _folder(line: str) -> Path:
    return Path(os.environ.get(CRDS, ""), f"kubeblocks-v{VERSIONS[line]}")


def _undescribed(part: Any) -> Any:
    """A description is a text; a property of that name has a schema."""
    if isinstance(part, list):
        return [_undescribed(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {k: v for k, v in part.items() if not (k == "description" and isinstance(v, str))}
    return {key: _undescribed(value) for key, value in kept.items()}
