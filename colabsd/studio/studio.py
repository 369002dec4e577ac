"""The studio: the verbs that people use, on one workspace. Each is done in a module of this folder."""

from collections.abc import Iterator

from colabsd.library.importers.imported import Imported
from colabsd.library.library import Job
from colabsd.library.picture_files import ImageFormat
from colabsd.planning.plans import ImagePlan
from colabsd.settings.images import ImageSettings
from colabsd.settings.redraw import RedrawSettings
from colabsd.studio.again import again, resume
from colabsd.studio.drawing import draw, redraw
from colabsd.studio.prompting import Reading, read_prompts
from colabsd.studio.replay import (
    Comparison,
    look_at,
)
from colabsd.studio.workshop import Event, Workshop


class Studio(Workshop):
    """Where pictures are asked for, drawn, kept, drawn again and continued. Built by `open_studio()`."""

    def plan(self, settings: ImageSettings) -> ImagePlan:
        """The exact plan of a request, without drawing it. Raises: InvalidSettingError and its like."""
        return self.exact_plan(settings, self.model(settings.model))

    def read(self, settings: ImageSettings) -> tuple[ImagePlan, list[tuple[Reading, ...]]]:
        """The plan of a request, and for each of its drawings how the model will read the prompts. Draws nothing.

        Raises: InvalidSettingError and its like.
        """
        card = self.model(settings.model)
        plan = self.exact_plan(settings, card)
        texts = {(drawing.prompt, drawing.negative_prompt): drawing for drawing in plan.drawings}
        read = {text: read_prompts(drawing, card) for text, drawing in texts.items()}
        return plan, [read[drawing.prompt, drawing.negative_prompt] for drawing in plan.drawings]

    def draw(
        self,
        settings: ImageSettings,
        *,
        image_format: ImageFormat = "png",
        previews: bool = False,
        as_written: bool = False,
    ) -> Iterator[Event]:
        """Draw what was asked and keep each picture as soon as it is finished.

        With `as_written` prompts are final: braces and double underscores in them are no choices. Closing the iterator
        stops at the next step; what is kept stays kept and `resume()` draws the rest.
        """
        return draw(self, settings, image_format=image_format, previews=previews, as_written=as_written)

    def redraw(
        self, settings: RedrawSettings, *, image_format: ImageFormat = "png", previews: bool = False
    ) -> Iterator[Event]:
        """Draw a picture anew, as `draw` does from a sentence alone. The picture and its mask are copied first.

        Raises: NotAPictureError, UnusableMaskError, and what `draw` raises.
        """
        return redraw(self, settings, image_format=image_format, previews=previews)

    def look(self, name: str) -> Imported:
        """What a picture says of its settings: of colabsd, or of another program (see `library/importers`).

        Raises: UnknownPictureError, NotAPictureError, NoManifestError, DamagedManifestError, DamagedMetadataError.
        """
        return look_at(self.picture_path(name))

    def again(
        self, name: str, *, model: str | None = None, verify: bool = False, image_format: ImageFormat | None = None
    ) -> Iterator[Event | Imported | Comparison]:
        """Draw a picture again from its manifest: `name` is a file, or a name or key that the library knows.

        A picture of another program, and any picture with another `model`, is drawn as nearly as can be; its settings
        come first, then a note for each thing that cannot be equal. With `verify` its whole batch is replayed the way
        it was run, nothing is kept, and the last event is a Comparison. Raises: UnknownPictureError, NotAPictureError,
        NoManifestError, DamagedManifestError, DamagedMetadataError, UnknownModelError.
        """
        return again(self, name, model=model, verify=verify, image_format=image_format)

    def unfinished(self) -> list[Job]:
        """Jobs that were stopped or killed before all their pictures were kept."""
        return self.library.unfinished_jobs()

    def resume(self, *, previews: bool = False) -> Iterator[Event]:
        """Finish every unfinished job, oldest first."""
        return resume(self, previews=previews)
