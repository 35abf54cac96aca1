"""How simulated calls end: a pure function of seed, number and attempt, the same in the provider and in a rehearsal."""

from hashlib import blake2b

from jobs.choices import Outcome

# Of a thousand dials. What debt collectors report for mobiles, rounded.
_SHARES: tuple[tuple[Outcome, int], ...] = (
    (Outcome.ANSWERED, 400),
    (Outcome.NO_ANSWER, 240),
    (Outcome.VOICEMAIL, 180),
    (Outcome.BUSY, 70),
    (Outcome.BRIEF, 50),
    (Outcome.CALL_BACK, 30),
    (Outcome.OPT_OUT, 10),
    (Outcome.PROVIDER, 20),
)
# Numbers of a thousand that do not exist: a quality of the number, whenever it is dialled.
_BAD_NUMBERS = 25
# Seconds of talk, at least and at most; what is not here is not picked up.
_TALK: dict[Outcome, tuple[int, int]] = {
    Outcome.ANSWERED: (25, 240),
    Outcome.BRIEF: (1, 7),
    Outcome.VOICEMAIL: (6, 25),
    Outcome.CALL_BACK: (12, 60),
    Outcome.OPT_OUT: (8, 45),
}
_RING = (5, 25)
SET_UP_MICROS = 20_000
MICROS_PER_MINUTE = 150_000


def outcome_of(seed: int | str, number: str, position: int) -> Outcome:
    """How the `position`th dial of a job (1, 2, …) ends at `number`."""
    if below(1000, seed, number, "exists") < _BAD_NUMBERS:
        return Outcome.BAD_NUMBER
    drawn = below(1000, seed, number, position)
    for outcome, share in _SHARES:
        if drawn < share:
            return outcome
        drawn -= share
    raise AssertionError("the shares do not sum up to a thousand")


def seconds_of(seed: int | str, number: str, position: int, outcome: Outcome | None = None) -> int:
    """Seconds of talk of that dial, or of one that ends in `outcome`; 0 where nobody picks up."""
    least, most = _TALK.get(outcome or outcome_of(seed, number, position), (0, 0))
    return least + below(most - least + 1, seed, number, position, "talk")


def ringing_of(seed: int | str, number: str, position: int, *, longest: int, outcome: Outcome | None = None) -> int:
    """Seconds of ringing before the talk, or before it is given up after `longest`."""
    outcome = outcome or outcome_of(seed, number, position)
    if outcome == Outcome.NO_ANSWER:
        return longest
    if outcome in (Outcome.BAD_NUMBER, Outcome.PROVIDER):
        return 1
    least, most = _RING
    return min(longest, least + below(most - least + 1, seed, number, position, "ring"))


def cost_of(seconds: int, *, micros_per_minute: int = MICROS_PER_MINUTE) -> int:
    """What a call of so much talk costs, in millionths; one that nobody picks up is free."""
    return SET_UP_MICROS + seconds * micros_per_minute // 60 if seconds else 0


def below(most: int, *parts: object) -> int:
    """An evenly spread whole number from 0 to `most` - 1, always the same for the same parts."""
    digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) % most
