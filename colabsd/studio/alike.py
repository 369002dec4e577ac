"""Kept pictures that look like a sentence or like another picture, by the best scorer there is."""

import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from colabsd.environment.interrupts import stop_waits
from colabsd.errors import NotAPictureError, UnknownPictureError
from colabsd.library.record import Record
from colabsd.progress import Note, Progress
from colabsd.studio.workshop import Workshop

if TYPE_CHECKING:
    from PIL.Image import Image

    from colabsd.engine.scorers import Scorer, Vectors
    from colabsd.library.vectors import VectorStore

TOGETHER = 64  # pictures that are looked at before what was seen is written down
FILE = "vectors.sqlite"


@dataclass(frozen=True)
class Alike:
    """A kept picture, and the cosine between it and what was asked for, in [-1, 1]."""

    record: Record
    cosine: float


def find_alike(workshop: Workshop, like: str, limit: int) -> Iterator[Progress | Note | Alike]:
    """See `Studio.find_alike`."""
    with stop_waits():
        import numpy as np

        from colabsd.engine.clip_scorer import best_scorer
        from colabsd.library.vectors import VectorStore

    records = {record.sha256: record for record in workshop.library.list()}
    scorer = best_scorer(workshop.cache)
    wanted = _wanted(workshop, scorer, like)
    with closing(VectorStore(workshop.workspace.local / FILE, scorer.name)) as store:
        store.keep_only(records)
        yield from _look(workshop, scorer, store, [one for one in records.values() if one.sha256 not in store.all()])
        known = [(records[digest], vector) for digest, vector in store.all().items()]
    yield Note("note.alike", {"scorer": scorer.name, "count": len(known)})
    if known:
        cosines = np.stack([vector for _, vector in known]) @ wanted[0]
        for place in np.argsort(-cosines, kind="stable")[:limit]:
            yield Alike(known[place][0], float(cosines[place]))


def _wanted(workshop: Workshop, scorer: "Scorer", like: str) -> "Vectors":
    """The vector of a picture where one is named, else of a sentence."""
    from PIL import Image

    try:
        path = workshop.picture_path(like)
    except UnknownPictureError:
        return scorer.sentences([like])
    try:
        with Image.open(path) as opened:
            return scorer.pictures([opened.convert("RGB")])
    except (OSError, SyntaxError, ValueError) as error:
        raise NotAPictureError(path=Path(like), reason=error) from error


def _look(workshop: Workshop, scorer: "Scorer", store: "VectorStore", new: Sequence[Record]) -> Iterator[Progress]:
    """Look at pictures that nobody has looked at; those that cannot be read are passed over."""
    for first in range(0, len(new), TOGETHER):
        yield Progress(stage="check", done=first, total=len(new))
        seen: list[tuple[str, Image]] = []
        for record in new[first : first + TOGETHER]:
            try:
                seen.append((record.sha256, _opened(workshop.library.thumbnail(record))))
            except NotAPictureError:
                continue
        if seen:
            store.add([digest for digest, _ in seen], scorer.pictures([image for _, image in seen]))


def _opened(jpeg: bytes) -> "Image":
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as opened:
        return opened.convert("RGB")
