"""A POST that names itself is done once (contract section 1, "Repeats")."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Event, Thread
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from config.api.idempotency import IdempotencyMiddleware
from crm.models import ApiToken, AuditEntry, IdempotencyKey, ImportRun, User
from crm.tasks import forget_old_keys
from tests.factories import UserFactory

AsUser = Callable[[User | None], APIClient]
PATH = "/api/api-tokens"  # creates one row, and another for each repeat


@pytest.fixture
def admin(as_user: AsUser, alice: User) -> APIClient:
    return as_user(alice)


def post(client: APIClient, key: str = "clave-1", name: str = "Panel", path: str = PATH) -> Any:
    return client.post(path, {"name": name}, headers={"Idempotency-Key": key})


def new_user(client: APIClient, email: str = "nueva@puente.test", key: str = "clave-1") -> Any:
    body = {"email": email, "full_name": "Nora Vila", "password": "otra-clave-muy-larga-8"}
    return client.post("/api/users", body, headers={"Idempotency-Key": key})


@pytest.mark.sqlite
@pytest.mark.django_db
def test_the_same_request_again_gets_the_first_answer_and_does_nothing(admin: APIClient) -> None:
    first = new_user(admin)
    again = new_user(admin)
    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again["Content-Type"] == "application/json"
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert User.objects.filter(email="nueva@puente.test").count() == 1
    assert AuditEntry.objects.filter(action="user.created").count() == 1


@pytest.mark.sqlite
@pytest.mark.django_db
def test_with_and_without_final_slash_it_is_the_same_request(admin: APIClient) -> None:
    post(admin)
    assert post(admin, path=PATH + "/")["Idempotency-Replayed"] == "true"
    assert ApiToken.objects.count() == 1


@pytest.mark.sqlite
@pytest.mark.django_db
def test_the_same_key_with_another_body_is_409(admin: APIClient) -> None:
    post(admin)
    answer = post(admin, name="Otro")
    assert answer.status_code == 409
    assert answer.json()["code"] == "clave_reutilizada"
    assert answer.json()["detail"] == "Esta clave de idempotencia ya se usó con otro contenido."
    assert ApiToken.objects.count() == 1


@pytest.mark.sqlite
@pytest.mark.django_db
def test_another_key_path_or_caller_is_another_request(admin: APIClient, as_user: AsUser) -> None:
    post(admin)
    post(admin, key="clave-2")
    post(as_user(UserFactory(admin=True)))
    assert ApiToken.objects.count() == 3
    assert new_user(admin).status_code == 201
    assert IdempotencyKey.objects.count() == 4


@pytest.mark.sqlite
@pytest.mark.django_db
def test_without_a_key_every_request_counts(admin: APIClient) -> None:
    for _ in range(2):
        assert admin.post(PATH, {"name": "Panel"}).status_code == 201
    assert ApiToken.objects.count() == 2
    assert not IdempotencyKey.objects.exists()


@pytest.mark.sqlite
@pytest.mark.django_db
def test_a_refused_request_is_not_kept_and_may_be_mended(admin: APIClient) -> None:
    refused = new_user(admin, email="sin arroba")
    assert refused.status_code == 400
    assert not IdempotencyKey.objects.exists()
    mended = new_user(admin)
    assert mended.status_code == 201
    assert "Idempotency-Replayed" not in mended


@pytest.mark.sqlite
@pytest.mark.django_db
def test_reading_and_changing_take_no_notice_of_a_key(admin: APIClient, bob: User) -> None:
    headers = {"Idempotency-Key": "clave-1"}
    for city in ("Lima", "Cusco"):
        assert admin.patch(f"/api/users/{bob.pk}", {"city": city}, headers=headers).json()["city"] == city
        assert admin.get("/api/users/me", headers=headers).status_code == 200
    assert not IdempotencyKey.objects.exists()


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize("key", ["x" * 201, "tab\there"])
def test_an_unusable_key_is_400(admin: APIClient, key: str) -> None:
    answer = post(admin, key=key)
    assert answer.status_code == 400
    assert answer.json()["code"] == "clave_invalida"
    assert not ApiToken.objects.exists()


@pytest.mark.sqlite
@pytest.mark.django_db
def test_strangers_are_told_to_sign_in_and_leave_no_key(as_user: AsUser, alice: User) -> None:
    for client in (as_user(None), APIClient(HTTP_AUTHORIZATION="Bearer abc")):
        assert post(client).status_code == 401
    assert not IdempotencyKey.objects.exists()


@pytest.mark.sqlite
@pytest.mark.django_db
def test_a_program_repeats_itself_too(alice: User) -> None:
    _, value = ApiToken.issue(user=alice, name="Programa")
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {value}")
    assert post(client).status_code == 201
    assert post(client)["Idempotency-Replayed"] == "true"


@pytest.mark.sqlite
@pytest.mark.django_db
def test_a_key_is_forgotten_after_a_day(admin: APIClient, alice: User) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        post(admin)
        clock.shift(timedelta(hours=24))
        admin.credentials(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(alice)}")
        assert post(admin)["Idempotency-Replayed"] == "true"
        clock.shift(timedelta(seconds=1))
        # The old row is taken over: another body is no conflict any more, and starts a new day.
        late = post(admin, name="Otro")
        assert late.status_code == 201
        assert "Idempotency-Replayed" not in late
        assert post(admin, name="Otro")["Idempotency-Replayed"] == "true"
    assert ApiToken.objects.count() == 2
    assert IdempotencyKey.objects.count() == 1


@pytest.mark.sqlite
@pytest.mark.django_db
def test_the_task_removes_old_keys_and_expired_sessions(admin: APIClient, bob: User) -> None:
    from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
    from rest_framework_simplejwt.tokens import RefreshToken

    OutstandingToken.objects.all().delete()
    with time_machine.travel(timezone.now() - timedelta(days=31)):
        RefreshToken.for_user(bob)
        IdempotencyKey.claim(caller="a", path="/b", key="old", body_digest="d")
    RefreshToken.for_user(bob)
    IdempotencyKey.claim(caller="a", path="/b", key="new", body_digest="d")
    forget_old_keys()
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["new"]
    assert OutstandingToken.objects.count() == 1


@pytest.mark.sqlite
@pytest.mark.django_db
def test_a_key_costs_two_queries_and_a_repeat_three(admin: APIClient) -> None:
    def queries(ask: Callable[[], Any]) -> int:
        with CaptureQueriesContext(connection) as found:
            ask()
        return len([query for query in found if "SAVEPOINT" not in query["sql"]])

    plain = queries(lambda: admin.post(PATH, {"name": "Panel"}))
    assert queries(lambda: post(admin)) == plain + 2  # claim and keep
    assert queries(lambda: post(admin)) == 3  # who asks, claim, read


@pytest.mark.django_db
def test_an_import_that_is_sent_twice_is_read_once(admin: APIClient) -> None:
    def upload() -> Any:
        file = SimpleUploadedFile("leads.csv", b"nombre,celular\nRosa,987654321\n", content_type="text/csv")
        body = {"file": file, "kind": "leads"}
        return admin.post("/api/crm/imports/preview", body, format="multipart", headers={"Idempotency-Key": "import-1"})

    first, again = upload(), upload()
    assert first.status_code in (200, 201), first.content
    assert again["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert ImportRun.objects.count() == 1


# --- Two at once ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_at_once_have_one_effect_and_one_answer() -> None:
    alice = UserFactory(admin=True)
    barrier = Barrier(5)
    answers: list[Any] = []

    def ask() -> None:
        try:
            client = APIClient(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(alice)}")
            barrier.wait()
            answers.append(new_user(client))
        finally:
            connections.close_all()

    threads = [Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer for answer in answers) == 4
    assert User.objects.filter(email="nueva@puente.test").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_second_gets_its_turn_when_the_first_fails() -> None:
    """The rival waits on the first one's claim; its failure must not stand in the way."""
    alice = UserFactory(admin=True)
    inside, go_on = Event(), Event()
    done: list[str] = []

    def failing(request: HttpRequest) -> HttpResponse:
        inside.set()
        go_on.wait(10)
        UserFactory(email="half@puente.test")
        return HttpResponse(status=400)

    def working(request: HttpRequest) -> HttpResponse:
        done.append("second")
        return HttpResponse(b"{}", status=201)

    def call(view: Callable[[HttpRequest], HttpResponse]) -> HttpResponse:
        return IdempotencyMiddleware(view)(request_of(alice))

    def first() -> None:
        try:
            assert call(failing).status_code == 400
            done.append("first")
        finally:
            connections.close_all()

    def second() -> None:
        try:
            assert call(working).status_code == 201
        finally:
            connections.close_all()

    one, two = Thread(target=first), Thread(target=second)
    one.start()
    assert inside.wait(10)
    two.start()
    two.join(0.3)
    assert two.is_alive(), "the second waits for the first"
    go_on.set()
    one.join(10)
    two.join(10)
    assert sorted(done) == ["first", "second"]
    assert not User.objects.filter(email="half@puente.test").exists(), "what a refused request did is undone"


# --- The middleware by itself -----------------------------------------------------------------


def request_of(user: User, body: Any = b"{}", **more: Any) -> HttpRequest:
    found: HttpRequest = RequestFactory().post(
        "/api/x",
        body,
        **{
            "content_type": "application/json",
            "headers": {"Idempotency-Key": "clave-1", "Authorization": f"Bearer {AccessToken.for_user(user)}"},
            **more,
        },
    )
    return found


@pytest.mark.sqlite
@pytest.mark.django_db
def test_an_exception_leaves_neither_key_nor_effect(alice: User) -> None:
    def breaking(request: HttpRequest) -> HttpResponse:
        UserFactory(email="half@puente.test")
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        IdempotencyMiddleware(breaking)(request_of(alice))
    assert not IdempotencyKey.objects.exists()
    assert not User.objects.filter(email="half@puente.test").exists()
    assert IdempotencyMiddleware(lambda request: HttpResponse(b"{}", status=201))(request_of(alice)).status_code == 201


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize("status", [301, 400, 404, 409, 429, 500, 503])
def test_only_success_is_kept(alice: User, status: int) -> None:
    for _ in range(2):
        answer = IdempotencyMiddleware(lambda request: HttpResponse(b"{}", status=status))(request_of(alice))
        assert answer.status_code == status
        assert "Idempotency-Replayed" not in answer
    assert not IdempotencyKey.objects.exists()


@pytest.mark.sqlite
@pytest.mark.django_db
def test_a_stream_is_passed_on_and_not_kept(alice: User) -> None:
    answer = IdempotencyMiddleware(lambda request: StreamingHttpResponse([b"a", b"b"]))(request_of(alice))
    assert b"".join(answer) == b"ab"
    assert not IdempotencyKey.objects.exists()


@pytest.mark.sqlite
@pytest.mark.django_db
def test_an_upload_is_told_apart_by_its_content_and_still_readable(alice: User, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2000
    seen: list[bytes] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.FILES["file"].read())
        return HttpResponse(b"{}", status=201)

    def upload(content: bytes) -> HttpResponse:
        factory = RequestFactory()
        headers = {"Idempotency-Key": "clave-1", "Authorization": f"Bearer {AccessToken.for_user(alice)}"}
        file = SimpleUploadedFile("leads.csv", content)
        return IdempotencyMiddleware(view)(factory.post("/api/x", {"kind": "leads", "file": file}, headers=headers))

    large = b"a" * 10_000
    assert upload(large).status_code == 201
    assert upload(large)["Idempotency-Replayed"] == "true"
    assert upload(b"b" * 10_000).status_code == 409
    assert seen == [large]


@pytest.mark.sqlite
@pytest.mark.django_db
def test_an_upload_beyond_every_limit_is_left_to_the_view_unread(alice: User, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    headers = {"Idempotency-Key": "clave-1", "Authorization": f"Bearer {AccessToken.for_user(alice)}"}
    file = SimpleUploadedFile("leads.csv", b"a" * 10_000)
    request = RequestFactory().post("/api/x", {"file": file}, headers=headers)
    answer = IdempotencyMiddleware(lambda request: HttpResponse(status=413))(request)
    assert answer.status_code == 413
    assert not request._read_started
