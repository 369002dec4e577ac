"""A value per frame that takes little room: runs of equal values. Knows nothing of films."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, Self, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Column(Generic[Value]):
    """Values of frames 0, 1, …: `values[i]` holds from frame `starts[i]` to before `starts[i + 1]`."""

    starts: Sequence[int]
    values: tuple[Value, ...]

    @classmethod
    def of(cls, values: Iterable[Value]) -> Self:
        """The column of a value for every frame, in order. Equal means equal, and of one type: 1 is not 1.0."""
        starts: list[int] = []
        kept: list[Value] = []
        last: Any = _NOTHING
        count = 0
        for value in values:
            if value is not last and (value != last or type(value) is not type(last)):
                starts.append(count)
                kept.append(value)
                last = value
            count += 1
        return cls(range(count) if len(kept) == count else tuple(starts), tuple(kept))

    def at(self, frame: int) -> Value:
        """The value of a frame; beyond the last run it is the last one's."""
        starts = self.starts
        return self.values[
            frame if isinstance(starts, range) and frame < len(starts) else bisect_right(starts, frame) - 1
        ]

    def over(self, frames: int) -> tuple[Value, ...]:
        """The values of frames 0 … `frames` - 1."""
        if isinstance(self.starts, range) and len(self.starts) == frames:
            return self.values
        ends = (*self.starts[1:], frames)
        runs = zip(self.starts, ends, self.values, strict=True)
        return tuple(value for start, end, value in runs for _ in range(start, min(end, frames)))

    def as_json(self) -> dict[str, Any]:
        each = isinstance(self.starts, range)
        return {"values": list(self.values)} if each else {"starts": list(self.starts), "values": list(self.values)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises: KeyError, TypeError or ValueError for data that is no column."""
        values = tuple(data["values"])
        starts: Sequence[int] = tuple(data["starts"]) if "starts" in data else range(len(values))
        if not values or len(starts) != len(values) or starts[0] != 0 or any(a >= b for a, b in pairwise(starts)):
            raise ValueError("starts")
        return cls(starts, values)


_NOTHING = object()
