"""Films out of frames: H.264 in MP4 with a sound track, short GIFs and WebPs. Frames come one by one and are not kept.

By PyAV, or where it is missing by the ffmpeg of imageio-ffmpeg. A film gets its name only when it was decoded again to
its last frame. Knows nothing of how frames are drawn.
"""

import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from colabsd.errors import EncodingError, MissingPackageError, StorageError
from colabsd.progress import Progress
from colabsd.storage.failures import FULL, storage_errors
from colabsd.video.writers import Encoding as Encoding
from colabsd.video.writers import FfmpegWriter, PyAVWriter, Writer
from colabsd.video.writers import Pixels as Pixels

ShortFormat = Literal["gif", "webp"]
INSTALL = "pip install 'colabsd[video]'"
SHORT_S, SHORT_FPS, SHORT_SIDE = 10.0, 12.0, {"gif": 320, "webp": 480}
WEBP_QUALITY = 70


def encode_film(frames: Iterable[Pixels], path: Path, encoding: Encoding, count: int) -> Generator[Progress, None, int]:
    """Write `count` frames as an MP4 at `path`, which must not be there yet; gives its bytes.

    The first frame's size counts, with a row or column repeated where a side is odd. Closing the iterator leaves
    nothing. Raises: MissingPackageError where no encoder is, EncodingError, StorageError.
    """
    if path.exists():
        raise StorageError("error.storage.exists", path=path)
    part = path.with_name(f".{path.stem}.part.mp4")
    source = iter(frames)
    try:
        first = next(source)
        with encoding_errors(path), open_writer(part, _even(first).shape, encoding, count) as writer:
            writer.add(_even(first))
            yield Progress(stage="encode_film", done=1, total=count)
            for done, frame in enumerate(source, 2):
                writer.add(_even(frame))
                yield Progress(stage="encode_film", done=done, total=count)
        found = count_frames(part)
        if found != count:
            raise EncodingError("error.video.frames_lost", path=path, expected=count, found=found)
        with storage_errors(path):
            part.rename(path)
            return path.stat().st_size
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def encode_short(frames: Iterable[Pixels], path: Path, kind: ShortFormat, fps: float) -> int:
    """The film's first ten seconds as a small animation that repeats; gives its bytes. Raises: StorageError."""
    from PIL import Image

    every = max(1, round(fps / SHORT_FPS))
    most = int(SHORT_S * fps / every) + 1
    chosen = (Image.fromarray(frame) for number, frame in enumerate(frames) if number % every == 0)
    small = (_small(image, kind) for image in islice(chosen, most))
    part = path.with_name(f".{path.stem}.part.{kind}")
    options: dict[str, Any] = {"quality": WEBP_QUALITY, "method": 4} if kind == "webp" else {}
    with storage_errors(path):
        try:
            first = next(small)
            duration = round(1000 * every / fps)
            first.save(part, kind.upper(), save_all=True, append_images=small, duration=duration, loop=0, **options)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return path.stat().st_size


def count_frames(path: Path) -> int:
    """How many frames a film has, by decoding all of them. Raises: EncodingError, MissingPackageError."""
    with encoding_errors(path):
        if find_spec("av") is not None:
            import av

            with av.open(os.fspath(path)) as opened:
                return sum(1 for _ in opened.decode(video=0))
        if find_spec("imageio_ffmpeg") is not None:
            import imageio_ffmpeg

            return int(imageio_ffmpeg.count_frames_and_secs(os.fspath(path))[0])
    raise MissingPackageError("error.video.no_encoder", command=INSTALL)


def read_texts(path: Path) -> Mapping[str, str]:
    """The metadata of a film; empty where it has none or cannot be read here."""
    if find_spec("av") is None:
        return {}
    import av

    try:
        with av.open(os.fspath(path)) as opened:
            return dict(opened.metadata)
    except (av.FFmpegError, OSError, UnicodeDecodeError):
        return {}


@contextmanager
def open_writer(path: Path, shape: tuple[int, ...], encoding: Encoding, count: int) -> Iterator[Writer]:
    """What writes frames (H, W, 3) of that even shape. Raises: MissingPackageError."""
    if find_spec("av") is not None:
        writer: Writer = PyAVWriter(path, shape, encoding, count)
    elif find_spec("imageio_ffmpeg") is not None:
        writer = FfmpegWriter(path, shape, encoding, count)
    else:
        raise MissingPackageError("error.video.no_encoder", command=INSTALL)
    with closing(writer):
        yield writer


@contextmanager
def encoding_errors(path: Path) -> Iterator[None]:
    """Within it what the encoder says becomes an EncodingError, a full disk a StorageError."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:  # PyAV's errors are of these kinds too
        if getattr(error, "errno", None) in FULL:
            raise StorageError("error.storage.full", path=path) from error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]
        raise EncodingError(path=path, reason=reason) from error


def _even(frame: Pixels) -> Pixels:
    """A frame with even sides: the last row and column once more where one is odd."""
    height, width = frame.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return frame
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _small(image: Any, kind: ShortFormat) -> Any:
    """Small enough, and for a GIF in 256 colours of its own."""
    from PIL import Image

    image.thumbnail((SHORT_SIDE[kind], SHORT_SIDE[kind]))
    return image.quantize(256, Image.Quantize.FASTOCTREE) if kind == "gif" else image
