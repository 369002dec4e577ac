"""The guide: its pictures are there and small, and it speaks of every setting."""

from importlib.resources import files

import pytest

from colabsd.language import LANGUAGES, Language, say
from colabsd.settings.fields import field_specs
from colabsd.settings.redraw import RedrawSettings
from colabsd.settings.samplers import SAMPLERS
from colabsd.widgets.escaping import escaped
from colabsd.widgets.guide import CHAPTERS, glossary_html, picture_bytes, samplers_html

MOST_BYTES = 300_000


def test_its_pictures_are_there_and_small_and_all_of_them_are_shown() -> None:
    names = {picture for _, _, picture in CHAPTERS if picture}
    assert {entry.name for entry in files("colabsd.widgets").joinpath("guide_pictures").iterdir()} == names
    assert sum(len(picture_bytes(name)) for name in names) <= MOST_BYTES


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_names_every_sampler_and_every_setting(language: Language) -> None:
    assert all(escaped(row.label) in samplers_html(language) for row in SAMPLERS)
    text = glossary_html(language)
    assert [
        name for name in field_specs(RedrawSettings) if escaped(say(f"field.{name}.help", language)) not in text
    ] == []
