"""`manage.py import_do_not_call`: numbers of a file are left alone, once, and unreadable ones are told."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from jobs.models import DoNotCall
from tests.jobs.importing import lines
from tests.jobs.rows import an_account

pytestmark = pytest.mark.django_db


def take(path: Path, content: bytes, **options: str) -> str:
    path.write_bytes(content)
    out = StringIO()
    call_command("import_do_not_call", str(path), stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lista.csv"


@pytest.mark.sqlite
def test_numbers_are_added_once_for_everybody(file):
    content = lines("telefono", "+56 9 9123 4567", "991234567", "981234567")

    assert "Añadidos 2, ya estaban 0." in take(file, content, country="CL", reason="Registro")
    assert "Añadidos 0, ya estaban 2." in take(file, content, country="CL")
    assert set(DoNotCall.objects.values_list("number", "account", "source", "reason")) == {
        ("+56991234567", None, "file", "Registro"),
        ("+56981234567", None, "file", "Registro"),
    }


@pytest.mark.sqlite
def test_an_accounts_own_list_stands_beside_everybodys(file):
    account = an_account(country="CL")
    take(file, lines("telefono", "991234567"), country="CL")

    assert "Añadidos 1, ya estaban 0." in take(file, lines("telefono", "991234567"), account=account.account_id)
    assert DoNotCall.objects.concerning(account.pk).count() == 2


def test_what_cannot_be_read_is_told_and_costs_no_other(file):
    with pytest.raises(CommandError, match="1 teléfono no se pudo leer") as refused:
        take(file, lines("telefono", "123", "991234567"), country="CL")

    assert refused.value.returncode == 2
    assert DoNotCall.objects.get().number == "+56991234567"


@pytest.mark.parametrize(("content", "sentence"), [(lines("nombre", "Ana"), "Ninguna columna"), (b"", "vacío")])
def test_a_list_that_would_add_nobody_is_refused(file, content, sentence):
    with pytest.raises(CommandError, match=sentence):
        take(file, content)


def test_an_unknown_account_or_file_is_told(file):
    with pytest.raises(CommandError, match="No hay una cuenta «acc-nadie»"):
        take(file, lines("telefono", "991234567"), account="acc-nadie")
    with pytest.raises(CommandError, match=r"^No se puede abrir /no/hay\.csv\. Compruebe que es un archivo"):
        call_command("import_do_not_call", "/no/hay.csv")
