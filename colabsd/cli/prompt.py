"""`colabsd prompt`: how a prompt will be read, without drawing it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from colabsd.cli.console import Console
from colabsd.cli.generate import read_prompt
from colabsd.cli.opening import opened_studio
from colabsd.cli.options import folder_option, general_options, setting_options
from colabsd.cli.speaking import SpeakingArgument, SpeakingCommand
from colabsd.cli.text import harmless
from colabsd.language import Language, say
from colabsd.planning.plans import ImagePlan, LoraUse
from colabsd.prompts import Piece, Pieces
from colabsd.settings.images import ImageSettings
from colabsd.settings.samplers import find_sampler

if TYPE_CHECKING:
    from colabsd.studio.prompting import Reading, Used

OPTIONS = (
    "negative_prompt",
    "style",
    "model",
    "count",
    "seed",
    "sampler",
    "steps",
    "clip_skip",
    "emphasis",
    "wildcard_seed",
)


def build(language: Language) -> click.Command:
    """The command in a language."""
    return SpeakingCommand(
        "prompt",
        language=language,
        explained=say("cli.prompt.help", language),
        callback=show_prompt,
        params=[
            SpeakingArgument(
                "prompt",
                label="PROMPT",
                explained=say("cli.generate.prompt", language),
                example=say("cli.prompt.example", language),
            ),
            *setting_options(ImageSettings, language, OPTIONS),
            folder_option(language),
            *general_options(language),
        ],
    )


@click.pass_obj
def show_prompt(console: Console, /, *, prompt: str, folder: Path | None, **asked: Any) -> int:
    """The final prompts, each with its length and what is used when; remarks on stderr."""
    given = {name: value for name, value in asked.items() if value is not None}
    with opened_studio(console, folder) as studio:
        plan, readings = studio.read(ImageSettings(prompt=read_prompt(prompt), **given))
    for note in plan.notes:
        console.tell(note.key, **note.facts)
    seen: set[tuple[Reading, ...]] = set()
    for index, several in enumerate(readings):
        if several not in seen:
            seen.add(several)
            _show(console, plan, index, several)
    return 0


def _show(console: Console, plan: ImagePlan, index: int, readings: "Sequence[Reading]") -> None:
    drawing = plan.drawings[index]
    if console.as_json:
        for reading in readings:
            console.write_json("prompt", index=index, seed=drawing.seed, **_as_json(reading, drawing.loras))
        return
    in_steps = find_sampler(drawing.sampler).order == 1
    for reading in readings:
        label = say("field.negative_prompt.label" if reading.negative else "field.prompt.label", console.language)
        console.result(f"{label}: {harmless(reading.text)}")
        console.result(
            "  " + console.sentence("cli.prompt.length", {"tokens": reading.tokens, "chunks": reading.chunks})
        )
        for used in reading.used if len(reading.used) > 1 or not _is_plain(reading) else ():
            key = "cli.prompt.steps" if in_steps else "cli.prompt.calls"
            calls = f"{used.first}-{used.last}" if used.first < used.last else used.first
            told = console.sentence(key, {"calls": calls})
            console.result(f"  {told}: {harmless(_sides(used))}")
    for lora in drawing.loras:
        facts = {"name": lora.name, "unet": f"{lora.unet:g}", "text": f"{lora.text_encoder:g}"}
        console.result("  " + console.sentence("cli.prompt.lora", facts))


def _is_plain(reading: "Reading") -> bool:
    """Whether the prompt is used as it stands, from the first step to the last."""
    ((_, pieces),) = reading.used[0].sides if len(reading.used[0].sides) == 1 else ((1.0, ()),)
    return pieces == (Piece(reading.text),)


def _sides(used: "Used") -> str:
    """`a (1.1) b` as `a  ×1.1` and so on, the sides of an AND with their weights."""
    if len(used.sides) == 1:
        return _pieces(used.sides[0][1])
    return " AND ".join(f"[{_pieces(pieces)}] ×{weight:g}" for weight, pieces in used.sides)


def _pieces(pieces: Pieces) -> str:
    words = (
        "BREAK" if not isinstance(one, Piece) else f"“{one.text}”" + ("" if one.weight == 1 else f" ×{one.weight:.4g}")
        for one in pieces
    )
    return "  ".join(words)


def _as_json(reading: "Reading", loras: Sequence[LoraUse]) -> dict[str, Any]:
    spans = [
        {
            "first_call": used.first,
            "last_call": used.last,
            "sides": [{"weight": weight, "pieces": _pieces_as_json(pieces)} for weight, pieces in used.sides],
        }
        for used in reading.used
    ]
    return {
        "text": reading.text,
        "negative": reading.negative,
        "tokens": reading.tokens,
        "chunks": reading.chunks,
        "spans": spans,
        "loras": [] if reading.negative else [lora.name for lora in loras],
    }


def _pieces_as_json(pieces: Pieces) -> list[Any]:
    """Texts with their weights; null is a BREAK."""
    return [[one.text, one.weight] if isinstance(one, Piece) else None for one in pieces]
