"""Whom the demonstration's campaigns call. Nobody of them exists: see crm/demo/people.py."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from crm.demo import Story
from crm.demo.people import FIRST_NAMES, PLACES, SURNAMES
from crm.models import Contact
from crm.phones import parse_phone
from jobs.demo_dials import Told
from jobs.demo_plans import CampaignPlan
from jobs.dialling.windows import lane_of
from jobs.models import Batch, Job

SECOND_PHONE = 0.2
# Endings of phones: below a thousand are those of the CRM's own people.
_FIRST_ENDING, _OF_EACH_CAMPAIGN, _SECOND_PHONES = 1_000, 2_050, 7_200


@dataclass(frozen=True)
class Line:
    """Phones of one country that nobody has: what their beginning says of them, worked out once."""

    country: str
    start: str

    def number(self, ending: int) -> str:
        return f"{self.start}{ending:04d}"

    def key(self, ending: int) -> str:
        return f"{self._start_of_key}{ending:04d}"

    @cached_property
    def lane(self) -> str:
        return lane_of(self.number(0), "America/Lima")

    @cached_property
    def _start_of_key(self) -> str:
        phone = parse_phone(self.number(0))
        assert phone is not None, "the demonstration's phones are phones"
        return phone.key.removesuffix("0000")


LINES = {place.country: Line(place.country, place.phone[:-1]) for place in PLACES}
_PEOPLE = {place.country: place.people for place in PLACES}


def a_job(story: Story, place: int, position: int, plan: CampaignPlan, batch: Batch, contact: Contact | None) -> Told:
    """The person at `position` of the campaign, not called yet."""
    ending = _FIRST_ENDING + place * _OF_EACH_CAMPAIGN + position
    country = str(contact.country) if contact else story.weighted(_PEOPLE)
    endings = [int(str(contact.mobile)[-4:]) if contact else ending]
    if not contact and story.chance(SECOND_PHONE):
        endings.append(_SECOND_PHONES + ending % 2_700)
    line = LINES[country]
    document = (contact.document_number or "") if contact else f"99{ending:06d}" if country == "Perú" else ""
    at = batch.created_at + timedelta(milliseconds=5 * position)
    job = Job(
        id=f"{int(at.timestamp()):08x}{batch.pk[-10:]}{position:06x}",
        job_id=f"job_{batch.account.account_id[:8]}_{at:%Y%m%d_%H%M%S}_{story.id.hex[:8]}",
        account=batch.account,
        batch=batch,
        name=contact.name if contact else _name(story),
        document=document,
        phones=[line.number(one) for one in endings],
        lane=line.lane,
        person_key=f"doc:{batch.account.country}:{document}" if document else f"tel:{line.key(endings[0])}",
        contact=contact,
        payload=_subject(story, plan),
        next_try_at=at if plan.dialled else story.at(1, 9),
        created_at=at,
        updated_at=at,
    )
    job.search_words = job.words()
    return Told(story, plan, job, {line.number(one): line.key(one) for one in endings})


def _name(story: Story) -> str:
    return " ".join([story.draw.choice(FIRST_NAMES), *story.draw.sample(SURNAMES, 2)])


def _subject(story: Story, plan: CampaignPlan) -> dict[str, object]:
    """What the call is about, in the client's words (campaign-client 1.3)."""
    due = story.today - timedelta(days=story.draw.randrange(5, 60))
    return {
        "company_name": plan.company,
        "debt_amount": story.draw.randrange(20, 400) * 500,
        "due_date": due.isoformat(),
        "reference_number": f"CU-{story.id.int % 1_000_000:06d}",
        "additional_info": {
            "cantidad_cupones": story.draw.randrange(1, 5),
            "fecha_maxima": (story.today + timedelta(days=story.draw.randrange(5, 20))).isoformat(),
        },
    }
