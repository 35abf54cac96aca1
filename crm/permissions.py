"""Who may come in. What they then see is decided in crm/scope.py."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView


class IsCrmStaff(BasePermission):
    """Roles agent, lawyer and admin, and superusers: everybody whom the CRM is for."""

    message = "Su usuario no tiene acceso al CRM."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return bool(request.user and request.user.is_authenticated and request.user.is_crm_staff)


class IsAdministrator(BasePermission):
    message = "Solo administradores pueden realizar esta operación."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return bool(request.user and request.user.is_authenticated and request.user.is_administrator)


class IsLawyerOrAdministrator(BasePermission):
    message = "Solo administradores y abogados pueden realizar esta operación."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        user = request.user
        return bool(user and user.is_authenticated and user.is_crm_staff and not user.is_agent_only)
