"""What WhatsApp tells the floors above it."""

from django.dispatch import Signal

# Something is to be POSTed to Meta's /messages. Sent in the transaction of its cause, with: subject (what must arrive
# in order), phone_number_id, body (for the Graph API), not_before (a moment or None), by (a user or None).
graph_request_queued = Signal()
