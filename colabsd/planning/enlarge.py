"""How a picture becomes larger: passes through a network, tiles and their seams. Arithmetic only.

A tile's outermost pixels miss their neighbours, so a network makes something else of them than of the whole picture.
Each tile is therefore MARGIN pixels larger than what is taken of it, and one fades into the next across FADE pixels.
Tiles begin at multiples of ALIGNMENT, because networks that fold pixels into channels do it from the corner on.
"""

import math
from dataclasses import dataclass

FACTORS = (2, 4, 8)
MARGIN, FADE, ALIGNMENT = 16, 16, 4
OVERLAP = 2 * MARGIN + FADE + ALIGNMENT
SMALLEST_TILE = 96  # below it fades would meet
TILES = {"cpu": 256, "cuda": 512}
"""The longest sides of tiles, in pixels before enlarging; x4plus in fp32 takes 1 GB for one of 256 (15 kB a pixel)."""
MOST_MEGAPIXELS = 100


def passes(scale: int, factor: int) -> tuple[int, ...]:
    """How many times larger each pass makes the picture, with a network that makes it `scale` times larger.

    A pass that goes too far is averaged down right away where that is exact: 8 is 4 and 2 with a network for 4. With a
    network for 3 no power of two is met, and the last picture is larger than asked.
    """
    found: list[int] = []
    reached = 1
    while reached < factor:
        missing = factor // reached
        exact = factor % reached == 0 and scale % missing == 0
        found.append(missing if exact else scale)
        reached *= found[-1]
    return tuple(found)


@dataclass(frozen=True)
class Span:
    """One tile along one side, in pixels: read from `start` to `stop`, used from `first` to `last`.

    Across FADE pixels from `first` on it rises, across as many before `last` it falls, where there are neighbours.
    """

    start: int
    stop: int
    first: int
    last: int


def spans(length: int, tile: int) -> tuple[Span, ...]:
    """The tiles along a side: as few as can be, evenly spread, of at most about `tile` pixels."""
    if length <= tile:
        return (Span(0, length, 0, length),)
    count = math.ceil((length - OVERLAP) / (tile - OVERLAP))
    side = _aligned(math.ceil((length + (count - 1) * OVERLAP) / count) + ALIGNMENT - 1)
    starts = [_aligned(place * (length - side) // (count - 1)) for place in range(count)]
    stops = [*(start + side for start in starts[:-1]), length]
    middles = [(start + stop) // 2 for start, stop in zip(starts[1:], stops, strict=False)]
    firsts = [0, *(middle - FADE // 2 for middle in middles)]
    lasts = [*(middle + FADE // 2 for middle in middles), length]
    return tuple(Span(*four) for four in zip(starts, stops, firsts, lasts, strict=True))


def _aligned(place: int) -> int:
    return place // ALIGNMENT * ALIGNMENT
