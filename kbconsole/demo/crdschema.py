"""The schema of a CustomResourceDefinition."""

from __future__ import annotations

from kbconsole.demo.builtin import kind
from kbconsole.demo.schema import ANY, BOOLEAN, STRING, Schema, arr, obj, whole, words

_NAMES = obj(
    plural=STRING,
    singular=STRING,
    kind=STRING,
    listKind=STRING,
    shortNames=arr(STRING),
    categories=arr(STRING),
)
_CONDITION = obj(
    type=STRING,
    status=STRING,
    reason=STRING,
    message=STRING,
    lastTransitionTime=STRING,
    observedGeneration=whole(),
)
_VERSION = obj(
    name=STRING,
    served=BOOLEAN,
    storage=BOOLEAN,
    deprecated=BOOLEAN,
    deprecationWarning=STRING,
    schema=obj(openAPIV3Schema=ANY),
    subresources=ANY,
    additionalPrinterColumns=arr(ANY),
    selectableFields=arr(ANY),
)
_SPEC: Schema = obj(
    group=STRING,
    names=_NAMES,
    scope=STRING,
    versions=arr(_VERSION),
    conversion=obj(strategy=words("None", "Webhook"), webhook=ANY),
    preserveUnknownFields=BOOLEAN,
)
_STATUS: Schema = obj(
    conditions=arr(_CONDITION, "type"),
    acceptedNames=_NAMES,
    storedVersions=arr(STRING),
    observedGeneration=whole(),
)
DEFINITION: Schema = kind(spec=_SPEC, status=_STATUS)
