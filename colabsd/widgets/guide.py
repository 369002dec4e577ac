"""A short guide for beginners: what each setting does, seen in pictures that the embedded model drew."""

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from colabsd.language import Language, say
from colabsd.settings.fields import field_specs
from colabsd.settings.redraw import RedrawSettings
from colabsd.settings.samplers import SAMPLERS
from colabsd.widgets.escaping import data_address, escaped
from colabsd.widgets.look import card, html, with_classes

if TYPE_CHECKING:
    from colabsd.studio import Studio

# The key of a heading, that of its text, and the picture beside it; in the order of the page.
CHAPTERS: tuple[tuple[str, str, str], ...] = (
    ("guide.prompt", "guide.prompt.text", "prompt.webp"),
    ("guide.steps", "guide.steps.text", "steps.webp"),
    ("guide.guidance", "guide.guidance.text", "guidance.webp"),
    ("guide.seed", "guide.seed.text", "seeds.webp"),
    ("guide.sampler", "guide.sampler.text", "samplers.webp"),
    ("guide.start", "guide.start.text", "strength.webp"),
    ("guide.drafts", "guide.drafts.text", ""),
    ("guide.kept", "guide.kept.text", ""),
)


def guide(studio: "Studio") -> Any:
    """The guide as one widget without anything to press."""
    language = studio.language
    text = "".join((*(chapter_html(*chapter, language) for chapter in CHAPTERS), samplers_html(language)))
    return card(with_classes(html(f'<div class="colabsd-guide">{text}{glossary_html(language)}</div>')))


def chapter_html(heading: str, text: str, picture: str, language: Language) -> str:
    """One chapter: a heading, a few sentences, and a sheet of pictures."""
    image = ""
    if picture:
        image = f'<img src="{data_address(picture_bytes(picture), "image/webp")}" alt="">'
    return f"<h3>{escaped(say(heading, language))}</h3><p>{escaped(say(text, language))}</p>{image}"


def picture_bytes(name: str) -> bytes:
    """A picture of the guide."""
    return files("colabsd.widgets").joinpath("guide_pictures", name).read_bytes()


def samplers_html(language: Language) -> str:
    """Every sampler with its character."""
    rows = "".join(
        f"<tr><th>{escaped(row.label)}</th><td>{escaped(say(row.character, language))}</td></tr>" for row in SAMPLERS
    )
    heading = escaped(say("guide.samplers", language))
    return f'<details><summary>{heading}</summary><table class="colabsd-table">{rows}</table></details>'


def glossary_html(language: Language) -> str:
    """Every setting with its help."""
    rows = "".join(
        f"<tr><th>{escaped(say(f'field.{name}.label', language))}</th>"
        f"<td>{escaped(say(f'field.{name}.help', language))}</td></tr>"
        for name in field_specs(RedrawSettings)
    )
    heading = escaped(say("guide.glossary", language))
    return f'<details><summary>{heading}</summary><table class="colabsd-table">{rows}</table></details>'
