"""What the client calls. What is named stands before what is numbered: `bulk-delete` is no id of a job."""

from typing import Any

from django.urls import path

from jobs.api import accounts, batches, dashboard, history, jobs

_JOB, _BATCH, _ACCOUNT = "jobs/<str:job_id>", "batches/<str:batch_id>", "accounts/<str:account_id>"

_jobs: list[Any] = [
    path("jobs", jobs.JobList.as_view({"get": "list"})),
    path("jobs/bulk-delete", jobs.BulkDelete.as_view()),
    path(_JOB, jobs.OneJob.as_view()),
    path(f"{_JOB}/cancel", jobs.CancelJob.as_view()),
    path(f"{_JOB}/retry", jobs.RetryJob.as_view()),
    path(f"{_JOB}/why", jobs.WhyJob.as_view()),
]
_batches: list[Any] = [
    path("batches", batches.BatchList.as_view({"get": "list", "post": "create"})),
    path(_BATCH, batches.OneBatch.as_view()),
    path(f"{_BATCH}/cancel", batches.CancelBatch.as_view()),
    path(f"{_BATCH}/jobs", batches.BatchJobs.as_view({"get": "list"})),
    path(f"{_BATCH}/summary", batches.BatchSummary.as_view()),
    path(f"{_BATCH}/status", batches.BatchStatus.as_view()),
]
_accounts: list[Any] = [
    path("accounts", accounts.AccountList.as_view({"get": "list", "post": "create"})),
    path(_ACCOUNT, accounts.OneAccount.as_view()),
    path(f"{_ACCOUNT}/balance", accounts.Balance.as_view()),
    path(f"{_ACCOUNT}/stats", accounts.AccountStats.as_view()),
    path(f"{_ACCOUNT}/summary", accounts.AccountSummary.as_view()),
    path(f"{_ACCOUNT}/batches", accounts.AccountBatches.as_view({"get": "list"})),
    path(f"{_ACCOUNT}/transactions", accounts.AccountTransactions.as_view()),
    path(f"{_ACCOUNT}/topup", accounts.TopUp.as_view()),
    path(f"{_ACCOUNT}/last-call-settings", accounts.LastCallSettings.as_view()),
    path(f"{_ACCOUNT}/suspend", accounts.SuspendAccount.as_view()),
    path(f"{_ACCOUNT}/activate", accounts.ActivateAccount.as_view()),
]
_figures: list[Any] = [
    path("dashboard/stats", dashboard.DashboardStats.as_view()),
    path("dashboard/overview", dashboard.DashboardOverview.as_view()),
    path("calls/history", history.CallHistory.as_view({"get": "list"})),
    path("use-cases", dashboard.UseCases.as_view()),
]
routes: list[Any] = [*_jobs, *_batches, *_accounts, *_figures]
