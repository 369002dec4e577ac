"""The page for training in the notebook: photos, words, forecast, the training as it goes, and the new model at work.

It is built anew from the studio whenever its cell is run, so what was left before a disconnection is found and offered.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from colabsd.environment.allocator import keep_big_blocks
from colabsd.errors import ColabsdError
from colabsd.language import say
from colabsd.language.amounts import duration
from colabsd.library.adapters import KeptAdapter
from colabsd.planning.training import TrainingPlan
from colabsd.planning.training_memory import TrainingForecast, forecast_training
from colabsd.widgets.escaping import box, escaped, sentence, told_error
from colabsd.widgets.look import button, card, column, html, row, show_if, style_sheet, with_classes
from colabsd.widgets.photo_files import EXAMPLE
from colabsd.widgets.photo_room import PhotoRoom
from colabsd.widgets.presses import on_press
from colabsd.widgets.run_view import Outcome, RunView
from colabsd.widgets.trained_room import TrainedRoom
from colabsd.widgets.training_form import TrainingForm
from colabsd.widgets.training_view import TrainingView, told_run

if TYPE_CHECKING:
    from colabsd.library.training_runs import TrainingRun
    from colabsd.studio import Studio

QUIET = ("note.no_gpu", "note.gpu", "note.cpu_fp32", "note.cpu_bf16", "note.training.forecast")
GIB = 2**30


class DreamboothPage:
    """Everything on the page. `root` is the widget that is displayed; `train` does what the button does."""

    def __init__(self, studio: "Studio") -> None:
        self.studio = studio
        self.language = studio.language
        self.form = TrainingForm(studio, self.advise)
        self.photos = PhotoRoom(studio, self.advise)
        self.run_view = RunView(self.language, QUIET)
        self.view = TrainingView(self.language)
        self.trained = TrainedRoom(studio, self.work)
        self._remarks, self._forecast, self._left = html(), html(), column()
        self.start = with_classes(
            button(say("page.train.start", self.language), main=True, width="220px"), "colabsd-big"
        )
        on_press(self.start, self.train)
        on_press(self.photos.upload.example, lambda: self.form.fill(**EXAMPLE))
        self.root = self._arranged()
        self.advise()
        self.refresh_left()

    def show(self) -> "DreamboothPage":
        """Put the page under the running cell."""
        from IPython.display import display

        display(self.root)
        return self

    # What people do.

    def train(self) -> Outcome:
        """Train what the form asks with the photos that are there. What is wrong is told."""
        try:
            settings = self.form.read()
        except ColabsdError as error:
            return self._told(error)
        self.view.clear()
        self.trained.clear()
        return self.work(self.studio.train(settings, self.photos.chosen))

    def resume(self, name: str) -> Outcome:
        """Go on with a training that was left."""
        self.view.clear()
        self.trained.clear()
        return self.work(self.studio.resume_training(name))

    def work(self, events: Iterator[Any]) -> Outcome:
        """Follow long work: curves and samples appear as they come, and at the end what came out."""
        if self.studio.machine.gpu is None:  # a processor trains up to ten times slower without
            keep_big_blocks(os.environ)
        self._set_busy(True)
        try:
            outcome = self.run_view.follow(events, self._take)
        finally:
            self._set_busy(False)
            self.refresh_left()
        return outcome

    def _take(self, event: Any) -> None:
        self.view.take(event)
        if isinstance(event, KeptAdapter):
            self.trained.show(event)
        else:
            self.trained.take(event)

    # What is shown.

    def advise(self) -> None:
        """Say what a training would be like, before it begins."""
        self._remarks.value = self._forecast.value = ""
        kind = self.form.controls["kind"].read()
        self.photos.use_kind(kind or "object")
        if self.photos.chosen is None:
            return
        try:
            settings = self.form.read()
            plan = self.studio.plan_training(settings, self.photos.chosen)
            forecast = forecast_training(plan, self.studio.model(settings.model), self.studio.machine)
        except ColabsdError as error:
            self._remarks.value = box([told_error(error, self.language)], "warning")
            return
        notes = [sentence(note.key, self.language, **note.facts) for note in plan.notes if note.key not in QUIET]
        self._remarks.value = box(notes, "info")
        self._forecast.value = f'<span class="colabsd-dim">{escaped(self._told_forecast(plan, forecast))}</span>'

    def refresh_left(self) -> None:
        """Offer what was left before it was finished, if anything was."""
        runs = [run for run in self.studio.training_runs() if not run.is_finished]
        self._left.children = [self._offer(run) for run in reversed(runs)]
        show_if(self._left, runs)

    def _offer(self, run: "TrainingRun") -> Any:
        go_on = button(say("page.train.go_on", self.language), main=True)
        on_press(go_on, lambda: self.resume(run.name))
        return row(html(told_run(run.name, run.step, run.plan.steps, self.language)), go_on)

    def _told_forecast(self, plan: TrainingPlan, forecast: TrainingForecast) -> str:
        facts = {
            "steps": plan.steps,
            "time": duration(forecast.seconds),
            "memory": f"{forecast.device_bytes / GIB:.1f}",
            "disk": f"{forecast.disk_bytes / GIB:.2f}",
        }
        return say("page.train.forecast", self.language, **facts)

    def _told(self, error: ColabsdError) -> Outcome:
        self.run_view.begin()
        self.run_view.tell(told_error(error, self.language), "error")
        return Outcome(error=error)

    def _set_busy(self, busy: bool) -> None:
        self.start.disabled = busy
        self.start.description = say("page.train.training" if busy else "page.train.start", self.language)
        if busy:
            show_if(self._left, False)

    def _arranged(self) -> Any:
        title = html(f'<span class="colabsd-title">{escaped(say("page.train.title", self.language))}</span>')
        agreed = html(f'<div class="colabsd-dim">{escaped(say("page.train.agreed", self.language))}</div>')
        press = row(self.start, self._forecast, gap="14px")
        parts = (
            card(self._heading("page.train.step.photos"), self.photos.root, agreed),
            card(self._heading("page.train.step.words"), self.form.root),
            card(
                self._heading("page.train.step.train"),
                self._left,
                self._remarks,
                press,
                self.run_view.root,
                self.view.root,
            ),
            self.trained.root,
        )
        return with_classes(column(style_sheet(), title, *parts, gap="14px"), "colabsd")

    def _heading(self, key: str) -> Any:
        return html(f'<div class="colabsd-heading">{escaped(say(key, self.language))}</div>')


def show(studio: "Studio") -> DreamboothPage | None:
    """Show the page under the running cell; what keeps it from opening is told there, with None."""
    from IPython.display import display

    try:
        return DreamboothPage(studio).show()
    except ColabsdError as error:
        told = html(box([told_error(error, studio.language)], "error"))
        display(with_classes(column(style_sheet(), told), "colabsd"))
        return None
