"""Campaigns: who pays, what is called, each dial, what is left alone, and the exact counts of it all."""

from jobs.models.accounts import Account, Transaction
from jobs.models.attempts import CallAttempt
from jobs.models.batches import Batch, SettingsChange
from jobs.models.circuits import ProviderCircuit
from jobs.models.counts import Count, DialCount, Totals
from jobs.models.imports import BatchImport, ImportProblem
from jobs.models.jobs import Job, Tombstone
from jobs.models.refusals import ClosedDay, DoNotCall
from jobs.models.simulated import SimulatedCall

__all__ = [
    "Account",
    "Batch",
    "BatchImport",
    "CallAttempt",
    "ClosedDay",
    "Count",
    "DialCount",
    "DoNotCall",
    "ImportProblem",
    "Job",
    "ProviderCircuit",
    "SettingsChange",
    "SimulatedCall",
    "Tombstone",
    "Totals",
    "Transaction",
]
