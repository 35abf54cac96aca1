"""The rules that staff edit, as an answer provider: the default, which needs nothing (docs/bot.md).

The first active rule in order that fits answers. It fits when it is for this person (`audience`), for this hour
(`when`), and when one of its keywords or its pattern is found; one without either fits everything.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from crm.models import Contact
from crm.text import fold, words
from whatsapp.bot import opt_out, patterns, placeholders
from whatsapp.bot.provider import Answer, Conversation, DocumentState
from whatsapp.choices import Audience, Author, RuleAction, WhenOpen
from whatsapp.models import BotRule

logger = logging.getLogger("puente.whatsapp.bot")

# In front of a keyword: the message says this and nothing else.
WHOLE_MESSAGE = "="
LONGEST_READ = 2_000

RECOGNISED_RULE = "documento reconocido"
UNKNOWN_DOCUMENT_RULE = "documento desconocido"
RECOGNISED = "¡Gracias, {nombre}! Ya le ubiqué. ¿En qué puedo ayudarle? Puede preguntarme por su cita o por su asesor."
UNKNOWN_DOCUMENT = (
    "No encuentro ese número de documento. Revíselo y escríbalo otra vez, o escriba ASESOR y le atenderá una persona."
)
STILL_UNKNOWN = "Sigo sin encontrar ese documento. Le atenderá una persona del equipo en cuanto pueda."


@dataclass(frozen=True)
class Found:
    """Which rule answers, and why it fits."""

    answer: Answer
    why: str
    rule: BotRule | None = None


@dataclass(frozen=True)
class TryResult:
    """What the bot would say, for the page on which rules are tried out. `answer` is "" where it says nothing."""

    rule: BotRule | None
    answer: str
    why: str


class RuleProvider:
    """Answers by the rules in the database."""

    def answer(self, conversation: Conversation) -> Answer | None:
        found = find_answer(conversation)
        return found.answer if found else None


def find_answer(conversation: Conversation, *, keep_unknown: bool = False) -> Found | None:
    """The answer to a conversation with the reason, or None when no rule fits."""
    return _about_document(conversation) or _by_rules(conversation, keep_unknown=keep_unknown)


def try_out(text: str, *, contact: Contact | None = None, at: datetime | None = None) -> TryResult:
    """What the bot would answer `contact` (None: somebody unknown) to this text at this moment; nothing is stored.

    Placeholders that nobody knows stay in the answer, so that whoever wrote the rule sees the slip.
    """
    from whatsapp.bot.conversations import imagine

    wish = opt_out.wish_in(text)
    if wish == opt_out.Wish.LEAVE:
        return TryResult(None, opt_out.FAREWELL, "Es una palabra de baja: el bot la confirma una vez y después calla.")
    conversation = imagine(text, contact=contact, at=at or timezone.now())
    found = find_answer(conversation, keep_unknown=True)
    if found is None:
        return TryResult(None, "", "Ninguna regla activa encaja: el bot no dice nada.")
    return TryResult(found.rule, found.answer.text, found.why)


# --- A document number ---------------------------------------------------------------------------


def _about_document(conversation: Conversation) -> Found | None:
    finding = conversation.document
    if finding is None:
        return None
    if finding.state == DocumentState.RECOGNISED:
        if not finding.is_all:  # what they ask beside it is answered, now that we know who asks
            return None
        text = placeholders.fill(RECOGNISED, conversation)
        return Found(Answer(text, rule=RECOGNISED_RULE), f"El documento {finding.number} es de un cliente.")
    why = f"Nadie tiene el documento {finding.number}."
    if any(turn.author == Author.BOT and turn.text == UNKNOWN_DOCUMENT for turn in conversation.turns):
        return Found(Answer(STILL_UNKNOWN, hand_over=True, settles=False, rule=UNKNOWN_DOCUMENT_RULE), why)
    return Found(Answer(UNKNOWN_DOCUMENT, rule=UNKNOWN_DOCUMENT_RULE), why)


# --- The rules -----------------------------------------------------------------------------------


def _by_rules(conversation: Conversation, *, keep_unknown: bool) -> Found | None:
    heard = Heard.of(conversation.texts)
    for rule in BotRule.objects.active().in_order():
        why = _why_it_fits(rule, conversation, heard)
        if why is not None:
            return Found(_answer_of(rule, conversation, keep_unknown=keep_unknown), why, rule)
    return None


def _answer_of(rule: BotRule, conversation: Conversation, *, keep_unknown: bool) -> Answer:
    hands_over = rule.action == RuleAction.HAND_OVER
    # What fits everything has understood nothing: whoever asked still waits for a person.
    is_catch_all = not rule.keywords.strip() and not rule.pattern.strip()
    return Answer(
        placeholders.fill(rule.answer, conversation, keep_unknown=keep_unknown),
        hand_over=hands_over,
        settles=not hands_over and not is_catch_all,
        asks_for_document=placeholders.asks_for_document(rule.answer, conversation),
        rule=rule.name,
    )


@dataclass(frozen=True)
class Heard:
    """A burst as rules look at it: each message as a line of plain words, and all of it folded."""

    lines: tuple[str, ...]
    folded: str

    @classmethod
    def of(cls, texts: Sequence[str]) -> "Heard":
        lines = tuple(" ".join(words(text[:LONGEST_READ])) for text in texts)
        return cls(lines, fold("\n".join(texts))[: patterns.LONGEST_TEXT])

    def says(self, keyword: str) -> bool:
        """Whole words next to each other, without accents and case; all of a message with "=" in front."""
        phrase = " ".join(words(keyword))
        if not phrase:
            return False
        if keyword.strip().startswith(WHOLE_MESSAGE):
            return phrase in self.lines
        return any(f" {phrase} " in f" {line} " for line in self.lines)


def _why_it_fits(rule: BotRule, conversation: Conversation, heard: Heard) -> str | None:
    if not _is_for(rule, conversation):
        return None
    keywords = [line.strip() for line in rule.keywords.splitlines() if line.strip()]
    pattern = rule.pattern.strip()
    if not keywords and not pattern:
        return "Vale para cualquier mensaje."
    said = next((keyword for keyword in keywords if heard.says(keyword)), None)
    if said is not None:
        return f"Dice «{said.removeprefix(WHOLE_MESSAGE).strip()}»."
    found = _found_by_pattern(rule, pattern, heard.folded) if pattern else None
    return f"El patrón encuentra «{found}»." if found is not None else None


def _is_for(rule: BotRule, conversation: Conversation) -> bool:
    audiences = (Audience.EVERYBODY, Audience.KNOWN if conversation.is_known else Audience.UNKNOWN)
    hours = (WhenOpen.ALWAYS, WhenOpen.OPEN if conversation.is_open else WhenOpen.CLOSED)
    return rule.audience in audiences and rule.when in hours


def _found_by_pattern(rule: BotRule, pattern: str, folded: str) -> str | None:
    """A pattern that cannot be tried fits nothing: the next rule has its turn."""
    try:
        return patterns.find(pattern, folded)
    except patterns.PatternFailed as error:
        logger.warning("the pattern of rule %s was left out: %s", rule.pk, error)
        return None
