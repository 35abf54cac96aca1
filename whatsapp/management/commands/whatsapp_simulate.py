"""A conversation from a file, played against the running server as Meta would."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from whatsapp.simulating import NotPlayed, Player, Script, Unreadable, is_real_meta, parse, read, shown

NOT_POSSIBLE = 2
STAND_IN_NUMBER = "100000000000001"
EXPLANATION = """
El archivo, una línea por cosa:
  # comentario
  number 51999000111           el número del cliente (al principio)
  name Luz Vega                su nombre en WhatsApp (al principio)
  > Hola, buenas tardes        el cliente escribe; \\n es un salto de línea
  < cita lunes                 el bot responde, con todas estas palabras (sin mirar tildes ni mayúsculas)
  <                            el bot responde algo
  silence 5                    el bot no dice nada en cinco segundos
  wait 3                       una pausa de tres segundos
  image casa.jpg Mi casa       una imagen con su texto; también audio, video, document y sticker
  button si Sí, confirmo       toca un botón: su id y su título
  location -12.05,-77.04 Lima  comparte un lugar
  react 👍                     reacciona a la última respuesta del bot
  status read                  Meta dice que leyó la última respuesta (sent, delivered, read, played, failed)
  stop                         termina aquí

Firma cada mensaje como Meta y lo entrega al servidor que está en marcha, que debe usar la misma base de datos que este
comando: de ella lee las respuestas. Los mensajes quedan guardados como los de cualquier cliente.

Ejemplos:
  manage.py whatsapp_simulate docs/examples/conversacion.txt
  manage.py whatsapp_simulate prueba.txt --url http://127.0.0.1:8123 --speed 5 --number 51999000222

Termina con:
  0  el bot respondió lo que se esperaba
  1  alguna línea no se cumplió
  2  no se pudo intentar: el archivo no se entiende o el servidor no lo admite
"""


class Command(BaseCommand):
    help = "Simula una conversación de WhatsApp, escrita en un archivo, contra el servidor en marcha."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        return super().create_parser(
            prog_name, subcommand, epilog=EXPLANATION, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="ARCHIVO", type=Path)
        parser.add_argument("--url", metavar="URL", default="", help="el servidor; si falta, el de este equipo")
        parser.add_argument("--secret", metavar="CLAVE", default="", help="para firmar; si falta, WHATSAPP_APP_SECRET")
        parser.add_argument("--number", metavar="NÚMERO", default="", help="otro número del cliente")
        parser.add_argument("--name", metavar="NOMBRE", default="", help="otro nombre del cliente")
        parser.add_argument("--phone-number-id", metavar="ID", default="", help="el número del negocio al que escribe")
        parser.add_argument("--speed", type=float, default=1.0, metavar="N", help="las pausas duran N veces menos")
        parser.add_argument(
            "--patience", type=float, default=20.0, metavar="SEGUNDOS", help="cuánto se espera una respuesta (20)"
        )
        parser.add_argument("--dry-run", action="store_true", help="solo dice cómo se entiende el archivo")
        parser.add_argument(
            "--real", action="store_true", help="también cuando las respuestas del bot salen por Meta de verdad"
        )

    def handle(self, *args: Any, file: Path, dry_run: bool, real: bool, **options: Any) -> None:
        try:
            script = _with_options(read(file), **options)
        except Unreadable as error:
            raise CommandError(str(error), returncode=NOT_POSSIBLE) from error
        if dry_run:
            self.stdout.write("\n".join([f"{script.name}, {script.number}", *shown(script.steps)]))
            return
        player = _player(script, tell=self._tell, is_real=real, **options)
        self.stdout.write(f"{script.name} ({script.number}) escribe a {player.url}")
        try:
            failures = player.play()
        except NotPlayed as error:
            raise CommandError(str(error), returncode=NOT_POSSIBLE) from error
        if failures:
            told = "Una línea no se cumplió." if failures == 1 else f"{failures} líneas no se cumplieron."
            raise CommandError(told, returncode=1)
        self.stdout.write(self.style.SUCCESS("Todo salió como se esperaba."))

    def _tell(self, mark: str, text: str) -> None:
        style = {"✗": self.style.ERROR, "!": self.style.WARNING, "<": self.style.SUCCESS}.get(mark, str)
        for position, line in enumerate(text.splitlines() or [""]):
            self.stdout.write(style(f"  {mark if position == 0 else ' '} {line}"))
        self.stdout.flush()


def _with_options(script: Script, *, number: str, name: str, **options: Any) -> Script:
    if number:
        number = parse(f"number {number}\n> x", folder=script.folder).number
    return replace(script, number=number or script.number, name=name or script.name)


def _player(script: Script, *, is_real: bool, **options: Any) -> Player:
    secret = options["secret"] or next(iter(settings.WHATSAPP_APP_SECRET), "")
    if not secret:
        raise CommandError("No se puede firmar: falta WHATSAPP_APP_SECRET o --secret.", returncode=NOT_POSSIBLE)
    if is_real_meta() and not is_real:
        raise CommandError(
            f"Esta instalación responde por Meta de verdad: el bot escribiría a {script.number}."
            " Si ese teléfono es suyo, repítalo con --real.",
            returncode=NOT_POSSIBLE,
        )
    if options["speed"] <= 0 or options["patience"] < 0:
        raise CommandError("--speed y --patience son números mayores que cero.", returncode=NOT_POSSIBLE)
    return Player(
        script,
        url=_server(options["url"]),
        secret=secret,
        phone_number_id=options["phone_number_id"] or settings.WHATSAPP_PHONE_NUMBER_ID or STAND_IN_NUMBER,
        tell=options["tell"],
        speed=options["speed"],
        patience=options["patience"],
    )


def _server(url: str) -> str:
    """Where the server listens: as told, or where the demonstration has its own stand-in for Meta."""
    parts = urlsplit(settings.WHATSAPP_GRAPH_URL)
    own = f"{parts.scheme}://{parts.netloc}" if parts.path.startswith("/simulated-meta/") else "http://127.0.0.1:8000"
    url = (url or own).rstrip("/")
    try:
        given = urlsplit(url)
        is_address = given.scheme in ("http", "https") and bool(given.hostname) and given.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise CommandError(f"«{url}» no es la dirección de un servidor.", returncode=NOT_POSSIBLE)
    return url
