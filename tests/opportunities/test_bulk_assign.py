"""POST /api/crm/opportunities/bulk-assign: every row of the table of contract section 3."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import AuditEntry
from opportunities.models import Assignment, Opportunity
from tests.factories import ContactFactory, OpportunityFactory, UserFactory
from tests.opportunities.helpers import NOBODY, PATH, bulk_assign, everything, ids_of, ledger_of, state_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


# --- All assigned -----------------------------------------------------------------------------


def test_all_found_are_assigned_and_answered_in_the_order_asked(as_user, alice, bob):
    rows = OpportunityFactory.create_batch(5)
    asked = [ids_of(rows)[position] for position in (3, 0, 4, 1, 2)]

    answer = bulk_assign(as_user(alice), asked, bob)

    assert answer.status_code == 200
    body = answer.json()
    assert body["success"] is True
    assert (body["assigned_count"], body["failed_count"], body["errors"]) == (5, 0, [])
    assert [item["id"] for item in body["opportunities"]] == asked
    assert {tuple(item) for item in body["opportunities"]} == {("id", "assigned_to_id", "status", "updated_at")}
    assert {(item["assigned_to_id"], item["status"]) for item in body["opportunities"]} == {(str(bob.pk), "assigned")}
    assert all(state_of(row) == (bob.pk, "assigned") for row in rows)


def test_the_time_answered_is_the_time_stored_and_that_of_the_ledger(as_user, alice, bob):
    row = OpportunityFactory()
    client = as_user(alice)

    answered = bulk_assign(client, ids_of([row]), bob).json()["opportunities"][0]["updated_at"]

    row.refresh_from_db()
    assert answered == row.updated_at.isoformat().replace("+00:00", "Z")
    assert ledger_of(row)[0].created_at == row.updated_at
    assert client.get(f"{PATH}/{row.pk}").json()["updated_at"] == answered


def test_each_leaves_a_row_in_the_ledger_that_tells_from_whom_to_whom_by_whom(as_user, alice, bob, charlie):
    free = OpportunityFactory()
    held = OpportunityFactory(assigned_to=charlie, status="contacted")

    body = bulk_assign(as_user(alice), ids_of([free, held]), bob, notes="Reparto de marzo").json()

    [first], [second] = ledger_of(free), ledger_of(held)
    assert (first.from_user_id, first.from_status) == (None, "pending")
    assert (second.from_user_id, second.from_status) == (charlie.pk, "contacted")
    for line in (first, second):
        assert (line.to_user_id, line.to_status, line.by_user_id) == (bob.pk, "assigned", alice.pk)
        assert (line.kind, str(line.bulk_id), line.notes) == ("bulk", body["bulk_id"], "Reparto de marzo")


def test_giving_it_to_who_already_has_it_is_an_assignment_too(as_user, alice, bob):
    row = OpportunityFactory(assigned_to=bob, status="assigned")

    answer = bulk_assign(as_user(alice), ids_of([row]), bob)

    assert answer.json()["assigned_count"] == 1
    [line] = ledger_of(row)
    assert (line.from_user_id, line.to_user_id) == (bob.pk, bob.pk)


@pytest.mark.parametrize("status", ["pending", "assigned", "contacted", "converted", "expired", "lost"])
def test_whatever_its_status_it_becomes_assigned(as_user, alice, bob, status):
    row = OpportunityFactory(status=status)

    assert bulk_assign(as_user(alice), ids_of([row]), bob).status_code == 200

    assert state_of(row) == (bob.pk, "assigned")
    assert ledger_of(row)[0].from_status == status


def test_the_same_answer_under_the_second_prefix_and_with_a_slash(as_user, alice, bob):
    for path in ("/crm/opportunities/bulk-assign", "/api/crm/opportunities/bulk-assign/"):
        body = {"opportunity_ids": ids_of([OpportunityFactory()]), "assigned_to_id": str(bob.pk)}
        assert as_user(alice).post(path, body).json()["assigned_count"] == 1


def test_lawyers_and_administrators_can_be_given_opportunities(as_user, alice, laura):
    for person in (laura, alice):
        row = OpportunityFactory()
        assert bulk_assign(as_user(alice), ids_of([row]), person).status_code == 200
        assert state_of(row) == (person.pk, "assigned")


def test_a_superuser_administrates_whatever_the_role(as_user, bob):
    root = UserFactory(role="user", is_superuser=True)
    assert bulk_assign(as_user(root), ids_of([OpportunityFactory()]), bob).status_code == 200


# --- Options ----------------------------------------------------------------------------------


def test_without_update_status_only_the_holder_changes(as_user, alice, bob):
    rows = [OpportunityFactory(status=status) for status in ("pending", "contacted", "lost")]

    body = bulk_assign(as_user(alice), ids_of(rows), bob, update_status=False, status="converted").json()

    assert [item["status"] for item in body["opportunities"]] == ["pending", "contacted", "lost"]
    assert [state_of(row) for row in rows] == [(bob.pk, "pending"), (bob.pk, "contacted"), (bob.pk, "lost")]
    assert [ledger_of(row)[0].to_status for row in rows] == ["pending", "contacted", "lost"]


def test_another_status_may_be_asked_for(as_user, alice, bob):
    row = OpportunityFactory()

    body = bulk_assign(as_user(alice), ids_of([row]), bob, status="contacted").json()

    assert body["opportunities"][0]["status"] == "contacted"
    assert state_of(row) == (bob.pk, "contacted")
    assert ledger_of(row)[0].to_status == "contacted"


@pytest.mark.parametrize("empty", [None, ""])
def test_options_left_empty_mean_the_usual(as_user, alice, bob, empty):
    row = OpportunityFactory()
    more = {"status": empty, "update_status": empty, "notes": empty, "atomic": empty}

    assert bulk_assign(as_user(alice), ids_of([row]), bob, **more).status_code == 200
    assert state_of(row) == (bob.pk, "assigned")


# --- Some not found ---------------------------------------------------------------------------


def test_unknown_ids_and_ids_that_are_none_are_reported_each_and_the_others_assigned(as_user, alice, bob):
    known, other = OpportunityFactory.create_batch(2)
    asked = ["invalid-uuid", str(known.pk), NOBODY, str(other.pk), 7]

    answer = bulk_assign(as_user(alice), asked, bob)

    assert answer.status_code == 207
    body = answer.json()
    assert (body["success"], body["assigned_count"], body["failed_count"]) == (True, 2, 3)
    assert [item["id"] for item in body["opportunities"]] == ids_of([known, other])
    assert body["errors"] == [
        {"opportunity_id": unknown, "error": "Oportunidad no encontrada", "code": "no_encontrada"}
        for unknown in ("invalid-uuid", NOBODY, "7")
    ]
    assert body["bulk_id"]


def test_when_nothing_is_found_nothing_succeeded(as_user, alice, bob):
    answer = bulk_assign(as_user(alice), [NOBODY, None, ["x"], ""], bob)

    assert answer.status_code == 207
    body = answer.json()
    assert (body["success"], body["assigned_count"], body["failed_count"], body["bulk_id"]) == (False, 0, 4, None)
    assert [error["opportunity_id"] for error in body["errors"]] == [NOBODY, "null", '["x"]', ""]
    assert not AuditEntry.objects.filter(action="opportunity.assign").exists()


def test_atomic_assigns_nothing_when_one_is_missing(as_user, alice, bob):
    rows = OpportunityFactory.create_batch(3)
    before = everything()

    answer = bulk_assign(as_user(alice), [*ids_of(rows), NOBODY], bob, atomic=True)

    assert answer.status_code == 207
    body = answer.json()
    assert (body["success"], body["assigned_count"], body["opportunities"], body["bulk_id"]) == (False, 0, [], None)
    assert (body["failed_count"], [error["opportunity_id"] for error in body["errors"]]) == (1, [NOBODY])
    assert everything() == before


def test_atomic_assigns_all_when_all_are_there(as_user, alice, bob):
    rows = OpportunityFactory.create_batch(3)
    answer = bulk_assign(as_user(alice), ids_of(rows), bob, atomic=True)
    assert (answer.status_code, answer.json()["assigned_count"]) == (200, 3)


def test_atomic_with_an_id_that_is_none_assigns_nothing(as_user, alice, bob):
    row = OpportunityFactory()
    answer = bulk_assign(as_user(alice), [str(row.pk), "x"], bob, atomic=True)
    assert (answer.status_code, answer.json()["assigned_count"]) == (207, 0)
    assert state_of(row) == (None, "pending")


def test_an_opportunity_of_a_deleted_contact_is_not_found(as_user, alice, bob):
    row = OpportunityFactory(contact=ContactFactory(is_deleted=True))

    body = bulk_assign(as_user(alice), ids_of([row]), bob).json()

    assert body["errors"][0]["error"] == "Oportunidad no encontrada"
    assert state_of(row) == (None, "pending")


# --- Refused as a whole -----------------------------------------------------------------------


def test_an_empty_list_is_refused(as_user, alice, bob):
    answer = bulk_assign(as_user(alice), [], bob)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Lista de IDs de oportunidades vacía"


@pytest.mark.parametrize("twice", [str.upper, str, lambda known: known.replace("-", "")])
def test_repeated_ids_are_refused_however_they_are_written(as_user, alice, bob, twice):
    row = OpportunityFactory()
    before = everything()

    answer = bulk_assign(as_user(alice), [str(row.pk), twice(str(row.pk))], bob)

    assert answer.status_code == 400
    assert "repetidos" in answer.json()["detail"]
    assert everything() == before


def test_repeated_words_that_are_no_ids_are_refused_too(as_user, alice, bob):
    assert bulk_assign(as_user(alice), ["uno", "UNO"], bob).status_code == 400


def test_more_than_the_limit_is_refused_with_both_numbers(as_user, alice, bob):
    answer = bulk_assign(as_user(alice), [str(uuid4()) for _ in range(101)], bob)
    assert answer.status_code == 400
    assert "100" in answer.json()["detail"]
    assert "101" in answer.json()["detail"]


def test_as_many_as_the_limit_are_taken(as_user, alice, bob):
    rows = OpportunityFactory.create_batch(100, contact=ContactFactory())
    assert bulk_assign(as_user(alice), ids_of(rows), bob).json()["assigned_count"] == 100
    assert Assignment.objects.count() == 100


def test_the_limit_is_a_setting(as_user, alice, bob, settings):
    settings.BULK_ASSIGN_LIMIT = 2
    rows = OpportunityFactory.create_batch(3)
    assert bulk_assign(as_user(alice), ids_of(rows), bob).status_code == 400
    assert bulk_assign(as_user(alice), ids_of(rows[:2]), bob).status_code == 200


@pytest.mark.parametrize("who", ["bob", "laura", "oscar"])
def test_only_administrators_may(as_user, request, charlie, who):
    row = OpportunityFactory()
    answer = bulk_assign(as_user(request.getfixturevalue(who)), ids_of([row]), charlie)
    assert answer.status_code == 403
    assert answer.json()["detail"] == "Solo administradores pueden asignar oportunidades en bulk"
    assert state_of(row) == (None, "pending")


def test_the_right_is_asked_before_the_body_is_read(as_user, bob):
    answer = as_user(bob).generic("POST", f"{PATH}/bulk-assign", "{", content_type="application/json")
    assert answer.status_code == 403


def test_nobody_is_asked_to_sign_in(as_user, db):
    answer = bulk_assign(as_user(None), [NOBODY], NOBODY)
    assert answer.status_code == 401
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("sent", [NOBODY, "not-an-id", None, "", 7, ["x"], {}])
def test_an_assignee_nobody_knows_is_not_found(as_user, alice, sent):
    row = OpportunityFactory()
    answer = bulk_assign(as_user(alice), ids_of([row]), sent)
    assert answer.status_code == 404
    assert answer.json()["detail"] == "Usuario asignado no encontrado"
    assert state_of(row) == (None, "pending")


def test_a_body_without_assignee_is_the_same(as_user, alice):
    answer = as_user(alice).post(f"{PATH}/bulk-assign", {"opportunity_ids": ids_of([OpportunityFactory()])})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Usuario asignado no encontrado")


def test_an_inactive_assignee_is_not_found(as_user, alice):
    answer = bulk_assign(as_user(alice), ids_of([OpportunityFactory()]), UserFactory(is_active=False))
    assert (answer.status_code, answer.json()["detail"]) == (404, "Usuario asignado no encontrado")


def test_an_assignee_with_another_role_is_refused_with_the_valid_ones(as_user, alice, oscar):
    row = OpportunityFactory()
    answer = bulk_assign(as_user(alice), ids_of([row]), oscar)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "El usuario asignado debe tener uno de los siguientes roles: agent, lawyer, admin"
    assert state_of(row) == (None, "pending")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "opportunity_ids"),
        ({"opportunity_ids": None}, "opportunity_ids"),
        ({"opportunity_ids": ""}, "opportunity_ids"),
        ({"opportunity_ids": NOBODY}, "opportunity_ids"),
        ({"opportunity_ids": {"id": NOBODY}}, "opportunity_ids"),
        ({"opportunity_ids": [NOBODY], "status": "discarded"}, "status"),
        ({"opportunity_ids": [NOBODY], "status": 5}, "status"),
        ({"opportunity_ids": [NOBODY], "atomic": "quizá"}, "atomic"),
        ({"opportunity_ids": [NOBODY], "update_status": []}, "update_status"),
        ({"opportunity_ids": [NOBODY], "notes": {"a": 1}}, "notes"),
        ({"opportunity_ids": [NOBODY], "notes": "x" * 10_001}, "notes"),
        ({"opportunity_ids": [NOBODY], "notes": "x\0y"}, "notes"),
    ],
)
def test_a_body_of_another_shape_is_refused_and_says_where(as_user, alice, bob, body, field):
    answer = as_user(alice).post(f"{PATH}/bulk-assign", {"assigned_to_id": str(bob.pk), **body})
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("content", ["{", "[]", '"x"', "null", "7"])
def test_what_is_no_object_is_refused(as_user, alice, content):
    answer = as_user(alice).generic("POST", f"{PATH}/bulk-assign", content, content_type="application/json")
    assert answer.status_code == 400


def test_other_methods_are_refused(as_user, alice):
    assert as_user(alice).get(f"{PATH}/bulk-assign").status_code == 405


def test_requests_a_minute_are_limited(as_user, alice, bob, settings):
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "DEFAULT_THROTTLE_RATES": {**settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "bulk-assign": "2/day"},
    }
    row = OpportunityFactory()
    answers = [bulk_assign(as_user(alice), ids_of([row]), bob) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) >= 1
    assert len(ledger_of(row)) == 2
    assert as_user(alice).get(PATH).status_code == 200


# --- Repeated with the same key ---------------------------------------------------------------


def test_the_same_key_gives_the_first_answer_and_does_nothing_twice(as_user, alice, bob):
    row = OpportunityFactory()
    client = as_user(alice)

    first, second = (bulk_assign(client, ids_of([row]), bob, key="reparto-1") for _ in range(2))

    assert second.json() == first.json()
    assert second.status_code == first.status_code == 200
    assert len(ledger_of(row)) == 1
    assert AuditEntry.objects.filter(action="opportunity.assign").count() == 1


def test_a_partial_answer_is_repeated_as_well(as_user, alice, bob):
    row = OpportunityFactory()
    answers = [bulk_assign(as_user(alice), [str(row.pk), "x"], bob, key="parte") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [207, 207]
    assert answers[0].json() == answers[1].json()
    assert len(ledger_of(row)) == 1


def test_the_same_key_with_another_body_is_a_conflict(as_user, alice, bob, charlie):
    row = OpportunityFactory()
    bulk_assign(as_user(alice), ids_of([row]), bob, key="reparto-1")
    assert bulk_assign(as_user(alice), ids_of([row]), charlie, key="reparto-1").status_code == 409
    assert state_of(row) == (bob.pk, "assigned")


def test_a_refusal_can_be_repeated_once_its_reason_is_gone(as_user, alice, bob):
    row = OpportunityFactory()
    bob.is_active = False
    bob.save()
    assert bulk_assign(as_user(alice), ids_of([row]), bob, key="luego").status_code == 404
    bob.is_active = True
    bob.save()
    assert bulk_assign(as_user(alice), ids_of([row]), bob, key="luego").status_code == 200


def test_an_atomic_refusal_with_a_key_leaves_nothing(as_user, alice, bob):
    row = OpportunityFactory()
    before = everything()
    answer = bulk_assign(as_user(alice), [str(row.pk), NOBODY], bob, key="todo", atomic=True)
    assert answer.status_code == 207
    assert everything() == before


# --- What else it leaves, and what it costs ---------------------------------------------------


def test_the_audit_has_one_entry_for_the_whole(as_user, alice, bob):
    rows = OpportunityFactory.create_batch(4)
    body = bulk_assign(as_user(alice), ids_of(rows), bob).json()
    entry = AuditEntry.objects.get(action="opportunity.assign")
    assert (entry.actor_id, entry.entity_type, entry.entity_id) == (alice.pk, "opportunities", body["bulk_id"])
    assert entry.details == {"count": 4, "kind": "bulk", "assigned_to_id": str(bob.pk)}


@pytest.mark.parametrize("options", [{}, {"atomic": True}, {"update_status": False}])
def test_one_and_a_hundred_take_the_same_few_queries(as_user, alice, bob, options):
    client = as_user(alice)
    contact = ContactFactory()
    counts = {}
    for size in (1, 100):
        ids = ids_of(OpportunityFactory.create_batch(size, contact=contact))
        with CaptureQueriesContext(connection) as queries:
            assert bulk_assign(client, ids, bob, **options).status_code == 200
        counts[size] = len(queries)
    assert counts[1] == counts[100]
    # Caller, assignee, the handover (three statements on SQLite), the audit entry.
    assert counts[100] <= (4 if connection.vendor == "postgresql" else 6)


def test_the_key_costs_three_queries_more(as_user, alice, bob):
    client = as_user(alice)
    ids = ids_of(OpportunityFactory.create_batch(100, contact=ContactFactory()))
    with CaptureQueriesContext(connection) as plain:
        bulk_assign(client, ids, bob)
    with CaptureQueriesContext(connection) as keyed:
        bulk_assign(client, ids, bob, key="una")
    work = [query for query in keyed if "SAVEPOINT" not in query["sql"]]
    assert len(work) - len(plain) <= 3
    assert Opportunity.objects.filter(assigned_to=bob).count() == 100
