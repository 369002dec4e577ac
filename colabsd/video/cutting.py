"""From frames to what is seen: the film with sound and settings, frames put between, short versions. Draws nothing."""

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from colabsd.planning.video_plans import VideoPlan
from colabsd.progress import Note, Progress
from colabsd.video.encode import Encoding, Pixels, ShortFormat, encode_film, encode_short
from colabsd.video.footage import to_picture, to_pixels
from colabsd.video.frames import FrameFolder
from colabsd.video.interpolation import between, flows_between
from colabsd.video.warp import whole_levels

LONGEST_TEXT = 100_000  # characters; some encoders take texts as arguments of a command


@dataclass(frozen=True)
class Cut:
    """What came out of the frames: files in a folder of this machine's disk, the film first."""

    files: tuple[Path, ...]
    frames: int
    fps: float
    sound: bool = False


def cut_film(
    plan: VideoPlan, frames: FrameFolder, count: int, folder: Path, name: str, sound: Path | None, settings: Any
) -> Generator[Progress | Note, None, Cut]:
    """Write the film and its short versions into a folder, each in place of an earlier one.

    `settings` is plain data and becomes the film's comment; `sound` is the file of its sound track.
    Raises: DamagedFilmError for a frame that is gone, MissingPackageError, EncodingError, StorageError.
    """
    times = 1 if plan.file.between == "None" else plan.file.times
    if plan.file.between == "RIFE" and times > 1:
        yield Note("note.film.no_rife", {})
    if times > 1 and find_spec("cv2") is None:
        yield Note("note.film.no_flow", {})
        times = 1
    total = (count - 1) * times + 1
    fps = plan.fps if plan.file.slow else plan.fps * times
    path = folder / f"{name}.mp4"
    path.unlink(missing_ok=True)
    encoding = Encoding(fps=fps, sound=sound, texts=film_texts(plan, settings))
    yield from encode_film(with_between(frames.read_all(count), times), path, encoding, total)
    asked: dict[ShortFormat, bool] = {"gif": plan.file.gif, "webp": plan.file.webp}
    shorts = [kind for kind, wanted in asked.items() if wanted]
    made = [path]
    for done, kind in enumerate(shorts):
        yield Progress(stage="save", done=done, total=len(shorts))
        encode_short(frames.read_all(count), folder / f"{name}.{kind}", kind, plan.fps)
        made.append(folder / f"{name}.{kind}")
    return Cut(tuple(made), total, fps, sound is not None)


def with_between(frames: Iterator[Pixels], times: int) -> Iterator[Pixels]:
    """The frames, and between each two of them `times` - 1 that are made by following what moves."""
    before: Pixels | None = None
    for frame in frames:
        if before is not None and times > 1:
            first, second = to_picture(before), to_picture(frame)
            flows = flows_between(first, second)
            for step in range(1, times):
                yield to_pixels(whole_levels(between(first, second, step / times, flows)))
        before = frame
        yield frame


def film_texts(plan: VideoPlan, settings: Any) -> dict[str, str]:
    """What a film's file says of itself: its first prompt, its settings and its plan's key."""
    data = {"format": "colabsd.film", "key": plan.key, "settings": settings}
    text = json.dumps(data, ensure_ascii=False)
    if len(text) > LONGEST_TEXT:
        text = json.dumps({**data, "settings": None})
    return {"title": plan.frames[0].prompt[:200], "comment": text}


def in_other_ways(plan: VideoPlan, fps: float | None, gif: bool, webp: bool) -> VideoPlan:
    """The plan with another speed and other short versions: its frames stay what they are."""
    file = replace(plan.file, gif=gif or plan.file.gif, webp=webp or plan.file.webp)
    return replace(plan, fps=fps or plan.fps, file=file)
