"""What a beginner chooses among: models with their download, sizes with their reason, samplers. Makes no widgets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colabsd.geometry import Size, snap
from colabsd.language import Language, say
from colabsd.models.cards import ModelCard
from colabsd.settings.samplers import SAMPLERS, find_sampler

if TYPE_CHECKING:
    from colabsd.studio import Studio

LARGEST_SIDE = 768
GB = 1e9
# Width and height as parts of the trained side, and why one would take them.
SHAPES: tuple[tuple[float, float, str], ...] = (
    (1.0, 1.0, "page.size.trained"),
    (1.0, 1.25, "page.size.portrait"),
    (1.25, 1.0, "page.size.landscape"),
    (1.0, 1.5, "page.size.tall"),
    (1.5, 1.0, "page.size.wide"),
    (1.5, 1.5, "page.size.large"),
)


@dataclass(frozen=True)
class Preset:
    """A size to choose and the key of its reason."""

    size: Size
    reason: str


def size_presets(card: ModelCard) -> tuple[Preset, ...]:
    """Sizes that a model can draw, its own first, with no side above 768 unless it was trained at more."""
    most = max(LARGEST_SIDE, card.size.width, card.size.height)
    presets: dict[Size, Preset] = {}
    for across, down, reason in SHAPES:
        size = Size(*(snap(round(side), card.multiple) for side in (card.size.width * across, card.size.height * down)))
        if max(size.width, size.height) <= most:
            presets.setdefault(size, Preset(size, reason))
    return tuple(presets.values())


def size_options(card: ModelCard, language: Language) -> list[tuple[str, Size | str]]:
    """Labels and sizes; an empty one is the size that is typed by hand."""
    sizes: list[tuple[str, Size | str]] = [
        (f"{preset.size.width} × {preset.size.height} · {say(preset.reason, language)}", preset.size)
        for preset in size_presets(card)
    ]
    return [*sizes, (say("page.size.other", language), "")]


def sampler_options() -> list[tuple[str, str]]:
    """The samplers by their labels, in the order of the table."""
    return [(sampler.label, sampler.label) for sampler in SAMPLERS]


def schedule_options(sampler: str) -> tuple[str, ...]:
    """The schedules that a sampler accepts."""
    return find_sampler(sampler).schedules


@dataclass(frozen=True)
class ModelChoice:
    """A model to choose: its card, and the bytes that are still to come (0: it is here)."""

    card: ModelCard
    to_bring: int

    def label(self, language: Language) -> str:
        """The name, what it draws best, and whether it has to come first."""
        size = f"{self.card.size.width} px"
        if not self.to_bring:
            return say("page.model.here", language, name=self.card.name, size=size)
        return say("page.model.to_bring", language, name=self.card.name, size=size, gb=f"{self.to_bring / GB:.1f}")


def model_choices(studio: "Studio") -> tuple[ModelChoice, ...]:
    """The models that have a name and draw from a sentence."""
    from colabsd.models.registry import wanted_of

    choices = []
    for card in studio.models():
        here = (card.folder or card.file) is not None or studio.cache.find(wanted_of(card)) is not None
        if card.variant == "text":
            choices.append(ModelChoice(card, 0 if here else card.download_bytes))
    return tuple(choices)


def examples(studio: "Studio") -> tuple[str, ...]:
    """Sentences to begin with, which the embedded model draws well."""
    return tuple(say(key, studio.language) for key in EXAMPLES)


EXAMPLES: Sequence[str] = ("page.example.first", "page.example.second", "page.example.third")


def asked_of(values: Mapping[str, object], card: ModelCard) -> dict[str, object]:
    """Values of the form as they are asked for: what the model would choose anyway is left to it (None).

    So the same form asks another model for what that model likes.
    """
    usual: Mapping[str, object] = {
        "sampler": card.default_sampler,
        "schedule": None,
        "steps": card.default_steps,
        "guidance": card.default_guidance,
        "width": card.size.width,
        "height": card.size.height,
    }
    asked = dict(values)
    sized = asked.get("width") == card.size.width and asked.get("height") == card.size.height
    for name, value in usual.items():
        if asked.get(name) == value and (name not in ("width", "height") or sized):
            asked[name] = None
    return {name: value for name, value in asked.items() if value is not None}
