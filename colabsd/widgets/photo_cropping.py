"""One photo, large, with its crop: moved and made smaller by sliders. Knows no grid."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.geometry import Size
from colabsd.language import Language, say
from colabsd.widgets.escaping import escaped
from colabsd.widgets.look import button, card, column, html, row, with_classes
from colabsd.widgets.pixels import shown_bytes
from colabsd.widgets.presses import on_change, on_press

if TYPE_CHECKING:
    from colabsd.training.photos import Photo

SIDE = 380
LEAST_SHARE = 10  # percent of the largest crop


class PhotoCropping:
    """`changed` is called with the photo whenever its crop is another, `closed` when somebody is done."""

    def __init__(
        self, language: Language, changed: "Callable[[Photo], None]", closed: Callable[[], None], least: int
    ) -> None:
        self.photo: Photo | None = None
        self._image: Any = None
        self._changed = changed
        self._least = least
        self._setting = False
        self._name = html("", "colabsd-heading")
        self._picture = with_classes(ipywidgets.Image(format="jpeg", layout={"max_width": "100%"}), "colabsd-pixels")
        self.across = self._slider("page.photos.across", language, 0)
        self.down = self._slider("page.photos.down", language, 0)
        self.share = self._slider("page.photos.share", language, LEAST_SHARE)
        self.automatic = button(say("page.photos.automatic", language))
        self.done = button(say("page.photos.done", language), main=True)
        on_press(self.automatic, self._choose)
        on_press(self.done, closed)
        sliders = column(self.across, self.down, self.share, row(self.automatic, self.done), flex="1 1 260px")
        self.root = card(self._name, row(self._picture, sliders, gap="18px", align_items="flex-start"))

    def open(self, photo: "Photo", image: Any) -> None:
        """Show a photo; `image` is it in any size."""
        self.photo, self._image = photo, image
        self._name.value = escaped(photo.name, 80)
        self._show()

    def _slider(self, key: str, language: Language, least: int) -> Any:
        slider = ipywidgets.IntSlider(
            value=100, min=least, max=100, description=say(key, language), continuous_update=False
        )
        slider.style.description_width = "160px"
        slider.layout.width = "100%"
        on_change(slider, self._moved)
        return slider

    def _show(self) -> None:
        from colabsd.sheets.photos import lit_crop
        from colabsd.training.photo_sheets import crop_shares

        photo = self.photo
        assert photo is not None, "nothing is open"
        crop = photo.crop
        self._setting = True
        self.across.value = _place(crop.left, photo.width - crop.width)
        self.down.value = _place(crop.top, photo.height - crop.height)
        self.share.value = round(100 * max(crop.width / photo.width, crop.height / photo.height))
        self.across.disabled = photo.width == crop.width
        self.down.disabled = photo.height == crop.height
        self._setting = False
        self._picture.value = shown_bytes(lit_crop(self._image, crop_shares(photo), SIDE), SIDE)

    def _moved(self) -> None:
        from colabsd.training.crops import Crop, Point

        photo = self.photo
        if self._setting or photo is None:
            return
        shape, corner = photo.crop.size, Point(0, 0)
        crop = Crop.around(photo.size, corner, shape, share=self.share.value / 100, anchor=corner, by="chosen")
        left = round((photo.width - crop.width) * self.across.value / 100)
        top = round((photo.height - crop.height) * self.down.value / 100)
        self._take(replace(photo, crop=replace(crop, left=left, top=top)))

    def _choose(self) -> None:
        if self.photo is not None:
            shape = Size(self.photo.crop.width, self.photo.crop.height)
            self._take(self.photo.cropped(shape, least=self._least))

    def _take(self, photo: "Photo") -> None:
        self.photo = photo
        self._show()
        self._changed(photo)


def _place(start: int, room: int) -> int:
    """Where between both edges something is, in percent; in the middle where it fills all."""
    return round(100 * start / room) if room else 50
