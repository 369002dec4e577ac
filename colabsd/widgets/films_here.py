"""A film in a plain cell: lines of text, and at the end the film that plays. No widgets; works wherever a cell does."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from colabsd.artifacts import Clip, Frame
from colabsd.errors import ColabsdError
from colabsd.planning.camera_moves import with_move
from colabsd.progress import Note, Progress
from colabsd.settings.codec import settings_from_json
from colabsd.settings.video import VideoSettings
from colabsd.widgets.following import Lines, ToldError

if TYPE_CHECKING:
    from colabsd.studio import Studio


def film_here(
    studio: "Studio", prompts: str | Sequence[str] = (), move: str = "", amount: float = 1.0, **settings: Any
) -> Clip | None:
    """Draw a film under the running cell; settings are those of `VideoSettings`. None when it was stopped.

    `prompts` may be a text with `|` between the prompts, and `move` the name of a camera move. Raises: ToldError.
    """
    texts = prompts.split("|") if isinstance(prompts, str) else prompts
    given = {name: value for name, value in settings.items() if value not in ("", None)}
    try:
        asked = settings_from_json(VideoSettings, given | {"prompts": [text.strip() for text in texts if text.strip()]})
        if move:
            asked = with_move(asked, move, amount, studio.model(asked.model).size.width)
    except ColabsdError as error:
        raise ToldError(error.tell_on_page(studio.language)) from None
    return follow_film_here(studio, studio.film(asked))


def finish_films(studio: "Studio") -> Clip | None:
    """Go on with the films that were left, under the running cell; the last one that came out. Raises: ToldError."""
    return follow_film_here(studio, studio.resume_film())


def follow_film_here(
    studio: "Studio",
    events: Iterator[Any],
    *,
    show: Callable[[Clip], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Clip | None:
    """Drive a film to its end under the running cell. Interrupting keeps every drawn frame. Raises: ToldError."""
    lines = Lines(studio.language, clock)
    frames, clip = 0, None
    try:
        with closing(events):  # type: ignore[type-var]
            for event in events:
                studio.library.tend()
                if isinstance(event, Progress):
                    lines.progress(event)
                elif isinstance(event, Note):
                    lines.say(event.key, **event.facts)
                elif isinstance(event, Frame):
                    frames += 1
                elif isinstance(event, Clip):
                    clip = event
                    lines.say("cell.film.done", name=clip.name, frames=clip.frames, path=clip.path)
                    (show or _display)(clip)
    except KeyboardInterrupt:
        lines.say("cell.film.stopped", frames=frames)
    except ColabsdError as error:
        raise ToldError(error.tell_on_page(studio.language)) from None
    return clip


def _display(clip: Clip) -> None:
    from IPython.display import Video, display

    if clip.path.suffix == ".mp4":
        display(Video(str(clip.path), embed=True, html_attributes="controls loop autoplay muted"))
