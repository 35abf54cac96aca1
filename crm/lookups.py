"""Many ids as one parameter: a list of a hundred costs one placeholder to write and to plan."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Lookup, UUIDField

_IN_ARRAY = "{column} = ANY(%s::{kind}[])"
_IN_JSON = "{column} IN (SELECT value FROM json_each(%s))"


@UUIDField.register_lookup
class Among(Lookup):
    """`filter(pk__among=ids)`: what `__in` finds, for a list of ids that are at hand."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, parameters = self.process_lhs(compiler, connection)
        clause, ids = among(column, self.rhs)
        return clause, [*parameters, *ids]


def among(column: str, ids: Sequence[UUID | int]) -> tuple[str, list[Any]]:
    """The condition that `column` is one of `ids`, and its parameters, for SQL written by hand."""
    plain = [found.hex if isinstance(found, UUID) else found for found in ids]
    if connection.vendor == "postgresql":
        # As one text: the driver would quote and cast each of the hundred.
        kind = "uuid" if plain and isinstance(plain[0], str) else "bigint"
        return _IN_ARRAY.format(column=column, kind=kind), ["{" + ",".join(map(str, plain)) + "}"]
    return _IN_JSON.format(column=column), [json.dumps(plain)]
