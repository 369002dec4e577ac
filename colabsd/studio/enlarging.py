"""Kept pictures made larger: the original stays, and what it says of itself goes on."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from colabsd.artifacts import Picture
from colabsd.errors import InvalidSettingError, NotAPictureError, UsageError
from colabsd.library.library import Job
from colabsd.library.manifest import Manifest, read_manifest
from colabsd.library.picture_files import format_of
from colabsd.models.upscalers import Upscaler, bring_upscaler
from colabsd.planning.enlarge import FACTORS, MOST_MEGAPIXELS
from colabsd.planning.plans import Enlargement, ImagePlan
from colabsd.studio.kept import Kept, Work, in_jobs, plan_works, read_kept
from colabsd.studio.upscaling import load_network, networks_again
from colabsd.studio.workshop import Event, Workshop

if TYPE_CHECKING:
    from colabsd.engine.upscalers import UpscalerNetwork

MEGA = 1_000_000


def enlarge(workshop: Workshop, names: Sequence[str], *, factor: int, upscaler: str | None) -> Iterator[Event]:
    """See `Studio.enlarge`."""
    if factor not in FACTORS:
        choices = ", ".join(map(str, FACTORS))
        raise InvalidSettingError("error.setting.choice", field="factor", value=factor, choices=choices)
    originals = read_kept(workshop, names)
    found = yield from bring_upscaler(upscaler, workshop.cache)
    works = [_work(original, factor, found, upscaler) for original in originals]
    network = yield from load_network(found, workshop.machine)
    with ExitStack() as held:
        jobs = []
        for group in in_jobs(works):
            first = group[0].kept
            plan = plan_works(group, first.manifest.execution, enlarged=True)
            job = workshop.library.start_job(group[0].settings, plan.as_json(), format_of(first.path))
            held.enter_context(workshop.library.lock_job(job))  # those that are not reached are let go of
            jobs.append((job, plan))
        for job, plan in jobs:
            yield from _enlarge_job(workshop, job, plan, network)


def resume_enlarging(workshop: Workshop, job: Job, plan: ImagePlan) -> Iterator[Event]:
    """Finish a job of enlarging. Raises: UnknownUpscalerError and its like."""
    last = plan.drawings[0].enlargements[-1:]
    (network,) = yield from networks_again(last, job.settings.get("upscaler"), workshop.cache, workshop.machine)
    yield from _enlarge_job(workshop, job, plan, network)


def can_enlarge(workshop: Workshop, plan: ImagePlan) -> bool:
    """Whether a plan enlarges kept pictures that are all still there."""
    return bool(plan.origins) and all(
        origin.enlarged and _file(workshop, origin.sha256) is not None for origin in plan.origins
    )


def _work(original: Kept, factor: int, upscaler: Upscaler, asked: str | None) -> Work:
    """What is to be made of one picture. Raises: UsageError when it would be too large."""
    drawing = original.manifest.drawing
    step = Enlargement(factor=factor, upscaler=upscaler.name, sha256=upscaler.sha256)
    larger = replace(drawing, enlargements=(*drawing.enlargements, step))
    if larger.picture_size.pixels > MOST_MEGAPIXELS * MEGA:
        facts = {"path": original.path, "size": larger.picture_size, "limit": MOST_MEGAPIXELS}
        raise UsageError("error.enlarge.too_large", **facts)
    path = Path(asked).expanduser() if asked else None
    settings = {**original.manifest.settings, "upscaler": str(path.resolve()) if path and path.is_file() else asked}
    return Work(original, larger, {name: value for name, value in settings.items() if value is not None})


def _enlarge_job(workshop: Workshop, job: Job, plan: ImagePlan, network: "UpscalerNetwork | None") -> Iterator[Event]:
    """Enlarge what a job has not kept yet, and keep it."""
    with workshop.library.lock_job(job) as held:
        for index in range(len(plan.drawings)):
            if index not in held.kept:
                picture, manifest = yield from _enlarge_one(workshop, plan, index, network)
                yield workshop.library.keep(picture, job, manifest.model_files)
        workshop.library.finish_job(job)


def _enlarge_one(
    workshop: Workshop, plan: ImagePlan, index: int, network: "UpscalerNetwork | None"
) -> Generator[Event, None, tuple[Picture, Manifest]]:
    """One picture of a plan, and what its original says of itself. Raises: NotAPictureError when that is gone."""
    from PIL import Image

    from colabsd.recipes.enlarge import enlarge_drawn

    started = time.perf_counter()
    path = _file(workshop, plan.origins[index].sha256)
    if path is None:
        raise NotAPictureError("error.enlarge.original_gone", picture_key=plan.origins[index].key[:12])
    manifest = read_manifest(path)
    with Image.open(path) as opened:
        image = opened.convert("RGBA" if opened.has_transparency_data else "RGB")
    larger = plan.drawings[index].enlargements[-1:]
    picture = Picture(
        image=image,
        drawing=plan.drawings[index],
        execution=manifest.execution,
        index=index,
        batch=tuple(replace(one, enlargements=(*one.enlargements, *larger)) for one in manifest.batch),
        position=manifest.position,
        extras=manifest.extras,
    )
    made = yield from enlarge_drawn(picture, larger, [network], items=len(plan.drawings))
    return replace(made, seconds=time.perf_counter() - started), manifest


def _file(workshop: Workshop, sha256: str) -> Path | None:
    """The file of a kept picture by its digest, or None when it is gone."""
    record = workshop.library.find_file(sha256)
    if record is None:
        return None
    path = workshop.picture_path(record.path)
    return path if path.is_file() else None
