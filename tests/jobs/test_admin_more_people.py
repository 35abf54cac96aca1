"""More people for a campaign that is there, from the staff pages."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from crm.models import User
from jobs.models import Batch, BatchImport, Job
from tests.jobs.importing import lines
from tests.jobs.rows import a_batch, a_job
from tests.staff_pages import at_desk, messages_of, page_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

HEADER = "nombre,telefono"
ROSA, LUIS = "Rosa Peña,987654321", "Luis Ramos,987654322"


def adding(user: User, batch: Batch, content: bytes, **typed: Any) -> Any:
    body = {"file": SimpleUploadedFile("más.csv", content), **typed}
    return at_desk(user).post(reverse("admin:jobs_batch_more_people", args=[batch.pk]), body, follow=True)


def test_who_is_not_in_it_yet_is_added(own_media: Any, bob: User) -> None:
    batch = a_batch()
    adding(bob, batch, lines(HEADER, ROSA))
    seen = adding(bob, batch, lines(HEADER, ROSA, LUIS, "Eva Solano,abc"))
    assert messages_of(seen) == ["Añadidas: 1, repetidas: 1, filas con error: 1."]
    assert seen.redirect_chain[-1][0] == page_of(batch)
    assert sorted(batch.jobs.values_list("name", flat=True)) == ["Luis Ramos", "Rosa Peña"]


@pytest.mark.parametrize(("ticked", "created"), [({}, 0), ({"allow_duplicates": "on"}, 1)])
def test_who_is_in_another_campaign_only_when_that_is_asked_for(
    own_media: Any, bob: User, ticked: dict[str, str], created: int
) -> None:
    first = a_batch()
    adding(bob, first, lines(HEADER, ROSA))
    adding(bob, second := a_batch(first.account), lines(HEADER, ROSA), **ticked)
    assert second.jobs.count() == created


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "El archivo está vacío."),
        (lines("nombre", "Ana"), "Ninguna columna se reconoce como teléfono."),
        (lines(HEADER), "El archivo solo tiene encabezados."),
    ],
)
def test_what_cannot_be_read_is_said_and_adds_nobody(own_media: Any, bob: User, content: bytes, told: str) -> None:
    batch = a_batch()
    assert told in text_of(adding(bob, batch, content))
    assert not Job.objects.exists()
    assert not BatchImport.objects.exists()


def test_a_cancelled_campaign_takes_nobody(own_media: Any, bob: User) -> None:
    batch = a_batch(is_active=False, cancelled_at=timezone.now())
    assert "La campaña está cancelada" in text_of(adding(bob, batch, lines(HEADER, ROSA)))
    assert "Añadir personas" not in text_of(at_desk(bob).get(page_of(batch)))


def test_another_s_campaign_is_unknown(settings: Any, bob: User, charlie: User) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    batch = a_batch(created_by=charlie)
    assert adding(bob, batch, lines(HEADER, ROSA)).status_code == 404
    a_job(batch)
    assert at_desk(bob).get(reverse("admin:jobs_batch_results", args=[batch.pk])).status_code == 404
