"""Who may read and do what: staff only; where agents see only what is theirs, the campaigns that they created."""

from typing import Any

import pytest

from crm.models import User
from jobs.choices import AttemptState, Outcome
from jobs.models import Batch, Job
from tests.jobs.asking import ACCOUNTS, BATCHES, JOBS, AsUser, ids
from tests.jobs.importing import CREATE, created, lines, previewed, upload
from tests.jobs.rows import a_batch, an_account, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

V1 = "/api/v1"
JOB_PATHS = [
    ("get", ""), ("delete", ""), ("put", "/cancel"), ("post", "/cancel"), ("put", "/retry"), ("post", "/retry"),
    ("get", "/why"),
]  # fmt: skip
BATCH_PATHS = [
    ("get", ""), ("patch", ""), ("delete", ""), ("post", "/cancel"), ("get", "/jobs"), ("get", "/summary"),
    ("get", "/status"), ("get", "/import"), ("get", "/import/errors"),
]  # fmt: skip
OTHERS = [
    ("get", JOBS), ("post", f"{JOBS}/bulk-delete"), ("get", BATCHES), ("post", BATCHES), ("get", ACCOUNTS),
    ("post", f"{BATCHES}/excel/preview"), ("post", f"{BATCHES}/excel/create"),
    ("get", f"{V1}/dashboard/stats"), ("get", f"{V1}/dashboard/overview"), ("get", f"{V1}/calls/history"),
]  # fmt: skip
EVERYTHING = [
    *((method, f"{JOBS}/1{path}") for method, path in JOB_PATHS),
    *((method, f"{BATCHES}/1{path}") for method, path in BATCH_PATHS),
    *OTHERS,
]


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_strangers_and_outsiders_read_and_do_nothing(as_user: AsUser, oscar: User, method: str, path: str) -> None:
    assert getattr(as_user(None), method)(path).status_code == 401
    assert getattr(as_user(oscar), method)(path).status_code == 403


# --- Where agents see only what is theirs -----------------------------------------------------


@pytest.fixture
def campaigns(bob: User, charlie: User, settings: Any) -> dict[str, Batch]:
    """One of Bob's with two jobs, one of Charlie's with three, both called once, in one account."""
    settings.CRM_AGENT_SCOPE = "own"
    account = an_account()
    found = {}
    for name, owner, how_many in (("bobs", bob, 2), ("charlies", charlie, 3)):
        found[name] = a_batch(account, created_by=owner)
        jobs = some_jobs(how_many, found[name])
        an_attempt(jobs[0], AttemptState.ENDED, outcome=Outcome.ANSWERED, seconds=60, cost_micros=150_000)
    return found


def test_an_agent_lists_only_the_campaigns_they_created(
    as_user: AsUser, bob: User, campaigns: dict[str, Batch]
) -> None:
    client, account = as_user(bob), campaigns["bobs"].account_id
    theirs = set(Job.objects.filter(batch=campaigns["bobs"]).values_list("pk", flat=True))
    for path in (JOBS, f"{JOBS}?account_id={account}", f"{JOBS}?q=persona", f"{JOBS}?status=pending"):
        assert set(ids(client.get(path))) == theirs, path
        assert client.get(path, {**_asked(path), "limit": 1})["X-Total-Count"] == "2", path
    assert ids(client.get(f"{JOBS}?batch_id={campaigns['charlies'].pk}")) == []
    for path in (BATCHES, f"{BATCHES}?account_id={account}", f"{ACCOUNTS}/{account}/batches"):
        assert ids(client.get(path)) == [campaigns["bobs"].pk], path


def _asked(path: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in path.partition("?")[2].split("&") if pair)


def test_an_agent_s_figures_are_of_their_campaigns(as_user: AsUser, bob: User, campaigns: dict[str, Batch]) -> None:
    client, account = as_user(bob), campaigns["bobs"].account_id
    for path in (f"{V1}/dashboard/stats", f"{V1}/dashboard/stats?account_id={account}", f"{ACCOUNTS}/{account}/stats"):
        found = client.get(path).json()
        assert (found["total_jobs"], found["total_batches"], found["total_cost"]) == (2, 1, 0.15), path
    overview = client.get(f"{V1}/dashboard/overview").json()
    assert (overview["today"]["calls"], len(overview["recent_batches"])) == (1, 1)
    assert client.get(f"{ACCOUNTS}/{account}/summary").json()["stats"]["total_jobs"] == 2
    last = client.get(f"{ACCOUNTS}/{account}/last-call-settings").json()
    assert last["from_batch"] == campaigns["bobs"].batch_id


def test_an_agent_s_history_is_of_their_campaigns(as_user: AsUser, bob: User, campaigns: dict[str, Batch]) -> None:
    client = as_user(bob)
    for path in ("", f"?account_id={campaigns['bobs'].account_id}"):
        rows = client.get(f"{V1}/calls/history{path}").json()["calls"]
        assert [row["batch_id"] for row in rows] == [campaigns["bobs"].batch_id]
    assert client.get(f"{V1}/calls/history?batch_id={campaigns['charlies'].pk}").json()["calls"] == []


@pytest.mark.parametrize(("method", "path"), JOB_PATHS)
def test_another_s_job_is_unknown_to_them_and_stays(
    as_user: AsUser, bob: User, campaigns: dict[str, Batch], method: str, path: str
) -> None:
    job = Job.objects.filter(batch=campaigns["charlies"]).order_by("-id")[0]
    before = Job.objects.filter(pk=job.pk).values().get()
    for name in (job.pk, job.job_id):
        answer = getattr(as_user(bob), method)(f"{JOBS}/{name}{path}")
        assert (answer.status_code, answer.json()["detail"]) == (404, f"Job {name} no encontrado")
    assert Job.objects.filter(pk=job.pk).values().get() == before


@pytest.mark.parametrize(("method", "path"), BATCH_PATHS)
def test_another_s_campaign_is_unknown_to_them_and_stays(
    as_user: AsUser, bob: User, campaigns: dict[str, Batch], method: str, path: str
) -> None:
    before = Batch.objects.filter(pk=campaigns["charlies"].pk).values().get()
    answer = getattr(as_user(bob), method)(f"{BATCHES}/{before['id']}{path}", {"name": "Mía"})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Campaña no encontrada")
    assert Batch.objects.filter(pk=before["id"]).values().get() == before


def test_in_bulk_another_s_job_is_one_of_those_not_found(
    as_user: AsUser, bob: User, campaigns: dict[str, Batch]
) -> None:
    own, foreign = (Job.objects.filter(batch=campaigns[name]).order_by("-id")[0] for name in ("bobs", "charlies"))
    answer = as_user(bob).post(f"{JOBS}/bulk-delete", {"job_ids": [own.pk, foreign.pk]})
    assert (answer.status_code, answer.json()["deleted_count"]) == (207, 1)
    assert [error["job_id"] for error in answer.json()["errors"]] == [foreign.pk]
    assert Job.objects.filter(pk=foreign.pk).exists()


def test_a_file_tells_an_agent_nothing_of_others_campaigns(
    as_user: AsUser, bob: User, charlie: User, campaigns: dict[str, Batch], own_media: Any
) -> None:
    account, content = campaigns["bobs"].account, lines("nombre,telefono", "Rosa,987654321")
    created(as_user(charlie), account, content, batch_name="Secreta")
    told = "Fila 2: Ya está en otra campaña de la cuenta, con el mismo teléfono."
    for name in ("Secreta", "Otra"):
        answer = upload(as_user(bob), CREATE, content, account_id=account.pk, batch_name=name)
        assert answer.status_code == 400, answer.data
        assert answer.data["message"] == f"El archivo no tiene a nadie a quien llamar. {told}"
    assert previewed(as_user(bob), account, content)["rows"][0]["problems"] == [told.removeprefix("Fila 2: ")]


def test_everybody_else_sees_everything(as_user: AsUser, alice: User, laura: User, campaigns: dict[str, Batch]) -> None:
    for user in (alice, laura):
        assert len(ids(as_user(user).get(JOBS))) == 5
        assert len(ids(as_user(user).get(BATCHES))) == 2


def test_an_agent_sees_the_campaign_they_create(as_user: AsUser, bob: User, campaigns: dict[str, Batch]) -> None:
    client = as_user(bob)
    made = client.post(BATCHES, {"account_id": campaigns["bobs"].account_id, "name": "Nueva"}).json()
    assert ids(client.get(BATCHES)) == [made["_id"], campaigns["bobs"].pk]
