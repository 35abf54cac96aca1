"""`manage.py import_file`: the same import from the shell, with an exit code."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crm.importing import running
from crm.models import AuditEntry, Contact, ImportRun, Lead
from tests.crm.importing import lines

pytestmark = pytest.mark.usefixtures("own_media")

GOOD = lines("Nombre,Celular,Proyecto", "Rosa Peña,987654321,OASIS 1", "Luz Vega,912345678,")
MIXED = lines("Nombre,Celular,Proyecto", "Rosa Peña,987654321,OASIS 1", "Luz Vega,12,", ",912345678,")


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(content: bytes, name: str = "leads.csv") -> str:
        path = tmp_path / name
        path.write_bytes(content)
        return str(path)

    return write


@pytest.mark.sqlite
def test_imports_and_ends_well(db, file, capsys, bob):
    call_command("import_file", file(GOOD), kind="leads", user="BOB@puente.test", responsible="bob@puente.test")

    assert Lead.objects.filter(created_by=bob, responsible_user=bob).count() == 2
    told = capsys.readouterr().out
    assert "2 filas. Se crearían 2, ya están 0, con error 0." in told
    assert "100 %  2 de 2" in told
    assert "Creadas 2, completadas 0, ya estaban 0, con error 0." in told
    assert set(AuditEntry.objects.filter(entity_type="imports").values_list("actor", flat=True)) == {bob.pk}


def test_ends_with_2_when_rows_failed_and_leaves_them_in_a_file(db, file, tmp_path):
    with pytest.raises(CommandError, match=r"^2 filas con error\.$") as ended:
        call_command("import_file", file(MIXED), kind="leads", errors=tmp_path / "errores.csv")

    assert ended.value.returncode == 2
    assert Lead.objects.count() == 1
    told = (tmp_path / "errores.csv").read_text(encoding="utf-8-sig")
    assert told.splitlines()[0] == "Nombre,Celular,Proyecto,Fila,Motivo"
    assert "Luz Vega,12,,3,Celular: «12» no es un teléfono posible." in told


def test_only_says_what_would_happen(db, file, own_media, capsys):
    call_command("import_file", file(GOOD), kind="leads", dry_run=True)
    with pytest.raises(CommandError) as ended:
        call_command("import_file", file(MIXED), kind="leads", dry_run=True)

    assert ended.value.returncode == 2
    assert "3 filas. Se crearían 1, ya están 0, con error 2." in capsys.readouterr().out
    assert not Lead.objects.exists()
    assert not ImportRun.objects.exists()
    assert not list(own_media.rglob("*.csv"))


def test_completes_duplicates_when_asked(db, file):
    Contact.objects.create(name="Rosa Peña", mobile="987654321")
    content = lines("Nombre,Celular,Ciudad", "Rosa,987654321,Lima")
    call_command("import_file", file(content), kind="contacts", duplicates="merge")

    assert Contact.objects.get().city == "Lima"


@pytest.mark.parametrize(
    ("content", "options", "sentence"),
    [
        (b"", {}, "El archivo está vacío."),
        (lines("Nombre,Celular"), {}, "El archivo solo tiene encabezados."),
        (lines("Nombre", "Rosa"), {}, "Indique qué columna es «Celular»."),
        (GOOD, {"user": "nadie@puente.test"}, "No hay un usuario activo con el correo nadie@puente.test."),
        (GOOD, {"responsible": "oscar@puente.test"}, "No hay un usuario activo con el correo oscar@puente.test."),
    ],
)
def test_refuses_with_1_and_a_sentence(db, oscar, file, content, options, sentence):
    with pytest.raises(CommandError) as ended:
        call_command("import_file", file(content), kind="leads", **options)

    assert (str(ended.value), ended.value.returncode) == (sentence, 1)
    assert not Lead.objects.exists()


def test_refuses_a_file_that_is_not_there(db, tmp_path):
    with pytest.raises(CommandError, match=r"^No se puede abrir .*\. Compruebe que es un archivo"):
        call_command("import_file", str(tmp_path / "nada.csv"), kind="leads")


def test_interrupted_it_cancels_and_says_so(db, file, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ROWS", 1)
    refresh = ImportRun.refresh_counters

    def interrupt(run: ImportRun) -> None:
        refresh(run)
        raise KeyboardInterrupt

    monkeypatch.setattr(ImportRun, "refresh_counters", interrupt)
    with pytest.raises(CommandError, match="Cancelada; lo ya importado queda.") as ended:
        call_command("import_file", file(GOOD), kind="leads")

    assert ended.value.returncode == 130
    assert (ImportRun.objects.get().state, Lead.objects.count()) == ("cancelled", 1)


def test_follows_a_worker_that_was_faster(db, file, monkeypatch, capsys):
    """The tick has handed the run to a worker before the command could claim it."""
    carry_out = running.carry_out
    claimed_elsewhere = iter([True])

    def find_it_taken(run: ImportRun, **options: Any) -> ImportRun:
        if next(claimed_elsewhere, False):
            return carry_out(ImportRun.objects.get(pk=run.pk))
        return carry_out(run, **options)

    monkeypatch.setattr(running, "carry_out", find_it_taken)
    monkeypatch.setattr("crm.management.commands.import_file.time.sleep", lambda seconds: None)
    call_command("import_file", file(GOOD), kind="leads")

    assert Lead.objects.count() == 2
    assert "Creadas 2" in capsys.readouterr().out
