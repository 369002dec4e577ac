"""What a training made, at work: pictures with it, another step of it, and the page where it goes on."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.language import say
from colabsd.library.adapters import KeptAdapter
from colabsd.library.library import KeptPicture
from colabsd.widgets.captions import drawn_caption
from colabsd.widgets.escaping import box, escaped, sentence
from colabsd.widgets.look import button, card, column, html, row, show_if
from colabsd.widgets.picture_grid import Actions, PictureGrid, Shown
from colabsd.widgets.pixels import shown_bytes
from colabsd.widgets.presses import on_press
from colabsd.widgets.trained_prompts import model_of, prompt_of, settings_of

if TYPE_CHECKING:
    from colabsd.studio import Studio

THUMBNAIL = 256
SCENES = ("page.train.scene.plain", "page.train.scene.beach", "page.train.scene.snow", "page.train.scene.red")


class TrainedRoom:
    """Shows a KeptAdapter; `work` follows what its buttons start."""

    def __init__(self, studio: "Studio", work: Callable[[Iterator[Any]], object]) -> None:
        self.studio = studio
        self.language = studio.language
        self.adapter: KeptAdapter | None = None
        self._run = ""
        self._work = work
        self._said = html()
        self.draw = button(say("page.train.draw", self.language), main=True)
        self.open = button(say("page.train.open", self.language))
        self.steps = ipywidgets.Dropdown(options=[], layout={"width": "160px"})
        self.take_step = button(say("page.train.take_step", self.language))
        self.pictures = PictureGrid(
            Actions(open=lambda name: None, star=self._star, ticked=lambda: None), self.language
        )
        self._page = column()
        on_press(self.draw, self._draw)
        on_press(self.open, self._open)
        on_press(self.take_step, self._take_step)
        self._choice = row(html(escaped(say("page.train.other_step", self.language))), self.steps, self.take_step)
        self.root = card(self._said, row(self.draw, self.open), self._choice, self.pictures.root, self._page)
        self.clear()

    def clear(self) -> None:
        """Show nothing."""
        self.adapter = None
        self.pictures.show([])
        self._page.children = ()
        show_if(self.root, False)

    def show(self, adapter: KeptAdapter) -> None:
        """Say what came out, and offer what can be done with it."""
        self.adapter = adapter
        self._said.value = box(
            [sentence("page.train.kept", self.language, name=adapter.name, prompt=prompt_of(adapter, ""))], "good"
        )
        steps = self.studio.training_steps(self._run) if self._run else []
        self.steps.options = [(str(step), step) for step in steps]
        show_if(self._choice, len(steps) > 1)
        show_if(self.root, True)

    def take(self, event: Any) -> None:
        """Remember which training it is, and show pictures that were drawn with it."""
        if type(event).__name__ == "TrainingRun":
            self._run = event.name
        elif isinstance(event, KeptPicture):
            data = shown_bytes(event.picture.image, THUMBNAIL)
            self.pictures.add(Shown(name=event.path.stem, data=data, caption=drawn_caption(event, self.language)))

    def _star(self, name: str, on: bool) -> None:
        self.studio.library.star(name, on)

    def _draw(self) -> None:
        if self.adapter is not None:
            self._work(self._drawings(self.adapter))

    def _drawings(self, adapter: KeptAdapter) -> Iterator[Any]:
        for seed, scene in enumerate(SCENES):
            yield from self.studio.draw(settings_of(adapter, say(scene, "en"), seed=seed), previews=True)

    def _open(self) -> None:
        """The page for pictures, under this one, with the words filled in."""
        from colabsd.widgets.generate_page import GeneratePage

        if self.adapter is None:
            return
        page = GeneratePage(self.studio)
        page.create.form.use_model(model_of(self.adapter))
        page.create.form.fill_words(prompt_of(self.adapter, ""), "")
        self._page.children = (page.root,)

    def _take_step(self) -> None:
        if self._run and self.steps.value is not None:
            self._work(self.studio.export_training(self._run, self.steps.value))
