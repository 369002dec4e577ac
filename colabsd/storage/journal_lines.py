"""One line of the journal: a JSON object that carries its own check, so that a damaged line is known as one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from colabsd.keys import key_of

CHECK_DIGITS = 12


@dataclass(frozen=True)
class JournalRecord:
    """Something that happened. `number` counts the records of one runtime from 0; `data` is plain JSON data."""

    runtime: str
    number: int
    time: datetime
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class DamagedLine:
    """A line of a segment that cannot be trusted; `line` counts from 1."""

    segment: str
    line: int


@dataclass(frozen=True)
class Segment:
    """What a segment file says: its records in order, and the lines that are damaged."""

    name: str
    records: tuple[JournalRecord, ...]
    damaged: tuple[DamagedLine, ...]


def write_line(record: JournalRecord) -> bytes:
    """The record as one line of ASCII, newline included. Raises: ValueError or TypeError when data is not plain."""
    body = {
        "runtime": record.runtime,
        "number": record.number,
        "time": record.time.isoformat(),
        "kind": record.kind,
        "data": dict(record.data),
    }
    line = {"check": key_of(body)[:CHECK_DIGITS]} | body
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def read_line(line: bytes) -> JournalRecord | None:
    """The record of a line, or None when the line is damaged."""
    try:
        body = json.loads(line)
        check = body.pop("check")
        if check != key_of(body)[:CHECK_DIGITS]:
            return None
        time = datetime.fromisoformat(body["time"])
        return JournalRecord(body["runtime"], body["number"], time, body["kind"], body["data"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def read_segment(name: str, text: bytes) -> Segment:
    """All that can be read of a segment. A torn last line (no newline, killed while writing) is no damage."""
    lines = text.split(b"\n")
    records, damaged = [], []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        record = read_line(line)
        if record is not None:
            records.append(record)
        elif number < len(lines):
            damaged.append(DamagedLine(name, number))
    return Segment(name, tuple(records), tuple(damaged))
