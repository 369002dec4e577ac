"""The page in a notebook, made of standard ipywidgets (7.7.1 and later), and plain cells that need none."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from colabsd.language import say
from colabsd.widgets.films_here import film_here, finish_films
from colabsd.widgets.following import draw_here, finish_what_waits, follow
from colabsd.widgets.training_here import draw_with, train_here

if TYPE_CHECKING:
    from colabsd.studio import Studio
    from colabsd.widgets.dreambooth_page import DreamboothPage
    from colabsd.widgets.generate_page import GeneratePage
    from colabsd.widgets.video_page import VideoPage

__all__ = [
    "draw_here",
    "draw_with",
    "film_here",
    "finish_films",
    "finish_what_waits",
    "follow",
    "show_dreambooth",
    "show_generate",
    "show_video",
    "train_here",
]


def show_generate(studio: "Studio") -> "GeneratePage | None":
    """Show the page of a studio under the running cell; without ipywidgets say so, and give None."""
    if find_spec("ipywidgets") is None:
        print(say("cell.no_widgets", studio.language))
        return None
    from colabsd.widgets.generate_page import show

    return show(studio)


def show_dreambooth(studio: "Studio") -> "DreamboothPage | None":
    """Show the page for training under the running cell; without ipywidgets say so, and give None."""
    if find_spec("ipywidgets") is None:
        print(say("cell.no_widgets.train", studio.language))
        return None
    from colabsd.widgets.dreambooth_page import show

    return show(studio)


def show_video(studio: "Studio") -> "VideoPage | None":
    """Show the page for films under the running cell; without ipywidgets say so, and give None."""
    if find_spec("ipywidgets") is None:
        print(say("cell.no_widgets.film", studio.language))
        return None
    from colabsd.widgets.video_page import show

    return show(studio)
