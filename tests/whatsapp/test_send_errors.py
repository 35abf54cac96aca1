"""Every refusal of Meta's has a sentence for people, a next step and a rule; nobody has to look up a number."""

import pytest

from whatsapp.sending.errors import ERRORS, MetaError, Policy, error_of
from whatsapp.sending.outcomes import GAVE_UP, told_to_people

# whatsapp-anchors a.9, row by row.
TABLE = {
    Policy.STOP: [0, 3, 10, 190, 200, 299, 131005, 131037, 131045, 133010],
    Policy.NEVER: [100, 131008, 131009, 135000, 130403, 131021, 131030, 131051, 131052, 131053],
    Policy.RETRY: [1, 2, 131000, 131016, 133004],
    Policy.RETRY_LATER_NUMBER: [4, 80007, 130429, 131057],
    Policy.RETRY_PAIR: [131056, 132069],
    Policy.ALERT: [131042, 131048, 131064],
    Policy.UNDELIVERABLE: [131026, 131062],
    Policy.TEMPLATE: [131047],
    Policy.LATER_BY_HAND: [131049, 130472],
    Policy.OPT_OUT: [131050],
    Policy.BLOCK_TEMPLATE: [132000, 132001, 132005, 132007, 132012, 132015, 132016, 132018, 132068],
}


@pytest.mark.parametrize(("policy", "code"), [(policy, code) for policy, codes in TABLE.items() for code in codes])
def test_each_code_of_the_table_has_its_rule(policy: Policy, code: int) -> None:
    assert error_of(code).retry == policy


@pytest.mark.parametrize("error", ERRORS.values(), ids=str)
def test_each_error_tells_what_happened_and_what_to_do(error: MetaError) -> None:
    assert error.title[0].isupper()
    assert not error.title.endswith(".")
    for sentence in (error.explanation, error.next_step):
        assert sentence.endswith(".")
        assert len(sentence) > 15


def test_what_stops_or_slows_the_line_says_for_how_long() -> None:
    for error in ERRORS.values():
        assert (error.pause > 0) == (error.retry in (Policy.STOP, Policy.RETRY_LATER_NUMBER))


def test_an_unknown_code_ends_the_message_and_is_named() -> None:
    assert error_of(424242).retry == Policy.NEVER
    assert "424242" in error_of(424242).sentence
    assert error_of(None).retry == Policy.NEVER


def test_a_number_that_meta_does_not_know_stops_the_line_and_another_bad_value_does_not() -> None:
    assert error_of(100, subcode=33).retry == Policy.STOP
    assert error_of(100, subcode=2494010).retry == Policy.NEVER


def test_what_was_tried_to_the_end_does_not_promise_another_try() -> None:
    assert GAVE_UP in told_to_people(error_of(131016))
    assert error_of(131016).next_step not in told_to_people(error_of(131016))


def test_what_meta_says_of_a_bad_value_is_kept_for_who_mends_it() -> None:
    told = told_to_people(error_of(100), "The parameter\n messaging_product\x00 is required.")
    assert told.endswith("Meta dice: The parameter messaging_product is required.")
