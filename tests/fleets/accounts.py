"""The console's user as a ServiceAccount: its token is one that a running server takes back."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic, sleep

from kbconsole.demo.resources import RBAC
from kbconsole.k8s.credentials import PlaneCredential
from tests.fleets.api import Api

NAME, NAMESPACE = "kbconsole", "kube-system"
ACCOUNTS = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
BINDINGS = f"/apis/{RBAC}/v1"
REVOKED_SECONDS = 30.0


def make(api: Api, credential: PlaneCredential, *, bindings: Sequence[str]) -> PlaneCredential:
    """Make the account, bind it as the user kbconsole is bound, and return its credential.

    `bindings` are the paths of the bindings of that user.
    """
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME}}
    assert api.create(ACCOUNTS, account).code in (201, 409)
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    for path in bindings:
        subjects = [*api.get(path).body["subjects"], subject]
        assert api.merge(path, {"subjects": subjects}).code == 200
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 7200},
    }
    answer = api.create(f"{ACCOUNTS}/{NAME}/token", asked)
    assert answer.code == 201, answer.body
    return PlaneCredential(
        server=credential.server, ca_pem=credential.ca_pem, token=answer.body["status"]["token"]
    )


def revoke(api: Api, credential: PlaneCredential) -> None:
    """Take the token back and wait until the server knows: it remembers a good token for ten seconds."""
    assert api.delete(f"{ACCOUNTS}/{NAME}").code == 200
    user, until = Api(credential), monotonic() + REVOKED_SECONDS
    while user.get("/version").code != 401:
        assert monotonic() < until, "the token is still taken"
        sleep(0.1)
    user.close()
