"""What the ground floor lets others say to each other: siblings talk through these, not by import."""

from django.dispatch import Signal

# A call with a person is on record, new or corrected. Sent in the transaction of the call, with
# contact_id, call_id, direction, call_status, at, notes.
call_recorded = Signal()
