"""What becomes of pictures that a model's own checker flags: they are blurred, and it is said and written down."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from colabsd.engine.engine import Engine
from colabsd.planning.plans import Drawing, Note

if TYPE_CHECKING:
    from PIL.Image import Image

BLUR = 1 / 12  # of the longer side: shapes of large things are left, nothing else


def looked_at(engine: Engine, drawing: Drawing, image: "Image") -> tuple["Image", Mapping[str, Any], tuple[Note, ...]]:
    """The picture as it may be shown, what its manifest says of that, and what people are told.

    Never black: a blurred picture still shows that something was drawn, and where.
    """
    if drawing.safety == "off":
        return image, {}, ()
    flagged = engine.flags(image)
    kept = {"safety": {"checked": True, "flagged": flagged, "blurred": flagged}}
    if not flagged:
        return image, kept, ()
    from PIL import ImageFilter

    blurred = image.filter(ImageFilter.GaussianBlur(max(image.size) * BLUR))
    return blurred, kept, (Note("note.picture_blurred", {"seed": drawing.seed}),)
