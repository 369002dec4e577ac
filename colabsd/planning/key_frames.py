"""Numbers between key frames: what is not-a-number is interpolated. Plain arithmetic, linear in the frames.

Linear, or the splines that Deforum's notebook takes from pandas and scipy: of degree 2 with knots half-way between key
frames, of degree 3 without a knot at the second and the last but one (de Boor 1978, "A practical guide to splines").
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

Method = Literal["Linear", "Quadratic", "Cubic"]
DEGREES = {"Linear": 1, "Quadratic": 2, "Cubic": 3}


def filled(values: Sequence[float], method: Method, keys: int) -> list[float]:
    """The values with every not-a-number interpolated; before the first number and after the last one they hold.

    With 3 keys or fewer Cubic is Quadratic, with 2 or fewer Quadratic is Linear, as in Deforum.
    Raises: ValueError where nothing is a number.
    """
    done = list(values)
    known = [frame for frame, value in enumerate(done) if not math.isnan(value)]
    if not known:
        raise ValueError("nan")
    if len(known) == len(done):
        return done
    done[0], done[-1] = done[known[0]], done[known[-1]]
    known = [frame for frame, value in enumerate(done) if not math.isnan(value)]
    degree = DEGREES[method]
    if degree == 3 and keys <= 3:
        degree = 2
    if degree == 2 and keys <= 2:
        degree = 1
    if degree == 1 or len(known) <= degree or not all(math.isfinite(done[frame]) for frame in known):
        return _on_lines(done, known)
    return _on_spline(done, known, degree)


def _on_lines(values: list[float], known: Sequence[int]) -> list[float]:
    for start, end in pairwise(known):
        if end - start > 1:
            first = values[start]
            slope = (values[end] - first) / (end - start)
            values[start + 1 : end] = [first + slope * step for step in range(1, end - start)]
    return values


def _on_spline(values: list[float], known: Sequence[int], degree: int) -> list[float]:
    knots = _knots(known, degree)
    weights = _weights([values[frame] for frame in known], known, knots, degree)
    for start, end in pairwise(known):
        for frame in range(start + 1, end):
            span = _span(knots, frame, degree, len(known))
            basis = _basis(knots, span, frame, degree)
            values[frame] = sum(basis[place] * weights[span - degree + place] for place in range(degree + 1))
    return values


def _knots(known: Sequence[int], degree: int) -> list[float]:
    if degree == 2:
        inner = [(first + second) / 2 for first, second in pairwise(known)][1:-1]
    else:
        inner = [float(frame) for frame in known[2:-2]]
    ends = degree + 1
    return [float(known[0])] * ends + inner + [float(known[-1])] * ends


def _span(knots: Sequence[float], frame: float, degree: int, count: int) -> int:
    """The knot before `frame`; at the right end the last one that begins a piece."""
    return min(max(bisect_right(knots, frame) - 1, degree), count - 1)


def _basis(knots: Sequence[float], span: int, frame: float, degree: int) -> list[float]:
    """The degree + 1 B-splines that are not 0 there (the Cox-de Boor recursion)."""
    basis = [1.0]
    for order in range(1, degree + 1):
        raised = [0.0] * (order + 1)
        for place, value in enumerate(basis):
            left, right = knots[span + place + 1 - order], knots[span + place + 1]
            share = value / (right - left)
            raised[place] += (right - frame) * share
            raised[place + 1] += (frame - left) * share
        basis = raised
    return basis


def _weights(heights: Sequence[float], known: Sequence[int], knots: Sequence[float], degree: int) -> list[float]:
    """The weights with which the B-splines go through all points: a band of equations, eliminated without pivoting.

    The matrix is totally positive where every point lies under its own B-spline, so pivots are not needed.
    """
    count = len(known)
    rows: list[dict[int, float]] = []
    for frame in known:
        span = _span(knots, frame, degree, count)
        basis = _basis(knots, span, frame, degree)
        rows.append({span - degree + place: value for place, value in enumerate(basis)})
    results = list(heights)
    for column in range(count):
        pivot = rows[column][column]
        for below in range(column + 1, min(column + degree + 1, count)):
            factor = rows[below].pop(column, 0.0) / pivot
            if factor:
                for place, value in rows[column].items():
                    if place > column:
                        rows[below][place] = rows[below].get(place, 0.0) - factor * value
                results[below] -= factor * results[column]
    weights = [0.0] * count
    for column in reversed(range(count)):
        known_part = sum(value * weights[place] for place, value in rows[column].items() if place > column)
        weights[column] = (results[column] - known_part) / rows[column][column]
    return weights
