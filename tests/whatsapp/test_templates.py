"""Templates: ours are Meta's after every synchronisation and every word of its webhook; a message fills them in."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.exceptions import Refusal
from tests.integrations.running import run
from tests.whatsapp.graph_server import ACCOUNT_ID, GraphServer, a_graph_server, answering, refusing
from whatsapp import templating
from whatsapp.choices import TemplateStatus
from whatsapp.graph import GraphError
from whatsapp.models import Template
from whatsapp.tasks import follow_templates
from whatsapp.templating import Report, apply_update, components, parameters_of, render, synchronise

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
A_GREETING = {"type": "BODY", "text": "Hola {{1}}, su cita es el {{2}}."}


@pytest.fixture
def graph_api(settings: Any) -> Iterator[GraphServer]:
    with a_graph_server(settings) as server:
        yield server


def of_meta(name: str = "cita", language: str = "es", **fields: Any) -> dict[str, Any]:
    return {
        "id": f"id-{name}-{language}",
        "name": name,
        "language": language,
        "status": "APPROVED",
        "category": "UTILITY",
        "quality_score": {"score": "GREEN", "date": 1},
        "rejected_reason": "NONE",
        "components": [A_GREETING],
        **fields,
    }


def ours(name: str = "cita", language: str = "es") -> Template:
    return Template.objects.get(name=name, language=language)


# --- Synchronising ----------------------------------------------------------------------------


def test_all_pages_are_read_and_every_template_is_there_once(graph_api: GraphServer) -> None:
    graph_api.templates = [of_meta(f"plantilla_{number}") for number in range(5)] + [of_meta("plantilla_0", "es_MX")]
    assert synchronise() == Report(added=6, total=6)
    assert synchronise() == Report(total=6)
    assert Template.objects.count() == 6
    assert [one.query.get("after") for one in graph_api.asked] == [None, "2", "4"] * 2
    row = ours("plantilla_0")
    assert (row.status, row.category, row.quality, row.reason) == ("APPROVED", "UTILITY", "GREEN", "")
    assert row.components == [A_GREETING]


def test_what_meta_changed_is_changed_and_what_it_no_longer_has_is_marked(graph_api: GraphServer) -> None:
    graph_api.templates = [of_meta("uno"), of_meta("dos"), of_meta("tres")]
    synchronise()
    graph_api.templates = [of_meta("uno"), of_meta("dos", status="REJECTED", rejected_reason="INVALID_FORMAT")]
    assert synchronise() == Report(changed=1, gone=1, total=2)
    assert (ours("dos").status, ours("dos").reason) == ("REJECTED", "INVALID_FORMAT")
    assert (ours("tres").status, ours("tres").reason) == ("OTHER", "Ya no existe en Meta.")
    assert synchronise() == Report(total=2)
    graph_api.templates.append(of_meta("tres"))
    assert synchronise() == Report(changed=1, total=3)
    assert ours("tres") in Template.objects.usable()


def test_a_template_held_back_is_offered_again_only_when_it_has_changed(graph_api: GraphServer) -> None:
    graph_api.templates = [of_meta()]
    synchronise()
    Template.objects.update(blocked_at=timezone.now())
    graph_api.templates = [of_meta(quality_score={"score": "YELLOW"})]
    assert synchronise() == Report(changed=1, total=1)
    assert ours().blocked_at is not None
    graph_api.templates = [of_meta(components=[{"type": "BODY", "text": "Hola {{1}}."}])]
    synchronise()
    assert ours().blocked_at is None


@pytest.mark.parametrize(
    ("word", "status", "reason"),
    [
        ("PAUSED", TemplateStatus.PAUSED, ""),
        ("DISABLED", TemplateStatus.DISABLED, ""),
        ("IN_APPEAL", TemplateStatus.OTHER, "IN_APPEAL"),
        ("PENDING_DELETION", TemplateStatus.OTHER, "Ya no existe en Meta."),
        ("algo nuevo", TemplateStatus.OTHER, "ALGO NUEVO"),
        (None, TemplateStatus.OTHER, ""),
    ],
)
def test_words_that_we_do_not_know_are_kept_and_are_no_approval(
    graph_api: GraphServer, word: str | None, status: str, reason: str
) -> None:
    graph_api.templates = [of_meta(status=word)]
    synchronise()
    assert (ours().status, ours().reason) == (status, reason)
    assert not Template.objects.usable().exists()


def test_a_list_that_breaks_off_changes_nothing(graph_api: GraphServer) -> None:
    graph_api.templates = [of_meta("uno"), of_meta("dos"), of_meta("tres")]
    synchronise()
    graph_api.behaviours[f"{ACCOUNT_ID}/message_templates"] = answering(200, {"error": "raro"})
    with pytest.raises(GraphError, match="no se entiende"):
        synchronise()
    assert Template.objects.usable().count() == 3


def test_a_list_that_never_ends_is_left(graph_api: GraphServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templating, "MOST_PAGES", 3)
    graph_api.templates = [of_meta(f"plantilla_{number}") for number in range(40)]
    with pytest.raises(GraphError, match="más plantillas"):
        synchronise()
    assert not Template.objects.exists()


def test_odd_rows_are_skipped(graph_api: GraphServer) -> None:
    graph_api.page = 10
    graph_api.templates = [
        "nada",  # type: ignore[list-item]
        {"name": "", "language": "es"},
        {"name": "sin_partes", "language": "es", "components": "x", "quality_score": 3},
        of_meta("con_nulo", components=[{"type": "BODY", "text": "a\x00b"}]),
    ]
    assert synchronise() == Report(added=2, total=2)
    assert ours("con_nulo").components[0]["text"] == "ab"


def test_what_a_webhook_told_meanwhile_is_newer_than_the_list(graph_api: GraphServer) -> None:
    graph_api.templates = [of_meta()]
    synchronise()
    Template.objects.update(status=TemplateStatus.PAUSED, synced_at=timezone.now() + timedelta(seconds=5))
    assert synchronise() == Report(total=1)
    assert ours().status == TemplateStatus.PAUSED


def test_without_an_account_it_says_what_is_missing(graph_api: GraphServer, settings: Any) -> None:
    settings.WHATSAPP_BUSINESS_ACCOUNT_ID = ""
    with pytest.raises(Refusal, match="WHATSAPP_BUSINESS_ACCOUNT_ID"):
        synchronise()


# --- The command ------------------------------------------------------------------------------


def test_the_command_tells_what_it_did(graph_api: GraphServer) -> None:
    graph_api.templates = [of_meta("uno"), of_meta("dos", status="REJECTED")]
    told = run("sync_whatsapp_templates")
    assert told.code == 0
    assert told.out.splitlines() == [
        "En Meta hay 2 plantillas: 2 nuevas, 0 cambiadas; 0 ya no están.",
        "Se pueden usar: 1.",
    ]


def test_the_command_ends_with_1_when_meta_says_no_and_with_2_when_nothing_is_set(
    graph_api: GraphServer, settings: Any
) -> None:
    graph_api.behaviours[f"{ACCOUNT_ID}/message_templates"] = refusing(401, 190, "Session has expired")
    told = run("sync_whatsapp_templates")
    assert told.code == 1
    assert told.err == (
        "Meta no acepta el token de acceso; ponga uno nuevo en WHATSAPP_ACCESS_TOKEN (código 190)."
        " Meta dice: Session has expired"
    )
    settings.WHATSAPP_BUSINESS_ACCOUNT_ID = ""
    assert run("sync_whatsapp_templates").code == 2


# --- The webhook ------------------------------------------------------------------------------


def naming(**fields: Any) -> dict[str, Any]:
    return {
        "message_template_id": 1689556908129832,
        "message_template_name": "cita",
        "message_template_language": "es",
        **fields,
    }


@pytest.fixture
def known(db: None) -> Template:
    return Template.objects.create(
        meta_id="1689556908129832",
        name="cita",
        language="es",
        category="UTILITY",
        status=TemplateStatus.APPROVED,
        components=[{"type": "HEADER", "format": "TEXT", "text": "Cita"}, A_GREETING],
    )


def test_a_rejection_brings_its_reason_and_an_approval_takes_it_back(known: Template) -> None:
    apply_update(
        "message_template_status_update",
        naming(event="REJECTED", reason="INVALID_FORMAT", rejection_info={"reason": "Parameters side by side."}),
    )
    assert (ours().status, ours().reason) == ("REJECTED", "Parameters side by side.")
    apply_update("message_template_status_update", naming(event="APPROVED", reason="NONE"))
    assert (ours().status, ours().reason) == ("APPROVED", "")


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("PAUSED", "PAUSED"),
        ("DISABLED", "DISABLED"),
        ("PENDING_DELETION", "OTHER"),
        ("REINSTATED", "APPROVED"),
        ("FLAGGED", "APPROVED"),
        ("", "APPROVED"),
    ],
)
def test_every_event_has_its_status(known: Template, event: str, status: str) -> None:
    apply_update("message_template_status_update", naming(event=event))
    assert ours().status == status


def test_quality_and_category_are_kept_up(known: Template) -> None:
    apply_update("message_template_quality_update", naming(new_quality_score="YELLOW"))
    apply_update("template_category_update", naming(new_category="MARKETING"))
    apply_update("template_category_update", naming(correct_category="UTILITY"))
    assert (ours().quality, ours().category) == ("YELLOW", "MARKETING")


def test_new_texts_take_the_place_of_the_old_ones(known: Template) -> None:
    Template.objects.update(blocked_at=timezone.now())
    apply_update(
        "message_template_components_update",
        naming(
            message_template_title="Recordatorio",
            message_template_element="Hola {{1}}.",
            message_template_footer="Gracias",
            message_template_buttons=[
                {"message_template_button_type": "URL", "message_template_button_text": "Ver"},
                "x",
            ],
        ),
    )
    assert ours().components == [
        {"type": "HEADER", "format": "TEXT", "text": "Recordatorio"},
        {"type": "BODY", "text": "Hola {{1}}."},
        {"type": "FOOTER", "text": "Gracias"},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Ver"}]},
    ]
    assert ours().blocked_at is None


def test_a_template_that_nobody_knew_is_kept_but_not_offered_before_it_is_whole(graph_api: GraphServer) -> None:
    apply_update("message_template_status_update", naming(event="APPROVED"))
    assert not Template.objects.usable().exists()
    assert Template.objects.count() == 1
    graph_api.templates = [of_meta()]
    Template.objects.update(synced_at=timezone.now() - timedelta(seconds=1))
    synchronise()
    assert Template.objects.usable().count() == 1


@pytest.mark.parametrize("value", [{}, {"message_template_name": "x"}, {"message_template_id": "nadie"}])
def test_an_update_that_names_nothing_changes_nothing(known: Template, value: dict[str, Any]) -> None:
    for field in templating._UPDATES:
        apply_update(field, {**value, "event": "DISABLED", "new_category": "X"})
    assert (Template.objects.count(), ours().status, ours().category) == (1, "APPROVED", "UTILITY")


# --- Filling in -------------------------------------------------------------------------------


def a_template(*parts: dict[str, Any]) -> Template:
    return Template(name="cita", language="es", components=list(parts))


FULL = (
    {"type": "HEADER", "format": "TEXT", "text": "Cita de {{1}}"},
    {"type": "BODY", "text": "Hola {{2}}, el {{1}} a las {{10}}. Hasta el {{1}}."},
    {"type": "FOOTER", "text": "Oficina"},
    {
        "type": "BUTTONS",
        "buttons": [
            {"type": "QUICK_REPLY", "text": "Sí"},
            {"type": "URL", "text": "Ver", "url": "https://ejemplo.com/{{1}}"},
        ],
    },
)


def test_it_knows_what_is_to_be_filled_in() -> None:
    found = parameters_of(a_template(*FULL))
    assert (found.header, found.body, found.buttons) == (("1",), ("1", "2", "10"), (1,))
    assert found.counts == {"header": 1, "body": 3, "buttons": 1}
    assert not found.are_named
    assert parameters_of(a_template()).counts == {}
    assert parameters_of(a_template({"type": "HEADER", "format": "IMAGE"})).header_format == "IMAGE"


def test_a_preview_reads_as_the_person_reads_it() -> None:
    values = {"header": ["Luz"], "body": ["lunes", "Luz", "10:00"], "buttons": ["abc"]}
    assert render(a_template(*FULL), values) == (
        "Cita de Luz\nHola Luz, el lunes a las 10:00. Hasta el lunes.\nOficina\n▸ Sí\n▸ Ver"
    )
    assert components(a_template(*FULL), values) == [
        {"type": "header", "parameters": [{"type": "text", "text": "Luz"}]},
        {"type": "body", "parameters": [{"type": "text", "text": text} for text in ("lunes", "Luz", "10:00")]},
        {"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "abc"}]},
    ]


def test_gaps_may_have_names() -> None:
    template = a_template({"type": "BODY", "text": "Hola {{nombre}}, es el {{ dia }}."})
    assert parameters_of(template).body == ("nombre", "dia")
    assert parameters_of(template).are_named
    assert render(template, ["Luz", "lunes"]) == "Hola Luz, es el lunes."
    assert components(template, ["Luz", "lunes"])[0]["parameters"][0] == {
        "type": "text",
        "text": "Luz",
        "parameter_name": "nombre",
    }


def test_a_value_is_never_read_as_a_gap() -> None:
    assert render(a_template(A_GREETING), ["{{2}}", "lunes"]) == "Hola {{2}}, su cita es el lunes."


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], "pide 2 textos para el texto y se dieron 0"),
        (["a"], "pide 2 textos para el texto y se dieron 1"),
        (["a", "b", "c"], "pide 2 textos para el texto y se dieron 3"),
        (["a", " "], "está vacío"),
        ({"body": ["a", "b"], "header": ["x"]}, "pide ningún texto para el encabezado y se dieron 1"),
        ({"body": ["a", "b"], "pie": ["x"]}, "no tiene «pie»"),
    ],
)
def test_what_meta_would_refuse_is_refused_here(values: Any, sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        render(a_template(A_GREETING), values)


def test_components_that_are_none_do_no_harm() -> None:
    for odd in (None, [], ["x", 3], [{"type": None}], [{"type": "BODY", "text": 7}], [{"type": "BUTTONS"}]):
        template = Template(name="x", language="es", components=odd)
        assert render(template) == ""
        assert json.dumps(components(template)) == "[]"


# --- Once a day -------------------------------------------------------------------------------


def test_once_a_day_the_templates_follow_meta(graph_api: GraphServer) -> None:
    graph_api.templates = [of_meta("diaria")]
    follow_templates()
    assert Template.objects.get().name == "diaria"


def test_without_an_account_nobody_is_asked(graph_api: GraphServer, settings: Any) -> None:
    settings.WHATSAPP_BUSINESS_ACCOUNT_ID = ""
    follow_templates()
    assert not graph_api.asked


def test_meta_out_of_reach_is_a_line_in_the_log(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.WHATSAPP_ACCESS_TOKEN = "ficha-de-prueba"
    settings.WHATSAPP_GRAPH_URL = "http://127.0.0.1:9"
    follow_templates()
    assert "templates were not synchronised" in caplog.text
