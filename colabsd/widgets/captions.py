"""What is said of a picture under it and beside it, as HTML."""

from typing import TYPE_CHECKING, Any

from colabsd.language import Language, say
from colabsd.language.amounts import duration
from colabsd.widgets.escaping import escaped, table

if TYPE_CHECKING:
    from colabsd.library.library import KeptPicture
    from colabsd.library.manifest import Manifest
    from colabsd.library.record import Record

SHORT_DIGITS = 12


def name_of(record: "Record") -> str:
    """The name that the library knows a picture by."""
    return record.path.rpartition("/")[2]


def drawn_caption(kept: "KeptPicture", language: Language) -> str:
    """Under a picture that was drawn just now: its seed, its steps and how long it took."""
    seed = escaped(say("page.caption.seed", language, seed=kept.record.seed))
    took = duration(max(1, kept.picture.seconds))
    steps = escaped(say("page.caption.steps", language, steps=kept.record.steps, time=took))
    return f'{seed}<br><span class="colabsd-dim">{steps}</span>'


def kept_caption(record: "Record", language: Language) -> str:
    """Under a picture of the library: the beginning of its prompt, and when it was drawn."""
    words = escaped(record.prompt, 120) or "—"
    day = f"{record.created:%d/%m/%Y %H:%M}" if language == "es" else f"{record.created:%Y-%m-%d %H:%M}"
    return (
        f'<span class="colabsd-clip" title="{words}">{words}</span><span class="colabsd-dim colabsd-clip">{day}</span>'
    )


def record_rows(record: "Record", language: Language) -> str:
    """The settings of a picture as a table."""

    def label(name: str) -> str:
        return say(f"field.{name}.label", language)

    rows: dict[str, object] = {
        label("prompt"): record.prompt,
        label("negative_prompt"): record.negative_prompt,
        label("model"): record.model,
        say("page.size", language): f"{record.width} × {record.height}",
        label("sampler"): f"{record.sampler} · {record.schedule}",
        label("steps"): record.steps,
        label("guidance"): f"{record.guidance:g}",
        label("seed"): record.seed,
        say("page.file", language): record.path,
    }
    return table(rows)


def manifest_rows(manifest: "Manifest", language: Language) -> str:
    """Everything that a picture says of itself, as a table."""
    drawing: dict[str, Any] = {
        name: value for name, value in manifest.drawing.as_json().items() if value not in (None, "", (), [], 0, 0.0)
    }
    execution = manifest.execution
    rows = drawing | {
        "key": manifest.drawing.key[:SHORT_DIGITS],
        "execution": f"{execution.device} · {execution.precision}",
        "created": manifest.created.isoformat(timespec="seconds"),
        "seconds": manifest.seconds,
        "versions": ", ".join(f"{name} {number}" for name, number in manifest.versions.items()),
        "parents": ", ".join(parent[:SHORT_DIGITS] for parent in manifest.parents),
    }
    return table(rows)
