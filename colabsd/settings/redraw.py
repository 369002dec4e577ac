"""What people ask of a picture that is to be drawn anew. None means "choose for me"."""

from dataclasses import dataclass

from colabsd.settings.fields import setting
from colabsd.settings.images import ImageSettings

LEAST_STRENGTH = 0.01


@dataclass(frozen=True, kw_only=True)
class RedrawSettings(ImageSettings):
    """A request for one or more pictures from a picture and a sentence.

    `image` and `mask` are paths; where the mask is white the picture is drawn anew, where it is black it stays.
    `strength` in (0, 1] is how much of the picture is turned into noise before it is drawn, and with it the share of
    the steps that are drawn; with `exact_steps` all `steps` are. `mask_blur` is the width in pixels of the seam between
    old and new. `image_guidance` is how closely a model that changes pictures keeps to the old one (Brooks et al. 2022,
    arXiv:2211.09800; 1 = without). Without `width` and `height` the size follows from the picture.
    """

    image: str = setting("", kind="text", group="picture")
    mask: str | None = setting(kind="text", group="picture")
    strength: float | None = setting(kind="number", group="picture", minimum=LEAST_STRENGTH, maximum=1)
    exact_steps: bool = setting(False, kind="switch", group="sampling", advanced=True)
    mask_blur: float | None = setting(kind="number", group="picture", minimum=0, maximum=256, advanced=True)
    image_guidance: float | None = setting(kind="number", group="sampling", minimum=1, maximum=100, advanced=True)
