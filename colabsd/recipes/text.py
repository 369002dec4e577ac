"""Text to pictures: a plan's batches through the engine. Knows nothing of files."""

import dataclasses
import itertools
from collections.abc import Collection, Iterator, Sequence

from colabsd.artifacts import Picture
from colabsd.engine.engine import Engine
from colabsd.engine.redrawing import Original
from colabsd.engine.shortage import forget_failure
from colabsd.errors import OutOfMemoryError
from colabsd.planning.memory import reduced
from colabsd.planning.plans import Drawing, ImagePlan, Note
from colabsd.progress import Progress
from colabsd.prompts import lint
from colabsd.recipes.safety import looked_at


def draw_text(
    engine: Engine,
    plan: ImagePlan,
    *,
    original: Original | None = None,
    kept: Collection[int] = (),
    previews: bool = False,
) -> Iterator[Progress | Note | Picture]:
    """Draw the pictures of a plan, batch by batch, leaving out those whose indexes are in `kept`.

    A batch of which any picture is missing is drawn whole, so that its pixels equal those of an uninterrupted run;
    only the missing ones are yielded. Progress tells of the first picture of its batch. Notes come first where prompts
    are longer than the text encoder reads at once, and wherever memory ran out and the rest is drawn in a smaller way.
    `original` is the picture that recipes about pictures begin with. Raises: OutOfMemoryError when nothing is left.
    """
    yield from _long_prompts(engine, plan.drawings)
    done, waiting = set(kept), list(plan.batches)
    while waiting:
        batch = waiting.pop(0)
        if all(index in done for index in batch):
            continue
        smaller = None
        try:
            yield from _draw_batch(engine, plan, batch, done, original, previews)
        except OutOfMemoryError:
            smaller = reduced(engine.execution, len(batch))
            if smaller is None:
                raise
        if smaller is not None:  # out of the except clause, whose traceback holds the batch's tensors
            yield from smaller.notes
            forget_failure()
            engine = engine.with_execution(smaller.execution)
            waiting = [part for one in (batch, *waiting) for part in _parts(one, smaller.batch)]


def _draw_batch(
    engine: Engine,
    plan: ImagePlan,
    batch: tuple[int, ...],
    done: set[int],
    original: Original | None,
    previews: bool,
) -> Iterator[Progress | Note | Picture]:
    """Draw one batch and yield those of its pictures that are not `done`, which then are."""
    drawings = tuple(plan.drawings[index] for index in batch)
    for event in engine.draw(drawings, original, previews=previews):
        if isinstance(event, Progress):
            yield dataclasses.replace(event, item=batch[0], items=len(plan.drawings))
            continue
        index = batch[event.position]
        if index not in done:
            done.add(index)
            image, looked, notes = looked_at(engine, plan.drawings[index], event.image)
            yield from notes
            yield Picture(
                image=image,
                drawing=plan.drawings[index],
                execution=dataclasses.replace(engine.execution, reasons=plan.execution.reasons),
                index=index,
                batch=drawings,
                position=event.position,
                seconds=event.seconds,
                parents=plan.parents_of(index),
                extras={**looked, **({"prompting": prompting} if (prompting := plan.prompting_of(index)) else {})},
            )


def _parts(batch: tuple[int, ...], largest: int) -> list[tuple[int, ...]]:
    return [batch[first : first + largest] for first in range(0, len(batch), largest)]


def _long_prompts(engine: Engine, drawings: Sequence[Drawing]) -> Iterator[Note]:
    """Of the first prompt and the first negative prompt that are long, how many chunks they go into."""
    prompts = {False: [one.prompt for one in drawings], True: [one.negative_prompt for one in drawings]}
    for negative, texts in prompts.items():
        remarks = (lint(text, negative=negative, tokenize=engine.tokenize) for text in dict.fromkeys(texts))
        long = (remark for several in remarks for remark in several if remark.key == "lint.length")
        for remark in itertools.islice(long, 1):
            yield Note(remark.key, remark.facts)
