"""Kept pictures taken up again: what they say of themselves, and those that can be worked on in one job."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from colabsd.errors import UnknownPictureError
from colabsd.keys import key_of
from colabsd.library.manifest import Manifest, read_manifest
from colabsd.library.picture_files import format_of
from colabsd.library.record import Record
from colabsd.planning.plans import Drawing, Execution, ImagePlan, Origin
from colabsd.studio.workshop import Workshop


@dataclass(frozen=True)
class Kept:
    """A kept picture with its file and what it says."""

    record: Record
    path: Path
    manifest: Manifest


def read_kept(workshop: Workshop, names: Sequence[str]) -> list[Kept]:
    """The pictures of those names, each once. Raises: UnknownPictureError, NotAPictureError, DamagedManifestError."""
    records = {(record := _find(workshop, name)).path: record for name in names}
    found = []
    for record in records.values():
        path = workshop.picture_path(record.path)
        found.append(Kept(record, path, read_manifest(path)))
    return found


def _find(workshop: Workshop, name: str) -> Record:
    """A file of somebody's own is told apart from a name that is wrong."""
    try:
        return workshop.library.find(name)
    except UnknownPictureError as error:
        if error.message_key == UnknownPictureError.key and Path(name).expanduser().is_file():
            raise UnknownPictureError("error.picture.not_kept", path=name) from None
        raise


@dataclass(frozen=True)
class Work:
    """A kept picture, what is to be made of it, and the settings of the job that does."""

    kept: Kept
    drawing: Drawing
    settings: Mapping[str, Any]


def in_jobs(works: Iterable[Work]) -> list[list[Work]]:
    """Works in groups that one job can have: settings, model, sources and the way of running are shared."""
    groups: dict[str, list[Work]] = {}
    for work in works:
        drawing = work.drawing
        shared = drawing.model_sha256, drawing.vae_sha256, drawing.source_sha256, drawing.mask_sha256
        larger = [asdict(one) for one in drawing.enlargements]
        run = work.kept.manifest.execution.as_json()
        key = key_of([dict(work.settings), run, format_of(work.kept.path), shared, larger])
        groups.setdefault(key, []).append(work)
    return list(groups.values())


def plan_works(works: Sequence[Work], execution: Execution, *, enlarged: bool = False) -> ImagePlan:
    """The plan of a job, one picture after the other, each with the picture that it comes from."""
    told = [work.kept.manifest.extras.get("prompting", {}) for work in works]
    prompting = tuple(one if isinstance(one, Mapping) else {} for one in told)
    return ImagePlan(
        drawings=tuple(work.drawing for work in works),
        batches=tuple((index,) for index in range(len(works))),
        execution=execution,
        prompting=prompting if any(prompting) else (),
        origins=tuple(
            Origin(key=work.kept.record.key, sha256=work.kept.record.sha256, enlarged=enlarged) for work in works
        ),
    )
