"""Names for what is printed."""

from __future__ import annotations

from paramprog.emit.names import Names


def test_a_name_is_given_once():
    names = Names()
    assert [names.take("A"), names.take("A"), names.take("A")] == ["A", "A_2", "A_3"]


def test_the_first_free_candidate_is_taken():
    names = Names(["lambda"])
    assert names.take("lambda", "lambda_") == "lambda_"
    assert names.take("lambda", "lambda_") == "lambda_2"


def test_numbers_skip_what_is_taken():
    names = Names()
    names.take("t2")
    assert [names.number("t"), names.number("t")] == ["t1", "t3"]


def test_a_scope_inside_avoids_the_names_around():
    around = Names()
    around.take("c1")
    inside = Names(around=around)
    assert inside.take("c1") == "c1_2"
    assert around.free("c1_2")


def test_names_stay_short_enough():
    names = Names()
    assert len(names.take("d" + "w" * 255)) <= 255
    assert len({names.take("d" + "w" * 255) for _ in range(9)}) == 9


def test_the_bodies_of_two_loops_may_have_the_same_names():
    """But nothing around them gets these anew."""
    around = Names()
    around.take("h")
    first, second = Names(around=around, turn=True), Names(around=around, turn=True)
    assert [first.take("z"), first.take("h"), second.take("z")] == ["z", "h_2", "z"]
    assert Names(around=first, turn=True).take("z") == "z_2"
    assert around.take("z") == "z_3"
