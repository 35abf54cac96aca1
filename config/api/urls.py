from django.urls import include, path

from config.api import auth

sign_in_routes = [
    path("auth/login", auth.LoginView.as_view()),
    path("auth/refresh", auth.RefreshView.as_view()),
    path("auth/logout", auth.LogoutView.as_view()),
    path("auth/me", auth.MeView.as_view()),
]

urlpatterns = [
    path("", include(sign_in_routes)),
    path("v1/", include(sign_in_routes)),
    path("token", auth.TokenView.as_view()),
    path("token/refresh", auth.TokenRefreshView.as_view()),
]
