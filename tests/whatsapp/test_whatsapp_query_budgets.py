"""What a page costs the database: the same with three messages as with thirty."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import User
from tests.factories import ContactFactory
from tests.whatsapp.rows import LIST, AsUser, answered, minutes_ago, said, thread_with
from whatsapp.choices import LinkRule
from whatsapp.linking import link
from whatsapp.models import Thread

pytestmark = pytest.mark.django_db


def queries_of(client: Any, path: str, method: str = "get", body: Any = None) -> list[str]:
    with CaptureQueriesContext(connection) as asked:
        answer = getattr(client, method)(path, body)
    assert answer.status_code == 200, answer.content
    return [query["sql"] for query in asked if not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))]


def at_most(budget: int, queries: list[str]) -> None:
    listed = "\n".join(f"{number:2} {sql[:150]}" for number, sql in enumerate(queries, start=1))
    assert len(queries) <= budget, f"{len(queries)} queries, budget {budget}:\n{listed}"


@pytest.fixture
def linked(alice: User) -> Thread:
    """Thirty people with three messages each; the last of them is returned."""
    for number in range(30):
        thread = thread_with(f"519876543{number:02}")
        link(thread, ContactFactory(mobile=f"+519876543{number:02}"), rule=LinkRule.BY_HAND, by=alice)
        said(thread, "Precio", at=minutes_ago(3))
        answered(thread)
        said(thread, "Gracias", at=minutes_ago(1))
    return thread


@pytest.mark.parametrize(
    ("path", "budget"),
    [
        ("", 3),  # who asks, the page, the hourly counts
        ("?per_page=100", 2),  # a page that is not full tells its total
        ("?direccion=INBOUND", 3),
        ("?q=precio", 4),  # how common the word is, the page, the count
        ("?from_number=98765", 5),  # whose numbers, which of ours, the page, the count
        ("?per_page=100&from_number=5198765432", 4),
        ("/numero/51987654329", 3),
        ("/estadisticas", 3),
        ("/buscar-cliente/51987654329", 4),
    ],
)
def test_lists_and_figures(as_user: AsUser, bob: User, linked: Thread, path: str, budget: int) -> None:
    at_most(budget, queries_of(as_user(bob), LIST + path))


def test_the_messages_of_a_contact(as_user: AsUser, bob: User, linked: Thread) -> None:
    at_most(3, queries_of(as_user(bob), f"{LIST}/cliente/{linked.contact_id}"))


def test_one_message(as_user: AsUser, bob: User, linked: Thread) -> None:
    message = said(linked)
    at_most(3, queries_of(as_user(bob), f"{LIST}/{message.pk}"))


def test_sending(as_user: AsUser, bob: User, linked: Thread) -> None:
    body = {"to_number": linked.address, "message": "Buenas"}
    at_most(26, queries_of(as_user(bob), f"{LIST}/enviar-mensaje", "post", body))
