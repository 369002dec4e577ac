"""The page for films in the notebook: prompts by frame, a camera move, curves as one types, the film as it grows.

It is built anew from the studio whenever its cell is run, so what was left before a disconnection is found and offered.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.artifacts import Frame
from colabsd.errors import ColabsdError
from colabsd.language import say
from colabsd.language.amounts import duration
from colabsd.planning.deforum_files import Imported, read_deforum
from colabsd.planning.video_plans import VideoPlan
from colabsd.settings.video import VideoSettings
from colabsd.studio.film_previews import preview_camera, preview_schedules
from colabsd.widgets.escaping import box, sentence, told_error
from colabsd.widgets.film_form import FilmForm
from colabsd.widgets.film_view import FilmView
from colabsd.widgets.look import button, card, column, columns, html, row, show_if, style_sheet, with_classes
from colabsd.widgets.pixels import shown_bytes
from colabsd.widgets.presses import on_change, on_press
from colabsd.widgets.run_view import Outcome, RunView
from colabsd.widgets.uploads import forget_upload, uploaded_files

if TYPE_CHECKING:
    from colabsd.library.films import Film
    from colabsd.studio import Studio

QUIET = ("note.no_gpu", "note.gpu", "note.cpu_fp32", "note.cpu_bf16")
MOST_NOTES = 6
SETTINGS_FILES = ".txt,.json"
GB, MB = 1e9, 1e6
TRIAL_FRAMES, TRIAL_STEPS = 4, 6


class VideoPage:
    """Everything on the page. `root` is the widget that is displayed; `render` does what the button does."""

    def __init__(self, studio: "Studio") -> None:
        self.studio = studio
        self.language = studio.language
        self._remarks, self._forecast, self._file, self._left = html(), html(), html(), column()
        self._curves = with_classes(ipywidgets.Image(format="jpeg", layout={"width": "100%"}), "colabsd-view")
        self._grid = with_classes(ipywidgets.Image(format="jpeg", layout={"width": "100%"}), "colabsd-view")
        self.run_view = RunView(self.language, QUIET)
        self.view = FilmView(self.language)
        self.form = FilmForm(studio, self.advise)
        self.start = self._button("page.film.render", self.render, main=True)
        with_classes(self.start, "colabsd-big")
        self.camera = self._button("page.film.camera", self.show_camera)
        self.trial = self._button("page.film.trial", self.try_out)
        self.root = self._arranged()
        self.advise()
        self.refresh_left()

    def show(self) -> "VideoPage":
        """Put the page under the running cell."""
        from IPython.display import display

        display(self.root)
        return self

    # What people do.

    def render(self) -> Outcome:
        """Draw the film that the form asks for. What is wrong is told; stopping keeps every frame."""
        try:
            settings = self.form.read()
        except ColabsdError as error:
            return self._told(error)
        return self.work(self.studio.film(settings, previews=True))

    def try_out(self) -> Outcome:
        """Draw the first frames with few steps, as a film of their own, to see what it becomes."""
        try:
            settings = self.form.read()
        except ColabsdError as error:
            return self._told(error)
        frames = min(TRIAL_FRAMES, settings.max_frames)
        short = replace(settings, name=None, max_frames=frames, steps=TRIAL_STEPS, steps_schedule=None)
        return self.work(self.studio.film(short, previews=True))

    def resume(self, name: str) -> Outcome:
        """Go on with a film that was left."""
        return self.work(self.studio.resume_film(name, previews=True))

    def work(self, events: Iterator[Any]) -> Outcome:
        """Follow a film; frames appear as they are drawn, and at the end it plays."""
        self.view.clear()
        self._set_busy(True)
        try:
            outcome = self.run_view.follow(events, self.view.take)
            outcome.results[:] = [one for one in outcome.results if not isinstance(one, Frame)]
        finally:
            self._set_busy(False)
            self.refresh_left()
        return outcome

    def show_camera(self) -> None:
        """Try the camera on a picture of a grid."""
        try:
            plan = self.studio.plan_video(self.form.read())
            self._grid.value = shown_bytes(preview_camera(self.studio, plan), 1200)
        except ColabsdError as error:
            self._told(error)
            return
        show_if(self._grid, True)

    def use_file(self, name: str, data: bytes) -> Imported | None:
        """Put the settings of a file into the form; what became of its keys is told. What is wrong with it, too."""
        try:
            found = read_deforum(data)
        except ColabsdError as error:
            self._file.value = box([told_error(error, self.language)], "error")
            return None
        model = self.form.controls["model"].read()
        self.form.fill(replace(found.settings, model=model))
        self._file.value = self._told_import(name, found)
        return found

    # What is shown.

    def advise(self) -> None:
        """Say what is known of the film, and draw its schedules, before anything is drawn."""
        show_if(self._grid, False)
        try:
            settings = self.form.read()
            plan = self.studio.plan_video(settings)
        except ColabsdError as error:
            lines = [one.replace("\n", "<br>") for one in (told_error(error, self.language),)]
            self._remarks.value, self._forecast.value = box(lines, "error"), ""
            show_if(self._curves, False)
            return
        notes = [sentence(note.key, self.language, **note.facts) for note in plan.notes if note.key not in QUIET]
        self._remarks.value = box(notes[:MOST_NOTES], "info")
        self._forecast.value = f'<span class="colabsd-dim">{self._told_forecast(plan, settings)}</span>'
        self._curves.value = shown_bytes(preview_schedules(self.studio, plan), 960)
        show_if(self._curves, True)

    def refresh_left(self) -> None:
        """Offer the films that were left before they were finished."""
        left = [film for film in self.studio.films() if not film.is_finished]
        self._left.children = [self._offer(film) for film in reversed(left)]
        show_if(self._left, left)

    def _offer(self, film: "Film") -> Any:
        go_on = button(say("page.film.go_on", self.language), main=True)
        on_press(go_on, lambda: self.resume(film.name))
        facts = {"name": film.name, "frames": len(film.plan.frames), "prompt": film.prompt[:60]}
        return row(html(sentence("page.film.left", self.language, **facts)), go_on)

    def _told_forecast(self, plan: VideoPlan, settings: VideoSettings) -> str:
        forecast = self.studio.forecast_video(plan, settings)
        key = "page.film.forecast" if forecast.measured else "page.film.forecast_guess"
        return sentence(
            key,
            self.language,
            frames=forecast.frames,
            drawn=forecast.drawn,
            seconds=f"{forecast.frames / plan.fps:.1f}",
            time=duration(forecast.seconds),
            here=_amount(forecast.local_bytes),
            kept=_amount(forecast.kept_bytes),
        )

    def _told_import(self, name: str, found: Imported) -> str:
        done = found.of("understood", "renamed", "changed")
        facts = {"name": name, "understood": len(done), "ignored": len(found.of("ignored"))}
        lines = [sentence("page.film.imported", self.language, **facts)]
        lines += [
            sentence(row.note.key, self.language, **row.note.facts)
            for row in found.of("changed", "impossible")
            if row.note is not None
        ]
        lines += [sentence(note.key, self.language, **note.facts) for note in found.notes]
        if unknown := [row.key for row in found.of("unknown")]:
            lines.append(sentence("page.film.unknown", self.language, keys=", ".join(unknown)))
        return box(lines, "warning" if found.of("impossible", "unknown") else "good")

    def _told(self, error: ColabsdError) -> Outcome:
        self.run_view.begin()
        self.run_view.tell(told_error(error, self.language).replace("\n", "<br>"), "error")
        return Outcome(error=error)

    def _set_busy(self, busy: bool) -> None:
        for pressed in (self.start, self.camera, self.trial):
            pressed.disabled = busy
        self.start.description = say("page.drawing" if busy else "page.film.render", self.language)
        if busy:  # what was remarked is told again with the work
            self._remarks.value = ""
            show_if(self._left, False)

    def _button(self, key: str, do: Any, *, main: bool = False) -> Any:
        made = button(say(key, self.language), main=main, width="200px" if main else "auto")
        on_press(made, do)
        return made

    def _upload(self) -> Any:
        """Where a settings file is brought; Colab has a file chooser of its own for it."""
        upload = ipywidgets.FileUpload(
            accept=SETTINGS_FILES,
            multiple=False,
            description=say("page.film.file", self.language),
            layout={"width": "auto"},
        )

        def brought() -> None:
            files = uploaded_files(upload.value)
            if files:
                forget_upload(upload)
                self.use_file(*files[0])

        on_change(upload, brought)
        return upload

    def _arranged(self) -> Any:
        title = html(f'<span class="colabsd-title">{sentence("page.film.title", self.language)}</span>')
        presses = row(self.start, self.trial, self.camera, gap="8px")
        results = card(
            self._left,
            presses,
            self._forecast,
            self._remarks,
            self.run_view.root,
            self.view.root,
            self._grid,
            self._curves,
        )
        show_if(self._grid, False)
        asked = column(card(row(self._upload()), self._file), self.form.root)
        body = columns(asked, results, least=("440px", "420px"))
        return with_classes(column(style_sheet(), title, body, gap="12px"), "colabsd")


def _amount(size: int) -> str:
    """Bytes as people read them."""
    return f"{size / GB:.1f} GB" if size >= GB else f"{size / MB:.1f} MB"


def show(studio: "Studio") -> VideoPage | None:
    """Show the page of a studio under the running cell; what keeps it from opening is told there, with None."""
    from IPython.display import display

    try:
        return VideoPage(studio).show()
    except ColabsdError as error:
        told = html(box([told_error(error, studio.language)], "error"))
        display(with_classes(column(style_sheet(), told), "colabsd"))
        return None
