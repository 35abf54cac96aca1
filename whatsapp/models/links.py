"""Who linked which thread to which contact, by which rule, with what evidence; and how it was undone."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from crm.constraints import is_one_of
from crm.models import Contact
from crm.models.user_keys import user_key
from whatsapp.choices import LinkRule, LinkState
from whatsapp.models.threads import Thread


class ThreadLinkQuerySet(models.QuerySet["ThreadLink"]):
    def standing(self) -> Self:
        return self.filter(undone_at__isnull=True)

    def newest_first(self) -> Self:
        return self.order_by("-id")


class ThreadLink(models.Model):
    """One act of linking. The standing one of a thread says why it has its contact."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="links", verbose_name="conversación")
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="whatsapp_links", verbose_name="cliente"
    )
    rule = models.CharField("regla", max_length=14, choices=LinkRule)
    evidence = models.CharField("motivo", max_length=300, blank=True)
    # What the thread was before, so that undoing puts that back.
    previous_contact = models.ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name="antes"
    )
    previous_state = models.CharField(max_length=10, choices=LinkState, default=LinkState.UNKNOWN, editable=False)
    linked_at = models.DateTimeField("cuándo", default=timezone.now)
    linked_by = user_key("quién", db_index=False)
    undone_at = models.DateTimeField("deshecho", null=True, blank=True)
    undone_by = user_key("deshecho por", db_index=False)

    objects = ThreadLinkQuerySet.as_manager()

    class Meta:
        verbose_name = "vínculo de una conversación"
        verbose_name_plural = "vínculos de conversaciones"
        constraints = [
            is_one_of("rule", LinkRule, "whatsapp_link_rule_is_known"),
            models.UniqueConstraint(
                fields=["thread"],
                condition=Q(undone_at__isnull=True),
                name="whatsapp_thread_has_one_link",
                violation_error_message="La conversación ya está vinculada.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact} · {self.get_rule_display()}"
