"""The demonstration's calls, and the follow-ups they promised (contract section 7)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from calls.choices import CallStatus, Direction
from calls.models import Call, CallType
from crm.choices import TaskType
from crm.demo import Cast, Story, keep
from crm.models import Contact, Task
from crm.models.tasks import FOLLOW_UP_TEXT
from crm.updates import update_from

CALLS = 640

RESULTS = {
    CallStatus.COMPLETED: 46,
    CallStatus.ANSWERED: 8,
    CallStatus.NO_ANSWER: 26,
    CallStatus.BUSY: 9,
    CallStatus.MISSED: 5,
    CallStatus.REJECTED: 4,
    CallStatus.FAILED: 2,
}
TALKED = (CallStatus.COMPLETED, CallStatus.ANSWERED)
SUMMARIES = (
    "Pregunta por los plazos; se le explican los pasos y los documentos.",
    "Quiere cita presencial la próxima semana.",
    "Le interesa, pero espera a fin de mes para decidir.",
    "Confirma que recibió la información por correo.",
    "Tiene dudas sobre el pago en cuotas; se le envía la tabla.",
    "Pide hablar con la abogada antes de firmar.",
    "Vive con su hermano, que ya hizo el trámite con nosotros.",
    "Todavía reúne los documentos; falta el certificado de antecedentes.",
)
# When the next call was promised for, in days from today: late, today, soon.
NEXT_CALLS = {-9: 3, -5: 4, -3: 5, -2: 6, -1: 8, 0: 26, 1: 12, 2: 10, 3: 8, 5: 6, 7: 6, 10: 4, 14: 2}


def load(cast: Cast, now: datetime) -> None:
    story = Story("calls", now)
    kinds = list(CallType.objects.active().in_order())
    calls = [_call(story.about("call", number), cast, kinds) for number in range(CALLS)]
    calls.sort(key=lambda call: call.started_at)
    promising = _let_the_last_ones_promise(story, calls)
    keep(calls)
    keep(_follow_up(story, call) for call in promising)
    _remember_on_contacts(calls)


def _call(story: Story, cast: Cast, kinds: Sequence[CallType]) -> Call:
    contact = story.draw.choice(cast.contacts)
    status = story.weighted(RESULTS)
    talked = status in TALKED
    seconds = story.draw.randrange(45, 900) if talked else 0
    started_at = _moment_after(story, contact.created_at)
    return Call(
        id=story.id,
        contact=contact,
        direction=Direction.INBOUND if story.chance(0.25) else Direction.OUTBOUND,
        phone=contact.mobile,
        duration=seconds,
        call_status=status,
        call_type=story.draw.choice(kinds) if kinds and talked else None,
        resumen_llamada=story.draw.choice(SUMMARIES) if talked else None,
        responsible_user=contact.responsible_user,
        created_by=contact.responsible_user,
        started_at=started_at,
        ended_at=started_at + timedelta(seconds=seconds) if talked else None,
        created_at=started_at,
        updated_at=started_at,
    )


def _moment_after(story: Story, start: datetime) -> datetime:
    """In working hours since `start`; for somebody new, in the hours since then."""
    days = (story.now - start).days
    return story.working_hour(-story.draw.randrange(1, min(days, 90))) if days > 1 else story.some_time_since(start)


def _let_the_last_ones_promise(story: Story, calls: Sequence[Call]) -> list[Call]:
    """The newest call of a contact may name the next date; what earlier ones promised has been kept."""
    newest = {call.contact_id: call for call in calls}
    promising = []
    for call in newest.values():
        about = story.about("promise of", str(call.pk))
        if about.chance(0.6):
            due = about.working_hour(about.weighted(NEXT_CALLS))
            call.proxima_llamada_fecha = max(due, call.started_at + timedelta(days=1))
            promising.append(call)
    return promising


def _follow_up(story: Story, call: Call) -> Task:
    return Task(
        id=story.about("follow-up", str(call.pk)).id,
        contact=call.contact,
        text=FOLLOW_UP_TEXT,
        task_type=TaskType.CALL,
        responsible_user=call.responsible_user,
        created_by=call.created_by,
        complete_till=call.proxima_llamada_fecha,
        planned_key=call.follow_up_key,
        created_at=call.created_at,
        updated_at=call.created_at,
    )


def _remember_on_contacts(calls: Sequence[Call]) -> None:
    """What the list of contacts shows of the last and the next call."""
    last = {call.contact_id: call for call in calls if call.contact_id}
    told = [
        {"id": pk, "ultima_llamada_fecha": call.started_at, "proxima_llamada_fecha": call.proxima_llamada_fecha}
        for pk, call in last.items()
    ]
    update_from(Contact, told, by=["id"])
