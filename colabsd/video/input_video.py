"""Frames out of a video, by PyAV: every nth, from here to there, scaled while they are read. Keeps none of them.

A video whose frames come at uneven times is read as if they came evenly: at each moment the frame that is then seen.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from colabsd.errors import MissingPackageError, UnreadableVideoError
from colabsd.geometry import Size
from colabsd.video.encode import INSTALL, Pixels

UNEVEN = 0.25  # of a frame's time, from where its time is not the even one
LOOKED_AT = 240  # frames whose times are looked at
GUESSED_FPS = 15.0


@dataclass(frozen=True)
class VideoFacts:
    """What a video is: `size` as it is seen (turned as it says), `frames` evenly spaced ones, `fps` on the average.

    `uneven` where its own frames come at uneven times.
    """

    size: Size
    frames: int
    fps: float
    has_sound: bool = False
    uneven: bool = False

    def count(self, every: int = 1, first: int = 0, last: int = -1) -> int:
        """How many frames `read_frames` gives."""
        end = self.frames - 1 if last < 0 else min(last, self.frames - 1)
        return max(0, (end - first) // every + 1)


@dataclass(frozen=True)
class InputFrame:
    """A frame: its number among the evenly spaced ones, and its pixels (H, W, 3)."""

    number: int
    pixels: Pixels


def look_at_video(path: Path) -> VideoFacts:
    """What a video is, by reading all of its packets and decoding none. Raises: UnreadableVideoError."""
    with _opened(path) as (container, stream):
        times = sorted(
            float(packet.pts * packet.time_base)
            for packet in container.demux(stream)
            if packet.pts is not None and packet.size
        )
        rotation = _rotation(path)
        has_sound = bool(container.streams.audio)
        if not times:
            raise UnreadableVideoError(path=path, reason="0")
        fps = _fps(times, stream)
        frames = round((times[-1] - times[0]) * fps) + 1
        gaps = np.diff(np.array(times[:LOOKED_AT])) * fps
        sides = (stream.width, stream.height) if rotation % 180 == 0 else (stream.height, stream.width)
    uneven = bool(len(gaps)) and bool((np.abs(gaps - 1) > UNEVEN).any())
    return VideoFacts(Size(*sides), frames, fps, has_sound, uneven)


def read_frames(
    path: Path, size: Size, *, every: int = 1, first: int = 0, last: int = -1, fps: float | None = None
) -> Iterator[InputFrame]:
    """Every nth frame from `first` to `last` (-1: the end), covering `size`: what sticks out is cut off on both sides.

    Scaling is done as each frame is decoded, so that of an 8K video one frame at a time is in memory. `fps` is how many
    evenly spaced frames a second has, as `look_at_video` says. Raises: UnreadableVideoError.
    """
    rate = look_at_video(path).fps if fps is None else fps
    given = 0
    for number, frame in _even(path, rate):
        if 0 <= last < number:
            break
        if number >= first and (number - first) % every == 0:
            given += 1
            yield InputFrame(number, _fitted(frame, size))
    if not given:
        facts = look_at_video(path)
        end = facts.frames - 1 if last < 0 else last
        raise UnreadableVideoError("error.video.empty_range", path=path, count=facts.frames, first=first, last=end)


def _even(path: Path, fps: float) -> Iterator[tuple[int, Any]]:
    """Decoded frames with even numbers: one that is seen for long comes several times, one that is too short not."""
    with _opened(path) as (container, stream):
        stream.thread_type = "AUTO"
        start: float | None = None
        held: Any = None
        number = 0
        for frame in container.decode(stream):
            moment = float(frame.time) if frame.time is not None else number / fps
            start = moment if start is None else start
            place = round((moment - start) * fps)
            while held is not None and number < place:
                yield number, held
                number += 1
            held = frame
        if held is not None:
            yield number, held


def _fitted(frame: Any, size: Size) -> Pixels:
    """A decoded frame, turned as it says, scaled until it covers the size, what sticks out cut off."""
    rotation = int(getattr(frame, "rotation", 0) or 0) % 360
    wanted = (size.width, size.height) if rotation % 180 == 0 else (size.height, size.width)
    scale = max(wanted[0] / frame.width, wanted[1] / frame.height)
    width, height = max(wanted[0], round(frame.width * scale)), max(wanted[1], round(frame.height * scale))
    way = "AREA" if scale < 1 else "BICUBIC"
    pixels: Pixels = frame.reformat(width, height, "rgb24", interpolation=way).to_ndarray()
    left, top = (width - wanted[0]) // 2, (height - wanted[1]) // 2
    cut = pixels[top : top + wanted[1], left : left + wanted[0]]
    return np.ascontiguousarray(np.rot90(cut, rotation // 90))


def _rotation(path: Path) -> int:
    """By how many degrees the video is to be turned, as its first frame says."""
    with _opened(path) as (container, stream):
        for frame in container.decode(stream):
            return int(getattr(frame, "rotation", 0) or 0) % 360
    return 0


def _fps(times: list[float], stream: Any) -> float:
    """Frames a second on the average, or as the file says where it has one frame."""
    if len(times) > 1 and times[-1] > times[0]:
        measured = (len(times) - 1) / (times[-1] - times[0])
        told = float(stream.average_rate or 0)
        return told if told and abs(told - measured) * (times[-1] - times[0]) < UNEVEN else measured
    return float(stream.average_rate or GUESSED_FPS)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The file and its picture track. Raises: UnreadableVideoError, MissingPackageError."""
    if find_spec("av") is None:
        raise MissingPackageError(name="av", command=INSTALL)
    import av

    if not path.is_file():
        raise UnreadableVideoError("error.video.missing", path=path)
    try:
        with av.open(os.fspath(path)) as container:
            if not container.streams.video:
                raise UnreadableVideoError("error.video.no_picture", path=path)
            yield container, container.streams.video[0]
    except (av.FFmpegError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableVideoError(path=path, reason=reason[:200]) from error
