"""What Meta refuses with: one table, from its code to a sentence for people, what they can do, and what we do.

Meta asks to go by the code and the details, never by the title (whatsapp-anchors a.9).
"""

from dataclasses import dataclass
from enum import StrEnum


class Policy(StrEnum):
    """What follows for the message, and for those behind it."""

    RETRY = "retry"  # the same message again, later and later
    RETRY_PAIR = "retry_pair"  # this person gets too many: they wait, nobody else
    RETRY_LATER_NUMBER = "retry_later_number"  # we send too much: everything waits for a moment
    STOP = "stop"  # nothing can be sent until somebody mends the account: everything waits, no try is spent
    NEVER = "never"  # this message will never go
    TEMPLATE = "template"  # only a template can go
    BLOCK_TEMPLATE = "block_template"  # the template is no good: nobody is offered it any more
    UNDELIVERABLE = "undeliverable"  # the person cannot be reached by WhatsApp, or not like this
    LATER_BY_HAND = "later_by_hand"  # Meta does not want it now; not again within a day
    OPT_OUT = "opt_out"  # the person does not want it
    ALERT = "alert"  # this message will never go, and whoever runs the account has to hear of it


# What is tried again by itself; anything else ends the message, or stops the line.
RETRIED = frozenset({Policy.RETRY, Policy.RETRY_PAIR, Policy.RETRY_LATER_NUMBER, Policy.STOP})


@dataclass(frozen=True, kw_only=True)
class MetaError:
    """`pause`: seconds for which the whole line is left alone."""

    code: int | None
    title: str
    explanation: str
    next_step: str
    retry: Policy
    pause: float = 0.0

    @property
    def sentence(self) -> str:
        """All of it, as it stands on a message."""
        return f"{self.title}. {self.explanation} {self.next_step}".strip()

    @property
    def is_retried(self) -> bool:
        return self.retry in RETRIED


WINDOW_CLOSED = 131047

_NEW_TOKEN = "Ponga un token válido en WHATSAPP_ACCESS_TOKEN; lo que espera sale después por sí solo."  # noqa: S105
_PERMISSION = "Dé al token los permisos whatsapp_business_messaging y whatsapp_business_management."
_OURS = "Avise a quien mantiene el CRM: es un error del programa y repetirlo no sirve."
_BY_ITSELF = "No hay que hacer nada: se intenta otra vez."
_OTHER_WAY = "Llame al cliente o pídale que escriba primero."
_TEMPLATES = "Corrija la plantilla en el administrador de WhatsApp, sincronícela y envíe otra."
_WAITS = "Lo que se escriba mientras tanto espera y sale cuando esté resuelto."
_STOPPED_FOR = 60.0

_Row = tuple[int, str, str, str, Policy]
_ROWS: tuple[_Row, ...] = (
    # --- The account, the token, the number ----------------------------------------------------
    (
        0,
        "Meta no reconoce el acceso",
        "El token no es válido o ya no corresponde a la cuenta.",
        _NEW_TOKEN,
        Policy.STOP,
    ),
    (3, "Falta un permiso", "El token no puede usar esta función de Meta.", _PERMISSION, Policy.STOP),
    (10, "Falta un permiso", "El token no tiene permiso para enviar desde este número.", _PERMISSION, Policy.STOP),
    (190, "El token caducó", "Meta ya no acepta el token de acceso.", _NEW_TOKEN, Policy.STOP),
    (131005, "Acceso denegado", "El token no tiene permiso para esto.", _PERMISSION, Policy.STOP),
    (
        131031,
        "La cuenta está bloqueada",
        "Meta bloqueó la cuenta de WhatsApp por sus normas o por datos sin verificar.",
        f"Revise los avisos de la cuenta en Meta. {_WAITS}",
        Policy.STOP,
    ),
    (
        131037,
        "Falta aprobar el nombre del número",
        "Meta todavía no aprobó el nombre con que se presenta el número.",
        f"Pida la aprobación en el administrador de WhatsApp. {_WAITS}",
        Policy.STOP,
    ),
    (
        131045,
        "El número no está bien registrado",
        "El registro del número en Meta no es válido.",
        f"Registre el número otra vez en el administrador de WhatsApp. {_WAITS}",
        Policy.STOP,
    ),
    (
        133010,
        "El número no está registrado",
        "El número del negocio no está dado de alta en la plataforma de WhatsApp.",
        f"Registre el número en el administrador de WhatsApp. {_WAITS}",
        Policy.STOP,
    ),
    (
        131042,
        "Problema con el pago",
        "Meta no pudo cobrar este mensaje: falta un medio de pago o hay una deuda.",
        "Revise la facturación de la cuenta en Meta y envíelo otra vez.",
        Policy.ALERT,
    ),
    (
        368,
        "La cuenta está restringida",
        "Meta restringió la cuenta por una infracción de sus normas.",
        "Revise la calidad de la cuenta en Meta antes de seguir escribiendo.",
        Policy.ALERT,
    ),
    (
        131048,
        "Límite por calidad",
        "Meta limita los envíos porque muchos mensajes fueron bloqueados o marcados como no deseados.",
        "Deje los envíos masivos y revise la calidad del número en Meta.",
        Policy.ALERT,
    ),
    (
        131064,
        "Límite por la clase de mensajes",
        "Meta limita los envíos de esta cuenta por la clase de mensajes que manda.",
        "Deje los envíos masivos y revise los avisos de la cuenta en Meta.",
        Policy.ALERT,
    ),
    # --- Too fast, or Meta in trouble ----------------------------------------------------------
    (1, "Error desconocido de Meta", "Meta tuvo un problema al atender el envío.", _BY_ITSELF, Policy.RETRY),
    (2, "Meta no está disponible", "El servicio de Meta no responde por ahora.", _BY_ITSELF, Policy.RETRY),
    (
        131000,
        "Error desconocido de Meta",
        "Meta no pudo enviar el mensaje y no dice por qué.",
        _BY_ITSELF,
        Policy.RETRY,
    ),
    (131016, "Meta no está disponible", "Un servicio de Meta falla por ahora.", _BY_ITSELF, Policy.RETRY),
    (133004, "Meta no está disponible", "El servidor de Meta no responde por ahora.", _BY_ITSELF, Policy.RETRY),
    (
        131056,
        "Demasiados mensajes a esta persona",
        "Meta admite más o menos un mensaje cada seis segundos a la misma persona.",
        _BY_ITSELF,
        Policy.RETRY_PAIR,
    ),
    (
        130429,
        "Demasiados mensajes por segundo",
        "El número llegó a la velocidad máxima que le permite Meta.",
        _BY_ITSELF,
        Policy.RETRY_LATER_NUMBER,
    ),
    (4, "Demasiadas peticiones", "La aplicación llegó a su límite en Meta.", _BY_ITSELF, Policy.RETRY_LATER_NUMBER),
    (80007, "Demasiadas peticiones", "La cuenta llegó a su límite en Meta.", _BY_ITSELF, Policy.RETRY_LATER_NUMBER),
    (131057, "Cuenta en mantenimiento", "Meta está manteniendo la cuenta.", _BY_ITSELF, Policy.RETRY_LATER_NUMBER),
    (
        132069,
        "Formulario limitado",
        "Este formulario (Flow) se usó más de lo que Meta permite en una hora.",
        _BY_ITSELF,
        Policy.RETRY_PAIR,
    ),
    # --- The person ----------------------------------------------------------------------------
    (
        131026,
        "No se puede entregar",
        "El número no tiene WhatsApp, usa una versión antigua o no aceptó sus condiciones.",
        f"Compruebe el número. {_OTHER_WAY}",
        Policy.UNDELIVERABLE,
    ),
    (
        WINDOW_CLOSED,
        "Pasaron más de 24 horas",
        "El cliente no escribió en las últimas 24 horas y WhatsApp ya no admite mensajes libres.",
        "Envíe una plantilla; cuando conteste podrá escribirle otra vez.",
        Policy.TEMPLATE,
    ),
    (
        131049,
        "WhatsApp no lo entregó por ahora",
        "Meta limita los mensajes de promoción que recibe cada persona.",
        "No lo repita antes de 24 horas.",
        Policy.LATER_BY_HAND,
    ),
    (
        130472,
        "WhatsApp no lo entregó por ahora",
        "La persona está en un experimento de Meta y no recibe mensajes de promoción.",
        "No lo repita antes de 24 horas.",
        Policy.LATER_BY_HAND,
    ),
    (
        131050,
        "La persona no desea estos mensajes",
        "Pidió a WhatsApp no recibir más promociones de este negocio.",
        "Queda anotado y no se le escribe más por iniciativa propia.",
        Policy.OPT_OUT,
    ),
    (
        130403,
        "Esta persona está bloqueada",
        "El negocio bloqueó a esta persona en WhatsApp.",
        "Desbloquéela en WhatsApp si quiere escribirle.",
        Policy.NEVER,
    ),
    (
        131021,
        "Es el mismo número",
        "El mensaje iba del número del negocio a sí mismo.",
        "Revise el número del cliente.",
        Policy.NEVER,
    ),
    (
        131030,
        "El número no está en la lista de prueba",
        "Un número de prueba solo escribe a los números que se le autorizan.",
        "Agregue el número a la lista en la consola de Meta o use un número de verdad.",
        Policy.NEVER,
    ),
    (
        131062,
        "Hace falta el número de teléfono",
        "Este tipo de mensaje no se puede mandar a quien oculta su número.",
        "Pídale su número, o escríbale un mensaje de otro tipo.",
        Policy.UNDELIVERABLE,
    ),
    # --- The message ---------------------------------------------------------------------------
    (100, "Dato no válido", "Meta no acepta uno de los datos del mensaje.", _OURS, Policy.NEVER),
    (131008, "Falta un dato", "Al mensaje le falta un dato obligatorio.", _OURS, Policy.NEVER),
    (131009, "Dato no válido", "Uno de los valores del mensaje no es válido.", _OURS, Policy.NEVER),
    (135000, "Dato no válido", "Meta no pudo enviar el mensaje con estos datos.", _OURS, Policy.NEVER),
    (
        131051,
        "Tipo de mensaje no admitido",
        "WhatsApp no admite este tipo de mensaje.",
        "Envíelo de otra forma, por ejemplo como texto.",
        Policy.NEVER,
    ),
    (
        131052,
        "Meta no pudo leer el archivo",
        "El archivo no se pudo descargar.",
        "Suba el archivo otra vez y envíelo de nuevo.",
        Policy.NEVER,
    ),
    (
        131053,
        "Meta no admite el archivo",
        "El archivo no se pudo subir: su formato o su tamaño no valen.",
        "Use un formato que WhatsApp admita y envíelo de nuevo.",
        Policy.NEVER,
    ),
    # --- Templates -----------------------------------------------------------------------------
    (
        132000,
        "La plantilla espera otros datos",
        "El número de valores no es el que la plantilla pide.",
        _TEMPLATES,
        Policy.BLOCK_TEMPLATE,
    ),
    (
        132001,
        "La plantilla no existe",
        "No existe en ese idioma o todavía no está aprobada.",
        _TEMPLATES,
        Policy.BLOCK_TEMPLATE,
    ),
    (
        132005,
        "El texto es demasiado largo",
        "Con estos valores la plantilla supera lo que WhatsApp admite.",
        "Use valores más cortos o corrija la plantilla, sincronícela y envíe otra.",
        Policy.BLOCK_TEMPLATE,
    ),
    (
        132007,
        "La plantilla incumple las normas",
        "Meta rechazó su contenido.",
        _TEMPLATES,
        Policy.BLOCK_TEMPLATE,
    ),
    (
        132012,
        "La plantilla espera otros datos",
        "Un valor no tiene el formato que la plantilla pide.",
        _TEMPLATES,
        Policy.BLOCK_TEMPLATE,
    ),
    (
        132015,
        "La plantilla está en pausa",
        "Meta la detuvo por su baja calidad.",
        "Use otra plantilla, o mejore esta y espere a que Meta la reanude.",
        Policy.BLOCK_TEMPLATE,
    ),
    (
        132016,
        "La plantilla está desactivada",
        "Meta la desactivó para siempre por su baja calidad.",
        "Haga otra plantilla con otro contenido.",
        Policy.BLOCK_TEMPLATE,
    ),
    (
        132018,
        "La plantilla no es válida",
        "Sus datos no corresponden a lo que Meta tiene.",
        _TEMPLATES,
        Policy.BLOCK_TEMPLATE,
    ),
    (
        132068,
        "El formulario está bloqueado",
        "El formulario (Flow) de la plantilla está bloqueado.",
        "Corrija el formulario en el administrador de WhatsApp.",
        Policy.BLOCK_TEMPLATE,
    ),
)

# How long everything waits. A limit by the second is over soon, one by the hour is not, and maintenance takes its time.
_PAUSES = {130429: 5.0, 4: 60.0, 80007: 60.0, 131057: 300.0}


def _pause_of(code: int, policy: Policy) -> float:
    return _STOPPED_FOR if policy == Policy.STOP else _PAUSES.get(code, 0.0)


ERRORS: dict[int, MetaError] = {
    code: MetaError(
        code=code, title=title, explanation=explanation, next_step=step, retry=policy, pause=_pause_of(code, policy)
    )
    for code, title, explanation, step, policy in _ROWS
}
_PERMISSIONS = range(200, 300)
# Code 100 with this subcode: the number that we send from does not exist, or the token may not see it.
_NO_SUCH_NUMBER = MetaError(
    code=100,
    title="Meta no conoce el número del negocio",
    explanation="El número desde el que se envía no existe o el token no llega a él.",
    next_step="Compruebe WHATSAPP_PHONE_NUMBER_ID y WHATSAPP_ACCESS_TOKEN; lo que espera sale después por sí solo.",
    retry=Policy.STOP,
    pause=_STOPPED_FOR,
)
_NO_SUCH_OBJECT = 33
# What is wrong with one number of ours, as opposed to the token or the account.
OF_ONE_NUMBER = frozenset({100, 131037, 131045, 133010})


def error_of(code: int | None, *, subcode: int | None = None) -> MetaError:
    """What we know of a code; one that is not in the table ends the message and says its number."""
    if code == _NO_SUCH_NUMBER.code and subcode == _NO_SUCH_OBJECT:
        return _NO_SUCH_NUMBER
    if code in ERRORS:
        return ERRORS[code]
    if code in _PERMISSIONS:
        return MetaError(
            code=code,
            title="Falta un permiso",
            explanation=f"El token no tiene un permiso que hace falta (código {code}).",
            next_step=_PERMISSION,
            retry=Policy.STOP,
            pause=_STOPPED_FOR,
        )
    number = f" (código {code})" if code is not None else ""
    return MetaError(
        code=code,
        title="Meta rechazó el mensaje",
        explanation=f"No lo envió{number}.",
        next_step="Compruebe el mensaje y el número, y envíelo otra vez si hace falta.",
        retry=Policy.NEVER,
    )
