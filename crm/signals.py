"""What the ground floor lets others say to each other: siblings talk through these, not by import."""

from django.dispatch import Signal

# A call with a person is on record, new or corrected. Sent in the transaction of the call, with
# contact_id, call_id, direction, call_status, at, notes.
call_recorded = Signal()

# An import has changed leads that were there, which sends no `post_save`. Sent in its transaction, the leads' rows
# being locked, with lead_ids.
leads_completed = Signal()
