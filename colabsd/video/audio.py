"""What a sound says at every frame of a film: how loud it is, where something begins, where the beat is.

Knows nothing of schedules: it gives one number per frame and name. Decoded by PyAV; the rest is numpy.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from colabsd.errors import MissingPackageError, UnreadableVideoError
from colabsd.video.encode import INSTALL

Samples = NDArray[np.float32]
RATE = 22_050
WINDOW, HOP = 1024, 256  # samples: 46 ms, 12 ms
COMPRESSION = 100.0  # of magnitudes before the flux, as log(1 + c m)
SMOOTHED = 16  # hops on each side, about 0.2 s, whose mean an onset has to exceed
BEAT_FADE_S = 0.25  # how long a beat is heard
BEAT_LEAST = 0.3  # of the strongest onset
BEAT_GAP_S = 0.2  # 300 beats per minute
BLOCK = 4096  # windows that are transformed together
BEATS_PER_MINUTE = (60.0, 180.0)


@dataclass(frozen=True)
class Sound:
    """One number per frame, each in 0..1: `amplitude` the loudness, `onset` the strength of what begins there,
    `beat` 1 at a beat and fading after it. `tempo` is beats per minute, 0 where there are none.
    """

    amplitude: tuple[float, ...]
    onset: tuple[float, ...]
    beat: tuple[float, ...]
    tempo: float = 0.0

    def variables(self) -> Mapping[str, tuple[float, ...]]:
        """By the names that schedules use."""
        return {"amplitude": self.amplitude, "onset": self.onset, "beat": self.beat}


def listen(path: Path, fps: float, frames: int) -> Sound:
    """What a sound file, or a video's sound track, says at each frame. Behind its end is silence.

    Raises: UnreadableVideoError, MissingPackageError.
    """
    return hear(decode_sound(path, frames / fps + 1), fps, frames)


def hear(samples: Samples, fps: float, frames: int, rate: int = RATE) -> Sound:
    """The same of mono samples (n,)."""
    flux = onset_strength(samples)
    per_second = rate / HOP
    onset = _per_frame(flux, per_second, fps, frames, np.max)
    beats = find_beats(flux, per_second)
    loud = _per_frame(_loudness(samples), per_second, fps, frames, np.mean)
    return Sound(
        amplitude=_unit(loud),
        onset=_unit(onset),
        beat=tuple(_fading(beats / per_second, fps, frames)),
        tempo=_tempo(flux, per_second) if len(beats) > 1 else 0.0,
    )


def onset_strength(samples: Samples) -> NDArray[np.float64]:
    """Spectral flux per hop: by how much log-compressed magnitudes grow, above its mean around there.

    Bello et al. 2005, "A tutorial on onset detection in music signals", section III; log compression as in Klapuri
    1999; the mean is taken off as in Dixon 2006, "Onset detection revisited".
    """
    flux = np.concatenate(list(_flux(samples)) or [np.zeros(1)])
    kernel = np.ones(2 * SMOOTHED + 1)
    counts = np.convolve(np.ones(len(flux)), kernel, mode="same")[: len(flux)]
    mean = np.convolve(flux, kernel, mode="same")[: len(flux)] / counts if len(flux) >= len(kernel) else flux.mean()
    strength: NDArray[np.float64] = np.maximum(flux - mean, 0.0)
    return strength


def find_beats(strength: NDArray[np.float64], per_second: float) -> NDArray[np.int64]:
    """The hops of the strongest onsets: local maxima at least a fifth of a second apart."""
    top = strength.max(initial=0.0)
    if top <= 0:
        return np.zeros(0, dtype=np.int64)
    gap = max(1, round(BEAT_GAP_S * per_second))
    inner = (strength[1:-1] >= strength[:-2]) & (strength[1:-1] > strength[2:]) & (strength[1:-1] >= BEAT_LEAST * top)
    found: list[int] = []
    for place in sorted(np.flatnonzero(inner) + 1, key=lambda hop: -strength[hop]):
        if all(abs(place - other) >= gap for other in found):
            found.append(int(place))
    return np.array(sorted(found), dtype=np.int64)


def decode_sound(path: Path, seconds: float | None = None) -> Samples:
    """A file's sound, mono, 22,050 samples a second, at most so long. Raises: UnreadableVideoError."""
    if find_spec("av") is None:
        raise MissingPackageError(name="av", command=INSTALL)
    import av

    if not path.is_file():
        raise UnreadableVideoError("error.video.missing", path=path)
    try:
        with av.open(os.fspath(path)) as opened:
            if not opened.streams.audio:
                raise UnreadableVideoError("error.video.no_sound", path=path)
            return _decoded(opened, None if seconds is None else int(seconds * RATE))
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableVideoError(path=path, reason=str(error)[:200]) from error


def _decoded(opened: Any, most: int | None) -> Samples:
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    blocks: list[Samples] = []
    length = 0
    for frame in opened.decode(audio=0):
        frame.pts = None
        for block in resampler.resample(frame):
            blocks.append(block.to_ndarray()[0])
            length += block.samples
        if most is not None and length >= most:
            break
    joined = np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)
    return joined[:most].astype(np.float32)


def _flux(samples: Samples) -> Iterator[NDArray[np.float64]]:
    """Block by block, so that an hour of music takes no more memory than a minute."""
    padded = np.pad(samples, (WINDOW // 2 + HOP, WINDOW))  # the flux is largest before a sound reaches the middle
    count = max(1, len(samples) // HOP)
    window = np.hanning(WINDOW).astype(np.float32)
    before = np.zeros(WINDOW // 2 + 1)
    for first in range(0, count, BLOCK):
        starts = np.arange(first, min(first + BLOCK, count)) * HOP
        pieces = padded[starts[:, None] + np.arange(WINDOW)] * window
        magnitudes = np.log1p(COMPRESSION * np.abs(np.fft.rfft(pieces, axis=1)) / WINDOW)
        rises = np.diff(np.concatenate([before[None] if first else magnitudes[:1], magnitudes]), axis=0)
        before = magnitudes[-1]
        yield np.maximum(rises, 0.0).sum(axis=1)


def _loudness(samples: Samples) -> NDArray[np.float64]:
    """Root mean square of each hop."""
    count = max(1, len(samples) // HOP)
    whole = np.pad(samples.astype(np.float64), (0, max(0, count * HOP - len(samples))))[: count * HOP]
    loud: NDArray[np.float64] = np.sqrt((whole.reshape(count, HOP) ** 2).mean(axis=1))
    return loud


def _per_frame(
    values: NDArray[np.float64], per_second: float, fps: float, frames: int, pick: Any
) -> NDArray[np.float64]:
    """One value for each frame, of the hops that sound while it is seen."""
    edges = np.round(np.arange(frames + 1) / fps * per_second).astype(int)
    pairs = zip(edges[:-1], np.maximum(edges[1:], edges[:-1] + 1), strict=True)
    return np.array([pick(values[start:end]) if start < len(values) else 0.0 for start, end in pairs])


def _fading(beats: NDArray[Any], fps: float, frames: int) -> Iterator[float]:
    """1 at a beat's frame, half of it after each `BEAT_FADE_S` / 2."""
    places = np.floor(beats * fps).astype(int)
    for frame in range(frames):
        earlier = places[places <= frame]
        since = (frame - earlier[-1]) / fps if len(earlier) else np.inf
        yield float(0.5 ** (2 * since / BEAT_FADE_S)) if since < 4 * BEAT_FADE_S else 0.0


def _tempo(strength: NDArray[np.float64], per_second: float) -> float:
    """Beats per minute by the autocorrelation of the onsets, within what music has."""
    slow, fast = BEATS_PER_MINUTE
    lags = np.arange(int(60 / fast * per_second), int(60 / slow * per_second) + 1)
    lags = lags[lags < len(strength) - 1]
    if not len(lags):
        return 0.0
    likeness = np.array([(strength[lag:] * strength[:-lag]).sum() for lag in lags])
    best = int(lags[likeness.argmax()])
    return float(60 * per_second / best) if likeness.max() > 0 else 0.0


def _unit(values: NDArray[np.float64]) -> tuple[float, ...]:
    top = values.max(initial=0.0)
    return tuple((values / top if top > 0 else values).tolist())
