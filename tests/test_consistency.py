"""The codebase watches itself: floors, listed receivers, one reader of the environment, no silent updates."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import signals as auth_signals
from django.core import signals as request_signals
from django.core.management import call_command
from django.db.models import Model
from django.db.models import signals as model_signals
from django.dispatch import Signal
from django.utils.module_loading import import_string, module_has_submodule

PROJECT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
# Top first; neighbours on one floor stand beside each other.
FLOORS = [
    {name.strip() for name in floor.split("|")} for floor in PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
]
OURS = sorted(name for floor in FLOORS for name in floor)


def floor_of(app: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if app in floor)


def our_models() -> Iterator[type[Model]]:
    for app in OURS:
        yield from apps.get_app_config(app).get_models()


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Every module of the product, by its path."""
    for app in OURS:
        for path in sorted((PROJECT / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(PROJECT)), ast.parse(path.read_text())


# --- Floors -----------------------------------------------------------------------------------


def test_foreign_keys_point_down_never_up_never_sideways() -> None:
    """A string reference smuggles a dependency past the import linter."""
    wrong = [
        f"{model._meta.label}.{field.name} → {field.related_model._meta.label}"
        for model in our_models()
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created and isinstance(field.related_model, type)
        if (target := field.related_model._meta.app_label) in OURS and target != model._meta.app_label
        if floor_of(target) <= floor_of(model._meta.app_label)
    ]
    assert wrong == []


def test_the_test_above_sees_foreign_keys() -> None:
    call = apps.get_model("calls.Call")
    seen = {field.related_model for field in call._meta.get_fields() if field.is_relation and not field.auto_created}
    assert apps.get_model("crm.Contact") in seen
    assert floor_of("config") < floor_of("calls") < floor_of("crm")
    assert floor_of("calls") == floor_of("opportunities")


# --- Receivers --------------------------------------------------------------------------------


def known_signals() -> Iterator[tuple[str, Signal, str]]:
    """Name, signal, and for ours the app that it belongs to."""
    for module in (model_signals, request_signals, auth_signals):
        yield from ((name, signal, "") for name, signal in signals_of(module))
    for app in OURS:
        package = apps.get_app_config(app).module
        if package and module_has_submodule(package, "signals"):
            module = __import__(f"{app}.signals", fromlist=["signals"])
            yield from ((name, signal, app) for name, signal in signals_of(module))


def signals_of(module: ModuleType) -> Iterator[tuple[str, Signal]]:
    for name, found in vars(module).items():
        if isinstance(found, Signal):
            yield name, found


def registered() -> list[tuple[str, str]]:
    """("post_save calls.Call", "calls.receivers.a_next_date_plans_a_follow_up"), in the order in which they run."""
    senders = {id(model): model._meta.label for model in apps.get_models(include_auto_created=True)}
    found = []
    for name, signal, app in known_signals():
        for (_, sender), reference, *_ in signal.receivers:
            receiver: Any = reference() if hasattr(reference, "__self__") or callable(reference) else reference
            if receiver is None or receiver.__module__.partition(".")[0] not in OURS:
                continue
            found.append((f"{name} {senders.get(sender, app)}".strip(), f"{receiver.__module__}.{receiver.__name__}"))
    return found


def listed() -> list[tuple[str, str]]:
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", (PROJECT / "docs" / "events.md").read_text(), re.MULTILINE)
    return [(signal, receiver) for signal, receiver in rows if "." in receiver]


def test_the_list_of_receivers_is_the_running_programs() -> None:
    assert registered(), "receivers were found"
    assert sorted(listed()) == sorted(registered())


def test_receivers_of_one_signal_are_listed_in_the_order_in_which_they_run() -> None:
    for signal in {signal for signal, _ in registered()}:
        in_program = [receiver for name, receiver in registered() if name == signal]
        assert [receiver for name, receiver in listed() if name == signal] == in_program, signal


def test_each_receiver_says_its_rule_and_lives_where_receivers_live() -> None:
    for _, path in registered():
        assert import_string(path).__doc__, path
        assert path.split(".")[1] == "receivers", path


def test_every_receiver_has_an_id_so_that_it_is_connected_once() -> None:
    for name, signal, _ in known_signals():
        for (uid, _), reference, *_ in signal.receivers:
            receiver: Any = reference() if callable(reference) else reference
            if receiver is not None and receiver.__module__.partition(".")[0] in OURS:
                assert isinstance(uid, str), (name, receiver.__name__)


# --- The environment --------------------------------------------------------------------------


NAMING_THE_SETTINGS = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings')"
WAYS_TO_READ = {"environ", "environb", "getenv", "getenvb"}


def reads_the_environment(tree: ast.Module) -> bool:
    """In any way but naming the settings module."""
    nodes = list(ast.walk(tree))
    naming = {id(call.func.value) for call in nodes if is_method(call) and ast.unparse(call) == NAMING_THE_SETTINGS}
    return any(
        (isinstance(node, ast.ImportFrom) and node.module == "os" and WAYS_TO_READ & {it.name for it in node.names})
        or (
            isinstance(node, ast.Attribute)
            and node.attr in WAYS_TO_READ
            and ast.unparse(node.value) == "os"
            and id(node) not in naming
        )
        for node in nodes
    )


def is_method(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)


def test_only_one_file_reads_the_environment() -> None:
    readers = {path for path, tree in sources() if reads_the_environment(tree)}
    assert readers - {"config/env.py"} == set()


@pytest.mark.parametrize(
    ("line", "is_read"),
    [
        ("import os; os.environ['X']", True),
        ("import os; os.getenv('X')", True),
        ("from os import getenv; getenv('X')", True),
        ("import os; os.environ.setdefault('OTHER', '')", True),
        ("import os; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings')", False),
        ("import environ; environ.Env()", False),
    ],
)
def test_the_test_above_sees_reads(line: str, is_read: bool) -> None:
    assert reads_the_environment(ast.parse(line)) == is_read


# --- What skips signals -----------------------------------------------------------------------

# Phrases of querysets, verbs of models and services write their own history; imports keep a row for each
# of theirs, and the demonstration's rows have no history to write. `crm/prepared.py` is what they write with.
# What WhatsApp says and is told has its history in the requests, statuses, links and deliveries beside it; what
# campaigns dial in attempts and tombstones.
MAY_SKIP_SIGNALS = re.compile(
    r"\w+/(models(/\w+)?|services(/\w+)?|demo(/\w+)?|importing/\w+)\.py|crm/prepared\.py"
    r"|whatsapp/((receiving|sending|bot)/\w+|linking|media|templating|following)\.py"
    r"|jobs/((dialling|results|providers)/\w+|acts|hanging_up|removing|demo_\w+)\.py"
)
SILENT_METHODS = {"bulk_create", "bulk_update"}
SILENT_FUNCTIONS = {"update_row"}


def silent_writes(tree: ast.Module) -> Iterator[int]:
    """Lines that write rows past signals. `update` of a queryset takes keywords, that of a dict a mapping."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="update"), args=[], keywords=[_, *_]):
                yield node.lineno
            case ast.Call(func=ast.Attribute(attr=name)) if name in SILENT_METHODS:
                yield node.lineno
            case ast.Call(func=ast.Name(id=name)) if name in SILENT_FUNCTIONS:
                yield node.lineno


def test_rows_are_written_past_signals_only_in_phrases_verbs_and_services() -> None:
    wrong = [
        f"{path}:{line}"
        for path, tree in sources()
        if not MAY_SKIP_SIGNALS.fullmatch(path)
        for line in silent_writes(tree)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "is_silent"),
    [
        ("Call.objects.filter(pk=1).update(phone='')", True),
        ("rows.update(**changes)", True),
        ("Call.objects.bulk_create(rows)", True),
        ("update_row(Call, pk, phone='')", True),
        ("found.update({'a': 1})", False),
        ("digest.update(b'')", False),
        ("call.save()", False),
    ],
)
def test_the_test_above_sees_silent_writes(line: str, is_silent: bool) -> None:
    assert bool(list(silent_writes(ast.parse(line)))) == is_silent


# --- The database -----------------------------------------------------------------------------


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_every_rule_of_the_database_has_words_of_its_own() -> None:
    """Else a person reads its technical name when the database says no."""
    without = [
        f"{model._meta.label} {constraint.name}"
        for model in our_models()
        for constraint in model._meta.constraints
        if constraint.violation_error_message == constraint.default_violation_error_message
    ]
    assert without == []


def test_every_row_of_ours_can_be_told_from_another() -> None:
    assert [model for model in our_models() if "__str__" not in vars(model) and model.__str__ is Model.__str__] == []
