"""Under `/api/crm/` and `/crm/` (config/urls.py)."""

from django.urls import path

from opportunities.api import views

_ONE = "opportunities/<str:opportunity_id>"

urlpatterns = [
    path("opportunities", views.OpportunityList.as_view()),
    path("opportunities/bulk-assign", views.BulkAssign.as_view()),
    path("opportunities/bulk-assign/<str:bulk_id>/undo", views.UndoBulk.as_view()),
    path("opportunities/bulk-unassign", views.BulkUnassign.as_view()),
    path("opportunities/assign-random", views.AssignRandom.as_view()),
    path(_ONE, views.OpportunityDetail.as_view()),
    path(f"{_ONE}/assign", views.OpportunityAssign.as_view()),
    path(f"{_ONE}/assignments", views.OpportunityAssignments.as_view()),
    path(f"{_ONE}/first-call-attempt", views.FirstCallAttempt.as_view()),
    path(f"{_ONE}/call", views.OutOfScope.as_view(sentence="Las llamadas desde aquí no están disponibles")),
    path(f"{_ONE}/analyze", views.OutOfScope.as_view(sentence="El análisis automático no está disponible")),
    path("contacts/<str:contact_id>/opportunities", views.ContactOpportunities.as_view()),
]
