"""The form: every setting has a place, what is read is what was filled in, and a model brings what it likes."""

from pathlib import Path

import pytest

from colabsd.errors import InvalidSettingError, UnknownModelError
from colabsd.geometry import Size
from colabsd.settings.fields import field_specs
from colabsd.settings.images import ImageSettings
from colabsd.settings.redraw import RedrawSettings
from colabsd.studio import Studio
from colabsd.widgets.controls import NOTHING
from colabsd.widgets.form import Form
from colabsd.widgets.start_picture import StartPicture


@pytest.fixture
def form(studio: Studio) -> Form:
    return Form(studio, StartPicture(studio))


def test_every_setting_has_a_place(form: Form) -> None:
    assert set(form.controls) - {"size"} == set(field_specs(ImageSettings))


def test_an_untouched_form_asks_for_nothing_but_the_models_choice(form: Form) -> None:
    asked = form.read()
    assert asked == ImageSettings(model="starter", seed=-1)


def test_what_is_filled_in_is_read(form: Form) -> None:
    settings = ImageSettings(
        prompt="a <b>cat</b>, (sleeping:1.2)",
        negative_prompt="dog",
        model="sd15",
        width=640,
        height=512,
        count=3,
        seed=2**64 - 1,
        sampler="Heun",
        schedule="Karras",
        steps=150,
        guidance=3.5,
        lora=("ink:0.8",),
        clip_skip=2,
        emphasis="no-norm",
        variation_strength=0.25,
        variation_seed=9,
        noise="nv",
        batch=2,
    )
    form.fill({name: value for name, value in vars(settings).items() if value is not None})
    assert form.read() == settings


def test_a_size_that_is_no_preset_is_typed_by_hand(form: Form) -> None:
    form.fill({"width": 96, "height": 224})
    assert form.controls["size"].input.value == NOTHING
    asked = form.read()
    assert (asked.width, asked.height) == (96, 224)


def test_filling_in_forgets_what_was_there_before(form: Form) -> None:
    form.fill({"prompt": "a", "negative_prompt": "b", "clip_skip": 2, "count": 4})
    form.fill({"prompt": "c"})
    assert form.read() == ImageSettings(prompt="c", model="starter", seed=-1)


def test_another_model_brings_its_own_size_sampler_steps_and_guidance(form: Form, studio: Studio) -> None:
    form.controls["model"].input.value = "sd15"
    card = studio.model("sd15")
    assert form.controls["size"].input.value == Size(512, 512)
    assert form.controls["steps"].input.value == card.default_steps
    assert form.controls["guidance"].input.value == card.default_guidance
    assert form.controls["sampler"].input.value == card.default_sampler
    assert form.read() == ImageSettings(model="sd15", seed=-1)


def test_a_model_of_ones_own_is_typed_beside_the_menu(form: Form, small_model_folder: Path) -> None:
    form.use_model(str(small_model_folder))
    assert form.read().model == str(small_model_folder)
    assert form.controls["size"].input.value == Size(64, 64)
    with pytest.raises(UnknownModelError):
        form.use_model("no-such-model")


def test_the_samplers_character_and_schedules_follow_it(form: Form) -> None:
    form.controls["sampler"].input.value = "DPM fast"
    assert [value for _, value in form.controls["schedule"].input.options] == [NOTHING]
    form.controls["sampler"].input.value = "Euler"
    form.controls["schedule"].input.value = "Karras"
    form.controls["sampler"].input.value = "DDIM"
    assert form.controls["schedule"].input.value == NOTHING
    assert form._character.value


@pytest.mark.parametrize(("name", "typed"), [("seed", "seven"), ("clip_skip", "99"), ("width", "1.5"), ("eta", "2")])
def test_what_cannot_be_is_our_error(form: Form, name: str, typed: str) -> None:
    form.controls["size"].input.value = NOTHING
    form.controls[name].input.value = typed
    with pytest.raises(InvalidSettingError):
        form.read()


def test_a_change_is_told_once_and_only_when_it_is_finished(form: Form) -> None:
    told: list[int] = []
    form.on_change(lambda: told.append(1))
    assert form.controls["prompt"].input.continuous_update is False
    form.controls["prompt"].input.value = "a cat"
    assert len(told) == 1
    form.controls["model"].input.value = "sd15"
    assert len(told) == 2
    form.fill({"prompt": "b", "steps": 30})
    assert len(told) == 3


def test_a_picture_to_start_from_makes_it_a_redrawing(form: Form, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "a.png"
    Image.new("RGB", (64, 64)).save(path)
    form.start.use(path)
    form.start.strength.fill(0.4)
    asked = form.read()
    assert isinstance(asked, RedrawSettings) and (asked.image, asked.strength) == (str(path), 0.4)
    form.start.use(None)
    assert not isinstance(form.read(), RedrawSettings)


def test_a_file_that_is_no_picture_is_told_and_changes_nothing(form: Form, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"nothing")
    form.start.use(path)
    assert form.start.path is None
    assert "colabsd-error" in form.start._trouble.value
