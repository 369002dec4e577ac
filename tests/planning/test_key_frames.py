"""Numbers between key frames, against pandas' and scipy's."""

import math

import pytest

from colabsd.planning.key_frames import Method, filled
from colabsd.planning.schedules import parse_schedule

KEYS = {0: 1.0, 7: 1.2, 20: 0.7, 45: 2.0, 59: 1.5}
PLACES = (1, 5, 13, 30, 50, 58)
# scipy.interpolate.interp1d (1.16) of these keys, rounded to 12 digits.
SPLINES = {
    "Quadratic": (1.057829128884, 1.191619976711, 0.99107846737, 1.046857400803, 1.980649321337, 1.581711391243),
    "Cubic": (1.079628517176, 1.217093624393, 0.961779207211, 1.023411320831, 2.088346391906, 1.625589610922),
}


@pytest.mark.parametrize("method", ["Quadratic", "Cubic"])
def test_splines_are_scipys(method: Method) -> None:
    text = ", ".join(f"{frame}: ({value})" for frame, value in KEYS.items())
    found = parse_schedule(text, "notebook", name="zoom", method=method).values(60)
    assert [found[place] for place in PLACES] == pytest.approx(SPLINES[method], abs=1e-11)


@pytest.mark.parametrize(("method", "keys", "same"), [("Cubic", 3, "Quadratic"), ("Quadratic", 2, "Linear")])
def test_with_few_keys_a_curve_becomes_a_simpler_one(method: Method, keys: int, same: Method) -> None:
    chosen = dict(list(KEYS.items())[:keys])
    values = [chosen.get(frame, math.nan) for frame in range(60)]
    assert filled(values, method, keys) == filled(values, same, 9)


def test_nothing_that_is_a_number_is_changed_and_ends_hold() -> None:
    assert filled([math.nan, 2.0, math.nan, math.inf, math.nan], "Linear", 2)[:2] == [2.0, 2.0]
    assert filled([math.nan, 2.0, math.nan, 4.0, math.nan], "Linear", 2) == [2.0, 2.0, 3.0, 4.0, 4.0]
    with pytest.raises(ValueError, match="nan"):
        filled([math.nan] * 3, "Linear", 1)
