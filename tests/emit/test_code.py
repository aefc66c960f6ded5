"""Carried names: assigned in place where nothing reads the old value any more, else together at the end of the turn."""

from __future__ import annotations

from paramprog.emit.code import MARK, Next, Suite, flat, settled

A, B = f"{MARK}1", f"{MARK}2"


def made(codes, *nexts):
    return settled(
        codes, [Next(name, value, name, value in (A, B)) for name, value in nexts], lambda name: name
    )


def test_a_new_value_that_nothing_precedes_is_written_in_place():
    assert made(["z = W @ h", f"{A} = tanh(z)"], ("h", A)) == ["z = W @ h", "h = tanh(z)"]


def test_readers_of_the_old_value_come_first():
    """y reads the old h after the new one is there, so that one has another name."""
    codes = [f"{A} = tanh(h)", f"{B} = y + {A} * h"]
    assert made(codes, ("h", A), ("y", B)) == ["h_next = tanh(h)", "y = y + h_next * h", "h = h_next"]


def test_readers_of_the_new_value_read_it():
    assert made([f"{A} = tanh(h)", f"{B} = y + {A}"], ("h", A), ("y", B)) == ["h = tanh(h)", "y = y + h"]


def test_values_that_change_places_are_assigned_together():
    assert made([f"{A} = a + b"], ("a", "b"), ("b", A)) == ["a, b = b, a + b"]


def test_two_names_with_one_new_value():
    assert made([f"{A} = a + b", "row[i] = a"], ("a", A), ("b", A)) == [
        "b_next = a + b",
        "row[i] = a",
        "a, b = b_next, b_next",
    ]


def test_an_array_that_is_updated_is_not_copied():
    """Reading the copy is reading the array, until an entry of it is replaced."""
    assert made([f"{A} = x", f"{A}[i] = x[i] + x[j]"], ("x", A)) == ["x[i] = x[i] + x[j]"]
    kept = made([f"{A} = x", f"{A}[i] = 1.0", "t = x[j]"], ("x", A))
    assert kept == ["x_next = x", "x_next[i] = 1.0", "t = x[j]", "x = x_next"]


def test_arms_exclude_one_another():
    """The second arm reads the old value, but only when the first has not written the new one."""
    suite = Suite("if", [("c", [f"{A} = h + 1"]), (None, [f"{A} = h - 1"])])
    assert made([suite], ("h", A)) == [Suite("if", [("c", ["h = h + 1"]), (None, ["h = h - 1"])])]


def test_an_arm_that_changes_nothing_is_left_out():
    suite = Suite("if", [("c", [f"{A} = h + 1"]), (None, [f"{A} = h"])])
    assert made([suite], ("h", A)) == [Suite("if", [("c", ["h = h + 1"])])]


def test_what_follows_an_arm_that_writes_reads_the_new_value():
    suite = Suite("if", [("c", [f"{A} = h + 1"]), (None, [f"{A} = h"])])
    assert made([suite, "y[i] = h"], ("h", A))[-1] == "h = h_next"


def test_a_loop_inside_comes_to_its_first_line_again():
    """In its second turn `t = h` would read the new value."""
    inner = Suite("for", [("for j in 0..2", ["t = h", f"{A} = {A} * t"])])
    assert made([f"{A} = h", inner], ("h", A))[-1] == "h = h_next"
    alone = Suite("for", [("for j in 0..2", [f"{A} = {A} * t"])])
    assert made([f"{A} = h", alone], ("h", A)) == [Suite("for", [("for j in 0..2", ["h = h * t"])])]


def test_the_condition_of_a_loop_inside_is_read_again():
    inner = Suite("while", [("while h < 3", [f"{A} = {A} + 1"])])
    assert made([f"{A} = h", inner], ("h", A))[-1] == "h = h_next"


def test_what_stays_as_it_is_is_not_assigned():
    assert made(["y[i] = h"], ("h", "h")) == ["y[i] = h"]


def test_an_if_in_an_else_goes_on_with_its_arms():
    inner = Suite("if", [("b", ["x = 2"]), (None, ["x = 3"])])
    assert flat([Suite("if", [("a", ["x = 1"]), (None, [inner])])]) == [
        Suite("if", [("a", ["x = 1"]), ("b", ["x = 2"]), (None, ["x = 3"])])
    ]
    assert flat([Suite("if", [("a", ["x = 1"]), (None, [inner, "y = 1"])])])[0].arms[-1][0] is None


def test_a_name_with_the_mark_of_a_loop_around_stays():
    """It is a carried name of this one."""
    outer = f"{MARK}9"
    assert made([f"{A} = s + {outer}"], (outer, "s"), ("s", A)) == [f"{outer}, s = s, s + {outer}"]
