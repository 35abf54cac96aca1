"""Shows the panels of crm/panels.py as tabs of a contact's page."""

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from crm.admin.rights import actor
from crm.models import Contact
from crm.panels import PANEL_ROWS, ContactPanel


class PanelTab:
    """What unfold's page takes for a "dataset": a title, an anchor (from `model_name`) and contents."""

    tab = True

    def __init__(self, panel: ContactPanel, contact: Contact, request: HttpRequest) -> None:
        self.panel = panel
        self.contact = contact
        self.request = request
        self.title = panel.title
        self.model_name = panel.key

    @property
    def contents(self) -> SafeString:
        rows = self.panel.rows(self.contact, actor(self.request))
        context = {
            "panel": self.panel,
            "rows": rows[:PANEL_ROWS],
            "more": len(rows) > PANEL_ROWS,
            "all_url": self.panel.all_url(self.contact),
            "add_url": self.panel.add_url(self.contact),
        }
        return render_to_string("crm/admin/contact_panel.html", context, request=self.request)
