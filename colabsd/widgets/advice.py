"""What the page says before anything is drawn: length and remarks, time, memory, what has to come first. No widgets.

Reads no weights and loads no torch, so that it can be asked after every change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from colabsd.language import Language, say
from colabsd.language.amounts import duration
from colabsd.models.cards import ModelCard
from colabsd.planning.forecasts import GIB, forecast_memory
from colabsd.planning.memory import available_bytes
from colabsd.planning.plans import ImagePlan, Note
from colabsd.settings.images import ImageSettings
from colabsd.studio.paces import stored_pace

if TYPE_CHECKING:
    from colabsd.studio import Studio
    from colabsd.studio.prompting import Reading

# Why it is drawn where and how it is drawn is for those who ask (`colabsd plan`), not for everybody.
QUIET_NOTES = ("note.no_gpu", "note.gpu", "note.cpu_asked", "note.cpu_fp32", "note.cpu_bf16", "note.empty_prompt")
HUB_BYTES_PER_S = 40e6  # a careful guess of what comes from the hub


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What is known of a request before it is drawn. `needed` and `available` are bytes, 0 where not known."""

    tokens: int
    chunks: int
    notes: tuple[Note, ...]
    seconds: float
    measured: bool
    needed: int
    available: int
    to_bring: int
    plan: ImagePlan


def advise(studio: "Studio", settings: ImageSettings) -> Advice:
    """The advice on a request. Raises: InvalidSettingError and its like."""
    plan, readings = studio.read(settings)
    pace = stored_pace(studio.workspace)
    card = studio.model(settings.model)
    batch = max(map(len, plan.batches))
    first = readings[0][0]
    return Advice(
        tokens=first.tokens,
        chunks=first.chunks,
        notes=tuple(note for note in plan.notes if note.key not in QUIET_NOTES) + _too_long(readings),
        seconds=pace.forecast(plan, card, studio.machine),
        measured=pace.knows(card, plan.execution),
        needed=forecast_memory(card, plan.execution, plan.drawings[0].size, batch).total,
        available=available_bytes(studio.machine, plan.execution),
        to_bring=bytes_to_bring(studio, card),
        plan=plan,
    )


def bytes_to_bring(studio: "Studio", card: ModelCard) -> int:
    """What has to be downloaded before a model can draw; 0 when it is here."""
    from colabsd.models.registry import wanted_of

    if card.folder or card.file or studio.cache.find(wanted_of(card)) is not None:
        return 0
    return card.download_bytes


def _too_long(readings: "Sequence[tuple[Reading, ...]]") -> tuple[Note, ...]:
    long = next((reading for several in readings for reading in several if reading.chunks > 1), None)
    return (Note("page.long", {"tokens": long.tokens, "chunks": long.chunks}),) if long else ()


def told_forecast(advice: Advice, language: Language) -> str:
    """`≈ 40 s · 6.1 of 14.5 GB of memory`, and before it what has to come first."""
    parts = []
    if advice.to_bring:
        seconds = advice.to_bring / HUB_BYTES_PER_S
        facts = {"gb": f"{advice.to_bring / 1e9:.1f}", "time": duration(seconds)}
        parts.append(say("page.forecast.download", language, **facts))
    time = duration(max(1.0, advice.seconds))
    parts.append(say("page.forecast.time" if advice.measured else "page.forecast.guess", language, time=time))
    key = "page.forecast.memory" if advice.available else "page.forecast.memory_alone"
    facts = {"needed": f"{advice.needed / GIB:.1f}", "available": f"{advice.available / GIB:.1f}"}
    parts.append(say(key, language, **facts))
    return " · ".join(parts)


def told_length(advice: Advice, language: Language) -> str:
    """How long the prompt is, of what the model reads at once."""
    return say("page.tokens", language, tokens=advice.tokens, most=75 * max(1, advice.chunks))
