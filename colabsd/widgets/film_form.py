"""What is asked of a film on the page: prompts by frame, a camera move, few settings for all, the rest folded.

Made from the FieldSpecs of VideoSettings.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import ipywidgets

from colabsd.errors import ColabsdError
from colabsd.language import say
from colabsd.planning.camera_moves import MOVES, with_move
from colabsd.settings.fields import check_settings, field_specs
from colabsd.settings.video import MODES, VideoSettings
from colabsd.widgets.choices import model_choices
from colabsd.widgets.controls import NOTHING, WIDE, Control, control_of, labelled, menu_control
from colabsd.widgets.film_prompts import PromptTable
from colabsd.widgets.look import button, card, column, columns, show_if
from colabsd.widgets.presses import on_change, on_press

if TYPE_CHECKING:
    from colabsd.studio import Studio

SPECS = field_specs(VideoSettings)
DEFAULTS = {field.name: field.default for field in fields(VideoSettings)}
OWN = ("prompts", "model")
FIRST = ("animation_mode", "max_frames", "fps", "diffusion_cadence", "seed", "model")
MOVING = ("zoom", "angle", "translation_x", "translation_y", "translation_z", "rotation_3d_x", "rotation_3d_y")
PLANE = ("zoom", "angle")
SPACE = ("translation_z", "rotation_3d_x", "rotation_3d_y", "rotation_3d_z")
DRAWING = ("strength_schedule", "cfg_scale_schedule", "noise_schedule", "color_coherence", "border")
SOUND = ("add_soundtrack", "soundtrack_path", "video_init_path")
FIRST_FRAMES = 60
"""How long the film is that the page begins with: a first one should not take long."""


class FilmForm:
    """`root` is what is displayed; `read` gives the settings, `fill` shows others. `changed` hears of every change."""

    def __init__(self, studio: "Studio", changed: Callable[[], None]) -> None:
        self.studio = studio
        self.language = studio.language
        self._changed = changed
        self._silent = True
        self.prompts = PromptTable(self.language, self._tell)
        self.controls: dict[str, Control] = {
            name: control_of(spec.named or name, spec, DEFAULTS[name], self.language)
            for name, spec in SPECS.items()
            if name not in OWN
        }
        self.controls["model"] = self._model()
        self.move, self.amount = self._moves()
        self._folded = self._others()
        self.unfold = button(say("page.more", self.language))
        on_press(self.unfold, lambda: show_if(self._folded, self._folded.layout.display == "none"))
        show_if(self._folded, False)
        self.root = self._arranged()
        self._begin()
        for name, control in self.controls.items():
            on_change(control.input, self._place_camera if name == "animation_mode" else self._tell)
        on_change(self.move, self._use_move)
        on_change(self.amount, self._use_move)
        self._silent = False

    def read(self) -> VideoSettings:
        """What is asked. Raises: InvalidSettingError."""
        values: dict[str, Any] = {name: control.read() for name, control in self.controls.items()}
        chosen = {name: value for name, value in values.items() if value is not None}
        settings = VideoSettings(**{**chosen, "prompts": self.prompts.read()})
        check_settings(settings)
        return settings

    def fill(self, settings: VideoSettings) -> None:
        """Show these settings."""
        with self._quietly():
            for name, control in self.controls.items():
                control.fill(getattr(settings, name))
            self.prompts.fill(settings.prompts)
        self._place_camera()

    def use_move(self, name: str, amount: float = 1.0) -> None:
        """Choose a camera move, as the menu and its slider do."""
        with self._quietly():
            self.move.value, self.amount.value = name, amount
        self._use_move()

    def _use_move(self) -> None:
        if self._silent or not self.move.value:
            return
        moved = with_move(self._plain(), self.move.value, self.amount.value, self._width())
        with self._quietly():
            for name in (*MOVING, *SPACE, "animation_mode"):
                self.controls[name].fill(getattr(moved, name))
        self._place_camera()

    def _plain(self) -> VideoSettings:
        """The settings that moves depend on."""
        return VideoSettings(animation_mode=self.controls["animation_mode"].read() or MODES[0])

    def _width(self) -> int:
        try:
            return int(self.controls["width"].read() or self.studio.model(self.controls["model"].read()).size.width)
        except ColabsdError:
            return 512

    def _begin(self) -> None:
        """Two prompts that the model draws well, and a slow zoom between them."""
        texts = [say(key, self.language) for key in ("page.film.example.first", "page.film.example.second")]
        prompts = tuple(f"{frame}: {text}" for frame, text in zip((0, FIRST_FRAMES // 2), texts, strict=True))
        self.fill(with_move(VideoSettings(prompts=prompts, max_frames=FIRST_FRAMES), "zoom in"))
        self.move.value = "zoom in"

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Changes in it are told by nobody."""
        before, self._silent = self._silent, True
        try:
            yield
        finally:
            self._silent = before

    def _tell(self) -> None:
        if not self._silent:
            self._changed()

    def _place_camera(self) -> None:
        """Show the camera's settings that count in the mode."""
        mode = self.controls["animation_mode"].read()
        for name in (*PLANE, *SPACE, "translation_x", "translation_y"):
            here = mode == "3D" if name in SPACE else mode == "2D" if name in PLANE else mode in ("2D", "3D")
            show_if(self.controls[name].box, here)
        self._tell()

    def _model(self) -> Control:
        options = [(say("page.automatic", self.language), NOTHING)]
        options += [(one.label(self.language), one.card.name) for one in model_choices(self.studio)]
        return menu_control("model", self.language, options)

    def _moves(self) -> tuple[Any, Any]:
        """The menu of camera moves, and how much of it."""
        options = [(say(move.title, self.language), move.name) for move in MOVES]
        menu = ipywidgets.Dropdown(options=[(say("page.film.move.own", self.language), NOTHING), *options], layout=WIDE)
        amount = ipywidgets.FloatSlider(
            value=1.0, min=0.25, max=3, step=0.25, continuous_update=False, readout_format=".2f", layout=WIDE
        )
        return menu, amount

    def _others(self) -> Any:
        """Everything else, by what it is about."""
        placed = {*FIRST, *MOVING, *SPACE, *DRAWING, *SOUND, "negative_prompt"}
        boxes = [control.box for name, control in self.controls.items() if name not in placed]
        return _beside(boxes)

    def _arranged(self) -> Any:
        language = self.language
        move = labelled(say("page.film.move", language), say("page.film.move.help", language), self.move)
        amount = labelled(say("page.film.amount", language), say("page.film.amount.help", language), self.amount)
        camera = [self.controls[name].box for name in dict.fromkeys((*MOVING, *SPACE))]
        return column(
            card(self.prompts.root, self.controls["negative_prompt"].box),
            card(_beside([self.controls[name].box for name in FIRST])),
            card(_beside([move, amount]), _beside(camera)),
            card(_beside([self.controls[name].box for name in DRAWING])),
            card(_beside([self.controls[name].box for name in SOUND])),
            self.unfold,
            self._folded,
        )


def _beside(boxes: list[Any]) -> Any:
    """Boxes in as many columns as there is room for."""
    return columns(*boxes, least=["160px"] * len(boxes), gap="10px")
