"""One row a message: the table that the client's page reads (contract section 4)."""

from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils import timezone

from crm.constraints import is_one_of
from crm.ids import new_id
from crm.literals import Literal
from crm.models import Contact, Task
from crm.models.user_keys import user_key
from crm.scope import is_limited
from crm.search import SearchColumn, column_words
from whatsapp.choices import STATUS_RANKS, Author, Direction, MessageStatus
from whatsapp.models.threads import Thread

if TYPE_CHECKING:
    from crm.models import User

# What WhatsApp itself tells in a person's name, or what opens a chat without a word: nobody has written anything.
TYPES_NOBODY_WROTE = ("system", "request_welcome")
# What refers to another message and is shown on it, not as a bubble of its own.
TYPES_ON_ANOTHER = ("reaction", "edit", "revoke")
LONGEST_SEARCHED = 2_000
LONGEST_PREVIEW = 200


class MessageQuerySet(models.QuerySet["Message"]):
    def newest_first(self) -> Self:
        return self.order_by("-timestamp", "-id")

    def visible_to(self, user: "User") -> Self:
        if not is_limited(user):
            return self
        return self.filter(thread__in=Thread.objects.visible_to(user).values("pk"))

    def search(self, typed: str) -> Self:
        return self.filter(search_words__finds=typed)

    def inbound(self) -> Self:
        return self.filter(direccion=Direction.INBOUND)

    def written_by_contact(self) -> Self:
        """What opens the 24 hours and wants an answer."""
        return self.filter(author=Author.CONTACT).exclude(message_type__in=(*TYPES_ON_ANOTHER, *TYPES_NOBODY_WROTE))

    def about(self, *message_ids: str) -> Self:
        """What reacts to these, edits, deletes or quotes them, by Meta's ids. The index has only what is about one."""
        return self.filter(about__in=message_ids).exclude(about=Literal(""))

    def outbound(self) -> Self:
        return self.filter(direccion=Direction.OUTBOUND)

    def queued_by_bot(self) -> Self:
        return self.filter(author=Author.BOT, status=MessageStatus.QUEUED)

    def advance(self, status: MessageStatus, **values: Any) -> int:
        """Move these on to `status`, unless they are further already; how many moved. Columns in `values` go along."""
        rank = STATUS_RANKS[status]
        return self.filter(status_rank__lt=rank).update(
            status=status, status_rank=rank, actualizado_en=timezone.now(), **values
        )


class Message(models.Model):
    """Column names are those that the client reads (contracts/whatsapp-client.md section 1)."""

    id = models.BigAutoField(primary_key=True)
    # Meta's wamid. Null while a message of ours has none: SQL lets nulls be many.
    message_id = models.CharField("id de Meta", max_length=200, unique=True, null=True, blank=True)
    # What we call a message of ours before Meta does: travels as `biz_opaque_callback_data`, comes back in each status.
    key = models.UUIDField(default=new_id, unique=True, editable=False)
    thread = models.ForeignKey(
        Thread, on_delete=models.PROTECT, db_index=False, related_name="messages", verbose_name="conversación"
    )
    from_number = models.CharField("de", max_length=200)
    to_number = models.CharField("para", max_length=200)
    message_type = models.CharField("tipo", max_length=40)
    body = models.TextField("texto", null=True, blank=True)
    timestamp = models.DateTimeField("cuándo")
    direccion = models.CharField("sentido", max_length=10, choices=Direction)
    cliente = models.ForeignKey(
        Contact,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="whatsapp_messages",
        verbose_name="cliente",
    )
    ticket = models.ForeignKey(
        Task,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="whatsapp_messages",
        verbose_name="tarea",
    )
    procesado = models.BooleanField("procesado", default=False)
    respuesta_enviada = models.BooleanField("respondido", default=False)
    respuesta = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="answers",
        verbose_name="responde a",
    )
    respuesta_bot = models.TextField("respuesta del bot", null=True, blank=True)
    respuesta_meta_id = models.CharField("id de la respuesta", max_length=200, null=True, blank=True)
    error = models.TextField("error", null=True, blank=True)
    creado_en = models.DateTimeField("creado", auto_now_add=True)
    actualizado_en = models.DateTimeField("actualizado", auto_now=True)
    # --- Ours, beside what the client reads.
    author = models.CharField("autor", max_length=10, choices=Author)
    sent_by = user_key("enviado por", db_index=False)
    # What it quotes, reacts to, edits or deletes, by Meta's id: that message may come later, or never.
    about = models.CharField("se refiere a", max_length=200, blank=True)
    # Inbound: the item as Meta sent it. Outbound: the body for the Graph API.
    content = models.JSONField("contenido", default=dict)
    status = models.CharField("estado", max_length=10, choices=MessageStatus)
    status_rank = models.PositiveSmallIntegerField(default=0, editable=False)
    sent_at = models.DateTimeField("enviado", null=True, blank=True)
    delivered_at = models.DateTimeField("entregado", null=True, blank=True)
    read_at = models.DateTimeField("leído", null=True, blank=True)
    failed_at = models.DateTimeField("falló", null=True, blank=True)
    error_code = models.PositiveIntegerField("código de error", null=True, blank=True)
    # Put there by a later edit or deletion of its author; the words that came first stay in `content`.
    edited_at = models.DateTimeField("editado", null=True, blank=True)
    deleted_at = models.DateTimeField("eliminado", null=True, blank=True)
    search_words = SearchColumn("palabras de búsqueda")

    objects = MessageQuerySet.as_manager()

    class Meta:
        db_table = "conversaciones_whatsapp"
        verbose_name = "mensaje de WhatsApp"
        verbose_name_plural = "mensajes de WhatsApp"
        constraints = [
            is_one_of("direccion", Direction, "whatsapp_message_direction_is_known"),
            is_one_of("author", Author, "whatsapp_message_author_is_known"),
            is_one_of("status", MessageStatus, "whatsapp_message_status_is_known"),
            models.UniqueConstraint(
                fields=["respuesta"],
                condition=Q(author="bot", respuesta__isnull=False),
                name="whatsapp_bot_answers_once",
                violation_error_message="El bot ya respondió este mensaje.",
            ),
        ]
        indexes = [
            models.Index(fields=["-timestamp", "-id"], name="whatsapp_message_newest"),
            models.Index(fields=["thread", "-timestamp", "-id"], name="whatsapp_message_of_thread"),
            models.Index(
                fields=["cliente", "-timestamp", "-id"],
                condition=Q(cliente__isnull=False),
                name="whatsapp_message_of_contact",
            ),
            models.Index(
                fields=["-timestamp", "-id"], condition=Q(cliente__isnull=True), name="whatsapp_message_unlinked"
            ),
            models.Index(fields=["direccion", "-timestamp", "-id"], name="whatsapp_message_by_dir"),
            models.Index(fields=["about"], condition=~Q(about=""), name="whatsapp_message_about"),
            models.Index(fields=["ticket"], condition=Q(ticket__isnull=False), name="whatsapp_message_ticket"),
        ]

    def __str__(self) -> str:
        return f"{self.get_direccion_display()}, {self.message_type}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.search_words = words_of(self.body)
        super().save(*args, **kwargs)

    @property
    def is_bubble(self) -> bool:
        """Whether it is shown as a message of its own; a reaction or an edit is shown on another one."""
        return self.message_type not in TYPES_ON_ANOTHER

    @property
    def is_written_by_contact(self) -> bool:
        return self.author == Author.CONTACT and self.is_bubble and self.message_type not in TYPES_NOBODY_WROTE

    @property
    def preview(self) -> str:
        """One line for a list."""
        return " ".join((self.body or "").split())[:LONGEST_PREVIEW]

    @property
    def is_outbound(self) -> bool:
        return self.direccion == Direction.OUTBOUND

    @classmethod
    def named(cls, key: str) -> "models.QuerySet[Message]":
        """By what came back as `biz_opaque_callback_data`; nothing for what is none of ours."""
        try:
            return cls.objects.filter(key=UUID(key))
        except ValueError:
            return cls.objects.none()


def words_of(body: str | None) -> str:
    """What a message is found by."""
    return column_words((body or "")[:LONGEST_SEARCHED])
