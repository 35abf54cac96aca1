"""GET /api/v1/conversaciones-whatsapp/numero/{numero}: both directions, however the number is written."""

from urllib.parse import quote

import pytest

from crm.models import User
from tests.whatsapp.payloads import NUMBER_ID
from tests.whatsapp.rows import LIST, AsUser, answered, ids, said, thread_with

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.mark.parametrize(
    "written",
    ["51987654321", "+51987654321", "%2B51987654321", "987654321", "+51 987-654-321", quote("(51) 987 654 321")],
)
def test_all_that_was_said_with_a_number(as_user: AsUser, bob: User, written: str) -> None:
    thread = thread_with("51987654321")
    theirs, ours = said(thread), answered(thread)
    said(thread_with("51987654329"))
    answer = as_user(bob).get(f"{LIST}/numero/{written}")
    assert ids(answer) == [ours.pk, theirs.pk]
    assert answer.json()["paginacion"] == {"page": 1, "per_page": 50, "total": 2, "pages": 1}


@pytest.mark.parametrize(
    ("wa_id", "written"),
    [
        ("5215512345678", "+525512345678"),
        ("525512345678", "5215512345678"),
        ("5491123456789", "541123456789"),
        ("551187654321", "+5511987654321"),
    ],
)
def test_the_same_line_in_another_spelling(as_user: AsUser, bob: User, wa_id: str, written: str) -> None:
    message = said(thread_with(wa_id))
    assert ids(as_user(bob).get(f"{LIST}/numero/{written}")) == [message.pk]


def test_part_of_a_number_means_all_who_have_that_part(as_user: AsUser, bob: User) -> None:
    thread, other = thread_with("51987654321"), thread_with("51987654329")
    first, reply, second = said(thread), answered(thread), said(other)
    assert ids(as_user(bob).get(f"{LIST}/numero/98765432")) == [second.pk, reply.pk, first.pk]


def test_one_of_our_own_numbers_means_all_that_was_said_with_it(as_user: AsUser, bob: User) -> None:
    message = said(thread_with())
    said(thread_with("51911111111", number_id="999000999000999"))
    assert ids(as_user(bob).get(f"{LIST}/numero/{NUMBER_ID}")) == [message.pk]


def test_who_hides_their_number_is_found_by_their_id(as_user: AsUser, bob: User) -> None:
    message = said(thread_with("PE.13491208655302741918"))
    assert ids(as_user(bob).get(f"{LIST}/numero/PE.13491208655302741918")) == [message.pk]


@pytest.mark.parametrize("unknown", ["51900000000", "+1", "%2B", "nadie", "%20"])
def test_an_unknown_number_has_an_empty_list(as_user: AsUser, bob: User, unknown: str) -> None:
    said(thread_with("59987654322"))
    answer = as_user(bob).get(f"{LIST}/numero/{unknown}")
    assert (answer.status_code, answer.json()["conversaciones"]) == (200, [])
