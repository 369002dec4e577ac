"""Text to pictures: a plan's batches through the engine. Knows nothing of files."""

import dataclasses
from collections.abc import Collection, Iterator

from colabsd.artifacts import Picture
from colabsd.engine.engine import Drawn, Engine
from colabsd.planning.plans import ImagePlan, Note
from colabsd.progress import Progress

SHOWN_CHARACTERS = 80


def draw_text(
    engine: Engine, plan: ImagePlan, *, kept: Collection[int] = (), previews: bool = False
) -> Iterator[Progress | Note | Picture]:
    """Draw the pictures of a plan, batch by batch, leaving out those whose indexes are in `kept`.

    A batch of which any picture is missing is drawn whole, so that its pixels equal those of an uninterrupted run;
    only the missing ones are yielded. Progress tells of the first picture of its batch. A Note comes first where the
    end of a prompt does not fit into the text encoder.
    """
    for end in engine.cut_texts(plan.drawings[0]):
        yield Note("note.prompt_cut", {"end": end[:SHOWN_CHARACTERS]})
    for batch in plan.batches:
        if all(index in kept for index in batch):
            continue
        drawings = tuple(plan.drawings[index] for index in batch)
        for event in engine.draw(drawings, previews=previews):
            if isinstance(event, Drawn):
                index = batch[event.position]
                if index not in kept:
                    yield Picture(
                        image=event.image,
                        drawing=plan.drawings[index],
                        execution=plan.execution,
                        index=index,
                        batch=drawings,
                        position=event.position,
                        seconds=event.seconds,
                    )
            else:
                yield dataclasses.replace(event, item=batch[0], items=len(plan.drawings))
