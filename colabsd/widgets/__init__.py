"""The page in a notebook, made of standard ipywidgets (7.7.1 and later), and plain cells that need none."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from colabsd.language import say
from colabsd.widgets.following import draw_here, finish_what_waits, follow

if TYPE_CHECKING:
    from colabsd.studio import Studio
    from colabsd.widgets.generate_page import GeneratePage

__all__ = ["draw_here", "finish_what_waits", "follow", "show_generate"]


def show_generate(studio: "Studio") -> "GeneratePage | None":
    """Show the page of a studio under the running cell; without ipywidgets say so, and give None."""
    if find_spec("ipywidgets") is None:
        print(say("cell.no_widgets", studio.language))
        return None
    from colabsd.widgets.generate_page import show

    return show(studio)
