"""The words of messages and the digits of identities, and the order of the inbox, in which threads without a
message stand last."""

from django.db import migrations

from crm.postgresql_indexes import by_words, postgresql_indexes

INDEXES = {
    "whatsapp_message_search": by_words("conversaciones_whatsapp"),
    "whatsapp_thread_search": by_words("whatsapp_thread"),
    "whatsapp_thread_newest": (
        "ON whatsapp_thread (last_message_at DESC NULLS LAST, id DESC) WHERE merged_into_id IS NULL"
    ),
    "whatsapp_alias_digits": by_words("whatsapp_alias", "digits"),
}


class Migration(migrations.Migration):
    dependencies = [("whatsapp", "0001_initial")]
    operations = [postgresql_indexes(INDEXES)]
