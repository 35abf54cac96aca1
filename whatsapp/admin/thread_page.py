"""The page of a thread: what was said, what can be sent now, whose it is, and who answers.

It works as plain forms; with scripts the same forms are sent in the background, and their answer is what has changed
since (whatsapp/static/whatsapp/thread.js puts it in its place).
"""

import hashlib
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString

from crm.admin.base import REFUSALS, sentence_of
from crm.admin.rights import actor
from crm.display import change_url, moment
from crm.exceptions import Refusal
from crm.ids import new_id
from crm.models import Contact, User
from whatsapp.admin import picking
from whatsapp.admin.acts import ACTS, REACTIONS, Deed, Said
from whatsapp.admin.wording import shown_number, spoken, window_of
from whatsapp.bubbles import PAGE, Bubble, Day, Page, page_of
from whatsapp.choices import LinkState, Silence
from whatsapp.linking import candidates
from whatsapp.models import Message, Thread, ThreadLink
from whatsapp.sending.bodies import LONGEST_TEXT
from whatsapp.sending.composing import OptedOut, WindowClosed

FOUND_CONTACTS = 8
EARLIER_LINKS = 3


def page(model_admin: Any, request: HttpRequest, thread: Thread) -> HttpResponse:
    """Opening it is seeing it: the thread counts as read from now on. Meta is told only when somebody takes it."""
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    before = _message_named(thread, request.GET.get("antes", ""))
    if before is None and thread.unread:
        thread.mark_seen()
    token = "" if before else token_of(thread)
    context = {
        **model_admin.admin_site.each_context(request),
        **context_of(request, thread),
        **bubbles_context(request, thread, page_of(thread, before=before)),
        "title": thread.title,
        "opts": None,
        "thread_opts": model_admin.opts,
        "back": reverse("admin:whatsapp_thread_changelist"),
        "is_older_page": before is not None,
        "token": token,
        "picked": picking.picked(request.GET.get("plantilla", ""), request.GET, first_name=first_name_of(thread)),
        "found": _found(request, actor(request)),
    }
    return TemplateResponse(request, "whatsapp/admin/thread.html", context)


# --- What changed, asked for every few seconds --------------------------------------------------------


def token_of(thread: Thread) -> str:
    """Tells whether anything on the page is out of date: one query along the index, nothing rendered."""
    rows = Message.objects.filter(thread=thread).newest_first()
    seen = list(rows.values_list("pk", "actualizado_en", "media__state")[:PAGE])
    return _digest(seen, _facts(thread))


def _facts(thread: Thread) -> tuple[Any, ...]:
    """What the head, the composer and the side of the page are made of."""
    return (
        thread.title,
        thread.address,
        thread.contact_id,
        thread.link_state,
        thread.assigned_to_id,
        thread.silence,
        thread.silent_until,
        thread.is_bot_silent,
        thread.opted_out_at,
        thread.unanswered_since,
        thread.last_inbound_at,
        thread.is_window_open,
    )


def _digest(*values: Any) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def part(model_admin: Any, request: HttpRequest, thread: Thread, name: str) -> HttpResponse:
    """A piece of the page, for a page that is already there."""
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    match name:
        case "novedades":
            return _news_if_any(request, thread)
        case "anteriores":
            return _older(request, thread)
        case "clientes":
            context = {**context_of(request, thread), "found": _found(request, actor(request))}
            return TemplateResponse(request, "whatsapp/admin/found_contacts.html", context)
        case "plantilla":
            chosen = picking.picked(request.GET.get("plantilla", ""), request.GET, first_name=first_name_of(thread))
            template = "preview" if request.GET.get("solo") == "vista" else "picked_template"
            context = {"picked": chosen, "thread": thread, "key": new_id()}
            return TemplateResponse(request, f"whatsapp/admin/{template}.html", context)
    raise Http404


def _news_if_any(request: HttpRequest, thread: Thread) -> HttpResponse:
    if thread.merged_into_id:
        return HttpResponse(headers={"HX-Redirect": change_url(thread.merged_into)})
    if request.GET.get("token") == token_of(thread):
        return HttpResponse(status=204)
    if thread.unread:
        thread.mark_seen()
    return news(request, thread)


def news(request: HttpRequest, thread: Thread, said: Said | None = None, *, status: int = 200) -> HttpResponse:
    """The newest messages and everything beside them, as they are now."""
    token = token_of(thread)
    context = {
        **context_of(request, thread),
        **bubbles_context(request, thread, page_of(thread)),
        "token": token,
        "said": said,
    }
    return TemplateResponse(request, "whatsapp/admin/news.html", context, status=status)


def _older(request: HttpRequest, thread: Thread) -> HttpResponse:
    before = _message_named(thread, request.GET.get("antes", ""))
    if before is None:
        raise Http404
    context = bubbles_context(request, thread, page_of(thread, before=before))
    return TemplateResponse(request, "whatsapp/admin/older.html", {**context, "thread": thread})


def _message_named(thread: Thread, typed: str) -> Message | None:
    if not typed.isdecimal() or len(typed) > 18:
        return None
    return Message.objects.filter(thread=thread, pk=int(typed)).first()


# --- What the templates need --------------------------------------------------------------------------


def bubbles_context(request: HttpRequest, thread: Thread, found: Page) -> dict[str, Any]:
    return {
        "items": [_drawn(request, thread, item) for item in found.items],
        "older_than": found.oldest if found.has_older else None,
    }


def _drawn(request: HttpRequest, thread: Thread, item: Bubble | Day) -> dict[str, Any]:
    """An entry of the list as HTML, with a version: what did not change is left alone, also a playing audio."""
    template = "day" if isinstance(item, Day) else "bubble"
    html: SafeString = render_to_string(
        f"whatsapp/admin/{template}.html", {"item": item, "thread": thread, "signs": REACTIONS}
    )
    return {"anchor": item.anchor, "html": html, "version": _digest(str(html)), "side": getattr(item, "side", "day")}


def context_of(request: HttpRequest, thread: Thread) -> dict[str, Any]:
    user = actor(request)
    tone, window = window_of(thread.window_closes_at)
    blocked = blocked_sentence(thread)
    newest_inbound = thread.messages.written_by_contact().newest_first().first()
    return {
        "thread": thread,
        "me": user,
        "number": shown_number(thread.address),
        "waiting_since": moment(thread.unanswered_since),
        "window_tone": tone,
        "window": window,
        "blocked": blocked,
        "only_templates": not thread.is_window_open,
        "may_write_template": not _refuses_everything(thread),
        "bot": bot_sentence(thread),
        "link": standing_link(thread),
        "earlier_links": _earlier_links(thread),
        "candidates": candidates_for(thread, user),
        "names": list(thread.aliases.order_by("-first_seen_at", "-id")[:10]),
        "responsible": _responsible(user),
        "newest_inbound": newest_inbound,
        "templates": picking.offered(),
        "longest": LONGEST_TEXT,
        "key": new_id(),
        "version": _digest(_facts(thread), newest_inbound and newest_inbound.ticket_id),
        "composer_version": _digest(blocked, thread.is_window_open),
    }


def _responsible(user: User) -> list[User]:
    people = list(User.objects.responsible().order_by("first_name", "last_name", "id")[:500])
    return sorted(people, key=lambda person: person.pk != user.pk)


def first_name_of(thread: Thread) -> str:
    name = thread.contact.name if thread.contact else thread.profile_name
    return name.split()[0] if name.split() else ""


def blocked_sentence(thread: Thread) -> str:
    """Why no text can be written now; "" when it can. The same rules that refuse it when it is sent."""
    if _refuses_everything(thread):
        return OptedOut.message
    if not thread.is_window_open:
        return (
            WindowClosed.message
            if thread.last_inbound_at
            else "Esta persona todavía no ha escrito: WhatsApp solo permite empezar con una plantilla aprobada."
        )
    return ""


def _refuses_everything(thread: Thread) -> bool:
    gone = thread.opted_out_at
    return gone is not None and not (thread.last_inbound_at and thread.last_inbound_at > gone)


def bot_sentence(thread: Thread) -> str:
    """Whether the bot answers here; if not, why and until when."""
    if not thread.is_bot_silent:
        return "El bot responde en esta conversación."
    why = Silence(thread.silence).label
    if thread.silence == Silence.TAKEN_OVER and thread.silenced_by is not None:
        why = f"La atiende {thread.silenced_by.name}"
    if thread.silent_until is None:
        return f"El bot está en silencio. {why}."
    back = spoken(thread.silent_until - timezone.now())
    return f"El bot está en silencio. {why}. Vuelve a responder en {back}."


def standing_link(thread: Thread) -> ThreadLink | None:
    if thread.link_state != LinkState.LINKED:
        return None
    links = ThreadLink.objects.standing().filter(thread=thread).select_related("contact", "linked_by")
    return links.first()


def _earlier_links(thread: Thread) -> list[ThreadLink]:
    links = ThreadLink.objects.filter(thread=thread, undone_at__isnull=False).newest_first()
    return list(links.select_related("contact", "linked_by", "undone_by")[:EARLIER_LINKS])


def candidates_for(thread: Thread, user: User) -> list[tuple[Contact, str]]:
    """Who it may be, each with the reason; only people that `user` may see."""
    if thread.link_state == LinkState.LINKED:
        return []
    found = candidates(thread)
    reasons = [(contact, "Tiene este mismo número") for contact in found.certain]
    reasons += [(contact, "Número casi igual: solo cambia el 9 de los móviles") for contact in found.doubtful]
    seen = set(
        Contact.objects.visible_to(user)
        .filter(pk__in=[contact.pk for contact, _ in reasons])
        .values_list("pk", flat=True)
    )
    return [(contact, reason) for contact, reason in reasons if contact.pk in seen]


def _found(request: HttpRequest, user: User) -> list[Contact] | None:
    """Contacts for the search box; None when nothing was typed."""
    typed = request.GET.get("buscar", "").strip()[:100]
    if len(typed) < 2:
        return None
    rows = Contact.objects.present().visible_to(user).search(typed)
    return list(rows[:FOUND_CONTACTS])


# --- Doing something ----------------------------------------------------------------------------------


def act(model_admin: Any, request: HttpRequest, thread: Thread, name: str) -> HttpResponse:
    """One act of a person on a thread; what is refused comes back as a sentence, and nothing has happened."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    do = ACTS.get(name)
    if do is None or not model_admin.has_change_permission(request, thread):
        raise Http404
    in_background = bool(request.headers.get("HX-Request"))
    try:
        said = do(Deed(thread, actor(request), request.POST, request.FILES))
    except REFUSALS as error:
        return _refused(request, thread, error, in_background=in_background)
    thread = Thread.objects.select_related("contact", "assigned_to", "number", "merged_into").get(pk=thread.pk)
    if not Thread.objects.visible_to(actor(request)).filter(pk=thread.pk).exists():
        return _left(request, said, in_background=in_background)
    if in_background:
        return news(request, thread, said)
    if said.text:
        messages.success(request, said.html)
    return HttpResponseRedirect(_back_to(request, thread, said))


def _refused(request: HttpRequest, thread: Thread, error: Exception, *, in_background: bool) -> HttpResponse:
    if in_background:
        status = error.status if isinstance(error, Refusal) else 400
        thread.refresh_from_db()
        return news(request, thread, Said(sentence_of(error), is_refusal=True), status=status)
    messages.error(request, sentence_of(error))
    return HttpResponseRedirect(_back_to(request, thread))


def _left(request: HttpRequest, said: Said, *, in_background: bool) -> HttpResponse:
    """It was given to somebody else, and is out of sight for who did it."""
    messages.success(request, said.html)
    inbox = reverse("admin:whatsapp_thread_changelist")
    return HttpResponse(headers={"HX-Redirect": inbox}) if in_background else HttpResponseRedirect(inbox)


def _back_to(request: HttpRequest, thread: Thread, said: Said | None = None) -> str:
    if said is not None and said.then and url_has_allowed_host_and_scheme(said.then, allowed_hosts=None):
        return said.then
    return f"{change_url(thread)}#fin"
