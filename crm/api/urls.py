from typing import Any

from django.urls import path

from crm.api.views import appointments, contacts, exports, imports, leads, notes, tasks, users

_one: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}

urlpatterns = [
    path("contacts", contacts.ContactViewSet.as_view({"get": "list", "post": "create"})),
    path("contacts/count", contacts.ContactViewSet.as_view({"get": "count"})),
    path("contacts/export", exports.ContactExport.as_view()),
    path("contacts/duplicates", contacts.ContactDuplicates.as_view({"get": "list"})),
    path("contacts/<str:contact_id>", contacts.ContactViewSet.as_view(_one)),
    path("contacts/<str:contact_id>/leads", leads.ContactLeads.as_view({"get": "list"})),
    path("contacts/<str:contact_id>/appointments", appointments.ContactAppointments.as_view({"get": "list"})),
    path("contacts/<str:contact_id>/merge", contacts.ContactMerges.as_view({"post": "merge"})),
    path("contacts/<str:contact_id>/merge/undo", contacts.ContactMerges.as_view({"post": "undo"})),
    path("contacts/<str:contact_id>/merges", contacts.ContactMerges.as_view({"get": "list"})),
    path("leads", leads.LeadViewSet.as_view({"get": "list", "post": "create"})),
    path("leads/count", leads.LeadViewSet.as_view({"get": "count"})),
    path("leads/export", exports.LeadExport.as_view()),
    path("leads/new", leads.LeadViewSet.as_view({"get": "new"})),
    path("leads/<str:lead_id>", leads.LeadViewSet.as_view(_one)),
    path("leads/<str:lead_id>/convert", leads.LeadViewSet.as_view({"post": "convert"})),
    path(
        "leads/<str:lead_id>/mark-initial-contact-completed",
        leads.LeadViewSet.as_view({"post": "mark_initial_contact_completed"}),
    ),
    path("appointments", appointments.AppointmentViewSet.as_view({"get": "list", "post": "create"})),
    path("appointments/<str:appointment_id>", appointments.AppointmentViewSet.as_view(_one)),
    path("tasks", tasks.TaskViewSet.as_view({"get": "list", "post": "create"})),
    path("tasks/calendar", tasks.TaskCalendar.as_view({"get": "list"})),
    path("tasks/<str:task_id>", tasks.TaskViewSet.as_view(_one)),
    path("tasks/<str:task_id>/complete", tasks.TaskViewSet.as_view({"put": "complete", "post": "complete"})),
    path("contacts/<str:contact_id>/tasks", tasks.ContactTasks.as_view({"get": "list"})),
    path("notes", notes.NoteViewSet.as_view({"get": "list", "post": "create"})),
    path("notes/<str:note_id>", notes.NoteViewSet.as_view(_one)),
    path("contacts/<str:contact_id>/notes", notes.ContactNotes.as_view({"get": "list"})),
    path("imports", imports.ImportViewSet.as_view({"get": "list", "post": "create"})),
    path("imports/preview", imports.ImportPreview.as_view()),
    path("imports/template", imports.ImportTemplate.as_view()),
    path("imports/<str:import_id>", imports.ImportViewSet.as_view({"get": "retrieve"})),
    path("imports/<str:import_id>/rows", imports.ImportRows.as_view({"get": "list"})),
    path("imports/<str:import_id>/errors.csv", imports.ImportErrors.as_view()),
    path("imports/<str:import_id>/cancel", imports.ImportViewSet.as_view({"post": "cancel"})),
    path("users", users.ColleaguesView.as_view()),
    path("users/responsibles", users.ResponsiblesView.as_view()),
]
