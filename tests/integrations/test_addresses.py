"""Messages go to the open Internet, encrypted; to the own network only where the setting allows it."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integrations.destinations import COMERCIAL
from integrations.models import WebhookDelivery
from integrations.sending.addresses import is_public, refusal_of
from integrations.sending.answers import Answer
from integrations.sending.client import Sender
from tests.integrations.talking import OK, Talking, talking

PRIVATE = "La dirección del destino es de una red privada, y no está permitida."
NOT_ENCRYPTED = "La dirección del destino está en Internet y no usa HTTPS; no se envía nada sin cifrar."


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "200.48.225.130",
        "172.15.255.255",
        "172.32.0.1",
        "100.63.255.255",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",  # NAT64 of 8.8.8.8: how a network without IPv4 reaches it
        "2002:808:808::1",  # 6to4 of 8.8.8.8
    ],
)
def test_addresses_of_the_open_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "127.0.0.1", "127.255.255.254"),
        *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1"),
        *("192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250"),
        *("240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "ff0e::1"),
        *("100::1", "2001:db8::1", "2001:10::1", "2001:20::1", "2001:2::1", "3fff::1", "5f00::1", "4000::1"),
        *("::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),  # IPv4-mapped
        *("::10.0.0.1", "::127.0.0.1", "::8.8.8.8"),  # IPv4-compatible, given up long ago
        *("::ffff:0:10.0.0.1", "::ffff:0:8.8.8.8"),  # IPv4-translated
        *("64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),  # NAT64
        *("64:ff9b:1::a00:1", "64:ff9b:1::808:808"),  # NAT64 of one site
        *("2002:a00:1::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "2002:c0a8:101::1"),  # 6to4
        *("2001:0:a00:1::1", "2001:0:4136:e378:8000:63bf:f5ff:fffe", "2001::808:808"),  # Teredo
        *("2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:127.0.0.1", "2606:4700::100:5efe:10.0.0.1"),  # ISATAP
        *("", "localhost", "8.8.8", "8.8.8.8/32", "0x8.8.8.8"),
    ],
)
def test_addresses_that_are_not(address: str) -> None:
    assert not is_public(address)


def test_an_address_that_can_be_sent_to_is_not_refused() -> None:
    urls = [
        "https://ventas.example/api/",
        "http://10.0.0.5:8001/x?a=1",
        "https://[2606:4700::1]:8443/",
        "https://ñandú.pe",
    ]
    assert [refusal_of(url) for url in urls] == [""] * 4


# --- What is really connected to --------------------------------------------------------------


@pytest.fixture
def there(settings: Any) -> Iterator[Talking]:
    """A receiver on loopback that must not be reached unless private addresses are allowed."""
    settings.COMERCIAL_WEBHOOK_TOKEN = "ficha-de-prueba"
    settings.WEBHOOK_ALLOW_PRIVATE = False
    settings.DEMONSTRATION = False
    settings.WEBHOOK_CONNECT_SECONDS = 0.3
    settings.WEBHOOK_TOTAL_SECONDS = 1.0

    def script(receiver: Talking, conn: socket.socket) -> None:
        while receiver.hear(conn):
            conn.sendall(OK)

    with talking(script) as found:
        settings.COMERCIAL_WEBHOOK_URL = found.url
        yield found


@pytest.fixture
def send(there: Talking, settings: Any) -> Callable[..., Answer]:
    def once(host: str = "", *, scheme: str = "http") -> Answer:
        if host:
            settings.COMERCIAL_WEBHOOK_URL = f"{scheme}://{host}:{there.port}/presencias"
        sender = Sender()
        try:
            return sender.send(COMERCIAL, WebhookDelivery(subject="CRM-1", sequence=1, payload={"n": 1}))
        finally:
            sender.close()

    return once


class Connections:
    """Stands in front of the network: notes each address and lets only loopback through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, refusing: tuple[str, ...] = ()) -> None:
        self.tried: list[str] = []
        connect = socket.socket.connect

        def note(sock: socket.socket, address: Any) -> None:
            self.tried.append(address[0])
            if address[0] in refusing or not address[0].startswith("127."):
                raise ConnectionRefusedError
            connect(sock, address)

        monkeypatch.setattr(socket.socket, "connect", note)


class Resolver:
    """A name server whose answers change from question to question; the last one stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.asked: list[str] = []
        self._answers = list(answers)
        self._really = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._resolve)

    def _resolve(self, host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        self.asked.append(host)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [found for one in answer for found in self._really(one, port, type=socket.SOCK_STREAM)]


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "localhost",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "017700000001",
            "0177.0.0.1",
            "127.1",
            "127.0.1",
        ),
        *("0", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "１２７.0.0.1", "①②⑦.⓪.⓪.①"),
        *("127。0。0。1", "LOCALHOST", "localhost.", "127.0.0.1."),
    ],
)
def test_the_own_machine_is_refused_however_it_is_written(
    there: Talking, send: Callable[..., Answer], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = Connections(monkeypatch)
    answer = send(host)
    assert answer.status is None
    assert (connections.tried, there.connections) == ([], 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
def test_the_own_machine_is_reached_where_that_is_allowed(
    there: Talking, send: Callable[..., Answer], settings: Any, host: str
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    assert send(host).is_success


def test_a_refusal_says_why(there: Talking, send: Callable[..., Answer]) -> None:
    assert send("127.0.0.1").error == PRIVATE
    assert send("127.0.0.1", scheme="https").error == PRIVATE


@pytest.mark.parametrize("address", ["169.254.169.254", "10.1.2.3", "192.168.0.9", "fe80::1", "fd00::1", "100.64.0.1"])
def test_a_name_that_leads_into_the_own_network_is_refused(
    send: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    connections, resolver = Connections(monkeypatch), Resolver(monkeypatch, [address])
    assert send("ventas.example", scheme="https").error == PRIVATE
    assert (resolver.asked, connections.tried) == (["ventas.example"], [])


def test_of_several_addresses_only_those_that_are_allowed_are_tried(
    send: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = Connections(monkeypatch)
    Resolver(monkeypatch, ["10.0.0.1", "8.8.8.8", "127.0.0.1", "2606:4700::1", "::ffff:10.0.0.1"])
    assert send("ventas.example", scheme="https").error == "El destino no acepta conexiones."
    assert connections.tried == ["8.8.8.8", "2606:4700::1"]


def test_the_next_address_is_tried_when_one_does_not_answer(
    there: Talking, send: Callable[..., Answer], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    connections = Connections(monkeypatch, refusing=("127.0.0.9",))
    Resolver(monkeypatch, ["127.0.0.9", "127.0.0.1"])
    assert send("ventas.example").is_success
    assert connections.tried == ["127.0.0.9", "127.0.0.1"]


def test_a_name_server_that_changes_its_mind_leads_nowhere_else(
    there: Talking, send: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was checked is what is connected to: the name is asked for once."""
    connections = Connections(monkeypatch)
    resolver = Resolver(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    assert send("ventas.example", scheme="https").error == "El destino no acepta conexiones."
    assert connections.tried == ["8.8.8.8"]
    assert resolver.asked == ["ventas.example"]
    assert there.connections == 0


def test_each_new_connection_is_checked_anew(there: Talking, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    Resolver(monkeypatch, ["127.0.0.1"])
    settings.COMERCIAL_WEBHOOK_URL = f"http://ventas.example:{there.port}/"
    message = WebhookDelivery(subject="CRM-1", sequence=1, payload={"n": 1})
    sender = Sender()
    assert sender.send(COMERCIAL, message).is_success
    settings.WEBHOOK_ALLOW_PRIVATE = False
    sender.close()
    assert sender.send(COMERCIAL, message).error == PRIVATE


def test_nothing_goes_unencrypted_over_the_internet(
    send: Callable[..., Answer], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections = Connections(monkeypatch)
    Resolver(monkeypatch, ["8.8.8.8"])
    for allowed in (False, True):
        settings.WEBHOOK_ALLOW_PRIVATE = allowed
        assert send("ventas.example").error == NOT_ENCRYPTED
    assert connections.tried == []


def test_the_demonstration_may_send_unencrypted(
    send: Callable[..., Answer], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEMONSTRATION = True
    connections = Connections(monkeypatch)
    Resolver(monkeypatch, ["8.8.8.8"])
    assert send("ventas.example").error == "El destino no acepta conexiones."
    assert connections.tried == ["8.8.8.8"]


def test_a_host_in_another_script_is_asked_for_as_the_internet_writes_it(
    send: Callable[..., Answer], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = Resolver(monkeypatch, ["10.0.0.1"])
    assert send("ñandú.example", scheme="https").error == PRIVATE
    assert resolver.asked == ["xn--and-6ma2c.example"]
