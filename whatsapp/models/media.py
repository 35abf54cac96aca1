"""Pictures, sound and documents of messages: fetched after the message is stored, each with its own tries."""

from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from crm.constraints import is_one_of
from crm.ids import new_id
from crm.literals import Literal
from whatsapp.choices import MediaState
from whatsapp.models.messages import Message

LEASE = timedelta(minutes=3)
# Meta blocks a number for half an hour after twenty errors in an hour (whatsapp-anchors a.10): few tries, far apart.
RETRY_SECONDS = (10, 120, 1_800, 21_600)


def place_of(media: "Media", filename: str) -> str:
    """Its own name only, never what a stranger called it."""
    return f"whatsapp/{media.message_id}/{media.pk or new_id()}{media.extension}"


class MediaQuerySet(models.QuerySet["Media"]):
    def due(self) -> Self:
        now = timezone.now()
        waits = Q(state=Literal(MediaState.PENDING), next_try_at__lte=now)
        return self.filter(waits | Q(state=Literal(MediaState.FETCHING), lease_until__lt=now))

    def claim(self) -> "Media | None":
        """Hold one that is due: one conditional update, whoever else is claiming."""
        token = new_id()
        with transaction.atomic():
            chosen = self.due().order_by("next_try_at").select_for_update(skip_locked=True).first()
            if chosen is None:
                return None
            taken = (
                self.due()
                .filter(pk=chosen.pk)
                .update(
                    state=MediaState.FETCHING,
                    lease_token=token,
                    lease_until=timezone.now() + LEASE,
                    attempts=F("attempts") + 1,
                )
            )
        held = self.filter(lease_token=token, state=Literal(MediaState.FETCHING))
        return held.select_related("message").get() if taken else None


class Media(models.Model):
    message = models.OneToOneField(Message, on_delete=models.CASCADE, related_name="media", verbose_name="mensaje")
    media_id = models.CharField("id en Meta", max_length=200)
    kind = models.CharField("tipo", max_length=20)
    mime_type = models.CharField("formato", max_length=120, blank=True)
    sha256 = models.CharField(max_length=100, blank=True, editable=False)
    filename = models.CharField("nombre", max_length=255, blank=True)
    size = models.PositiveBigIntegerField("bytes", null=True, blank=True)
    extension = models.CharField(max_length=12, blank=True, editable=False)
    file = models.FileField("archivo", upload_to=place_of, max_length=255, blank=True)
    state = models.CharField("estado", max_length=10, choices=MediaState, default=MediaState.PENDING)
    next_try_at = models.DateTimeField("próximo intento", default=timezone.now)
    attempts = models.PositiveSmallIntegerField("intentos", default=0)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    error = models.CharField("error", max_length=500, blank=True)

    objects = MediaQuerySet.as_manager()

    class Meta:
        verbose_name = "archivo de un mensaje"
        verbose_name_plural = "archivos de mensajes"
        constraints = [is_one_of("state", MediaState, "whatsapp_media_state_is_known")]
        indexes = [
            models.Index(
                fields=["next_try_at"], condition=Q(state__in=["pending", "fetching"]), name="whatsapp_media_due"
            ),
            models.Index(fields=["lease_token"], condition=Q(state="fetching"), name="whatsapp_media_held"),
        ]

    def __str__(self) -> str:
        return self.filename or self.media_id

    def settle(self, token: UUID | None, **values: Any) -> bool:
        """Write what became of one try, unless another worker has it by now."""
        held = Media.objects.filter(pk=self.pk, lease_token=token)
        return bool(held.update(lease_token=None, lease_until=None, **values))
