"""Where Meta knocks: proven, stored as it came, answered at once (contract section 4, whatsapp-anchors a.1, a.6, a.7).

A plain view without the API's frame: no token of ours, no parser, no throttle. Nothing of the body is read before it is
proven to be Meta's, and nothing is understood before it is stored.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import RawPostDataException
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt

from crm.exceptions import Refusal
from crm.lengths import announced_length
from whatsapp.receiving.signature import is_signed
from whatsapp.receiving.storing import store

# Answered before the frame of pages and API (config/middleware.py).
PATH = "/api/v1/whatsapp/webhook"
# Meta batches up to 3 MB.
LARGEST_BODY = 4 * 1024 * 1024
SIGNATURE_HEADER = "X-Hub-Signature-256"
STORED = b'{"status":"success"}'


@csrf_exempt
def view(request: HttpRequest) -> HttpResponse:
    """GET proves to Meta that the address is ours; POST takes what it tells."""
    if request.method == "GET":
        return verify(request)
    if request.method == "POST":
        return receive(request)
    answer = refusal("Este método no se admite en esta dirección.", "metodo_no_permitido", status=405)
    answer.headers["Allow"] = "GET, POST"
    return answer


def verify(request: HttpRequest) -> HttpResponse:
    """The bare challenge for whoever knows the token; 403 otherwise, also where none is configured."""
    expected = settings.WHATSAPP_VERIFY_TOKEN
    given = request.GET.get("hub.verify_token", "")
    if request.GET.get("hub.mode", "subscribe") != "subscribe":
        return refusal("Modo inválido.", "modo_invalido", status=403)
    if not expected or not constant_time_compare(given, expected):
        return refusal("Token de verificación inválido.", "token_invalido", status=403)
    return HttpResponse(request.GET.get("hub.challenge", ""), content_type="text/plain; charset=utf-8")


def receive(request: HttpRequest) -> HttpResponse:
    """200 once the bytes are a row. A database that is away is told as 503, so that Meta sends them again."""
    try:
        length = announced_length(request)
    except Refusal as error:
        return refusal(error.message, error.code, status=error.status)
    if length > LARGEST_BODY:
        return refusal("La petición es demasiado grande.", "demasiado_grande", status=413)
    try:
        body = request.body
    except (OSError, RawPostDataException):
        return refusal("La petición llegó incompleta.", "peticion_incompleta", status=400)
    if not is_signed(body, request.headers.get(SIGNATURE_HEADER), settings.WHATSAPP_APP_SECRET):
        return refusal("La firma falta o no es válida.", "firma_invalida", status=403)
    store(body)
    return HttpResponse(STORED, content_type="application/json")


def refusal(sentence: str, code: str, *, status: int) -> HttpResponse:
    """The shape of every error of the API."""
    return JsonResponse({"detail": sentence, "message": sentence, "code": code}, status=status)
