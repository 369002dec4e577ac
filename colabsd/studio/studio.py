"""The studio: the verbs that people use, on one workspace. Each is done in a module of this folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from colabsd.artifacts import Clip
from colabsd.library.films import Film
from colabsd.library.importers.imported import Imported
from colabsd.library.library import Job, KeptSheet
from colabsd.library.picture_files import ImageFormat
from colabsd.planning.deforum_files import Imported as ImportedSettings
from colabsd.planning.grids import GridPlan
from colabsd.planning.plans import ImagePlan, Note
from colabsd.planning.video_plans import VideoPlan
from colabsd.progress import Progress
from colabsd.settings.grids import GridSettings
from colabsd.settings.images import ImageSettings
from colabsd.settings.redraw import RedrawSettings
from colabsd.settings.video import VideoSettings
from colabsd.studio.again import again, resume
from colabsd.studio.alike import Alike, find_alike
from colabsd.studio.drawing import draw, redraw
from colabsd.studio.enlarging import enlarge
from colabsd.studio.film_checks import Checked, check_video, import_video_settings
from colabsd.studio.film_cuts import encode_film
from colabsd.studio.filming import FilmEvent, FilmForecast, film, films, forecast_video, plan_video, resume_film
from colabsd.studio.finishing import Pair, finish
from colabsd.studio.grids import draw_grid, plan_grid
from colabsd.studio.imported_files import with_files
from colabsd.studio.introducing import introduce, remember_model, remembered_model
from colabsd.studio.leaving import leave, take_away
from colabsd.studio.prompting import Reading, read_prompts
from colabsd.studio.replay import (
    Comparison,
    look_at,
)
from colabsd.studio.training_verbs import TrainingVerbs
from colabsd.studio.workshop import Event


class Studio(TrainingVerbs):
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
        read = {text: read_prompts(drawing, self.at_hand(card)) for text, drawing in texts.items()}
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

    def plan_grid(self, grid: GridSettings) -> GridPlan:
        """The exact plan of a grid without drawing it: its cells, what the library has of it, seconds for the rest.

        Raises: InvalidGridError, InvalidSettingError and its like.
        """
        return plan_grid(self, grid)

    def draw_grid(
        self, grid: GridSettings, *, image_format: ImageFormat = "png", previews: bool = False
    ) -> Iterator[Event | KeptSheet]:
        """Draw the cells of a grid and keep each as a picture; at the end come what its study found, and the sheets.

        Cells of one model are drawn together; what the library has already is not drawn again. Closing the iterator
        stops at the next step, and `resume()` finishes the grid. Raises: as `plan_grid`, and what drawing raises.
        """
        return draw_grid(self, grid, image_format=image_format, previews=previews)

    def look(self, name: str) -> Imported:
        """What a picture says of its settings: of colabsd, or of another program (see `library/importers`).

        Raises: UnknownPictureError, NotAPictureError, NoManifestError, DamagedManifestError, DamagedMetadataError.
        """
        return with_files(look_at(self.picture_path(name)), self.adapter_folders(()))

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

    def finish(
        self, names: Sequence[str], *, steps: int | None = None, refine: bool | None = None, previews: bool = False
    ) -> Iterator[Event | Pair]:
        """Draw kept drafts again with 40 to 50 steps, the seed and all else as they were; each draft is a parent.

        Where more steps make another picture (samplers that draw new noise on the way), a Note says so, and the draft
        is refined: a second pass over it at low strength, with its own steps. `refine` decides otherwise. Each final
        is yielded when it is kept, then a Pair with its draft. Raises: UnknownPictureError, InvalidSettingError.
        """
        return finish(self, names, steps=steps, refine=refine, previews=previews)

    def enlarge(self, names: Sequence[str], *, factor: int = 4, upscaler: str | None = None) -> Iterator[Event]:
        """Make kept pictures 2, 4 or 8 times as wide and as high; the originals stay and are the parents.

        `upscaler` is a name, a file of the ESRGAN family, or "lanczos" for none. Raises: UnknownPictureError,
        UnknownUpscalerError, UnsupportedUpscalerError, MissingPackageError, DownloadError, UsageError.
        """
        return enlarge(self, names, factor=factor, upscaler=upscaler)

    def plan_video(self, settings: VideoSettings) -> VideoPlan:
        """The exact plan of a film, every schedule checked, with its reasons in words; draws nothing.

        Raises: InvalidSettingError, InvalidSchedulesError and their like, UnreadableVideoError, NotEnoughMemoryError.
        """
        return plan_video(self, settings)

    def forecast_video(self, plan: VideoPlan, settings: VideoSettings | None = None) -> FilmForecast:
        """What a film takes: seconds, frames, and bytes here and on Drive. `settings` tell where its models are."""
        return forecast_video(self, plan, settings)

    def film(self, settings: VideoSettings, *, previews: bool = False) -> Iterator[FilmEvent]:
        """Draw a film and keep it: the Film first, each Frame when it is a file, at the end the Clip.

        Closing the iterator stops at the next step; `resume_film` goes on, also on another machine, and every pixel is
        what it would have been. Raises: as `plan_video`; StorageError, EncodingError, MissingPackageError.
        """
        return film(self, settings, previews=previews)

    def resume_film(self, name: str | None = None, *, previews: bool = False) -> Iterator[FilmEvent]:
        """Go on with a film that was left ("" is the last one); without a name with all. Raises: UnknownFilmError."""
        return resume_film(self, name, previews=previews)

    def encode_film(
        self, name: str, *, fps: float | None = None, gif: bool = False, webp: bool = False
    ) -> Iterator[Progress | Note | Clip]:
        """Write a film once more out of its frames, faster or slower, or with short versions; draws nothing."""
        return encode_film(self, name, fps=fps, gif=gif, webp=webp)

    def import_video_settings(self, file: Path) -> ImportedSettings:
        """What a settings file of Deforum asks for, and what became of each of its keys; checks no schedule.

        Raises: InvalidDeforumFileError, StorageError.
        """
        return import_video_settings(file)

    def check_video(self, file: Path) -> Checked:
        """A settings file with its plan, every schedule checked, nothing drawn; or a film's figures over time.

        Raises: as `import_video_settings` and `plan_video`; UnreadableVideoError.
        """
        return check_video(self, file)

    def films(self) -> list[Film]:
        """The films of the workspace, finished and not, the oldest first."""
        return films(self)

    def find_alike(self, like: str, *, limit: int = 10) -> Iterator[Progress | Note | Alike]:
        """Kept pictures that look like a sentence, or like the picture of a file, a name or a key: the closest first.

        Each picture is looked at once, and remembered on this machine. A Note says which scorer looked: the one that
        comes along knows the starter's world alone. Raises: NotAPictureError, StorageError.
        """
        return find_alike(self, like, limit)

    def introduction(self) -> str:
        """One paragraph for the reader: the machine, where things are kept, what is ready or waits, what is wrong."""
        return introduce(self)

    def remember_model(self, name: str) -> None:
        """Let the workspace remember the model that was chosen. Raises: UnknownModelError, StorageError."""
        remember_model(self, name)

    def remembered_model(self) -> str | None:
        """The model that was chosen last in this workspace, if it can still be had."""
        return remembered_model(self)

    def take_away(self, query: str = "") -> Iterator[Progress | Note]:
        """Pack the pictures that a query asks for into one ZIP; Colab's page downloads it, a Note says where it is.

        Raises: QueryError, StorageError.
        """
        return take_away(self, query)

    def leave(self) -> Iterator[Progress | Note]:
        """See that everything is on Drive, then give Colab's machine back; elsewhere only tell that all is kept.

        Where pictures are on the machine's own disk alone it is not given back. Raises: DriveError, StorageError.
        """
        return leave(self)

    def unfinished(self) -> list[Job]:
        """Jobs that were stopped or killed before all their pictures were kept."""
        return self.library.unfinished_jobs()

    def resume(self, *, previews: bool = False) -> Iterator[Event | Pair | KeptSheet]:
        """Finish every unfinished job, oldest first; behind finals come their Pairs, behind grids their sheets."""
        return resume(self, previews=previews)
