"""Films of the mode AnimateDiff: all frames are drawn together, then written one by one. Knows no camera and no chain.

A film that was stopped before its last step is drawn again whole: there is no frame before all of them.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

import numpy as np

from colabsd.artifacts import Frame
from colabsd.engine.engine import Drawn, Engine
from colabsd.planning.video_plans import VideoPlan
from colabsd.progress import Note, Progress
from colabsd.video.film_store import FilmStore
from colabsd.video.motion import animate


def render_together(
    load: Callable[[], Generator[Progress, None, Engine]], plan: VideoPlan, store: FilmStore, *, previews: bool = False
) -> Iterator[Progress | Note | Frame]:
    """Draw a film from its first sentence, and yield each frame when it is a file. `load` gives the moving engine.

    Raises: StorageError, and what drawing raises.
    """
    yield from store.restore()
    count = len(plan.frames)
    missing = store.frames.gaps(count)
    if not missing:
        return
    engine = yield from load()
    for event in animate(engine, plan.drawing(0), count, previews=previews):
        if not isinstance(event, Drawn):
            yield replace(event, items=1)
        elif event.position in missing:
            facts = {"drawn": True, "parents": [], "drawing": plan.drawing(0).as_json()}
            yield store.keep_frame(event.position, np.asarray(event.image), facts)
