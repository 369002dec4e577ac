"""Small pictures of kept ones for grids. What cannot be shown is a grey place, so that the others can."""

from functools import cache
from typing import TYPE_CHECKING

from colabsd.errors import ColabsdError
from colabsd.widgets.captions import kept_caption, name_of
from colabsd.widgets.picture_grid import Shown
from colabsd.widgets.pixels import shown_bytes, small_copy

if TYPE_CHECKING:
    from colabsd.library.record import Record
    from colabsd.studio import Studio

GREY = (128, 128, 128)


def thumbnail(studio: "Studio", record: "Record") -> bytes:
    """A small picture of a kept one; grey where its file is gone or damaged."""
    try:
        return studio.library.thumbnail(record)
    except ColabsdError:
        return grey_picture()


def shown_of(studio: "Studio", record: "Record") -> Shown:
    """What a cell of a grid shows of a kept picture."""
    return Shown(
        name=name_of(record),
        data=thumbnail(studio, record),
        caption=kept_caption(record, studio.language),
        starred=record.starred,
    )


@cache
def grey_picture() -> bytes:
    """A picture of nothing."""
    from PIL import Image

    return shown_bytes(Image.new("RGB", (64, 64), GREY))


def large_copy(studio: "Studio", record: "Record") -> bytes:
    """A kept picture as large as the page shows one; grey where its file is gone or damaged."""
    try:
        return small_copy(studio.picture_path(name_of(record)))
    except ColabsdError:
        return grey_picture()
