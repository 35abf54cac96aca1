"""Why is this job not being called?"""

from jobs.dialling.rules import Hold
from jobs.models import Job


def why(job: Job) -> Hold:
    """Always an answer."""
    return Hold("en_cola", "En la cola.", job.next_try_at)
