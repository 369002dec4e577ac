"""Drafts that are finished: drawn again with more steps or refined, each beside its draft."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from colabsd.library.inputs import keep_input
from colabsd.library.library import KeptPicture
from colabsd.library.picture_files import format_of
from colabsd.library.record import Record
from colabsd.models.cards import ModelCard
from colabsd.planning.finish import REFINE_STRENGTH, Final, check_steps, plan_final
from colabsd.planning.plans import ImagePlan, Note
from colabsd.studio.kept import Kept, Work, in_jobs, plan_works, read_kept
from colabsd.studio.workshop import Event, Workshop


@dataclass(frozen=True)
class Pair:
    """A draft and its final; `similarity` is SSIM in [-1, 1], 1 for equal pictures."""

    draft: Record
    final: KeptPicture
    similarity: float


def finish(
    workshop: Workshop, names: Sequence[str], *, steps: int | None, refine: bool | None, previews: bool
) -> Iterator[Event | Pair]:
    """See `Studio.finish`."""
    check_steps(steps)
    works, cards = yield from _plan(workshop, read_kept(workshop, names), steps, refine)
    with ExitStack() as held:
        jobs = []
        for group in in_jobs(works):
            first = group[0]
            execution, notes = workshop.execution_again(cards[first.kept.path], first.kept.manifest.execution)
            yield from notes
            plan = plan_works(group, execution)
            job = workshop.library.start_job(first.settings, plan.as_json(), format_of(first.kept.path))
            held.enter_context(workshop.library.lock_job(job))  # those that are not reached are let go of
            jobs.append((job, plan, cards[first.kept.path]))
        for job, plan, card in jobs:
            yield from paired(workshop, plan, workshop.draw_job(job, plan, card, previews))


def _plan(
    workshop: Workshop, drafts: Sequence[Kept], steps: int | None, refine: bool | None
) -> Generator[Event, None, tuple[list[Work], dict[Path, ModelCard]]]:
    """What is to be drawn of each draft, and with which model; every note is told once."""
    works: list[Work] = []
    cards: dict[Path, ModelCard] = {}
    told: list[Note] = []
    for draft in drafts:
        manifest = draft.manifest
        card, notes = yield from workshop.bring_again(manifest.settings, manifest.drawing)
        final = plan_final(manifest.drawing, draft.record.sha256, card, steps=steps, refine=refine)
        for note in (*notes, *final.notes):
            if note not in told:
                told.append(note)
                yield note
        if final.refined:
            keep_input(workshop.workspace, draft.path, draft.record.sha256)
        works.append(Work(draft, final.drawing, _settings(draft, final)))
        cards[draft.path] = card
    return works, cards


def _settings(draft: Kept, final: Final) -> dict[str, object]:
    """What was asked of the draft, and what of its final."""
    asked = {**draft.manifest.settings, "steps": final.drawing.steps}
    return asked | {"image": str(draft.path), "strength": REFINE_STRENGTH} if final.refined else asked


def paired(workshop: Workshop, plan: ImagePlan, events: Iterable[Event]) -> Iterator[Event | Pair]:
    """A job's events, and behind each final its Pair, where the draft is still there."""
    for event in events:
        yield event
        origin = plan.origin_of(event.picture.index) if isinstance(event, KeptPicture) else None
        if isinstance(event, KeptPicture) and origin is not None and origin.sha256:
            draft = workshop.library.find_file(origin.sha256)
            if draft is not None and (path := workshop.picture_path(draft.path)).is_file():
                yield Pair(draft, event, _likeness(path, event))


def _likeness(draft: Path, final: KeptPicture) -> float:
    from PIL import Image

    from colabsd.sheets.similarity import similarity

    with Image.open(draft) as opened:
        return similarity(opened.convert("RGB"), final.picture.image)
