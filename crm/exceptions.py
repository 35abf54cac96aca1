"""Refusals that a verb can speak: a Spanish sentence, a slug, and the HTTP status that fits."""


class Refusal(Exception):
    """Base of every domain refusal. The API answers `status` with `{"detail", "message", "code"}`."""

    status = 400
    code = "no_permitido"
    message = "La operación no está permitida."

    def __init__(self, message: str = "", *, code: str = "", status: int = 0) -> None:
        self.message = message or self.message
        self.code = code or self.code
        self.status = status or self.status
        super().__init__(self.message)


class NotFound(Refusal):
    status = 404
    code = "no_encontrado"
    message = "No encontrado."


class Forbidden(Refusal):
    status = 403
    code = "sin_permiso"
    message = "No tiene permiso para esta operación."


class Conflict(Refusal):
    status = 409
    code = "conflicto"
    message = "La operación choca con el estado actual."
