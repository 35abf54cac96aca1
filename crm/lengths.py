"""How much a request says that it will send, read before any of it is."""

from django.http import HttpRequest

from crm.exceptions import Refusal

# More than any disk holds; and `int` itself refuses to read numbers of thousands of digits.
MOST_DIGITS = 18


def announced_length(request: HttpRequest) -> int:
    """The bytes that `Content-Length` names, 0 where it is missing; 400 for what is no number of bytes (contract
    section 1: bad input is never a 500), 413 for one that nothing could hold.

    The frame of every request asks (config/middleware.py), so that a view which asks later gets a number.
    """
    told = str(request.META.get("CONTENT_LENGTH") or "0")
    if not (told.isascii() and told.isdecimal()):
        raise Refusal("El encabezado Content-Length no es un número de bytes.", code="longitud_invalida")
    if len(told) > MOST_DIGITS:
        raise Refusal("La petición es demasiado grande.", code="demasiado_grande", status=413)
    return int(told)
