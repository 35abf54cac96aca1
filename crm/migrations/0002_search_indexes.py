"""The words of the search columns, and the descending order of a contact list in which rows without the date
stand last."""

from django.db import migrations

from crm.postgresql_indexes import by_words, postgresql_indexes

INDEXES = {
    "contact_search": by_words("crm_contact"),
    "lead_search": by_words("crm_lead"),
    "user_search": by_words("crm_user"),
    "contact_last_call": "ON crm_contact (ultima_llamada_fecha DESC NULLS LAST, id DESC) WHERE NOT is_deleted",
}


class Migration(migrations.Migration):
    dependencies = [("crm", "0001_initial")]
    operations = [postgresql_indexes(INDEXES)]
