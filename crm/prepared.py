"""Statements of the ORM that are worked out once a process instead of once a request.

Half of what a small request costs is Django writing the same SQL again. Where a request is counted in
milliseconds, the queryset is written down once with its values left open; the rows become model instances
the same way as ever, with `only()`, `select_related()` and locks:

    _one = Prepared(lambda pk: Contact.objects.present().filter(pk=pk))
    _one.get(some_id)

    _due = Prepared(lambda contact_id, due: Task.objects.filter(contact_id=contact_id, complete_till=due),
                    contact_id=UUIDField(), due=DateTimeField())
    _due(contact_id=…, due=…)

It has to be the same question for everybody: what depends on settings, on the user or on the time must be
one of the values, or it is compiled in.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import UUID

from django.db import connection, connections, models
from django.db.models.expressions import Expression
from django.db.models.query import get_related_populators
from django.db.transaction import TransactionManagementError

if TYPE_CHECKING:
    AnyField = models.Field[Any, Any]

M = TypeVar("M", bound=models.Model)


class _Open(Expression):
    """Stands in the SQL for a value that comes later; it is its own marker among the parameters."""

    def __init__(self, name: str, output_field: "AnyField") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        return "%s", [self]

    def stored(self, values: dict[str, Any]) -> Any:
        return self.output_field.get_db_prep_value(values[self.name], connection)


class Prepared(Generic[M]):
    """A queryset of whole rows, its values named with their fields; without any it is one `pk`."""

    def __init__(self, rows_with: Callable[..., models.QuerySet[M]], **values: "AnyField") -> None:
        self._rows_with = rows_with
        self._values = values or {"pk": models.UUIDField()}
        self._compiled: dict[str, _Compiled] = {}

    def __call__(self, **values: Any) -> list[M]:
        """The rows for these values."""
        compiled = self._compiled.get(connection.vendor)
        if compiled is None:
            left_open = {name: _Open(name, field) for name, field in self._values.items()}
            compiled = self._compiled[connection.vendor] = _Compiled(self._rows_with(**left_open))
        return compiled.rows(values)

    def get(self, pk: UUID | None) -> M | None:
        """The row with this id, or None."""
        return next(iter(self(pk=pk)), None) if pk is not None else None


class _Compiled:
    """What the ORM works out for a queryset: the SQL, its parameters, and how a row becomes an instance."""

    def __init__(self, queryset: models.QuerySet[Any]) -> None:
        compiler: Any = queryset.query.get_compiler(connection=connection)
        self.sql, parameters = compiler.as_sql()
        self.parameters = list(parameters)
        self.open_places = [place for place, value in enumerate(parameters) if isinstance(value, _Open)]
        self.locks = queryset.query.select_for_update and connection.features.has_select_for_update
        columns, shape = compiler.select, compiler.klass_info
        self.converters = compiler.get_converters([column for column, *_ in columns])
        self.apply_converters = compiler.apply_converters
        self.first, self.end = shape["select_fields"][0], shape["select_fields"][-1] + 1
        self.names = [column.target.attname for column, *_ in columns[self.first : self.end]]
        self.model = shape["model"]
        self.related = get_related_populators(shape, columns, connection.alias)

    def rows(self, values: dict[str, Any]) -> list[Any]:
        if self.locks and not connection.in_atomic_block:
            raise TransactionManagementError("A row is locked only within a transaction.")
        parameters = self.parameters.copy()
        for place in self.open_places:
            parameters[place] = parameters[place].stored(values)
        with connection.cursor() as cursor:
            cursor.execute(self.sql, parameters)
            found = cursor.fetchall()
        if self.converters and found:
            found = list(self.apply_converters(found, self.converters))
        return [self._instance(row) for row in found]

    def _instance(self, row: Any) -> Any:
        instance = self.model.from_db(connection.alias, self.names, row[self.first : self.end])
        for populator in self.related:
            populator.populate(row, instance)
        return instance


class QuickInsert(models.Model):
    """Rows of this model are inserted by a statement that is worked out once."""

    class Meta:
        abstract = True

    def _do_insert(self, manager: Any, using: str, fields: Any, returning_fields: Any, raw: bool) -> Any:
        """Django's own insert for whatever is not plain values into all columns."""
        values = [] if returning_fields or raw else [field.pre_save(self, add=True) for field in fields]
        statement = self._insert_statement(using, fields, values) if values else ""
        if not statement:
            return super()._do_insert(manager, using, fields, returning_fields, raw)  # type: ignore[misc]
        chosen = connections[using]
        with chosen.cursor() as cursor:
            prepared = zip(fields, values, strict=True)
            cursor.execute(statement, [field.get_db_prep_save(value, chosen) for field, value in prepared])
        return []

    @classmethod
    def _insert_statement(cls, using: str, fields: Any, values: list[Any]) -> str:
        """The SQL; empty where a value is an expression or a column wants more than a placeholder."""
        chosen = connections[using]
        is_plain = not any(hasattr(value, "resolve_expression") for value in values)
        if not is_plain or len(fields) != len(cls._meta.local_concrete_fields):
            return ""
        key = (cls, chosen.vendor)
        if key not in _insert_statements:
            quote, wants_more = chosen.ops.quote_name, any(hasattr(field, "get_placeholder") for field in fields)
            columns = ", ".join(quote(field.column) for field in fields)
            places = ", ".join(["%s"] * len(fields))
            plain = _INSERT.format(table=quote(cls._meta.db_table), columns=columns, places=places)
            _insert_statements[key] = "" if wants_more else plain
        return _insert_statements[key]


_INSERT = "INSERT INTO {table} ({columns}) VALUES ({places})"
_insert_statements: dict[tuple[type[models.Model], str], str] = {}
