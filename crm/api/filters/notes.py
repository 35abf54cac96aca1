"""What a list of notes may be narrowed by."""

import django_filters

from crm.api.subjects import IdFilter, SubjectFilter
from crm.choices import NoteType


class NoteFilter(SubjectFilter):
    created_by = IdFilter(field_name="created_by_id", label="Quien la escribió.")
    note_type = django_filters.ChoiceFilter(choices=NoteType.choices)
