"""Drawing one frame with the engine: from a sentence, from the moved picture before it, between two prompts.

What the loop asks for is a Painter, so that it can be proved with one that is a formula.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from colabsd.engine.engine import Drawn, Engine
from colabsd.engine.redrawing import Original
from colabsd.planning.plans import Drawing
from colabsd.planning.video_plans import FramePlan, VideoPlan
from colabsd.progress import Progress
from colabsd.recipes.originals import put_together
from colabsd.video.holes import draw_into, from_image, to_image
from colabsd.video.walk import walking

if TYPE_CHECKING:
    from PIL.Image import Image

Events = Iterator[Progress | Tensor]
HOLES_STRENGTH = 0.6  # from noise alone the model draws what the sentence names into the hole again
HOLES_BLUR = 2.0  # pixels of the seam


class Painter(Protocol):
    """What draws frames. Pictures are (1, 3, H, W) in levels 0 to 255; each call yields Progress, then the picture."""

    def paint(self, frame: FramePlan, picture: Tensor | None, mask: Tensor | None) -> Events:
        """Draw a frame, from a picture where there is one; where a mask (1, 1, H, W) is 0 the picture stays."""
        ...

    def fill(self, frame: FramePlan, picture: Tensor, holes: Tensor) -> Events:
        """Draw what is missing in a moved picture, where `holes` (1, 1, H, W) is 1."""
        ...


@dataclass
class EnginePainter:
    """Draws a plan's frames. `engine_of` gives the engine for a drawing's model, loading it where it must."""

    plan: VideoPlan
    engine_of: Callable[[Drawing], Generator[Progress, None, Engine]]
    previews: bool = False
    _taken: list[tuple[Drawing, float]] = field(default_factory=list)

    def taken(self) -> list[tuple[Drawing, float]]:
        """What was drawn since this was asked last, and how many seconds each took."""
        taken, self._taken = self._taken, []
        return taken

    def paint(self, frame: FramePlan, picture: Tensor | None, mask: Tensor | None) -> Events:
        """See `Painter`. A frame of which no step is left to draw is the picture itself."""
        if picture is not None and frame.drawn_steps == 0:
            yield picture
            return
        drawing = self.drawing(frame, picture is not None)
        engine = yield from self.engine_of(drawing)
        original = None if picture is None else Original(to_image(picture), None if mask is None else _mask(mask))
        with _walk(engine, frame):
            for event in engine.draw([drawing], original, previews=self.previews):
                if isinstance(event, Drawn):
                    image = event.image
                    self._taken.append((drawing, event.seconds))
                    if original is not None:
                        image = put_together(original, image, self.plan.footage.mask_blur)
                    yield from_image(image)
                else:
                    yield event

    def fill(self, frame: FramePlan, picture: Tensor, holes: Tensor) -> Events:
        """See `Painter`."""
        drawing = replace(self.drawing(frame, True), strength=HOLES_STRENGTH, mask_blur=HOLES_BLUR)
        engine = yield from self.engine_of(drawing)
        yield from draw_into(engine, drawing, picture, holes, previews=self.previews)

    def drawing(self, frame: FramePlan, has_picture: bool) -> Drawing:
        """What a frame is, as a drawing. Between two seeds its noise is on the way from one to the other."""
        drawing = self.plan.drawing(frame.index)
        if not has_picture:
            drawing = replace(drawing, strength=1.0)
        if frame.blend and frame.next_seed != frame.seed:
            drawing = replace(drawing, variation_seed=frame.next_seed, variation_strength=frame.blend)
        return drawing


def _walk(engine: Engine, frame: FramePlan) -> AbstractContextManager[None]:
    """Within it prompts are on the way to the next ones, where the frame is."""
    same = (frame.prompt, frame.negative_prompt) == (frame.next_prompt, frame.next_negative_prompt)
    if not frame.blend or same:
        return nullcontext()
    return walking(engine, frame.next_prompt, frame.next_negative_prompt, frame.blend)


def _mask(mask: Tensor) -> "Image":
    from PIL import Image

    return Image.fromarray((mask[0, 0] * 255).round().byte().cpu().numpy())
