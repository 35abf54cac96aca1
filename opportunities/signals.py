"""What opportunities let others know."""

from django.dispatch import Signal

# Opportunities have changed hands. Sent once for all of them, after the write and in its transaction, with
# ids, to_user_id (None: nobody holds them now), by, kind, bulk_id, at. An undo (kind `undo`) gives each
# back to its own former holder: the ledger's rows of `bulk_id` say to whom, and to_user_id is None.
assigned = Signal()
