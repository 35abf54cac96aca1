"""The whole API, asked at random within its own description (schemathesis): never a 5xx, never an undocumented answer.

Ids in addresses are those of rows that exist, every second time, so that more than 404s is seen.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from rest_framework_simplejwt.tokens import AccessToken
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from crm.models import ApiToken, User
from integrations.models import Cliente, Presencia
from tests.factories import (
    AppointmentFactory,
    CallFactory,
    CallTypeFactory,
    ContactFactory,
    LeadFactory,
    NoteFactory,
    OpportunityFactory,
    TaskFactory,
    UserFactory,
)
from tests.jobs.rows import a_batch, a_job, an_account

EXAMPLES = 5


def nothing_breaks(ctx: Any, response: Any, case: Any) -> None:
    """501 is an honest answer, where it is documented: this product does not offer that."""
    assert response.status_code < 500 or response.status_code == 501, response.content


CHECKS = [
    nothing_breaks,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def _no_limits(settings: Any) -> None:
    rates = dict.fromkeys(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "0")
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}


def make_presence() -> Any:
    """Known by its code, which the address takes instead of the key."""
    client = Cliente.objects.create(tipo_documento="DNI", nombres_completos_razon_social="Rosa Peña")
    return SimpleNamespace(pk=Presencia.objects.create(cliente=client).code)


def makers() -> dict[str, Callable[[], Any]]:
    """Parameter of an address → a row of its kind."""
    return {
        "account_id": an_account,
        "appointment_id": AppointmentFactory,
        "batch_id": a_batch,
        "call_id": CallFactory,
        "call_type_id": CallTypeFactory,
        "contact_id": ContactFactory,
        "job_id": a_job,
        "lead_id": LeadFactory,
        "note_id": NoteFactory,
        "opportunity_id": OpportunityFactory,
        "presence_id": make_presence,
        "task_id": TaskFactory,
        "user_id": UserFactory,
        "token_id": lambda: ApiToken.issue(user=UserFactory(), name="Panel")[0],
    }


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_no_limits")
def test_any_request_within_the_description_gets_an_answer_within_it(subtests: Any) -> None:
    from config.api.documents import description

    app = get_wsgi_application()
    alice: User = UserFactory(email="alice@puente.test", admin=True)
    UserFactory(email="bob@puente.test")
    schema = schemathesis.openapi.from_dict(description())
    schema.app = app
    for found in schema.get_all_operations():
        operation = found.ok()
        with subtests.test(operation.label):
            ask_at_random(operation, alice, app)
    alice.refresh_from_db()
    assert alice.is_administrator, "nobody locks himself out"


def ask_at_random(operation: Any, alice: User, app: Any) -> None:
    make = makers()
    asked = 0

    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        nonlocal asked
        asked += 1
        for name in case.path_parameters or {}:
            if name in make and asked % 2:
                case.path_parameters[name] = str(make[name]().pk)
        headers = {"Authorization": f"Bearer {AccessToken.for_user(alice)}"}
        response = case.call(app=app, headers=headers)
        if response.status_code == 405 and case.path_parameters:
            return  # the random id was the name of a neighbouring address, such as `bulk-assign`
        case.validate_response(response, checks=CHECKS)

    ask()
