""" "Why is this job not being called?": the rules of the dispatcher, asked about one job (contract section 5)."""

from django.conf import settings

from jobs.dialling.facts import Facts, ProviderState
from jobs.dialling.rules import Case, Hold, first_hold
from jobs.models import Job

IN_QUEUE = Hold("en_cola", "En la cola: se llamará en cuanto le toque.")


def why(job: Job) -> Hold:
    """The first rule that holds the job, and until when; "en_cola" when none does."""
    facts = Facts.about([job.batch], provider=ProviderState(settings.CALL_PROVIDER))
    facts.read_people([job])
    return first_hold(Case(job, facts)) or IN_QUEUE
