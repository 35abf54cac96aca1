"""The staff pages of campaigns, one module per theme. Importing a module registers its pages."""

from jobs.admin import accounts, batches, jobs, refusals

__all__ = ["accounts", "batches", "jobs", "refusals"]
