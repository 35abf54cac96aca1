"""The product's routes, with those of the demonstration's Meta among them wherever settings put them."""

from django.urls import include, path

from config.urls import urlpatterns as _routes

urlpatterns = [*_routes, path("simulated-meta/", include("whatsapp.simulated_urls"))]
