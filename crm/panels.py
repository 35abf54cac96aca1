"""What apps add to a contact's page and to the first page, without the ground floor knowing them.

`AppConfig.ready()` registers; the staff pages (crm/admin) show. Everything here is plain text and
links, so that a panel can be tested without a page.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crm.models import Contact, User

# A panel shows this many rows and links to the list for the others.
PANEL_ROWS = 20


@dataclass(frozen=True)
class Cell:
    """One value of a table. `tone`: success, warning, danger, info or nothing."""

    text: str
    href: str = ""
    tone: str = ""


Row = tuple[Cell | str, ...]


@dataclass(frozen=True)
class ContactPanel:
    """A read-only table on a contact's page.

    `rows` gets the contact and who looks, and returns at most PANEL_ROWS + 1 rows, newest first: the
    last one only tells that there are more.
    """

    key: str
    title: str
    position: int
    headers: tuple[str, ...]
    rows: Callable[["Contact", "User"], Sequence[Row]]
    all_url: Callable[["Contact"], str]
    add_url: Callable[["Contact"], str]
    add_label: str
    empty: str


@dataclass(frozen=True)
class Figure:
    """A number of the first page; it links to the rows it counts."""

    title: str
    value: str
    href: str
    icon: str
    hint: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Listing:
    """A short table of the first page."""

    title: str
    headers: tuple[str, ...]
    rows: Sequence[Row]
    href: str
    empty: str


@dataclass(frozen=True)
class Chart:
    """Bars over time, with the same numbers as a table for who would rather read."""

    title: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[int]]
    table: Listing


@dataclass(frozen=True)
class Notice:
    """A sentence at the top of every page until its cause is gone, and where to go about it."""

    text: str
    href: str
    link: str


Block = Figure | Listing | Chart
Provider = Callable[["User"], Sequence[Block]]
Notifier = Callable[["User"], Iterable[Notice]]


@dataclass
class Registry:
    contact_panels: list[ContactPanel] = field(default_factory=list)
    providers: list[tuple[int, Provider]] = field(default_factory=list)
    notifiers: list[Notifier] = field(default_factory=list)


_registry = Registry()


def add_contact_panel(panel: ContactPanel) -> None:
    """Register once, however often `ready()` runs."""
    others = [known for known in _registry.contact_panels if known.key != panel.key]
    _registry.contact_panels = sorted([*others, panel], key=lambda known: known.position)


def add_to_first_page(position: int, provider: Provider) -> None:
    """`provider` is asked on each visit of the first page; a fixed number of bounded queries, please."""
    others = [known for known in _registry.providers if known[1] is not provider]
    _registry.providers = sorted([*others, (position, provider)], key=lambda known: known[0])


def add_notices(notifier: Notifier) -> None:
    """`notifier` is asked on every page: one cheap query, and none for those whom it does not concern."""
    if notifier not in _registry.notifiers:
        _registry.notifiers.append(notifier)


def contact_panels() -> list[ContactPanel]:
    return list(_registry.contact_panels)


def blocks_of_first_page(user: "User") -> list[Block]:
    return [block for _, provider in _registry.providers for block in provider(user)]


def notices_for(user: "User") -> list[Notice]:
    return [notice for notifier in _registry.notifiers for notice in notifier(user)]


def counted(rows: Any, *, cap: int = 999) -> str:
    """How many rows, without counting beyond `cap`: "12", or "999+"."""
    found = rows.order_by()[: cap + 1].count()
    return f"{cap}+" if found > cap else str(found)
