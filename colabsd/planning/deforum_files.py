"""Settings files of Deforum's notebook and of its extension for A1111: read into VideoSettings, with a report."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from colabsd.errors import InvalidDeforumFileError, InvalidSettingError
from colabsd.planning.deforum_prompts import file_prompts, is_batch
from colabsd.planning.deforum_tables import (
    A1111,
    ADDED,
    ALL_SWITCHES,
    ETAS,
    FIELDS,
    IGNORED,
    IMPOSSIBLE,
    NOTEBOOK,
    PREFIXES,
    PROMPTS,
    RENAMED,
    REPEATED,
    SPECS,
    SWITCHES,
)
from colabsd.planning.deforum_values import Converted, convert
from colabsd.planning.plans import Note
from colabsd.planning.schedules import Dialect
from colabsd.settings.fields import check_value
from colabsd.settings.video import VideoSettings
from colabsd.storage.failures import storage_errors

Outcome = Literal["understood", "renamed", "changed", "ignored", "impossible", "unknown"]
LARGEST = 20_000_000  # bytes; real ones have 10 kB, one with 6,000 key frames 1 MB
WRAPPERS = (("input", "settings"), ("settings",), ("deforum",))


@dataclass(frozen=True)
class Row:
    """What became of one key of a file. `note` says why, where that is not plain."""

    key: str
    outcome: Outcome
    setting: str = ""
    note: Note | None = None


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A settings file as read: what it asks for, what became of every key, and the keys that nothing was made of.

    `kept` are those as they stand in the file; they are written again when it is.
    """

    settings: VideoSettings
    rows: tuple[Row, ...]
    kept: Mapping[str, Any]
    notes: tuple[Note, ...] = ()

    def of(self, *outcomes: Outcome) -> tuple[Row, ...]:
        """The rows of these outcomes."""
        return tuple(row for row in self.rows if row.outcome in outcomes)


@dataclass
class _Reading:
    data: Mapping[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def load_deforum(path: Path) -> Imported:
    """Read a file. Raises: StorageError, InvalidDeforumFileError."""
    with storage_errors(path):
        size = path.stat().st_size
        if size > LARGEST:
            raise InvalidDeforumFileError("error.deforum.huge", size=size, limit=LARGEST)
        return read_deforum(path.read_bytes())


def read_deforum(data: bytes) -> Imported:
    """What a settings file asks for. Unknown keys are kept and told, never fatal.

    Raises: InvalidDeforumFileError for what is too large, no JSON (with line and column), or no settings.
    """
    table = _unwrapped(_parsed(data))
    reading = _Reading(table)
    dialect = dialect_of_file(table)
    reading.values["dialect"] = dialect
    _read_prompts(reading)
    for key, value in table.items():
        if key in (*PROMPTS, *ADDED, *REPEATED):
            continue
        reading.rows.append(_row(key, value, reading))
    _read_etas(reading)
    _fill_in(reading, dialect)
    told = {row.key for row in reading.rows if row.outcome in ("understood", "renamed", "changed")}
    kept = {key: value for key, value in table.items() if key not in told or key == "scheduler"}
    settings = VideoSettings(**reading.values)
    _remark(settings, reading)
    return Imported(settings=settings, rows=tuple(reading.rows), kept=kept, notes=tuple(reading.notes))


def dialect_of_file(table: Mapping[str, Any]) -> Dialect:
    """Whose file it is, by the keys that only one of the two families has."""
    own, other = (sum(key in table for key in keys) for keys in (NOTEBOOK, A1111))
    return "notebook" if own > other else "a1111"


def _parsed(data: bytes) -> Any:
    if len(data) > LARGEST:
        raise InvalidDeforumFileError("error.deforum.huge", size=len(data), limit=LARGEST)
    try:
        return json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        excerpt = " ".join(error.doc[max(0, error.pos - 20) : error.pos + 20].split())
        raise InvalidDeforumFileError(line=error.lineno, column=error.colno, excerpt=excerpt) from None
    except UnicodeDecodeError as error:
        raise InvalidDeforumFileError("error.deforum.text", byte=error.start + 1) from None
    except (ValueError, RecursionError):
        raise InvalidDeforumFileError("error.deforum.none") from None


def _unwrapped(found: Any) -> Mapping[str, Any]:
    """The table of settings, wherever it is kept."""
    for path in WRAPPERS:
        inner = found
        for name in path:
            inner = inner.get(name) if isinstance(inner, dict) else None
        if isinstance(inner, dict) and _is_settings(inner):
            return inner
    if isinstance(found, dict) and _is_settings(found):
        return found
    raise InvalidDeforumFileError("error.deforum.none")


def _is_settings(table: Mapping[str, Any]) -> bool:
    return any(key in FIELDS or key in PROMPTS for key in table)


def _read_prompts(reading: _Reading) -> None:
    table = reading.data
    key = next((one for one in PROMPTS if table.get(one)), None)
    for one in (*PROMPTS, *ADDED, *REPEATED):
        if one in table:
            note = Note("note.deforum.repeated", {"entry": one}) if one in REPEATED else None
            used = one == key or one in ADDED
            reading.rows.append(Row(one, "understood" if used else "ignored", "prompts" if used else "", note))
    if key is None:
        return
    positive, negative = (str(table.get(one) or "") for one in ADDED)
    reading.values["prompts"] = file_prompts(table[key], positive, negative)
    if is_batch(table[key]):
        reading.notes.append(Note("note.deforum.batch", {"count": len(table[key])}))


def _row(key: str, value: Any, reading: _Reading) -> Row:
    """What becomes of one key."""
    if key in ALL_SWITCHES:
        return Row(key, "understood")
    if key in ETAS:
        return Row(key, "understood" if reading.data.get(ETAS[key]) else "ignored", "eta_schedule")
    if key in FIELDS:
        return _field_row(key, value, reading)
    if key in IMPOSSIBLE:
        asked = value not in IMPOSSIBLE[key]
        return Row(
            key,
            "impossible" if asked else "ignored",
            note=Note("note.deforum.lacking", {"entry": key}) if asked else None,
        )
    if key == "sd_model_name":
        return Row(key, "ignored", "model", Note("note.deforum.model", {"name": value}))
    if key == "scheduler":
        return Row(key, "understood" if isinstance(value, str) else "ignored", "sampler")
    known = key in IGNORED or key.startswith(PREFIXES)
    return Row(key, "ignored" if known else "unknown")


def _field_row(key: str, value: Any, reading: _Reading) -> Row:
    """A key that is a setting: converted, checked and taken over, unless a switch of the file turns it off."""
    name = FIELDS[key]
    switches = [reading.data[switch] for switch in SWITCHES.get(name, ()) if switch in reading.data]
    if name in SWITCHES and not any(switches):
        return Row(key, "ignored", name, Note("note.deforum.switched_off", {"entry": key}))
    if key == "sampler" and isinstance(reading.data.get("scheduler"), str):
        value = with_scheduler(value, reading.data["scheduler"])
    done: Converted = convert(name, value)
    if done.value is None:
        note = done.note or Note("note.deforum.value", {"entry": key, "value": str(value)[:40]})
        return Row(key, "ignored" if value is None else "impossible", name, note)
    try:
        check_value(name, SPECS[name], done.value)
    except InvalidSettingError as error:
        return Row(key, "impossible", name, Note(error.message_key, error.facts))
    reading.values[name] = done.value
    if done.note is not None:
        return Row(key, "changed", name, done.note)
    return Row(key, "renamed" if key in RENAMED else "understood", name)


def with_scheduler(sampler: Any, scheduler: str) -> Any:
    """A sampler's name with that of its noise schedule behind it, where it has none yet."""
    plain = scheduler.strip()
    if not isinstance(sampler, str) or plain.casefold() in ("", "none", "automatic") or sampler.endswith(plain):
        return sampler
    return f"{sampler} {plain}"


def _read_etas(reading: _Reading) -> None:
    """One schedule of eta from their two: that of the kind of sampler that is used."""
    order = ("ddim_eta_schedule", "ancestral_eta_schedule")
    if str(reading.data.get("sampler", "")).casefold() != "ddim":
        order = order[::-1]
    for key in order:
        if reading.data.get(ETAS[key]) and isinstance(reading.data.get(key), str):
            reading.values["eta_schedule"] = reading.data[key]
            return


def _fill_in(reading: _Reading, dialect: Dialect) -> None:
    """What a file means by keys that it lacks."""
    if "legacy_colormatch" not in reading.data and "color_coherence" in reading.data:
        reading.values["legacy_colormatch"] = True
    if dialect == "notebook" and "transform_center_x" not in reading.data and "zoom" in reading.data:
        reading.values.setdefault("fov_schedule", "0: (40)")


def _remark(settings: VideoSettings, reading: _Reading) -> None:
    if cast("Any", reading.data.get("animation_mode")) == "None":
        reading.notes.append(Note("note.deforum.pictures", {}))
    for name in ("zoom", "transform_center_x", "transform_center_y"):
        compact = "".join(getattr(settings, name).split())
        if settings.animation_mode == "2D" and compact in ("0:(0)", "0:0"):
            reading.notes.append(Note("note.deforum.zero", {"name": name}))
