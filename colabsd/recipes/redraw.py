"""Pictures from a picture: a plan's batches, with what is to stay put back. Knows nothing of files."""

import dataclasses
from collections.abc import Collection, Iterator

from colabsd.artifacts import Picture
from colabsd.engine.engine import Engine
from colabsd.engine.redrawing import Original
from colabsd.planning.plans import ImagePlan, Note
from colabsd.progress import Progress
from colabsd.recipes.originals import put_together
from colabsd.recipes.text import draw_text


def draw_from_picture(
    engine: Engine,
    plan: ImagePlan,
    original: Original,
    *,
    parents: tuple[str, ...] = (),
    kept: Collection[int] = (),
    previews: bool = False,
) -> Iterator[Progress | Note | Picture]:
    """Draw the pictures of a plan from one picture, as `draw_text` does from a sentence alone.

    `original` has the plan's size (`originals.fit`); `parents` are the keys of the pictures that it was. With a mask,
    each picture is the original with what is masked drawn anew.
    """
    for event in draw_text(engine, plan, original=original, kept=kept, previews=previews):
        if isinstance(event, Picture):
            image = put_together(original, event.image, event.drawing.mask_blur)
            event = dataclasses.replace(event, image=image, parents=tuple(dict.fromkeys((*event.parents, *parents))))
        yield event
