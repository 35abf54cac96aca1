"""The pages of a thread, and what comes to it while it is open."""

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import User
from tests.staff_pages import at_desk, page_of, text_of
from tests.whatsapp.rows import answered, minutes_ago, said, thread_with
from tests.whatsapp.thread_page import act, part, shown
from whatsapp.choices import MediaState, MessageStatus
from whatsapp.models import Media, Message, Thread


def test_the_newest_stand_at_the_bottom_and_older_ones_come_by_pages(alice: User, thread: Thread) -> None:
    for number in range(100):
        said(thread, f"Mensaje {number:03}", at=minutes_ago(2000 - number))
    client = at_desk(alice)
    page = client.get(page_of(thread))
    newest = [line for line in text_of(page).splitlines() if line.startswith("Mensaje ")]
    assert newest == [f"Mensaje {number:03}" for number in range(61, 100)]
    assert page.content.decode().count("wa-item--day") >= 1
    seen, oldest = list(newest), page.context["older_than"]
    while oldest is not None:
        answer = part(client, thread, "anteriores", antes=oldest.pk)
        seen = [line for line in text_of(answer).splitlines() if line.startswith("Mensaje ")] + seen
        oldest = answer.context["older_than"]
    assert seen == [f"Mensaje {number:03}" for number in range(100)]


def test_older_messages_can_be_turned_to_without_scripts(alice: User, thread: Thread) -> None:
    first = said(thread, "El primero", at=minutes_ago(90))
    second = said(thread, "El segundo", at=minutes_ago(80))
    page = shown(at_desk(alice), thread, antes=second.pk)
    assert first.body in page
    assert "El segundo" not in page
    assert "Volver a lo más reciente" in page


def test_a_message_of_another_thread_opens_no_page(alice: User, thread: Thread) -> None:
    stranger = said(thread_with("51911111111"))
    assert part(at_desk(alice), thread, "anteriores", antes=stranger.pk).status_code == 404
    assert part(at_desk(alice), thread, "anteriores", antes="9" * 30).status_code == 404
    assert part(at_desk(alice), thread, "otra-cosa").status_code == 404


def test_a_long_thread_costs_as_many_queries_as_a_short_one(alice: User, thread: Thread) -> None:
    client = at_desk(alice)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get(page_of(thread))
        return len(seen)

    answered(thread, sent_by=alice)
    said(thread, about="wamid.NADIE")
    queries()
    few = queries()
    for number in range(60):
        message = said(thread, f"Uno {number}", about="wamid.HOLA")
        said(thread, "👍", message_type="reaction", about=message.message_id, content={"reaction": {"emoji": "👍"}})
        answered(thread, f"Dos {number}", sent_by=alice)
    client.get(page_of(thread))
    assert queries() == few


def test_nothing_new_is_nothing_sent(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    token = client.get(page_of(thread)).context["token"]
    assert part(client, thread, "novedades", token=token).status_code == 204
    with CaptureQueriesContext(connection) as seen:
        part(client, thread, "novedades", token=token)
    assert len(seen) <= 4  # session, person, thread, messages


def test_a_new_message_a_tick_and_a_file_are_news(alice: User, thread: Thread) -> None:
    client = at_desk(alice)

    def token() -> str:
        return str(part(client, thread, "novedades").context["token"])

    before = token()
    ours = answered(thread, "Ya le confirmo", status=MessageStatus.QUEUED)
    assert token() != before
    before = token()
    Message.objects.filter(pk=ours.pk).advance(MessageStatus.READ, read_at=timezone.now())
    news = part(client, thread, "novedades", token=before)
    assert "Leído" in text_of(news)
    before = token()
    message = said(thread, "[Imagen]", message_type="image", content={"image": {"id": "1"}})
    media = Media.objects.create(message=message, media_id="1", kind="image")
    assert token() != before
    before = token()
    Media.objects.filter(pk=media.pk).update(state=MediaState.FAILED)
    assert part(client, thread, "novedades", token=before).status_code == 200


def test_what_did_not_change_keeps_its_version(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    [first] = [item for item in client.get(page_of(thread)).context["items"] if item["side"] == "in"]
    answered(thread, "Otra cosa")
    again = [item for item in part(client, thread, "novedades").context["items"] if item["anchor"] == first["anchor"]]
    assert again[0]["version"] == first["version"]


def test_a_thread_that_was_united_leads_to_the_other(alice: User, thread: Thread) -> None:
    old = thread_with("51911111111")
    old.change(merged_into=thread)
    client = at_desk(alice)
    assert client.get(page_of(old)).url == page_of(thread)
    assert part(client, old, "novedades").headers["HX-Redirect"] == page_of(thread)
    act(client, old, "enviar", texto="Buenas")
    assert Message.objects.outbound().get().thread == thread


def test_opening_the_page_is_seeing_it_and_meta_is_not_told(alice: User, thread: Thread) -> None:
    assert thread.unread == 1
    at_desk(alice).get(page_of(thread))
    thread.refresh_from_db()
    assert thread.unread == 0
    assert thread.seen_at is not None
    assert not thread.is_bot_silent
