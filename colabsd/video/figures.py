"""What a film does over time, in figures: how much changes from frame to frame, how far colours drift."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from colabsd.video.encode import Pixels

ENDS = 3  # frames at the beginning and at the end that are compared


@dataclass(frozen=True)
class TemporalFigures:
    """All in levels of 255. `change` is the mean absolute difference of neighbouring frames, `jump` the largest one,
    `drift` how far the mean colour has gone from the first frames to the last (over red, green and blue), `spread` how
    much the contrast (standard deviation) has changed.
    """

    frames: int
    change: float
    jump: float
    drift: float
    spread: float

    def as_json(self) -> dict[str, float]:
        return asdict(self)


def temporal_figures(frames: Iterable[Pixels]) -> TemporalFigures:
    """The figures of frames that come one by one; two of them are in memory."""
    before: Pixels | None = None
    changes: list[float] = []
    colours: list[NDArray[np.float64]] = []
    spreads: list[float] = []
    for frame in frames:
        if before is not None:
            changes.append(float(np.abs(frame.astype(np.int16) - before).mean()))
        colours.append(frame.reshape(-1, 3).mean(axis=0))
        spreads.append(float(frame.std()))
        before = frame
    if not colours:
        return TemporalFigures(0, 0.0, 0.0, 0.0, 0.0)
    ends = min(ENDS, len(colours))
    gone = np.mean(colours[-ends:], axis=0) - np.mean(colours[:ends], axis=0)
    return TemporalFigures(
        frames=len(colours),
        change=float(np.mean(changes)) if changes else 0.0,
        jump=max(changes, default=0.0),
        drift=float(np.linalg.norm(gone)),
        spread=float(np.mean(spreads[-ends:]) - np.mean(spreads[:ends])),
    )
