"""What each role may do on the staff pages, without hand-made groups.

Which rows somebody meets is decided in crm/scope.py; here stands only what may be done with them.
"""

from collections.abc import Collection
from typing import Any

from django.http import HttpRequest

from crm.choices import RESPONSIBLE_ROLES, Role
from crm.models import User

EVERYBODY = frozenset(RESPONSIBLE_ROLES)
OFFICE = frozenset({Role.LAWYER, Role.ADMIN})
ADMINISTRATORS = frozenset({Role.ADMIN})
NOBODY: frozenset[Role] = frozenset()


def allows(roles: Collection[Role], user: Any) -> bool:
    """Superusers may what administrators may; what nobody may, they may not either."""
    return bool(
        user.is_authenticated and user.is_active and (user.role in roles or (user.is_superuser and Role.ADMIN in roles))
    )


def actor(request: HttpRequest) -> User:
    """Who is signed in; nobody comes to these pages otherwise."""
    user = request.user
    assert isinstance(user, User)
    return user


def is_autocomplete(request: HttpRequest) -> bool:
    """The request fills a select box; it is asked of the admin of the model that is chosen from."""
    match = request.resolver_match
    return match is not None and match.url_name == "autocomplete"


class RoleRights:
    """For a ModelAdmin or an inline: the four permissions of Django, each as a set of roles."""

    may_view = EVERYBODY
    may_add = EVERYBODY
    may_change = EVERYBODY
    may_delete = ADMINISTRATORS

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(self.may_view, request.user)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(self.may_add, request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(self.may_change, request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return allows(self.may_delete, request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return allows(self.may_view, request.user)

    def has_administer_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For actions that are administrators' business: `permissions=["administer"]`."""
        return allows(ADMINISTRATORS, request.user)

    def has_office_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For actions that agents leave to lawyers and administrators."""
        return allows(OFFICE, request.user)
