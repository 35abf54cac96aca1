"""Threads that keep their connection to the database for as long as their crew lasts."""

from threading import Barrier, get_ident
from typing import Any

import pytest
from django.db import Error, connection, connections

from crm.acting import acting_as, current_actor
from crm.crews import Crew
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite is written by one thread"),
]


class Meeting:
    """An act that ends when as many are at it; it answers which server process it has talked to."""

    def __init__(self, together: int) -> None:
        self._all_there = Barrier(together)
        self.connections: set[Any] = set()

    def __call__(self, _: object) -> int:
        self._all_there.wait(10)
        self.connections.add(connections["default"])
        return server_process()


def server_process() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_each_thread_keeps_its_connection_from_round_to_round_until_the_crew_is_dismissed() -> None:
    meeting = Meeting(3)
    with Crew(3, name="test") as crew:
        first = set(crew.do(meeting, range(3)))
        assert len(first) == 3
        assert set(crew.do(meeting, range(6))) == first
        assert all(kept.connection is not None for kept in meeting.connections)
    assert [kept.connection for kept in meeting.connections] == [None] * 3


def test_connections_are_closed_also_when_the_turn_breaks_off() -> None:
    meeting = Meeting(2)

    def turn() -> None:
        with Crew(2, name="test") as crew:
            crew.do(meeting, range(2))
            raise KeyError

    with pytest.raises(KeyError):
        turn()
    assert [kept.connection for kept in meeting.connections] == [None] * 2


def test_a_connection_that_the_server_has_closed_costs_one_act_and_no_more() -> None:
    here = server_process()

    def end_oneself(number: int) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())" if number == 0 else "SELECT 1")
        return number

    with Crew(2, name="test") as crew:
        with pytest.raises(Error):
            crew.do(end_oneself, range(2))
        assert crew.do(end_oneself, range(1, 9)) == list(range(1, 9))
    assert server_process() == here


def test_results_come_in_the_order_asked_and_an_error_when_all_are_done() -> None:
    done: list[int] = []

    def act(number: int) -> int:
        done.append(number)
        return 10 // number

    with Crew(2, name="test") as crew:
        assert crew.do(act, [5, 2, 1]) == [2, 5, 10]
        with pytest.raises(ZeroDivisionError):
            crew.do(act, [0, 1, 2])
        assert crew.do(act, []) == []
    assert sorted(done) == [0, 1, 1, 2, 2, 5]


def test_what_is_alone_is_done_by_whoever_asks() -> None:
    with Crew(4, name="test") as crew:
        assert crew.do(lambda _: get_ident(), [1]) == [get_ident()]
        assert get_ident() not in crew.do(lambda _: get_ident(), [1, 2])
    with Crew(1, name="test") as alone:
        assert alone.do(lambda _: get_ident(), [1, 2]) == [get_ident()] * 2


def test_each_acts_in_the_name_of_whoever_asks() -> None:
    user = UserFactory()
    with Crew(2, name="test") as crew, acting_as(user):
        assert crew.do(lambda _: current_actor(), range(2)) == [user, user]
