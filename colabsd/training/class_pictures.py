"""Class pictures for prior preservation (Ruiz et al. 2022, arXiv:2208.12242, section 3.2), drawn by our own engine.

They lie in a folder whose name is made from everything that decides their pixels but the seeds, so that every training
with the same model and class prompt shares them: what is there is never drawn again, what is missing is added. On Drive
they are a few archives, because hundreds of small files are what Drive is worst at.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from colabsd.artifacts import Picture
from colabsd.environment.machine import Machine
from colabsd.library.infotext import infotext_of, write_infotext
from colabsd.library.picture_files import encode_picture
from colabsd.models.cards import ModelCard
from colabsd.planning.images import plan_images
from colabsd.planning.plans import ImagePlan, Note
from colabsd.planning.training import SubjectPlan, TrainingPlan
from colabsd.progress import Progress
from colabsd.recipes.text import draw_text
from colabsd.settings.images import ImageSettings
from colabsd.storage.failures import storage_errors
from colabsd.storage.publish import publish

if TYPE_CHECKING:
    from colabsd.engine.engine import Engine

FIRST_SEED = 0  # picture i has seed i, whatever the training's seed is
LONGEST_NAME = 40
NAME = re.compile(r"(\d{4,})\.png")
PACKED_TOGETHER = 25  # new pictures in an archive: what a lost machine costs

Publish = Callable[[str, bytes], None]
"""Keeps bytes under a name of a folder of the workspace; a name that was used is not written again."""


@dataclass(frozen=True, kw_only=True)
class ClassPictures:
    """The class pictures of one subject, in the order of their seeds. `drawn` is how many were drawn just now."""

    folder: Path
    paths: tuple[Path, ...]
    drawn: int


@dataclass(frozen=True, kw_only=True)
class ClassPlaces:
    """Where class pictures lie: `local` on this machine's own disk; `kept` are archives that may hold some of them.

    `publish` keeps archives of what is new; without it pictures lie in `local` alone.
    """

    local: Path
    kept: Sequence[Path] = ()
    publish: Publish | None = None


def plan_class_pictures(subject: SubjectPlan, plan: TrainingPlan, card: ModelCard, machine: Machine) -> ImagePlan:
    """The class pictures that a subject is trained beside: the class prompt with the model's own settings, at the
    training's resolution. Raises: InvalidSettingError, NotEnoughMemoryError."""
    settings = ImageSettings(
        prompt=subject.class_prompt,
        count=plan.class_pictures,
        seed=FIRST_SEED,
        width=plan.resolution,
        height=plan.resolution,
        device=plan.execution.device,
    )
    return plan_images(settings, card=card, machine=machine, new_seed=lambda: FIRST_SEED)


def class_name(plan: ImagePlan) -> str:
    """The name of the folder: the prompt for people, and a digest of all that decides the pixels but the seeds."""
    drawing = plan.drawings[0]
    words = re.sub(r"[^a-z0-9]+", "-", drawing.prompt.lower()).strip("-")[:LONGEST_NAME]
    return f"{words or 'class'}-{replace(drawing, seed=FIRST_SEED).key[:12]}"


def missing_class_pictures(plan: ImagePlan, places: ClassPlaces) -> int:
    """How many would have to be drawn, archives counted. Raises: StorageError."""
    name = class_name(plan)
    there = set(_present(places.local / name))
    for path in _archives(places.kept, name):
        with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
            there |= {int(found[1]) for member in archive.namelist() if (found := NAME.fullmatch(member))}
    return len(set(range(len(plan.drawings))) - there)


def draw_class_pictures(
    engine: "Engine", plan: ImagePlan, places: ClassPlaces
) -> Iterator[Progress | Note | ClassPictures]:
    """Draw the class pictures that are missing, each kept as soon as it is finished; the whole of them comes last.

    Closing the iterator stops at the next step, and the next time the rest is drawn, pixel for pixel what it would have
    been. Raises: StorageError, OutOfMemoryError.
    """
    name = class_name(plan)
    folder = places.local / name
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for archive in _archives(places.kept, name):
        _unpack(archive, folder)
    there = _present(folder)
    if there:
        yield Note("note.class_pictures.there", {"there": len(there), "count": len(plan.drawings)})
    new: list[int] = []
    drawn = 0
    try:
        for event in draw_text(engine, plan, kept=there):
            if not isinstance(event, Picture):
                yield event
                continue
            _keep(event, folder)
            new.append(event.index)
            drawn += 1
            if len(new) == PACKED_TOGETHER:
                _publish(new, folder, places)
    finally:  # of a stopped run too: what is finished is kept
        _publish(new, folder, places)
    paths = tuple(folder / f"{index:04d}.png" for index in range(len(plan.drawings)))
    yield ClassPictures(folder=folder, paths=paths, drawn=drawn)


def _keep(picture: Picture, folder: Path) -> None:
    """As a PNG that other programs read the settings from. Raises: StorageError."""
    infotext = write_infotext(infotext_of(picture.drawing, "colabsd", {}, {}))
    data = encode_picture(picture.image, infotext, "", "png").data
    publish(data, folder, [f"{picture.index:04d}.png"], folder / ".unfinished")


def _present(folder: Path) -> list[int]:
    """The numbers of the pictures that lie there whole. Others are removed. Raises: StorageError."""
    from PIL import Image

    found = []
    with storage_errors(folder):
        for path in sorted(folder.glob("*.png")) if folder.is_dir() else ():
            number = NAME.fullmatch(path.name)
            if number is None:
                continue
            try:
                with Image.open(path) as picture:
                    picture.verify()
            except (OSError, SyntaxError, ValueError):
                path.unlink()
            else:
                found.append(int(number[1]))
    return found


def _archives(paths: Sequence[Path], name: str) -> list[Path]:
    return [path for path in paths if path.name.startswith(f"{name}-") and path.suffix == ".zip"]


def _unpack(archive: Path, folder: Path) -> None:
    """Put the pictures of an archive that are not there into the folder; a broken archive is as good as none."""
    there = set(_present(folder))
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(archive) as packed:
        for name in packed.namelist():
            number = NAME.fullmatch(name)
            if number is not None and int(number[1]) not in there:
                publish(packed.read(name), folder, [name], folder / ".unfinished")


def _publish(numbers: list[int], folder: Path, places: ClassPlaces) -> None:
    """Keep the pictures of these numbers as one archive, if somebody keeps archives, and forget the numbers."""
    if numbers and places.publish is not None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for number in numbers:
                name = f"{number:04d}.png"
                archive.writestr(zipfile.ZipInfo(name), (folder / name).read_bytes())
        places.publish(f"{folder.name}-{numbers[0]:04d}-{numbers[-1]:04d}.zip", buffer.getvalue())
    numbers.clear()
