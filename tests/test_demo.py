"""The demonstration's data (contract section 7): enough, the same everywhere, consistent, and nobody real."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from io import StringIO
from typing import Any, ClassVar
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import check_password
from django.core.management import CommandError, call_command
from django.db import models, transaction
from django.test import TestCase, override_settings
from django.utils import timezone

import opportunities.demo
from calls.models import Call
from config import demo
from crm.choices import AppointmentState, Role, Typification
from crm.importing.reports import errors_csv
from crm.models import Appointment, AuditEntry, Contact, ContactPhone, ImportRun, Lead, Note, Task, User
from crm.models.tasks import FOLLOW_UP_TEXT
from jobs.models import Account, Batch, CallAttempt, DoNotCall, Job, SettingsChange, Tombstone, Transaction
from opportunities.choices import OpportunityStatus
from opportunities.models import Assignment, Opportunity
from whatsapp.choices import Author, Direction, LinkState, MediaState, MessageStatus
from whatsapp.demo.dialogues import SETTLED, WAITING
from whatsapp.linking import candidates
from whatsapp.models import (
    Alias,
    Media,
    Message,
    MessageCount,
    StatusEvent,
    Template,
    Thread,
    ThreadLink,
    WebhookEvent,
)
from whatsapp.receiving.applying import apply_waiting
from whatsapp.receiving.identity import names_of_number

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

NUMBER_ID = "100000000000001"
MODELS: list[type[models.Model]] = [
    User,
    Contact,
    Lead,
    Appointment,
    Call,
    Task,
    Note,
    Opportunity,
    Assignment,
    ImportRun,
    Account,
    Transaction,
    Batch,
    SettingsChange,
    Job,
    CallAttempt,
    DoNotCall,
]


@pytest.fixture(autouse=True)
def _demonstration(settings: Any) -> None:
    settings.DEMONSTRATION = True
    settings.WHATSAPP_PHONE_NUMBER_ID = NUMBER_ID


@override_settings(
    DEMONSTRATION=True,
    PASSWORD_HASHERS=["config.hashers.DemonstrationHasher"],
    WHATSAPP_PHONE_NUMBER_ID=NUMBER_ID,
)
class TestTheLoadedDemonstration(TestCase):
    """Loaded once for all of these, by the command: they only look."""

    now: ClassVar[datetime]
    said: ClassVar[str]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.now = timezone.now()
        said = StringIO()
        with patch.object(timezone, "now", return_value=cls.now):
            call_command("load_demo", stdout=said)
        cls.said = said.getvalue()

    def test_the_command_says_what_it_has_loaded(self) -> None:
        assert re.search(r"^ +300  contactos$", self.said, re.MULTILINE)

    # --- Enough of everything ---------------------------------------------------------------------

    def test_there_is_as_much_of_everything_as_the_contract_says(self) -> None:
        assert Contact.objects.count() == 300
        assert Lead.objects.count() == 400
        assert Opportunity.objects.count() == 200
        countries = set(Contact.objects.values_list("country", flat=True))
        assert countries == {"Perú", "México", "Argentina", "Chile", "Colombia", "España"}
        for model, least in ((Call, 500), (Task, 200), (Note, 200), (Appointment, 60)):
            assert model._default_manager.count() >= least

    def test_every_account_signs_in_and_enters_the_staff_pages(self) -> None:
        roles = {user.email: user.role for user in User.objects.filter(is_staff=True)}
        agents = {f"agente{number}@puente.test": Role.AGENT for number in range(1, 6)}
        assert roles == {"admin@puente.test": Role.ADMIN, "abogada@puente.test": Role.LAWYER, **agents}
        with override_settings(PASSWORD_HASHERS=["config.hashers.DemonstrationHasher"]):
            assert all(user.check_password("demo-puente") for user in User.objects.all())

    def test_its_passwords_open_nothing_elsewhere_even_in_a_copy_of_its_database(self) -> None:
        stored = User.objects.get(email="admin@puente.test").password
        with override_settings(PASSWORD_HASHERS=["config.hashers.DemonstrationHasher"]):
            assert check_password("demo-puente", stored)
        elsewhere = [f"django.contrib.auth.hashers.{name}PasswordHasher" for name in ("PBKDF2", "MD5")]
        with override_settings(PASSWORD_HASHERS=elsewhere):
            assert not check_password("demo-puente", stored)

    def test_every_state_can_be_seen(self) -> None:
        assert set(Opportunity.objects.values_list("status", flat=True)) == set(OpportunityStatus.values)
        assert set(Appointment.objects.values_list("estado", flat=True)) == set(AppointmentState.values)
        assert Task.objects.filter(is_completed=True).exists()

    def test_everybody_has_something_late_and_something_for_today(self) -> None:
        today = timezone.localtime(self.now).date()
        due: Counter[tuple[str, str]] = Counter()
        for task in Task.objects.open().select_related("responsible_user"):
            day = timezone.localtime(task.complete_till).date()
            due[task.responsible_user.email, "late" if day < today else "today" if day == today else "later"] += 1
        for account in ("abogada", "agente1", "agente2", "agente3", "agente4", "agente5"):
            assert due[f"{account}@puente.test", "late"] >= 1
            assert due[f"{account}@puente.test", "today"] >= 1

    def test_appointments_lie_behind_and_ahead(self) -> None:
        assert Appointment.objects.open().filter(fecha_hora__gte=self.now).count() >= 20
        assert not Appointment.objects.filter(estado=AppointmentState.ATTENDED, fecha_hora__gt=self.now).exists()

    # --- Nobody real ------------------------------------------------------------------------------

    def test_no_address_leads_anywhere(self) -> None:
        for address in [
            *User.objects.values_list("email", flat=True),
            *Contact.objects.values_list("email", flat=True),
        ]:
            assert address is None or address.endswith(".test")

    def test_phones_are_plausible_but_nobody_has_them(self) -> None:
        numbers = list(ContactPhone.objects.values_list("number", "is_valid"))
        assert len(numbers) == 300
        for number, is_valid in numbers:
            assert is_valid
            assert re.fullmatch(r"\+\d+0{4,5}\d{3}", number), number

    def test_nobody_is_called_like_anybody_else(self) -> None:
        names = list(Contact.objects.values_list("name", flat=True))
        assert len(set(names)) == 300
        assert all(len(name.split()) in (2, 3) for name in names)

    def test_a_few_people_are_there_twice_and_wait_to_be_merged(self) -> None:
        twice = ContactPhone.objects.values("key").annotate(people=models.Count("contact")).filter(people=2)
        assert twice.count() == 3
        for row in twice:
            first, second = Contact.objects.filter(phones__key=row["key"]).order_by("-name")
            assert first.name.startswith(second.name)

    def test_a_list_was_imported_and_accounts_for_its_rows(self) -> None:
        run = ImportRun.objects.get()
        outcomes = Counter(run.rows.values_list("outcome", flat=True))
        assert outcomes == {"created": run.created_rows, "duplicate": run.duplicate_rows, "failed": run.failed_rows}
        assert sum(outcomes.values()) == run.total_rows == run.processed_rows
        created = Lead.objects.filter(pk__in=run.rows.filter(outcome="created").values("entity_id"))
        assert created.count() == run.created_rows == Lead.objects.filter(created_at=run.started_at).count()
        assert b"no dio" in b"".join(errors_csv(run))

    def test_the_audit_knows_every_act_of_assignment(self) -> None:
        entries = AuditEntry.objects.filter(action="opportunity.assign")
        assert sum(entry.details["count"] for entry in entries) == Assignment.objects.count()
        for bulk_id, people in (
            Assignment.objects.exclude(bulk_id=None)
            .values_list("bulk_id")
            .annotate(people=models.Count("to_user", distinct=True))
        ):
            assert people == 1, "one act assigns to one person"
            assert entries.filter(entity_id=str(bulk_id)).count() == 1

    def test_identity_cards_have_numbers_that_were_never_issued(self) -> None:
        numbers = list(Contact.objects.exclude(document_number=None).values_list("document_number", flat=True))
        assert len(numbers) > 50
        assert all(number.startswith("99") for number in numbers)

    # --- It adds up -------------------------------------------------------------------------------

    def test_a_call_that_promises_has_its_one_follow_up(self) -> None:
        promising = list(Call.objects.exclude(proxima_llamada_fecha=None))
        assert len(promising) > 100
        follow_ups = {task.planned_key: task for task in Task.objects.filter(text=FOLLOW_UP_TEXT)}
        assert len(follow_ups) == len(promising)
        for call in promising:
            task = follow_ups[call.follow_up_key]
            assert (task.contact_id, task.complete_till) == (call.contact_id, call.proxima_llamada_fecha)
            assert task.responsible_user_id == call.responsible_user_id

    def test_contacts_remember_their_last_and_next_call(self) -> None:
        for contact in Contact.objects.prefetch_related("calls"):
            calls = sorted(contact.calls.all(), key=lambda call: call.started_at)
            assert contact.ultima_llamada_fecha == (calls[-1].started_at if calls else None)
            # A call of a campaign that names no date leaves standing what is still to come.
            named = [call for call in calls if call.proxima_llamada_fecha][-1:]
            stands = [call for call in named if call is calls[-1] or call.proxima_llamada_fecha > calls[-1].started_at]
            assert contact.proxima_llamada_fecha == (stands[0].proxima_llamada_fecha if stands else None)

    def test_the_ledger_leads_to_who_holds_each_opportunity(self) -> None:
        for opportunity in Opportunity.objects.all():
            holder, status = None, OpportunityStatus.PENDING.value
            for row in Assignment.objects.filter(opportunity=opportunity).order_by("created_at", "id"):
                assert (row.from_user_id, row.from_status) == (holder, status)
                holder, status = row.to_user_id, row.to_status
            assert opportunity.assigned_to_id == holder
            assert (opportunity.status == OpportunityStatus.PENDING) is (holder is None)

    def test_some_bulk_assignment_can_still_be_undone(self) -> None:
        untouched = Assignment.objects.filter(bulk_id__isnull=False, created_at=models.F("opportunity__updated_at"))
        assert untouched.count() >= 10

    def test_who_has_attended_had_an_appointment_that_took_place(self) -> None:
        attended = Lead.objects.filter(tipificacion=Typification.ATTENDED)
        assert attended.count() >= 5
        for lead in attended:
            (appointment,) = lead.appointments.all()
            assert appointment.estado == AppointmentState.ATTENDED
            assert appointment.attended_at >= appointment.fecha_hora

    def test_the_next_appointment_gets_the_next_number(self) -> None:
        last = Appointment.objects.order_by("-numero").values_list("numero", flat=True)[0]
        lead = Lead.objects.all()[0]
        assert Appointment.objects.create(lead=lead, fecha_hora=self.now + timedelta(days=1)).numero == last + 1

    def test_a_second_enquiry_belongs_to_the_same_person(self) -> None:
        assert Contact.objects.annotate(times=models.Count("leads")).filter(times__gte=2).count() >= 50
        assert not Lead.objects.exclude(celular=models.F("contact__mobile")).exists()

    # --- WhatsApp ---------------------------------------------------------------------------------

    def test_sixty_conversations_show_whatever_a_conversation_can_be(self) -> None:
        assert Thread.objects.count() == 60
        states = Counter(Thread.objects.values_list("link_state", flat=True))
        assert states == {LinkState.LINKED: 49, LinkState.UNKNOWN: 8, LinkState.SEVERAL: 3}
        assert 10 <= Thread.objects.unanswered().count() <= 20
        assert 10 <= Thread.objects.filter(last_inbound_at__gt=self.now - timedelta(days=1)).count() <= 30
        kinds = set(Message.objects.values_list("message_type", flat=True))
        assert kinds >= {"text", "image", "audio", "document", "location", "reaction", "template", "contacts"}
        assert set(Message.objects.values_list("author", flat=True)) == set(Author.values) - {Author.SYSTEM}
        shown = set(Message.objects.outbound().values_list("status", flat=True))
        assert shown >= {MessageStatus.READ, MessageStatus.DELIVERED, MessageStatus.SENT, MessageStatus.FAILED}
        assert Thread.objects.filter(opted_out_at__isnull=False).exists()
        assert Thread.objects.filter(address="", username__gt="").count() == 1
        assert Template.objects.count() == 4

    def test_nobody_writes_from_a_number_that_anybody_has(self) -> None:
        numbers = Alias.objects.filter(kind="wa_id").values_list("value", flat=True)
        assert all(re.fullmatch(r"\d+0{4,5}\d{3}", number) for number in numbers)
        assert not [line for dialogue in (*SETTLED, *WAITING) for line in dialogue if re.search(r"\d{9}", line)]

    def test_each_thread_shows_what_its_messages_say(self) -> None:
        for thread in Thread.objects.prefetch_related("messages"):
            told = sorted(thread.messages.all(), key=lambda message: (message.timestamp, message.pk))
            bubbles = [message for message in told if message.is_bubble]
            assert (thread.first_message_at, thread.last_message_at) == (bubbles[0].timestamp, bubbles[-1].timestamp)
            assert (thread.last_preview, thread.last_direction) == (bubbles[-1].preview, bubbles[-1].direccion)
            heard = [message.timestamp for message in told if message.is_written_by_contact]
            assert thread.last_inbound_at == (heard[-1] if heard else None)
            waiting = [at for at in heard if thread.last_answered_at is None or at > thread.last_answered_at]
            assert thread.unanswered_since == (waiting[0] if waiting else None)
            assert thread.unread == sum(1 for at in heard if thread.seen_at is None or at > thread.seen_at)
            assert {message.cliente_id for message in told} == {thread.contact_id}

    def test_each_thread_belongs_to_whom_its_number_says(self) -> None:
        for thread in Thread.objects.select_related("contact"):
            found = candidates(thread)
            assert found.only_one == thread.contact
            if thread.contact is None:
                assert found.state == thread.link_state
                assert not ThreadLink.objects.filter(thread=thread).exists()
            else:
                assert ThreadLink.objects.standing().get(thread=thread).contact == thread.contact
            if thread.address:
                names = thread.aliases.values_list("kind", "value")
                assert sorted(names) == sorted((str(kind), value) for kind, value in names_of_number(thread.address))

    def test_each_message_of_ours_has_its_statuses(self) -> None:
        told: dict[str, set[str]] = {}
        for message_id, status in StatusEvent.objects.values_list("message_id", "status"):
            told.setdefault(message_id, set()).add(status)
        for message in Message.objects.exclude(author__in=[Author.CONTACT, Author.PHONE]):
            times = {"sent": message.sent_at, "delivered": message.delivered_at, "read": message.read_at}
            words = {word for word, at in {**times, "failed": message.failed_at}.items() if at}
            assert message.status in words
            assert told.pop(message.message_id or "") == words
        assert not told

    def test_the_sums_of_the_statistics_are_those_of_the_messages(self) -> None:
        assert MessageCount.objects.totals() == {
            "inbound": Message.objects.filter(direccion=Direction.INBOUND).count(),
            "outbound": Message.objects.filter(direccion=Direction.OUTBOUND).count(),
            "linked": Message.objects.filter(cliente__isnull=False).count(),
            "answered": Message.objects.filter(respuesta_enviada=True).count(),
        }

    def test_pictures_and_documents_wait_for_the_worker(self) -> None:
        states = set(Media.objects.filter(kind__in=["image", "document"]).values_list("state", flat=True))
        assert states == {MediaState.PENDING}

    def test_what_the_bot_answered_is_said_on_both_sides(self) -> None:
        answers = Message.objects.filter(author=Author.BOT).select_related("respuesta")
        assert answers.count() >= 10
        for answer in answers:
            assert answer.respuesta is not None
            assert answer.respuesta.respuesta_enviada
            assert answer.respuesta.thread_id == answer.thread_id
            assert answer.respuesta.timestamp < answer.timestamp

    def test_what_meta_sent_can_be_applied_once_more_and_changes_nothing(self) -> None:
        before = (Message.objects.count(), Thread.objects.count(), MessageCount.objects.totals())
        WebhookEvent.objects.all().replay()
        apply_waiting()
        assert (Message.objects.count(), Thread.objects.count(), MessageCount.objects.totals()) == before
        assert WebhookEvent.objects.failed().count() == 1

    # --- Finding ----------------------------------------------------------------------------------

    def test_people_are_found_by_name_and_phone(self) -> None:
        contact = Contact.objects.filter(name__contains="ñ", email__isnull=False).order_by("pk")[0]
        assert contact in Contact.objects.search(contact.name.upper().replace("Ñ", "n"))
        assert list(Contact.objects.search(contact.mobile[-9:])) == [contact]

    def test_the_accounts_named_are_those_that_exist(self) -> None:
        named = {email for email, _ in demo.accounts_that_exist()}
        assert named == {"admin@puente.test", "abogada@puente.test", "agente1@puente.test"}
        User.objects.filter(email="abogada@puente.test").delete()
        assert "abogada@puente.test" not in {email for email, _ in demo.accounts_that_exist()}


# --- The same everywhere ----------------------------------------------------------------------

A_LEAP_DAY = datetime(2028, 2, 29, 5, 0, 1, tzinfo=UTC)  # a second after midnight in Lima
BEFORE_THE_NEW_YEAR = datetime(2027, 1, 1, 4, 59, 59, tzinfo=UTC)  # a second before midnight in Lima
A_SUNDAY = datetime(2026, 6, 7, 17, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """What was stored, but for running numbers and salts; and the models with something from the future."""

    rows: dict[str, list[dict[str, Any]]]
    from_the_future: list[str]


def test_it_is_the_same_on_every_machine() -> None:
    assert told_once_more(A_LEAP_DAY).rows == told_at(A_LEAP_DAY).rows


def test_the_same_people_are_there_on_another_day() -> None:
    first = {row["id"]: row["name"] for row in told_at(A_SUNDAY).rows["contact"]}
    later = {row["id"]: row["name"] for row in told_at(A_LEAP_DAY).rows["contact"]}
    assert first == later


@pytest.mark.parametrize("now", [A_LEAP_DAY, BEFORE_THE_NEW_YEAR, A_SUNDAY])
def test_it_loads_at_any_hour_and_nothing_has_happened_in_the_future(now: datetime) -> None:
    assert told_at(now).from_the_future == []


def told_once_more(now: datetime) -> Told:
    """All rows as they would be stored, and then they are not."""
    with transaction.atomic():
        demo.load(now)
        told = Told(all_rows(), from_the_future(now))
        transaction.set_rollback(True)
    return told


told_at = cache(told_once_more)


def all_rows() -> dict[str, list[dict[str, Any]]]:
    found = {
        str(model._meta.model_name): [
            {name: value for name, value in row.items() if name not in ("password", "numero")}
            for row in model._default_manager.order_by("pk").values()
        ]
        for model in MODELS
        if model is not Assignment
    }
    found["message"] = [
        {name: value for name, value in row.items() if name not in ("id", "thread_id", "respuesta_id")}
        for row in Message.objects.order_by("timestamp", "key").values()
    ]
    for row in found["user"]:
        del row["created_at"], row["updated_at"]
    return found


def from_the_future(now: datetime) -> list[str]:
    dated = [model for model in MODELS if model not in (User, Assignment)]
    moments: list[tuple[type[models.Model], str]] = [
        *((model, name) for model in dated for name in ("created_at", "updated_at")),
        (Call, "started_at"),
        (Assignment, "created_at"),
        (Task, "completed_at"),
        (Message, "timestamp"),
        (WebhookEvent, "received_at"),
        (CallAttempt, "placed_at"),
        (CallAttempt, "ended_at"),
        (Tombstone, "removed_at"),
    ]
    return [
        f"{model.__name__}.{name}"
        for model, name in moments
        if model._default_manager.filter(**{f"{name}__gt": now}).exists()
    ]


# --- Once, and nowhere else -------------------------------------------------------------------


def test_a_database_with_anybody_in_it_stays_as_it_is(alice: User) -> None:
    assert not demo.is_wanted()
    said = StringIO()
    call_command("load_demo", stdout=said)
    assert "ya tiene datos" in said.getvalue()
    assert not Contact.objects.exists()


def test_when_one_part_fails_nothing_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("the last part")

    monkeypatch.setattr(opportunities.demo, "load", fail)
    with pytest.raises(RuntimeError, match="the last part"):
        demo.load()
    assert not User.objects.exists()
    assert not Contact.objects.exists()


def test_an_installation_has_no_demonstration(settings: Any) -> None:
    settings.DEMONSTRATION = False
    with pytest.raises(CommandError, match="DATABASE_URL"):
        call_command("load_demo")
    with pytest.raises(RuntimeError):
        demo.load()
    assert not User.objects.exists()
