"""Where pictures are asked for: the form, what is known before, the work as it goes, and the pictures that came."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from colabsd.errors import ColabsdError
from colabsd.language import say
from colabsd.library.library import KeptPicture
from colabsd.library.record import Record
from colabsd.settings.codec import settings_from_json, settings_to_json
from colabsd.settings.images import ImageSettings
from colabsd.settings.redraw import RedrawSettings
from colabsd.studio import Imported, Pair
from colabsd.widgets.advice import QUIET_NOTES, advise, told_forecast, told_length
from colabsd.widgets.captions import drawn_caption, name_of
from colabsd.widgets.drafts import TickedActions
from colabsd.widgets.escaping import box, escaped, sentence, told_error
from colabsd.widgets.form import Form
from colabsd.widgets.look import button, card, column, columns, html, row, show_if, with_classes
from colabsd.widgets.pairs import pair_html
from colabsd.widgets.picture_grid import Actions, PictureGrid, Shown
from colabsd.widgets.picture_panel import PicturePanel
from colabsd.widgets.pixels import shown_bytes
from colabsd.widgets.presses import on_press
from colabsd.widgets.run_view import Outcome, RunView
from colabsd.widgets.start_picture import StartPicture
from colabsd.widgets.thumbnails import large_copy, shown_of

if TYPE_CHECKING:
    from colabsd.studio import Studio

LAST_PICTURES = 8
THUMBNAIL_SIDE = 256


class CreateRoom:
    """The first room of the page. `panel` shows one picture large; `changed` is called when the library has more."""

    def __init__(self, studio: "Studio", panel: PicturePanel, changed: Callable[[], None]) -> None:
        self.studio = studio
        self.language = studio.language
        self.panel = panel
        self._changed = changed
        self._last_seed: int | None = None  # of the pictures that this page has drawn
        self.start = StartPicture(studio)
        self.form = Form(studio, self.start)
        self.run_view = RunView(self.language, QUIET_NOTES)
        self._length, self._remarks, self._forecast = html(), html(), html()
        self.generate = with_classes(
            button(say("page.generate", self.language), main=True, width="220px"), "colabsd-big"
        )
        on_press(self.generate, self.draw)
        self.pictures = PictureGrid(
            Actions(open=self._open, star=self._star, ticked=lambda: self.ticked.refresh()), self.language
        )
        self.ticked = TickedActions(studio, self.pictures.ticked, self._work_below, self._start_from_name)
        self._heading, self._pairs = html(), html()
        self._empty = html(f'<div class="colabsd-empty">{escaped(say("page.empty", self.language))}</div>')
        self._left = row()
        self.root = self._arranged()
        self.form.on_change(self.advise)
        on_press(self.form.keep_last_seed, self._keep_seed)

    # What people do.

    def draw(self, settings: ImageSettings | None = None) -> Outcome:
        """Draw what the form asks, or these settings. What is wrong with them is told."""
        try:
            asked = self.form.read() if settings is None else settings
            self._remember(asked)
        except ColabsdError as error:
            return self._told(error)
        self._clear()
        if isinstance(asked, RedrawSettings):
            return self.work(self.studio.redraw(asked, previews=True))
        return self.work(self.studio.draw(asked, previews=True))

    def draw_with(self, changed: Mapping[str, Any]) -> Outcome:
        """Draw what the form asks, with these settings over it, which the form then shows. What is wrong is told."""
        try:
            asked = settings_to_json(self.form.read()) | dict(changed)
            kind = RedrawSettings if asked.get("image") else ImageSettings
            settings = settings_from_json(kind, {name: value for name, value in asked.items() if value is not None})
            self.studio.model(settings.model)
        except ColabsdError as error:
            return self._told(error)
        self.form.fill(settings_to_json(settings))
        self.start.use_settings(asked)
        return self.draw(settings)

    def resume(self) -> Outcome:
        """Draw what stopped runs left undrawn; it comes beside what this page has finished of it."""
        if self._last_seed is None:
            self._clear()
        return self.work(self.studio.resume(previews=True))

    def draw_again(self, record: Record) -> Outcome:
        """Draw a kept picture again, exactly."""
        self._clear()
        return self.work(self.studio.again(name_of(record)))

    def start_from(self, record: Record) -> None:
        """Put a kept picture into the form, to start from it."""
        self.form.controls["prompt"].fill(record.prompt)
        self.start.use(self.studio.picture_path(name_of(record)))

    def use_settings(self, record: Record) -> None:
        """Put what was asked for a kept picture into the form, with its own seed."""
        asked = dict(self.studio.library.manifest(record).settings)
        self.form.fill(asked | {"seed": record.seed, "count": 1})
        self.start.use_settings(asked)

    def work(self, events: Iterator[Any]) -> Outcome:
        """Follow long work; pictures appear as they are finished."""
        self._set_busy(True)
        try:
            outcome = self.run_view.follow(events, self._take)
        finally:
            self._set_busy(False)
            self.refresh_unfinished()
        self.advise()
        self._changed()
        return outcome

    # What is shown.

    def advise(self) -> None:
        """Say what is known of the request before it is drawn."""
        try:
            advice = advise(self.studio, self.form.read())
        except ColabsdError as error:
            self._remarks.value = box([told_error(error, self.language)], "error")
            self._forecast.value = self._length.value = ""
            return
        empty = not self.form.controls["prompt"].input.value.strip()
        self._length.value = "" if empty else _dim(told_length(advice, self.language))
        notes = [sentence(note.key, self.language, **note.facts) for note in advice.notes]
        self._remarks.value = box(notes, "info")
        self._forecast.value = _dim(told_forecast(advice, self.language))

    def refresh_unfinished(self) -> None:
        """Offer what stopped runs left, if they left anything."""
        jobs = self.studio.unfinished()
        missing = sum(job.total - len(job.kept) for job in jobs)
        show_if(self._left, missing)
        if missing:
            key = "page.unfinished.one" if missing == 1 else "page.unfinished.many"
            resume = button(say("page.resume", self.language), main=True)
            on_press(resume, self.resume)
            self._left.children = [html(sentence(key, self.language, count=missing)), resume]

    def show_last(self) -> None:
        """Show the newest pictures of the library, as long as nothing new was drawn."""
        records = self.studio.library.list(LAST_PICTURES)
        if records:
            self._say_heading("page.last_pictures")
            self.pictures.show([shown_of(self.studio, record) for record in records])
        self._refresh_results()

    def _take(self, event: Any) -> None:
        if isinstance(event, KeptPicture):
            self._show_drawn(event)
            self._changed()
        elif isinstance(event, Pair):
            draft, final = large_copy(self.studio, event.draft), shown_bytes(event.final.picture.image)
            self._pairs.value += pair_html(event, draft, final, self.language)
        elif isinstance(event, Imported) and event.notes:
            self.run_view.tell(sentence("page.nearly", self.language, program=event.program))
        self._refresh_results()

    def _show_drawn(self, kept: KeptPicture) -> None:
        self._last_seed = kept.record.seed
        self.form.keep_last_seed.disabled = False
        self.pictures.add(
            Shown(
                name=name_of(kept.record),
                data=shown_bytes(kept.picture.image, THUMBNAIL_SIDE),
                caption=drawn_caption(kept, self.language),
            )
        )

    def _remember(self, asked: ImageSettings) -> None:
        """The model of the last drawing is the one that the next page begins with."""
        if asked.model is not None and asked.model != self.studio.remembered_model():
            self.studio.remember_model(asked.model)

    def _told(self, error: ColabsdError) -> Outcome:
        self.run_view.begin()
        self.run_view.tell(told_error(error, self.language), "error")
        return Outcome(error=error)

    def _open(self, name: str) -> None:
        self.panel.open(name)
        self.pictures.insert(self.panel.root, name)

    def _clear(self) -> None:
        self._place_run_view(below=False)
        self.panel.close()
        self.pictures.show([])
        self._pairs.value = ""
        self._say_heading("page.results")
        self._refresh_results()

    def _refresh_results(self) -> None:
        show_if(self._empty, not self.pictures.count)
        show_if(self._heading, self.pictures.count)
        show_if(self.ticked.root, self.pictures.count)
        self.ticked.refresh()

    def _say_heading(self, key: str) -> None:
        self._heading.value = f'<div class="colabsd-heading">{escaped(say(key, self.language))}</div>'

    def _set_busy(self, busy: bool) -> None:
        self.generate.disabled = busy
        self.generate.description = say("page.drawing" if busy else "page.generate", self.language)
        if busy:
            show_if(self._empty, False)
            show_if(self._left, False)

    def _star(self, name: str, on: bool) -> None:
        self.studio.library.star(name, on)
        self._changed()

    def _keep_seed(self) -> None:
        if self._last_seed is not None:
            self.form.keep_seed(self._last_seed)

    def _start_from_name(self, name: str) -> None:
        self.start_from(self.studio.library.find(name))

    def _arranged(self) -> Any:
        press = row(self.generate, self._forecast, gap="14px")
        top = card(self.form.root, row(self._length), self._remarks, press)
        self._results = card()
        self._place_run_view(below=False)
        return column(top, columns(card(self.form.settings), self._results, least=("330px", "480px")), gap="14px")

    def _place_run_view(self, *, below: bool) -> None:
        """Work is shown where it was asked for: above the pictures, or below them for what is done with ticked ones."""
        pictures = (self._heading, self.pictures.root, self.ticked.root)
        work = (*pictures, self.run_view.root) if below else (self.run_view.root, *pictures)
        self._results.children = (self._left, *work, self._pairs, self._empty)

    def _work_below(self, events: Iterator[Any]) -> Outcome:
        self._place_run_view(below=True)
        outcome = self.work(events)
        if outcome.results:
            self.pictures.untick()
        return outcome


def _dim(text: str) -> str:
    return f'<span class="colabsd-dim">{escaped(text)}</span>'
