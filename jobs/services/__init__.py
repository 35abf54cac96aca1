"""What people do with campaigns and their jobs, for the API, the staff pages and the shell alike."""

from jobs.services.batches import BatchService
from jobs.services.jobs import JobService, Removed

__all__ = ["BatchService", "JobService", "Removed"]
