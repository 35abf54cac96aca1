"""The demonstration's opportunities, with the ledger that says who held them (contract section 7)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from crm.demo import Cast, Story, keep
from crm.models import AuditEntry, Contact, User
from opportunities.choices import AssignmentKind, AttemptStatus, OpportunityStatus, PipelineStage, Priority
from opportunities.models import Assignment, Opportunity

OPPORTUNITIES = 200

STATUSES = {
    OpportunityStatus.PENDING: 34,
    OpportunityStatus.ASSIGNED: 28,
    OpportunityStatus.CONTACTED: 18,
    OpportunityStatus.CONVERTED: 9,
    OpportunityStatus.LOST: 7,
    OpportunityStatus.EXPIRED: 4,
}
PRIORITIES = {Priority.LOW: 2, Priority.MEDIUM: 5, Priority.HIGH: 3}
STAGES = {
    OpportunityStatus.CONTACTED: (PipelineStage.AGENT_INITIAL, PipelineStage.LAWYER_VALIDATION),
    OpportunityStatus.CONVERTED: (PipelineStage.CLIENT_SIGNATURE, PipelineStage.CASE_CREATED),
}
REASONS_TO_DISCARD = ("trabaja con otro abogado", "ya regularizado", "no le interesa")


def load(cast: Cast, now: datetime) -> None:
    story = Story("opportunities", now)
    contacts = story.draw.sample(cast.contacts, OPPORTUNITIES)
    opportunities: list[Opportunity] = []
    ledger: list[Assignment] = []
    for number, contact in enumerate(contacts):
        about = story.about("opportunity", number)
        opportunity = _opportunity(about, contact)
        opportunities.append(opportunity)
        ledger.extend(_hand_out(about, opportunity, cast))
    keep(opportunities)
    ledger.sort(key=lambda row: row.created_at)
    Assignment.objects.bulk_create(ledger)
    keep(_for_the_record(ledger))


def _opportunity(story: Story, contact: Contact) -> Opportunity:
    detected_at = story.some_time_since(contact.created_at)
    return Opportunity(
        id=story.id,
        pipeline_stage_id=story.about("pipeline stage", 1).id,
        contact=contact,
        status=OpportunityStatus.PENDING,
        priority=story.weighted(PRIORITIES),
        opportunity_score=story.draw.randrange(15, 99),
        detection_reason=_reason(story, contact),
        detected_at=detected_at,
        created_at=detected_at,
        updated_at=detected_at,
    )


def _reason(story: Story, contact: Contact) -> dict[str, Any]:
    return {
        "has_no_situation": contact.grading_situacion is None,
        "not_contacted": story.chance(0.5),
        "has_attempts": story.chance(0.4),
        "attempts_remaining": story.draw.randrange(0, 6),
    }


def _hand_out(story: Story, opportunity: Opportunity, cast: Cast) -> Iterator[Assignment]:
    """Bring it to its state of today, one hand after the other; each step is a row of the ledger."""
    status = story.weighted(STATUSES)
    if story.now - opportunity.detected_at < timedelta(days=3) and status != OpportunityStatus.PENDING:
        status = OpportunityStatus.ASSIGNED  # too new for more
    if status == OpportunityStatus.PENDING:
        return
    for _ in range(story.draw.choice((1, 1, 1, 2, 3))):
        yield _give(story, opportunity, story.draw.choice(cast.team), by=cast.admin)
    if status != OpportunityStatus.ASSIGNED:
        _work_on(story, opportunity, OpportunityStatus(status))


def _give(story: Story, opportunity: Opportunity, to: User, *, by: User) -> Assignment:
    """In bulk it goes with what the same person got that morning: they share the moment and the id."""
    alone = (story.some_time_since(opportunity.updated_at), None)
    at, bulk_id = _bulk_after(story, opportunity.updated_at, to) or alone
    row = Assignment(
        opportunity=opportunity,
        from_user=opportunity.assigned_to,
        to_user=to,
        by_user=by,
        from_status=opportunity.status,
        to_status=OpportunityStatus.ASSIGNED,
        kind=AssignmentKind.BULK if bulk_id else AssignmentKind.SINGLE,
        bulk_id=bulk_id,
        notes="Reparto de la mañana" if bulk_id else "",
        created_at=at,
    )
    opportunity.assigned_to = to
    opportunity.status = OpportunityStatus.ASSIGNED
    opportunity.updated_at = at
    return row


def _bulk_after(story: Story, moment: datetime, to: User) -> tuple[datetime, UUID] | None:
    """The next of the weekly mornings on which what had gathered was shared out."""
    for weeks_ago in range(26, 0, -1):
        morning = story.at(-7 * weeks_ago + 5, 8, 30)
        if moment < morning < story.now:
            return morning, Story(f"opportunities/bulk/{weeks_ago}/{to.email}", story.now, story.zone).id
    return None


def _for_the_record(ledger: Sequence[Assignment]) -> Iterator[AuditEntry]:
    """One entry of the audit for each act, single or bulk."""
    acts: dict[UUID | int, list[Assignment]] = {}
    for row in ledger:
        acts.setdefault(row.bulk_id or row.pk, []).append(row)
    for first, *others in acts.values():
        yield AuditEntry(
            actor=first.by_user,
            action="opportunity.assign",
            entity_type="opportunities",
            entity_id=str(first.bulk_id or first.opportunity_id),
            details={"count": 1 + len(others), "kind": first.kind, "assigned_to_id": str(first.to_user_id)},
            created_at=first.created_at,
        )


def _work_on(story: Story, opportunity: Opportunity, status: OpportunityStatus) -> None:
    """First calls until somebody answered or gave up, and what came of it."""
    tries = story.draw.randrange(1, 6)
    answered = status in (OpportunityStatus.CONTACTED, OpportunityStatus.CONVERTED)
    moments = sorted(story.some_time_since(opportunity.updated_at) for _ in range(tries))
    for attempt, at in enumerate(moments, start=1):
        outcome = AttemptStatus.GREEN if answered and attempt == tries else AttemptStatus.ORANGE
        opportunity.first_call_attempts[str(attempt)] = {
            "status": outcome.value,
            "call_id": None,
            "attempted_at": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "notes": "",
        }
    opportunity.status = status
    opportunity.current_stage = story.draw.choice(STAGES.get(status, (PipelineStage.AGENT_INITIAL,)))
    opportunity.first_call_completed = answered
    opportunity.first_call_successful_attempt = tries if answered else None
    opportunity.last_contact_attempt_at = opportunity.updated_at = moments[-1]
    if status == OpportunityStatus.LOST:
        opportunity.notes = f"[Descarte] {story.draw.choice(REASONS_TO_DISCARD)}"
