from django.urls import path

from crm.api.views import notes, tasks, users

_one = {"get": "retrieve", "put": "update", "patch": "update", "delete": "destroy"}

urlpatterns = [
    path("tasks", tasks.TaskViewSet.as_view({"get": "list", "post": "create"})),
    path("tasks/calendar", tasks.TaskCalendar.as_view({"get": "list"})),
    path("tasks/<str:task_id>", tasks.TaskViewSet.as_view(_one)),
    path("tasks/<str:task_id>/complete", tasks.TaskViewSet.as_view({"put": "complete", "post": "complete"})),
    path("contacts/<str:contact_id>/tasks", tasks.ContactTasks.as_view({"get": "list"})),
    path("notes", notes.NoteViewSet.as_view({"get": "list", "post": "create"})),
    path("notes/<str:note_id>", notes.NoteViewSet.as_view(_one)),
    path("contacts/<str:contact_id>/notes", notes.ContactNotes.as_view({"get": "list"})),
    path("users", users.ColleaguesView.as_view()),
    path("users/responsibles", users.ResponsiblesView.as_view()),
]
