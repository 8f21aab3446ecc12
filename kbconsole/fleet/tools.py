"""The command line tools that the console can run, and what their argument lists may not say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings

_DASHES = re.compile("[\N{EN DASH}\N{EM DASH}]")
"""The guide's own commands have these before “context”: such a word is no flag, so the command goes elsewhere."""
_WORD = re.compile(r"[^\x00-\x1f\x7f]{1,4096}\Z")
_VALUE = re.compile(r"[A-Za-z0-9._:/@,=+-]{1,253}\Z")


@dataclass(frozen=True)
class Tool:
    """A tool: `context` is its flag for the plane, `setting` names its binary, `refused` are flags nobody may give.

    `pinned`: its kubeconfig has the address at which the console was just answered in the place of the server's name.
    """

    name: str
    context: str
    setting: str
    refused: frozenset[str]
    pinned: bool = True

    @property
    def binary(self) -> str:
        """Return the path, "" where the console has none."""
        return str(getattr(settings, self.setting, ""))


_OURS = {"--kubeconfig", "--context", "--kube-context", "--values", "-f", "--as", "--as-group"}
TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool(
            "helm", "--kube-context", "KBCONSOLE_HELM",
            # --set splits its values at commas; a post-renderer is a program of somebody else's.
            frozenset({*_OURS, "--set", "--set-string", "--set-json", "--kube-token", "--kube-apiserver",
                       "--kube-ca-file", "--kube-as-user", "--kube-as-group", "--kube-insecure-skip-tls-verify",
                       "--post-renderer", "--post-renderer-args", "--password", "--username"}),
        ),
        # Where there is no kube-proxy, `install` writes the server of its kubeconfig into Cilium, as k8sServiceHost
        # (cilium-cli, install/autodetect.go): for good, so that has to be the name.
        Tool("cilium", "--context", "KBCONSOLE_CILIUM", frozenset(_OURS), pinned=False),
        Tool(
            "kubectl", "--context", "KBCONSOLE_KUBECTL",
            # It would go elsewhere, as somebody else, or read files of this machine.
            frozenset({*_OURS, "--filename", "-k", "--kustomize", "--raw", "-s", "--server", "--cluster", "--user",
                       "--token", "--username", "--password", "--as-uid", "--client-certificate", "--client-key",
                       "--certificate-authority", "--insecure-skip-tls-verify", "--tls-server-name"}),
        ),
    )
}  # fmt: skip


def check_arguments(tool: Tool, args: Sequence[str]) -> None:
    """Raise ValueError for an argument list that the console would never run."""
    if not args or args[0].startswith("-"):
        raise ValueError(f"{tool.name}: the first argument is the subcommand")
    for arg in args:
        if not _WORD.match(arg) or _DASHES.search(arg):
            raise ValueError(f"{tool.name}: {arg!r} has a line break, a control character or a long dash")
        if arg.split("=", 1)[0] in tool.refused:
            raise ValueError(f"{tool.name}: {arg.split('=', 1)[0]} is not for jobs to give")


def is_value(text: str) -> bool:
    """Return whether a text of somebody else's can be one argument: no flag, and a plain word."""
    return not text.startswith("-") and _VALUE.match(text) is not None


def value(text: str) -> str:
    """Return a text of somebody else's as one argument. Raises ValueError for what cannot be one."""
    if not is_value(text):
        raise ValueError(f"{text!r} cannot be an argument")
    return text
