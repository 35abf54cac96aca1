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

from django.db import DEFAULT_DB_ALIAS, connection, connections, models, router
from django.db.models.expressions import Expression
from django.db.models.query import get_related_populators
from django.db.models.sql import UpdateQuery
from django.db.transaction import TransactionManagementError

if TYPE_CHECKING:
    AnyField = models.Field[Any, Any]

M = TypeVar("M", bound=models.Model)


class _Open(Expression):
    """Stands in the SQL for a value that comes later; it is its own marker among the parameters."""

    def __init__(self, name: str, output_field: "AnyField") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def stored(self, values: dict[str, Any], chosen: Any) -> Any:
        return self.output_field.get_db_prep_value(values[self.name], chosen)


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


class PreparedUpdate(Generic[M]):
    """An UPDATE of the rows of a queryset; it returns them as they are then, with the fields `returning`.

    One statement finds, locks, changes and reads.
    """

    def __init__(
        self,
        rows_with: Callable[..., models.QuerySet[M]],
        to: Callable[..., dict[str, Any]],
        *,
        returning: tuple[str, ...],
        **values: "AnyField",
    ) -> None:
        self._rows_with = rows_with
        self._to = to
        self._returning = returning
        self._values = values
        self._compiled: dict[str, _CompiledUpdate] = {}

    def __call__(self, **values: Any) -> list[M]:
        compiled = self._compiled.get(connection.vendor)
        if compiled is None:
            left_open = {name: _Open(name, field) for name, field in self._values.items()}
            rows, to = self._rows_with(**left_open), self._to(**left_open)
            compiled = self._compiled[connection.vendor] = _CompiledUpdate(rows, to, self._returning)
        return compiled.rows(values)


class _CompiledUpdate:
    def __init__(self, queryset: models.QuerySet[Any], to: dict[str, Any], returning: tuple[str, ...]) -> None:
        query: Any = queryset.query.chain(UpdateQuery)
        query.add_update_values(to)
        compiler = query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        columns = [queryset.model._meta.get_field(name).cached_col for name in returning]
        quote = connection.ops.quote_name
        self.sql = f"{sql} RETURNING {', '.join(quote(column.target.column) for column in columns)}"
        self.parameters = list(parameters)
        self.converters = compiler.get_converters(columns)
        self.apply_converters = compiler.apply_converters
        self.names = [column.target.attname for column in columns]
        self.model = queryset.model

    def rows(self, values: dict[str, Any]) -> list[Any]:
        found = _fetched(self.sql, self.parameters, values)
        if self.converters and found:
            found = list(self.apply_converters(found, self.converters))
        return [self.model.from_db(DEFAULT_DB_ALIAS, self.names, row) for row in found]


def _fetched(sql: str, parameters: list[Any], values: dict[str, Any]) -> list[Any]:
    chosen = connections[DEFAULT_DB_ALIAS]  # once: the proxy `connection` looks for it at each use
    with chosen.cursor() as cursor:
        cursor.execute(sql, _filled(parameters, values, chosen))
        return list(cursor.fetchall())


def _filled(parameters: list[Any], values: dict[str, Any], chosen: Any) -> list[Any]:
    return [item.stored(values, chosen) if isinstance(item, _Open) else item for item in parameters]


class _Compiled:
    """What the ORM works out for a queryset: the SQL, its parameters, and how a row becomes an instance."""

    def __init__(self, queryset: models.QuerySet[Any]) -> None:
        compiler: Any = queryset.query.get_compiler(connection=connection)
        self.sql, parameters = compiler.as_sql()
        self.parameters = list(parameters)
        self.locks = queryset.query.select_for_update and connection.features.has_select_for_update
        columns, shape = compiler.select, compiler.klass_info
        self.converters = compiler.get_converters([column for column, *_ in columns])
        self.apply_converters = compiler.apply_converters
        self.first, self.end = shape["select_fields"][0], shape["select_fields"][-1] + 1
        self.names = [column.target.attname for column, *_ in columns[self.first : self.end]]
        self.model = shape["model"]
        populators_of: Any = get_related_populators
        self.related = populators_of(shape, columns, connection.alias)

    def rows(self, values: dict[str, Any]) -> list[Any]:
        if self.locks and not connection.in_atomic_block:
            raise TransactionManagementError("A row is locked only within a transaction.")
        found = _fetched(self.sql, self.parameters, values)
        if self.converters and found:
            found = list(self.apply_converters(found, self.converters))
        return [self._instance(row) for row in found]

    def _instance(self, row: Any) -> Any:
        instance = self.model.from_db(DEFAULT_DB_ALIAS, self.names, row[self.first : self.end])
        for populator in self.related:
            populator.populate(row, instance)
        return instance


# --- Writing ----------------------------------------------------------------------------------


class QuickWrites(models.Model):
    """Rows of this model are inserted and updated by statements that are worked out once."""

    class Meta:
        abstract = True

    def _do_insert(self, manager: Any, using: str, fields: Any, returning_fields: Any, raw: bool) -> Any:
        """Django's own insert for whatever is not plain values into all columns."""
        if not returning_fields and not raw:
            values = [(field, field.pre_save(self, add=True)) for field in fields]
            statement = _statement(_INSERT, type(self), values)
            if statement:
                _execute(using, statement, values)
                return []
        return super()._do_insert(manager, using, fields, returning_fields, raw)  # type: ignore[misc]

    def _do_update(  # type: ignore[override]
        self, base_qs: Any, using: str, pk_val: Any, values: Any, update_fields: Any, forced_update: Any
    ) -> Any:
        written = [(field, value) for field, _, value in values]
        statement = _statement(_UPDATE, type(self), written)
        if statement:
            return _execute(using, statement, [*written, (self._meta.pk, pk_val)]) > 0
        return super()._do_update(base_qs, using, pk_val, values, update_fields, forced_update)  # type: ignore[call-arg]


def update_row(model: type[models.Model], pk: Any, **values: Any) -> int:
    """What `model.objects.filter(pk=pk).update(…)` does, for a verb of a row that every busy request writes."""
    written = [(model._meta.get_field(name), value) for name, value in values.items()]
    statement = _statement(_UPDATE, model, written)
    if statement:
        return _execute(router.db_for_write(model) or DEFAULT_DB_ALIAS, statement, [*written, (model._meta.pk, pk)])
    return model._base_manager.filter(pk=pk).update(**values)


def insert_row(model: type[models.Model], **values: Any) -> None:
    """What `model.objects.create(…)` does, without an instance, signals or the new id; the values are all stored."""
    row = [(model._meta.get_field(name), value) for name, value in values.items()]
    statement = _statement(_INSERT, model, row)
    if not statement:
        raise TypeError(f"{model.__name__} cannot be inserted by plain values.")
    _execute(router.db_for_write(model) or DEFAULT_DB_ALIAS, statement, row)


_Written = list[tuple[Any, Any]]

_INSERT = "INSERT INTO {table} ({columns}) VALUES ({places})"
_UPDATE = "UPDATE {table} SET {assignments} WHERE {key} = %s"
_statements: dict[tuple[str, type[models.Model], tuple[str, ...]], str] = {}


def _statement(pattern: str, model: type[models.Model], written: _Written) -> str:
    """The SQL; empty where nothing is written, a value is an expression, or a column wants more than a place."""
    if not written or any(hasattr(value, "resolve_expression") for _, value in written):
        return ""
    name = (pattern, model, tuple(field.column for field, _ in written))
    if name not in _statements:
        _statements[name] = _written_down(pattern, model, [field for field, _ in written])
    return _statements[name]


def _written_down(pattern: str, model: type[models.Model], fields: list[Any]) -> str:
    if any(hasattr(field, "get_placeholder") or field.generated for field in fields):
        return ""
    quote = connection.ops.quote_name
    columns = [quote(field.column) for field in fields]
    return pattern.format(
        table=quote(model._meta.db_table),
        columns=", ".join(columns),
        places=", ".join(["%s"] * len(columns)),
        assignments=", ".join(f"{column} = %s" for column in columns),
        key=quote(str(model._meta.pk.column)),
    )


def _execute(using: str, statement: str, written: _Written) -> int:
    """Run it; the number of rows."""
    chosen = connections[using]
    with chosen.cursor() as cursor:
        cursor.execute(statement, [field.get_db_prep_save(value, chosen) for field, value in written])
        return int(cursor.rowcount)
