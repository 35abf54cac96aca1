"""A thread: one person at one business number, and everything the inbox shows of them."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.db.models import F, Max, Min, Q
from django.utils import timezone

from crm.constraints import is_one_of
from crm.models import Contact
from crm.models.user_keys import user_key
from crm.scope import is_limited
from crm.search import SearchColumn, column_words
from whatsapp.choices import NEVER_LEFT, Author, Direction, LinkState, MessageStatus, Silence
from whatsapp.models.numbers import BusinessNumber
from whatsapp.models.rules import BotSettings

if TYPE_CHECKING:
    from crm.models import User
    from whatsapp.models.messages import Message

# The customer service window (whatsapp-anchors a.8): from Meta's time of the newest message of the person.
WINDOW = timedelta(hours=24)
# Meta's limit for one person: a message in six seconds, forty-five of them on credit (whatsapp-anchors a.10).
PAIR_SPACING = timedelta(seconds=6)
PAIR_CREDIT = 45 * PAIR_SPACING


def whole_second(moment: datetime) -> datetime:
    """Meta's clock has no fractions: who writes in the second of our answer may have written after it."""
    return moment.replace(microsecond=0)


class ThreadQuerySet(models.QuerySet["Thread"]):
    def present(self) -> Self:
        """Without those that turned out to be another thread."""
        return self.filter(merged_into__isnull=True)

    def visible_to(self, user: "User") -> Self:
        """Where agents see only what is theirs: the threads of their contacts, and those given to them."""
        if not is_limited(user):
            return self
        # A union: with an OR of both the planner takes half of all threads for theirs.
        of_contacts = Thread.objects.filter(contact__in=Contact.objects.visible_to(user)).values("pk")
        return self.filter(pk__in=of_contacts.union(Thread.objects.filter(assigned_to=user).values("pk")))

    def newest_first(self) -> Self:
        return self.order_by(F("last_message_at").desc(nulls_last=True), "-id")

    def unanswered(self) -> Self:
        return self.filter(unanswered_since__isnull=False)

    def window_open(self) -> Self:
        return self.filter(last_inbound_at__gt=timezone.now() - WINDOW)

    def due_for_bot(self) -> Self:
        return self.filter(answer_due_at__lte=timezone.now(), merged_into__isnull=True)


class Thread(models.Model):
    """Made by the first message from or to a person. whatsapp/linking.py links it, whatsapp/sending writes in it."""

    number = models.ForeignKey(
        BusinessNumber, on_delete=models.PROTECT, related_name="threads", verbose_name="número del negocio"
    )
    contact = models.ForeignKey(
        Contact,
        on_delete=models.PROTECT,  # contacts are hidden or merged, never removed
        null=True,
        blank=True,
        related_name="whatsapp_threads",
        verbose_name="cliente",
    )
    link_state = models.CharField("vínculo", max_length=10, choices=LinkState, default=LinkState.UNKNOWN)
    # The newest number it was seen with, as WhatsApp writes it; "" for somebody without a visible one.
    address = models.CharField("número", max_length=200, blank=True)
    profile_name = models.CharField("nombre en WhatsApp", max_length=200, blank=True)
    username = models.CharField("usuario de WhatsApp", max_length=200, blank=True)
    assigned_to = user_key("asignada a", related_name="whatsapp_threads")
    # --- What the list shows: kept with each message, never counted when it is read.
    first_message_at = models.DateTimeField("primer mensaje", null=True, blank=True)
    last_message_at = models.DateTimeField("último mensaje", null=True, blank=True)
    last_preview = models.CharField("último texto", max_length=200, blank=True)
    last_direction = models.CharField("último sentido", max_length=10, choices=Direction, blank=True)
    unread = models.PositiveIntegerField("sin leer", default=0)
    # Up to which moment staff have seen it, and the newest message of ours that answers: what comes late is compared.
    seen_at = models.DateTimeField("visto hasta", null=True, blank=True)
    last_answered_at = models.DateTimeField("última respuesta", null=True, blank=True)
    # The newest message that a person wrote to us, by Meta's clock: it opens the 24 hours.
    last_inbound_at = models.DateTimeField("última vez que escribió", null=True, blank=True)
    # The oldest message that nobody has answered; null when all are. `nudged_at`: a task was raised for it.
    unanswered_since = models.DateTimeField("sin responder desde", null=True, blank=True)
    nudged_at = models.DateTimeField("tarea creada", null=True, blank=True)
    # --- The bot.
    silence = models.CharField("silencio del bot", max_length=20, choices=Silence, blank=True)
    silent_until = models.DateTimeField("bot en silencio hasta", null=True, blank=True)
    silenced_by = user_key("quien lo atiende", db_index=False)
    opted_out_at = models.DateTimeField("no desea mensajes desde", null=True, blank=True)
    asked_for_document_at = models.DateTimeField("se le pidió el documento", null=True, blank=True)
    # A burst waits for its end; then a worker holds the thread while the answer is made.
    answer_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    answer_token = models.UUIDField(null=True, blank=True, editable=False)
    answer_lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    # --- Sending: the moment up to which the pair's credit is used (a generic cell rate in one column).
    paced_until = models.DateTimeField(null=True, blank=True, editable=False)
    merged_into = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="absorbed", verbose_name="unida a"
    )
    # The names of WhatsApp, folded; a contact's own words and the numbers are searched where they are.
    search_words = SearchColumn("palabras de búsqueda")
    created_at = models.DateTimeField("creada", auto_now_add=True)
    updated_at = models.DateTimeField("actualizada", auto_now=True)

    objects = ThreadQuerySet.as_manager()

    class Meta:
        verbose_name = "conversación de WhatsApp"
        verbose_name_plural = "conversaciones de WhatsApp"
        constraints = [
            is_one_of("link_state", LinkState, "whatsapp_link_state_is_known"),
            models.CheckConstraint(
                condition=Q(link_state=LinkState.LINKED, contact__isnull=False)
                | (~Q(link_state=LinkState.LINKED) & Q(contact__isnull=True)),
                name="whatsapp_thread_is_linked_to_somebody",
                violation_error_message="Una conversación vinculada tiene cliente, y solo ella.",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("id")),
                name="whatsapp_thread_is_not_its_own",
                violation_error_message="Una conversación no se une consigo misma.",
            ),
        ]
        indexes = [
            # The list's order, newest first and those without a message last, has an index of its own: migration 0002.
            models.Index(
                fields=["unanswered_since"],
                condition=Q(unanswered_since__isnull=False, merged_into__isnull=True),
                name="whatsapp_thread_unanswered",
            ),
            models.Index(
                fields=["answer_due_at"], condition=Q(answer_due_at__isnull=False), name="whatsapp_thread_bot_due"
            ),
            models.Index(
                fields=["link_state", "-last_message_at"],
                condition=Q(merged_into__isnull=True),
                name="whatsapp_thread_by_link",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def title(self) -> str:
        """Whom it is with: the contact where one is linked, else the name on WhatsApp, else the number."""
        if self.contact_id and self.contact is not None:
            return self.contact.name
        return self.profile_name or self.username or self.address or f"Conversación {self.pk}"

    @property
    def window_closes_at(self) -> datetime | None:
        return self.last_inbound_at + WINDOW if self.last_inbound_at else None

    @property
    def is_window_open(self) -> bool:
        """Whether anything but a template may be sent now."""
        closes_at = self.window_closes_at
        return closes_at is not None and closes_at > timezone.now()

    @property
    def is_bot_silent(self) -> bool:
        """A person has it, or asked to have it, or it was switched off. Off has no end."""
        if not self.silence:
            return False
        return self.silent_until is None or self.silent_until > timezone.now()

    def lock(self) -> "Thread":
        """The row as it is now, locked until the running transaction ends."""
        return Thread.objects.select_for_update(of=("self",), no_key=True).get(pk=self.pk)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.search_words = column_words(self.profile_name, self.username)
        names = kwargs.get("update_fields")
        if names is not None and {"profile_name", "username"} & set(names):
            kwargs["update_fields"] = {*names, "search_words"}
        super().save(*args, **kwargs)

    def change(self, **values: Any) -> None:
        """Write these columns, and only these."""
        for name, value in values.items():
            setattr(self, name, value)
        self.save(update_fields=[*values, "updated_at"])

    # --- What a message does to its thread. The same whatever the order in which messages come. ---

    def note(self, message: "Message", *, answers: bool = False) -> None:
        """Take a new message into account. `answers`: it is one of ours after which nobody is waiting."""
        changed: dict[str, Any] = {}
        at = message.timestamp
        if message.is_bubble:
            newest = (self.last_message_at, self.last_preview) if self.last_message_at else None
            if newest is None or (at, message.preview) > newest:
                changed |= {
                    "last_message_at": at,
                    "last_preview": message.preview,
                    "last_direction": message.direccion,
                }
            if self.first_message_at is None or at < self.first_message_at:
                changed["first_message_at"] = at
        if message.is_written_by_contact:
            changed |= self._heard(at)
        elif answers:
            changed |= self._answered(message)
        if changed:
            self.change(**changed)

    def _heard(self, at: datetime) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        if self.last_inbound_at is None or at > self.last_inbound_at:
            changed["last_inbound_at"] = at
        if self.seen_at is None or at > self.seen_at:
            changed["unread"] = self.unread + 1
        is_unanswered = self.last_answered_at is None or at >= whole_second(self.last_answered_at)
        if is_unanswered and (self.unanswered_since is None or at < self.unanswered_since):
            changed["unanswered_since"] = at
        return changed

    def _answered(self, message: "Message") -> dict[str, Any]:
        at = message.timestamp
        if self.last_answered_at is not None and at <= self.last_answered_at:
            return {}
        changed: dict[str, Any] = {"last_answered_at": at}
        if self.unanswered_since is not None and self.unanswered_since <= at:
            waiting = self.messages.written_by_contact().filter(timestamp__gte=whole_second(at))
            if message.author != Author.PHONE:
                # Whoever wrote here had before them what was stored by then.
                waiting = waiting.exclude(pk__lt=message.pk, timestamp__lte=at)
            changed["unanswered_since"] = waiting.aggregate(first=Min("timestamp"))["first"]
            changed["nudged_at"] = None
        return changed

    def take_back_answer(self, message: "Message") -> None:
        """What was to answer did not go: whoever wrote before it is waiting still. The row is locked by the caller."""
        from whatsapp.models.messages import TYPES_ON_ANOTHER

        if self.last_answered_at != message.timestamp:
            return
        went = self.messages.filter(author__in=[Author.USER, Author.PHONE]).exclude(status__in=NEVER_LEFT)
        went = went.exclude(message_type__in=TYPES_ON_ANOTHER)
        answered = went.aggregate(last=Max("timestamp"))["last"]
        waiting = self.messages.written_by_contact()
        waiting = waiting.filter(timestamp__gte=whole_second(answered)) if answered else waiting
        self.change(last_answered_at=answered, unanswered_since=waiting.aggregate(first=Min("timestamp"))["first"])

    def settle(self) -> None:
        """Somebody answered elsewhere, by phone or in person: whoever wrote up to now does not wait any more."""
        with transaction.atomic():
            answered = max(filter(None, (timezone.now(), self.lock().last_answered_at)))
            self.change(unanswered_since=None, nudged_at=None, last_answered_at=answered)

    def mark_seen(self) -> None:
        """Staff have read it up to now."""
        if self.unread or self.seen_at is None:
            self.change(unread=0, seen_at=max(timezone.now(), self.last_inbound_at or timezone.now()))

    # --- Who answers. -----------------------------------------------------------------------------

    def take_over(self, by: "User | None", *, reason: Silence = Silence.TAKEN_OVER, at: datetime | None = None) -> None:
        """A person has it now: the bot keeps quiet, and what it had queued is not sent any more.

        `at`: when that was, if it is told late; Meta repeats for a week what has long been over.
        """
        until = (at or timezone.now()) + timedelta(minutes=BotSettings.current().takeover_minutes)
        if at is not None and until <= timezone.now():
            return
        with transaction.atomic():
            locked = self.lock()
            self.silence, self.silent_until = locked.silence, locked.silent_until
            is_off = self.silence == Silence.OFF and self.silent_until is None
            changed: dict[str, Any] = {"answer_due_at": None, "answer_token": None, "answer_lease_until": None}
            if reason == Silence.OFF:
                changed |= {"silence": reason, "silent_until": None, "silenced_by": by}
            elif not is_off and (at is None or not self.is_bot_silent or until > (self.silent_until or until)):
                # Switched off stays off, however many answer meanwhile.
                changed |= {"silence": reason, "silent_until": until, "silenced_by": by}
            self.change(**changed)
            self._withdraw_bot()

    def _withdraw_bot(self) -> None:
        error = "Una persona tomó la conversación."
        if self.messages.queued_by_bot().advance(MessageStatus.WITHDRAWN, error=error):
            self.last_answered_at = self.lock().last_answered_at
            answered_at = self.last_answered_at
            answer = answered_at and self.messages.filter(author=Author.BOT, timestamp=answered_at).first()
            if answer and answer.status == MessageStatus.WITHDRAWN:
                self.take_back_answer(answer)

    def hand_back(self) -> None:
        """The bot may answer again, beginning with the next message."""
        self.change(silence="", silent_until=None, silenced_by=None)
