"""Sheets of grids as files: a PNG that says which pictures its cells are. Knows nothing of how a sheet is drawn."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd.errors import ColabsdError
from colabsd.keys import canonical_json
from colabsd.library.manifest import ESCAPED
from colabsd.library.manifest_checks import SHEET_FORMAT
from colabsd.library.picture_files import encode_picture, read_picture_text
from colabsd.library.record import Record
from colabsd.storage.failures import storage_errors
from colabsd.storage.workspace import Workspace

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = 1
FOLDER = "sheets"
ZONES = timedelta(days=1)  # names begin with their own clock's day


@dataclass(frozen=True)
class SheetCell:
    """A cell of a sheet: its column, row and sheet, and the picture in it; None where there is none."""

    place: tuple[int, int, int]
    record: Record | None


@dataclass(frozen=True)
class KeptSheet:
    """A sheet of a grid that is a file now. `path` is absolute; `number` counts the grid's sheets from 0."""

    path: Path
    cells: tuple[SheetCell, ...]
    number: int = 0


def sheet_file(
    image: "Image", *, job: str, number: int, created: datetime, grid: Mapping[str, Any], cells: tuple[SheetCell, ...]
) -> bytes:
    """The bytes of a sheet's file: the picture, and in its text `colabsd` the grid and what each cell is.

    `grid` is plain data: the settings and what was found. The text is too long for no reader: cells are named by their
    keys, files and digests alone.
    """
    data = {
        "format": SHEET_FORMAT,
        "version": VERSION,
        "job": job,
        "number": number,
        "created": created.isoformat(),
        "grid": dict(grid),
        "cells": [_cell(cell) for cell in cells],
    }
    text = ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", canonical_json(data))
    return encode_picture(image, "", text, "png").data


def read_sheet(path: Path) -> Mapping[str, Any] | None:
    """What a sheet says of itself, as plain data; None when the file is none."""
    try:
        text = read_picture_text(path).manifest
        data = json.loads(text or "null")
    except (ColabsdError, ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and data.get("format") == SHEET_FORMAT else None


def sheets_of(workspace: Workspace, job: str, since: datetime) -> Mapping[int, Path]:
    """The sheets of a grid's job that lie in the workspace, by their numbers. Raises: StorageError."""
    found: dict[int, Path] = {}
    for path in _sheet_files(workspace, f"{since - ZONES:%Y%m%d}"):
        data = read_sheet(path)
        if data is not None and data.get("job") == job and isinstance(data.get("number"), int):
            found.setdefault(data["number"], path)
    return found


def _sheet_files(workspace: Workspace, first_day: str) -> Iterator[Path]:
    for folder in workspace.places(FOLDER):
        with storage_errors(folder):
            paths = sorted(folder.glob("*.png")) if folder.is_dir() else []
        yield from (path for path in paths if path.name >= first_day)


def _cell(cell: SheetCell) -> dict[str, Any]:
    place = {"place": list(cell.place)}
    if cell.record is None:
        return place
    return place | {"key": cell.record.key, "path": cell.record.path, "sha256": cell.record.sha256}
