"""A film as it grows, and as it plays when it is finished. Knows nothing of how it is drawn."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets

from colabsd.artifacts import Clip, Frame
from colabsd.errors import ColabsdError
from colabsd.language import Language
from colabsd.widgets.escaping import data_address, sentence
from colabsd.widgets.look import column, html, show_if, with_classes
from colabsd.widgets.pixels import small_copy

SHOWN_EVERY_S = 1.0
MOST_GROWN = 40  # frames of the clip that grows
GROWN_SIDE = 256
LONGEST_PLAYED = 40_000_000  # bytes; a notebook with a longer film in it becomes too heavy to open


class FilmView:
    """`root` is what is shown: the clip of what is drawn so far, then the film."""

    def __init__(self, language: Language, clock: Callable[[], float] = time.monotonic) -> None:
        self.language = language
        self._clock = clock
        self._paths: list[Path] = []
        self._last = float("-inf")
        self._growing = with_classes(ipywidgets.Image(format="webp", layout={"width": "320px"}), "colabsd-view")
        self._count, self._player = html(), html()
        self.root = column(self._growing, self._count, self._player)
        self.clear()

    def clear(self) -> None:
        """Take away what another film left."""
        self._paths.clear()
        self._last = float("-inf")
        self._count.value = self._player.value = ""
        show_if(self._growing, False)

    def take(self, event: Any) -> None:
        """Show a frame among the others, or the finished film."""
        if isinstance(event, Frame):
            self._paths.append(event.path)
            self._count.value = _dim(sentence("page.film.drawn", self.language, count=len(self._paths)))
            if self._clock() - self._last >= SHOWN_EVERY_S:
                self._show_grown()
                self._last = self._clock()
        elif isinstance(event, Clip):
            self._play(event)

    def _show_grown(self) -> None:
        """The frames so far as an animated picture, thinned out where they are many."""
        step = max(1, -(-len(self._paths) // MOST_GROWN))
        try:
            self._growing.value = animation([*self._paths[::step]][-MOST_GROWN:])
        except ColabsdError:
            return  # a frame that cannot be shown is still drawn
        show_if(self._growing, True)

    def _play(self, clip: Clip) -> None:
        show_if(self._growing, False)
        self._count.value = ""
        self._player.value = player(clip, self.language)


def player(clip: Clip, language: Language) -> str:
    """The film as HTML that plays it, without a server; where it is too long for that, where it lies."""
    facts = {"name": clip.name, "frames": clip.frames, "seconds": f"{clip.seconds:.1f}", "path": clip.path}
    told = f'<div class="colabsd-dim">{sentence("page.film.done", language, **facts)}</div>'
    if clip.path.suffix == ".mp4" and clip.path.stat().st_size <= LONGEST_PLAYED:
        address = data_address(clip.path.read_bytes(), "video/mp4")
        return (
            f'<video src="{address}" controls loop autoplay muted playsinline '
            f'style="max-width:100%;min-width:256px;border-radius:8px"></video>{told}'
        )
    return told


def animation(paths: list[Path]) -> bytes:
    """Frames as one animated WebP, small. Raises: NotAPictureError, StorageError."""
    import io

    from PIL import Image

    images = [Image.open(io.BytesIO(small_copy(path, GROWN_SIDE))) for path in paths]
    file = io.BytesIO()
    images[0].save(file, "WEBP", save_all=True, append_images=images[1:], duration=90, loop=0, quality=60)
    return file.getvalue()


def _dim(text: str) -> str:
    return f'<span class="colabsd-dim">{text}</span>'
