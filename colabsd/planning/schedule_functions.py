"""What the operators and functions of schedules compute: as numexpr does on numbers, and never an exception.

Where numbers have no answer it is not-a-number or an infinity. Whole numbers that would fill the memory become floats.
Behaviour: numexpr 2.14 (github.com/pydata/numexpr), as measured with Deforum's schedules; `%` has the divisor's sign.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Number: TypeAlias = int | float
Unary: TypeAlias = Callable[[Any], Any]
Binary: TypeAlias = Callable[[Any, Any], Any]
MOST_BITS = 63
NAN, INF = math.nan, math.inf


class NotWholeError(Exception):
    """A bitwise operator has met a number with a fraction."""


def divided(left: Number, right: Number) -> Number:
    try:
        return left / right
    except ZeroDivisionError:
        return NAN if left == 0 or left != left else math.copysign(INF, left) * math.copysign(1, right)
    except OverflowError:
        return NAN


def floor_divided(left: Number, right: Number) -> Number:
    try:
        return left // right
    except ZeroDivisionError:
        return divided(left, right)
    except OverflowError:
        return NAN


def remainder(left: Number, right: Number) -> Number:
    try:
        return left % right
    except (ZeroDivisionError, OverflowError):
        return NAN


def power(base: Number, exponent: Number) -> Number:
    """Not-a-number for a fractional power of a negative number; whole numbers beyond 63 bits become floats."""
    if isinstance(base, int) and isinstance(exponent, int) and exponent >= 0:
        if -2 < base < 2:  # of -1, 0 and 1 only the parity of an exponent counts
            return int(base ** (exponent if exponent < 2 else 2 - exponent % 2))
        if base.bit_length() * exponent <= MOST_BITS:
            return int(base**exponent)
    try:
        result: Any = float(base) ** float(exponent)
    except ZeroDivisionError:
        return INF
    except OverflowError:
        odd = isinstance(exponent, int) and exponent % 2 == 1
        return -INF if base < 0 and odd else INF
    return NAN if isinstance(result, complex) else float(result)


def shifted_left(left: Any, right: Any) -> Number:
    whole, by = _whole(left), _whole(right)
    if by < 0:
        return NAN
    return whole << by if whole.bit_length() + by <= MOST_BITS else multiplied(power(2, by), whole)


def shifted_right(left: Any, right: Any) -> Number:
    whole, by = _whole(left), _whole(right)
    return NAN if by < 0 else whole >> min(by, MOST_BITS)


def inverted(value: Any) -> Any:
    """`~`: of a comparison its opposite, of whole numbers all bits."""
    return not value if isinstance(value, bool) else ~_whole(value)


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise NotWholeError
    return value


def _bitwise(operation: Binary) -> Binary:
    return lambda left, right: operation(_whole(left), _whole(right))


def added(left: Any, right: Any) -> Any:
    try:
        return left + right
    except OverflowError:
        return NAN


def taken(left: Any, right: Any) -> Any:
    try:
        return left - right
    except OverflowError:
        return NAN


def multiplied(left: Any, right: Any) -> Any:
    try:
        return left * right
    except OverflowError:
        return NAN


BINARY: Mapping[str, Binary] = {
    "+": added,
    "-": taken,
    "*": multiplied,
    "/": divided,
    "//": floor_divided,
    "%": remainder,
    "**": power,
    "<<": shifted_left,
    ">>": shifted_right,
    "&": _bitwise(lambda left, right: left & right),
    "|": _bitwise(lambda left, right: left | right),
    "^": _bitwise(lambda left, right: left ^ right),
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
}
UNARY: Mapping[str, Unary] = {"-": lambda value: -value, "+": lambda value: +value, "~": inverted}


def _guarded(function: Unary, outside: Unary = lambda value: NAN, beyond: Unary = lambda value: INF) -> Unary:
    """A function of one number with an answer for what it has none for, and for what it would overflow at."""

    def safe(value: Any) -> Any:
        try:
            return function(value)
        except ValueError:
            return outside(value)
        except OverflowError:
            return beyond(value) if isinstance(value, float) else NAN

    return safe


def _signed(value: Any) -> float:
    return math.copysign(INF, value)


def _log_outside(least: float) -> Unary:
    return lambda value: -INF if value == least else NAN


def _rounded(value: Any) -> Any:
    return value if isinstance(value, int) or not math.isfinite(value) else float(round(value))


def _floor(value: Any) -> Any:
    return value if not math.isfinite(value) else float(math.floor(value))


def _ceil(value: Any) -> Any:
    return value if not math.isfinite(value) else float(math.ceil(value))


def _fmod(left: Any, right: Any) -> Any:
    try:
        return math.fmod(left, right)
    except (ValueError, OverflowError):
        return NAN


def _arctan2(left: Any, right: Any) -> Any:
    try:
        return math.atan2(left, right)
    except OverflowError:
        return NAN


FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "sin": (1, _guarded(math.sin)),
    "cos": (1, _guarded(math.cos)),
    "tan": (1, _guarded(math.tan)),
    "arcsin": (1, _guarded(math.asin)),
    "arccos": (1, _guarded(math.acos)),
    "arctan": (1, _guarded(math.atan)),
    "arctan2": (2, _arctan2),
    "sinh": (1, _guarded(math.sinh, beyond=_signed)),
    "cosh": (1, _guarded(math.cosh)),
    "tanh": (1, _guarded(math.tanh)),
    "arcsinh": (1, _guarded(math.asinh)),
    "arccosh": (1, _guarded(math.acosh)),
    "arctanh": (1, _guarded(math.atanh, outside=lambda value: _signed(value) if abs(value) == 1 else NAN)),
    "log": (1, _guarded(math.log, outside=_log_outside(0))),
    "log10": (1, _guarded(math.log10, outside=_log_outside(0))),
    "log1p": (1, _guarded(math.log1p, outside=_log_outside(-1))),
    "exp": (1, _guarded(math.exp, beyond=lambda value: INF)),
    "expm1": (1, _guarded(math.expm1)),
    "sqrt": (1, _guarded(math.sqrt)),
    "abs": (1, abs),
    "floor": (1, _guarded(_floor)),
    "ceil": (1, _guarded(_ceil)),
    "round": (1, _guarded(_rounded)),
    "fmod": (2, _fmod),
    "real": (1, lambda value: value),
    "conj": (1, lambda value: value),
    "imag": (1, lambda value: 0.0),
    "where": (3, lambda condition, yes, no: yes if condition else no),
}
"""By name: how many numbers it takes, and what it gives."""
MORE_FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "min": (2, min),
    "max": (2, max),
    "clip": (3, lambda value, low, high: min(max(value, low), high)),
}
"""What Deforum does not know and people write all the same."""
MORE_NAMES: Mapping[str, float] = {"pi": math.pi, "e": math.e, "tau": math.tau}
