from django.urls import path

from crm.api.views import api_tokens, timezones, users

urlpatterns = [
    path("users", users.UsersView.as_view()),
    path("users/me", users.MeView.as_view()),
    path("users/export", users.ExportView.as_view()),
    path("users/audit-logs", users.AuditLogView.as_view()),
    path("users/<str:user_id>", users.UserView.as_view()),
    path("users/<str:user_id>/role", users.RoleView.as_view()),
    path("users/<str:user_id>/status", users.StatusView.as_view()),
    path("users/<str:user_id>/password", users.PasswordView.as_view()),
    path("users/<str:user_id>/reset-password", users.ResetPasswordView.as_view()),
    path("users/<str:user_id>/impersonate", users.ImpersonateView.as_view()),
    path("api-tokens", api_tokens.ApiTokensView.as_view()),
    path("api-tokens/<str:token_id>", api_tokens.ApiTokenView.as_view()),
    path("v1/timezone", timezones.TimeZoneView.as_view()),
    path("v1/timezone/available", timezones.TimeZonesView.as_view()),
]
