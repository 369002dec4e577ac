"""Pictures that others are made from: brought, planned with, kept in the workspace, and found there again."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from colabsd.environment.interrupts import stop_waits
from colabsd.errors import NoManifestError, NotAPictureError
from colabsd.library.inputs import find_input, input_folder, keep_input, key_of_picture
from colabsd.library.manifest import read_manifest
from colabsd.library.scan import file_sha256
from colabsd.planning.plans import Drawing
from colabsd.planning.redraw import Source
from colabsd.settings.redraw import RedrawSettings
from colabsd.storage.workspace import Workspace

if TYPE_CHECKING:
    from colabsd.engine.redrawing import Original
    from colabsd.recipes.originals import Brought


def bring(settings: RedrawSettings) -> "Brought":
    """The picture and the mask that were asked for. Raises: NotAPictureError, UnusableMaskError."""
    with stop_waits():
        from colabsd.recipes.originals import read_brought

    mask = Path(settings.mask).expanduser() if settings.mask else None
    return read_brought(Path(settings.image).expanduser(), mask)


def source_of(brought: "Brought") -> Source:
    """What planning wants to know of them. Raises: StorageError."""
    mask = "" if brought.mask_path is None else file_sha256(brought.mask_path)
    return Source(sha256=file_sha256(brought.path), size=brought.size, mask_sha256=mask)


def keep_source(workspace: Workspace, brought: "Brought", source: Source) -> None:
    """Copy the files into the workspace, where they are not there yet. Raises: StorageError, NotAPictureError."""
    keep_input(workspace, brought.path, source.sha256)
    if brought.mask_path is not None:
        keep_input(workspace, brought.mask_path, source.mask_sha256)


def start_again(workspace: Workspace, path: Path) -> dict[str, Any]:
    """RedrawSettings' own values of a picture of ours that was made from another one, which is still kept.

    Empty for other pictures, and where the copy of what it was made from is gone. Raises: as `read_manifest`.
    """
    try:
        drawing = read_manifest(path).drawing
    except NoManifestError:
        return {}
    image = find_input(workspace, drawing.source_sha256) if drawing.source_sha256 else None
    mask = find_input(workspace, drawing.mask_sha256) if drawing.mask_sha256 else None
    if image is None or (mask is None and drawing.mask_sha256):
        return {}
    values = {"strength": drawing.strength, "exact_steps": drawing.exact_steps}
    values |= {"image_guidance": drawing.image_guidance} if drawing.image_guidance != 1 else {}
    masked = {} if mask is None else {"mask": str(mask), "mask_blur": drawing.mask_blur}
    return {"image": str(image), **values, **masked}


def original_of(workspace: Workspace, drawing: Drawing, factor: int) -> tuple["Original", tuple[str, ...]]:
    """What a drawing is made from, out of the workspace, and the keys of the pictures of ours that it is.

    Raises: NotAPictureError when the copies are gone or damaged, StorageError.
    """
    with stop_waits():
        from colabsd.recipes.originals import fit, read_brought

    path = _copy(workspace, drawing.source_sha256)
    mask = _copy(workspace, drawing.mask_sha256) if drawing.mask_sha256 else None
    key = key_of_picture(path)
    return fit(read_brought(path, mask), drawing.size, factor), () if key is None else (key,)


def _copy(workspace: Workspace, sha256: str) -> Path:
    found = find_input(workspace, sha256)
    if found is None:
        raise NotAPictureError("error.picture.input_gone", path=input_folder(workspace) / sha256)
    return found
