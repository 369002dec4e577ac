"""Small clips and sounds that tests compose: frames whose numbers can be read again, clicks at known moments."""

import wave
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

STEP = 8


def frame(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """A frame whose middle says its number, and that slides to the right."""
    y, x = np.mgrid[0:height, 0:width]
    picture = np.stack([(x + number) % width * 255 // width, y * 255 // height, np.zeros_like(x)], axis=-1)
    picture[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = (number * STEP) % 256
    return picture.astype(np.uint8)


def frames(count: int, width: int = 64, height: int = 48) -> Iterator[np.ndarray]:
    for number in range(count):
        yield frame(number, width, height)


def number_of(pixels: np.ndarray) -> int:
    """The number that the middle of a frame says."""
    height, width = pixels.shape[:2]
    middle = pixels[height * 2 // 5 : height * 3 // 5, width * 2 // 5 : width * 3 // 5]
    return round(float(middle.mean()) / STEP)


def write_clip(path: Path, moments: Sequence[float], width: int = 64, height: int = 48) -> None:
    """A clip without sound whose frame i is seen from `moments[i]` on, in seconds."""
    import av

    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=30, options={"crf": "4", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 600)
        for number, moment in enumerate(moments):
            picture = av.VideoFrame.from_ndarray(frame(number, width, height), format="rgb24")
            picture.pts, picture.time_base = round(moment * 600), Fraction(1, 600)
            file.mux(stream.encode(picture))
        file.mux(stream.encode())


def write_sound(path: Path, samples: np.ndarray, rate: int = 22_050) -> None:
    """Mono samples in -1..1 as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32_000).astype("<i2").tobytes())


def clicks(moments: Sequence[float], seconds: float, rate: int = 22_050) -> np.ndarray:
    """Short bursts that fade, at known moments, over a soft tone."""
    times = np.arange(int(seconds * rate)) / rate
    sound = 0.02 * np.sin(2 * np.pi * 220 * times)
    noise = np.random.default_rng(3).standard_normal(len(times))
    for moment in moments:
        since = times - moment
        sound = sound + np.where((since >= 0) & (since < 0.1), 0.7 * noise * np.exp(-40 * np.maximum(since, 0)), 0)
    return sound.astype(np.float32)
