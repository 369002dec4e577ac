"""The form: what is asked of a picture. A few settings for everybody, all others folded; made from the FieldSpecs."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.errors import ColabsdError
from colabsd.geometry import Size
from colabsd.language import say
from colabsd.library.adapters import kept_adapters
from colabsd.models.cards import ModelCard
from colabsd.settings.codec import settings_from_json
from colabsd.settings.fields import field_specs
from colabsd.settings.images import NEW_SEED, ImageSettings
from colabsd.settings.redraw import RedrawSettings
from colabsd.settings.samplers import find_sampler, split_label
from colabsd.studio.prompting import workspace_styles
from colabsd.widgets.choices import (
    asked_of,
    examples,
    model_choices,
    sampler_options,
    schedule_options,
    size_options,
)
from colabsd.widgets.controls import (
    NOTHING,
    Control,
    area_control,
    control_of,
    field_box,
    labelled,
    menu_control,
    slider_control,
)
from colabsd.widgets.escaping import escaped
from colabsd.widgets.look import button, column, html, row, show_if, with_classes
from colabsd.widgets.presses import on_change, on_press
from colabsd.widgets.start_picture import StartPicture

if TYPE_CHECKING:
    from colabsd.studio import Studio

USUAL_STEPS, USUAL_GUIDANCE, USUAL_COUNT = 60, 15.0, 12
SPECS, REDRAW_SPECS = field_specs(ImageSettings), field_specs(RedrawSettings)
# What has a place of its own; every other field of the settings stands in the folded part, in its order.
PLACED = frozenset(
    {"prompt", "negative_prompt", "model", "width", "height", "count", "seed", "sampler", "schedule", "steps"}
    | {"guidance", "style"}
)


class Form:
    """What is asked, on one page. `root` is the prompt with what is said of it, `settings` everything else."""

    def __init__(self, studio: "Studio", start: StartPicture) -> None:
        self.studio = studio
        self.language = studio.language
        self.start = start
        self._silent = False
        self.controls: dict[str, Control] = {}
        self._add_prompts()
        self._add_model()
        self._add_sampling()
        self._add_others()
        self.root = column(self.controls["prompt"].box, self._examples(), self.controls["negative_prompt"].box)
        self.settings = self._arranged()
        self.use_model(None)
        self._listen()

    @property
    def card(self) -> ModelCard:
        """The card of the chosen model. Raises: UnknownModelError and its like."""
        return self.studio.model(self.model)

    @property
    def model(self) -> str | None:
        """The chosen model's name; what is typed beside the menu goes first."""
        chosen: str = self.controls["model"].input.value
        return chosen or self._other_model.value.strip() or None

    def read(self) -> ImageSettings:
        """What is asked, as settings; a redrawing where a picture to start from is chosen.

        What the model would choose anyway is left to it. Raises: InvalidSettingError, UnknownModelError.
        """
        values = {name: control.read() for name, control in self.controls.items() if name != "size"}
        size = self.controls["size"].read()
        if isinstance(size, Size):
            values |= {"width": size.width, "height": size.height}
        values["model"] = self.model
        asked = asked_of(values, self.card)
        if self.start.path is None:
            return settings_from_json(ImageSettings, asked)
        return settings_from_json(RedrawSettings, asked | self.start.read())

    def fill(self, settings: Mapping[str, Any]) -> None:
        """Show these settings, as they were once asked; what they leave out is the model's choice."""
        self._silent = True
        try:
            self.use_model(settings.get("model"))
            defaults = {field.name: field.default for field in fields(ImageSettings)}
            sampler, schedule = split_label(settings.get("sampler") or self.card.default_sampler)
            plain = defaults | dict(settings) | {"sampler": sampler}
            plain["schedule"] = settings.get("schedule") or schedule
            for name, control in self.controls.items():
                if name in settings or name in EMPTIED:
                    control.fill(plain.get(name))
            self._fill_size(settings)
            self.controls["count"].fill(plain["count"])
            self.controls["seed"].fill(NEW_SEED if plain["seed"] is None else plain["seed"])
        finally:
            self._silent = False
        self._changed()

    def fill_words(self, prompt: str, negative_prompt: str) -> None:
        """Show these words and leave the other settings."""
        for name, words in (("prompt", prompt), ("negative_prompt", negative_prompt)):
            self.controls[name].fill(words)

    def use_model(self, name: str | None) -> None:
        """Choose a model, and show what it likes: its size, sampler, steps, guidance. Raises: UnknownModelError."""
        card = self.studio.model(name)
        menu = self.controls["model"].input
        known = [value for _, value in menu.options]
        menu.value = card.name if card.name in known else NOTHING
        if menu.value == NOTHING:
            self._other_model.value = name or ""
        self._show_card(card)

    def keep_seed(self, seed: int) -> None:
        """Put a seed into the form: the next picture begins from the same noise."""
        self.controls["seed"].fill(seed)

    def on_change(self, do: Callable[[], None]) -> None:
        """Call `do` after every change that somebody has finished."""
        self._watchers.append(do)

    # How it is built.

    def _add_prompts(self) -> None:
        language = self.language
        self._watchers: list[Callable[[], None]] = []
        prompt = area_control("prompt", language, rows=3, placeholder=say("page.prompt.placeholder", language))
        negative = area_control(
            "negative_prompt", language, rows=1, placeholder=say("page.negative.placeholder", language)
        )
        for control in (prompt, negative):
            with_classes(control.box, "colabsd-prompt" if control is prompt else "colabsd-negative")
            self.controls[control.name] = control

    def _add_model(self) -> None:
        language = self.language
        self.choices = model_choices(self.studio)
        options: list[tuple[str, Any]] = [(choice.label(language), choice.card.name) for choice in self.choices]
        self._other_model = ipywidgets.Text(
            placeholder=say("page.model.other.placeholder", language), continuous_update=False, layout={"width": "auto"}
        )
        show_if(self._other_model, False)
        options.append((say("page.model.other", language), NOTHING))
        self.controls["model"] = menu_control("model", language, options, self._other_model)
        sizes = ipywidgets.Dropdown(options=[("", NOTHING)], layout={"width": "auto"})
        self._by_hand = row(*(self._number(name).box for name in ("width", "height")))
        box = labelled(say("page.size", language), say("page.size.help", language), sizes, self._by_hand)
        self.controls["size"] = Control(
            name="size", box=box, input=sizes, read=lambda: sizes.value or None, fill=lambda value: None
        )

    def _number(self, name: str) -> Control:
        control = control_of(name, SPECS[name], None, self.language)
        control.box.layout.flex = "1 1 90px"
        self.controls[name] = control
        return control

    def _add_sampling(self) -> None:
        language = self.language
        self._character = html()
        self.controls["sampler"] = menu_control("sampler", language, sampler_options(), self._character)
        self.controls["schedule"] = menu_control("schedule", language, [(say("page.automatic", language), NOTHING)])
        for name, most, step in (("steps", USUAL_STEPS, 1), ("guidance", USUAL_GUIDANCE, 0.5)):
            self.controls[name] = slider_control(name, SPECS[name], language, most=most, step=step)
        self.controls["count"] = slider_control("count", SPECS["count"], language, most=USUAL_COUNT, step=1)
        seed = control_of("seed", SPECS["seed"], NEW_SEED, language)
        self.new_seed = button(say("page.seed.new", language), tooltip=say("page.seed.new.help", language))
        on_press(self.new_seed, lambda: seed.fill(NEW_SEED))
        self.keep_last_seed = button(say("page.seed.keep", language), tooltip=say("page.seed.keep.help", language))
        self.keep_last_seed.disabled = True
        seed.input.layout.flex = "1 1 90px"
        together = row(seed.input, self.new_seed, self.keep_last_seed, gap="6px")
        box = field_box("seed", language, together)
        self.controls["seed"] = Control(name="seed", box=box, input=seed.input, read=seed.read, fill=seed.fill)

    def _add_others(self) -> None:
        styles = _style_names(self.studio)
        self.has_styles = bool(styles)
        for name in ("style", *OTHERS):
            default = next(field.default for field in fields(ImageSettings) if field.name == name)
            self.controls[name] = control_of(name, SPECS[name], default, self.language)
        self.controls["style"].input.placeholder = ", ".join(styles[:4])
        trained = [kept.name for kept in kept_adapters(self.studio.workspace)]  # one's own stand first
        loras = self.studio.adapter_folders(()).loras
        names = dict.fromkeys((*(name for name in trained if name in loras), *loras))
        self.controls["lora"].input.placeholder = ", ".join(f"{name}:0.8" for name in list(names)[:3])

    def _arranged(self) -> Any:
        """The settings in their places; what only some need unfolds."""
        boxes = {name: control.box for name, control in self.controls.items()}
        names = ("style", "schedule", *OTHERS)
        shown = [boxes[name] for name in names if name != "style" or self.has_styles]
        for box in shown:
            box.layout.width = "calc(50% - 6px)"
        self.more = ipywidgets.ToggleButton(
            value=False, description=say("page.more", self.language), icon="sliders", layout={"width": "auto"}
        )
        folded = row(*shown, align_items="flex-start", gap="10px")
        show_if(folded, False)
        on_change(self.more, lambda: show_if(folded, self.more.value))
        order = ("model", "size", "count", "sampler", "steps", "guidance", "seed")
        return column(*(boxes[name] for name in order), self.start.root, self.more, folded, gap="12px")

    def _examples(self) -> Any:
        """A few sentences to begin with; a press puts one into the prompt."""
        buttons = []
        for text in examples(self.studio):
            made = button(text)
            on_press(made, partial(self.controls["prompt"].fill, text))
            buttons.append(with_classes(made, "colabsd-example"))
        return row(html(f'<span class="colabsd-dim">{escaped(say("page.examples", self.language))}</span>'), *buttons)

    # What follows from a choice.

    def _listen(self) -> None:
        for name, control in self.controls.items():
            if name not in FOLLOWED:
                on_change(control.input, self._changed)
        on_change(self.controls["model"].input, self._model_chosen)
        on_change(self._other_model, self._model_chosen)
        on_change(self.controls["size"].input, lambda: self._followed(self._show_by_hand))
        on_change(self.controls["sampler"].input, lambda: self._followed(self._show_sampler))
        self.start.on_change(self._changed)

    def _changed(self) -> None:
        if not self._silent:
            for do in self._watchers:
                do()

    def _followed(self, show: Callable[[], None]) -> None:
        """Show what follows from a choice, and tell of both as of one change."""
        silent, self._silent = self._silent, True
        try:
            show()
        finally:
            self._silent = silent
        self._changed()

    def _model_chosen(self) -> None:
        show_if(self._other_model, self.controls["model"].input.value == NOTHING)
        if self._silent:
            return
        try:
            card = self.card
        except ColabsdError:  # half a name; the page says so when it reads the form
            self._changed()
            return
        self._followed(lambda: self._show_card(card))

    def _show_card(self, card: ModelCard) -> None:
        self.controls["size"].input.options = size_options(card, self.language)
        self.controls["size"].input.value = card.size
        self._show_by_hand()
        self.controls["sampler"].fill(find_sampler(split_label(card.default_sampler)[0]).label)
        self._show_sampler()
        self.controls["steps"].fill(card.default_steps)
        self.controls["guidance"].fill(card.default_guidance)

    def _show_by_hand(self) -> None:
        show_if(self._by_hand, self.controls["size"].input.value == NOTHING)

    def _show_sampler(self) -> None:
        sampler = find_sampler(self.controls["sampler"].input.value)
        said = escaped(say(sampler.character, self.language))
        self._character.value = f'<div class="colabsd-dim">{said}</div>'
        menu = self.controls["schedule"].input
        before = menu.value
        names = [name for name in schedule_options(sampler.label) if name != "Automatic"]
        menu.options = [(say("page.automatic", self.language), NOTHING), *((name, name) for name in names)]
        menu.value = before if before in names else NOTHING

    def _fill_size(self, settings: Mapping[str, Any]) -> None:
        card = self.card
        size = Size(settings.get("width") or card.size.width, settings.get("height") or card.size.height)
        menu = self.controls["size"].input
        known = size in [value for _, value in menu.options]
        menu.value = size if known else NOTHING
        for name, side in (("width", size.width), ("height", size.height)):
            self.controls[name].fill(None if known else side)
        self._show_by_hand()


OTHERS: tuple[str, ...] = tuple(name for name in SPECS if name not in PLACED)
FOLLOWED = frozenset({"model", "size", "sampler"})  # other controls follow from these
EMPTIED = frozenset({"prompt", "negative_prompt", "style", "sampler", "schedule", *OTHERS})  # where not asked for


def _style_names(studio: "Studio") -> list[str]:
    """The styles of the workspace; a table that cannot be read is told when a style is asked for."""
    try:
        return [style.name for style in workspace_styles(studio.workspace)]
    except ColabsdError:
        return []
