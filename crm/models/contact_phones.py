"""The numbers of a contact, canonical, each a row of its own."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from crm.choices import PhoneLabel
from crm.constraints import is_one_of
from crm.phones import Phone, parse_phone, search_words

if TYPE_CHECKING:
    from crm.models.contacts import Contact

FIELD_LABELS = (PhoneLabel.MOBILE, PhoneLabel.PHONE)
ORDER_OF_LABELS = {label.value: position for position, label in enumerate(FIELD_LABELS)}


class ContactPhoneQuerySet(models.QuerySet["ContactPhone"]):
    def of_the_fields(self) -> Self:
        """The numbers of the fields `phone` and `mobile`."""
        return self.filter(label__in=FIELD_LABELS)

    def beside_the_fields(self) -> Self:
        return self.exclude(label__in=FIELD_LABELS)

    def put(self, rows: Iterable["ContactPhone"]) -> None:
        """Store, or give a number that is there already its new label."""
        ContactPhone.objects.bulk_create(
            list(rows),
            update_conflicts=True,
            unique_fields=["contact", "number"],
            update_fields=["label", "key", "is_valid"],
        )


class ContactPhone(models.Model):
    """One number of a contact, canonical. Numbers are not unique: families share a phone."""

    contact = models.ForeignKey("crm.Contact", on_delete=models.CASCADE, related_name="phones", verbose_name="contacto")
    number = models.CharField("número", max_length=20)
    key = models.CharField(max_length=20, editable=False)
    label = models.CharField("tipo", max_length=10, choices=PhoneLabel, default=PhoneLabel.OTHER)
    is_valid = models.BooleanField("válido", default=True)

    objects = ContactPhoneQuerySet.as_manager()

    class Meta:
        verbose_name = "teléfono"
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "number"],
                name="contact_phone_once",
                violation_error_message="El contacto ya tiene este teléfono.",
            ),
            is_one_of("label", PhoneLabel, "contact_phone_label_is_known"),
        ]
        indexes = [models.Index(fields=["key"], name="contact_phone_key")]

    def __str__(self) -> str:
        return self.number

    @classmethod
    def of(cls, contact: "Contact", phone: Phone, label: str) -> "ContactPhone":
        return cls(contact=contact, number=phone.number, key=phone.key, label=label, is_valid=phone.is_valid)

    @property
    def is_of_a_field(self) -> bool:
        return self.label in FIELD_LABELS

    @property
    def label_beside_the_fields(self) -> str:
        """What the number is called where it is not that of a field."""
        return PhoneLabel.OTHER.value if self.is_of_a_field else self.label


def phone_words(phone: Phone) -> list[str]:
    """What finds a number in a search box: any run of its digits, or its forgiving key."""
    found = search_words(phone.number)
    return found if phone.key in found else [*found, phone.key]


def words_of_raw_phone(raw: str) -> list[str]:
    """What finds a number that could not be read: its digits as they stand."""
    digits = "".join(char for char in raw if char.isdigit())
    return [digits] if digits and parse_phone(raw) is None else []


def is_another_line(phone: Phone) -> Q:
    """Rows marked as landlines that share only the key with `phone`, not the number."""
    return Q(label=PhoneLabel.LANDLINE) & ~Q(number=phone.number)
