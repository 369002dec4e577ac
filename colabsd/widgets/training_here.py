"""A training in a plain cell: lines of text, sheets of samples as they come. No widgets; works wherever a cell does."""

import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from colabsd.environment.allocator import keep_big_blocks
from colabsd.errors import ColabsdError, NotAPictureError
from colabsd.language import say
from colabsd.library.adapters import KeptAdapter, kept_adapters
from colabsd.progress import Note, Progress
from colabsd.settings.codec import settings_from_json
from colabsd.settings.training import TrainingSettings
from colabsd.widgets.following import Lines, ToldError, follow
from colabsd.widgets.photo_files import EXAMPLE, photo_folder, photos_in
from colabsd.widgets.trained_prompts import settings_of

if TYPE_CHECKING:
    from colabsd.library.library import KeptPicture
    from colabsd.studio import Studio


def train_here(
    studio: "Studio",
    photos: str = "",
    subject: str = "",
    class_word: str = "",
    *,
    samples: bool = True,
    **settings: Any,
) -> KeptAdapter | None:
    """Train under the running cell; gives what came out, None when it was stopped.

    Settings are those of `TrainingSettings`; what is empty or 0 is chosen, and without `samples` none are drawn while
    it learns. Without `photos`, a folder, those of the page are taken; without these the training with these settings
    that was left goes on; and where there is none, it is tried on the photos that come along. Raises: ToldError.
    """
    given = {"subject": subject, "class_word": class_word, "photos": photos.strip() or _brought(studio), **settings}
    asked = {name: value for name, value in given.items() if value} | ({} if samples else {"sample_every": 0})
    try:
        chosen = settings_from_json(TrainingSettings, asked)
    except ColabsdError as error:
        raise ToldError(error.tell_on_page(studio.language)) from None
    return follow_training_here(studio, _found(studio, chosen))


def draw_with(studio: "Studio", adapter: KeptAdapter | None, scene: str, *, count: int = 1) -> "list[KeptPicture]":
    """Draw what a training made, in a scene, under the running cell; None is the newest. Raises: ToldError."""
    newest = adapter or next(iter(kept_adapters(studio.workspace)), None)
    if newest is None:
        print(say("cell.training.none", studio.language), flush=True)
        return []
    return follow(studio, studio.draw(settings_of(newest, scene, count=count)))


def _brought(studio: "Studio") -> str:
    folder = photo_folder(studio)
    return str(folder) if photos_in(folder) else ""


def _found(studio: "Studio", asked: TrainingSettings) -> Iterator[Any]:
    """The training that is meant, or one with the photos that come along."""
    try:
        yield from studio.train(asked)
    except NotAPictureError as error:
        if asked.photos or error.message_key != "error.training.no_photos":
            raise
        yield Note("note.training.example", {})
        yield from with_example(studio, asked)


def with_example(studio: "Studio", asked: TrainingSettings) -> Iterator[Any]:
    """A training on the photos that come along, with what is known to suit them where nothing else is asked."""
    unsaid = {name: value for name, value in EXAMPLE.items() if getattr(asked, name) is None}
    if asked.steps is not None and "class_pictures" in unsaid:  # of a taste, drawing these would take longest
        unsaid["class_pictures"] = min(unsaid["class_pictures"], max(2, asked.steps // 4))
    with as_file(files("colabsd.training").joinpath("example_photos")) as folder:
        yield from studio.train(replace(asked, photos=str(folder), **unsaid))


def follow_training_here(
    studio: "Studio",
    events: Iterator[Any],
    *,
    show: Callable[[bytes], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> KeptAdapter | None:
    """Drive a training under the running cell; gives what came out, None when it was stopped. Raises: ToldError.

    Interrupting the cell stops at the next step and keeps the state; the same cell goes on.
    """
    if studio.machine.gpu is None:  # a processor trains up to ten times slower where every big block is given back
        keep_big_blocks(os.environ)
    lines = Lines(studio.language, clock)
    step, adapter = 0, None
    try:
        with closing(events):  # type: ignore[type-var]
            for event in events:
                studio.library.tend()
                kind = type(event).__name__
                if isinstance(event, Progress):
                    lines.progress(event)
                elif isinstance(event, Note):
                    lines.say(event.key, **event.facts)
                elif isinstance(event, KeptAdapter):
                    adapter = event
                elif kind == "TrainingReport":
                    step = event.step
                elif kind == "Samples":
                    (show or _display)(_png(event.image))
    except KeyboardInterrupt:
        lines.say("cell.training.stopped", step=step)
    except ColabsdError as error:
        raise ToldError(error.tell_on_page(studio.language)) from None
    return adapter


def _png(image: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _display(data: bytes) -> None:
    from IPython.display import Image, display

    display(Image(data=data, format="png"))
