"""A set of photos as one file, so that a training finds them again on another machine: originals, crops, captions.

One file, because many small ones are what Google Drive is slow at. Equal sets make equal bytes.
"""

import hashlib
import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from colabsd.errors import DamagedPhotosError
from colabsd.storage.failures import storage_errors
from colabsd.training.crops import Crop
from colabsd.training.photos import Photo, PhotoSet

FORMAT = 1
TABLE = "photos.json"
MOMENT = (1980, 1, 1, 0, 0, 0)  # of every entry: the archive depends on the photos alone


def pack_photos(photos: PhotoSet) -> bytes:
    """The archive (ZIP, not compressed: photos are already). Raises: StorageError."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for number, photo in enumerate(photos.photos):
            with storage_errors(photo.path):
                archive.writestr(zipfile.ZipInfo(_entry(number, photo), MOMENT), photo.path.read_bytes())
        rows = [_row(photo) for photo in photos.photos]
        table = {"format": FORMAT, "kind": photos.kind, "side": photos.side, "photos": rows}
        archive.writestr(zipfile.ZipInfo(TABLE, MOMENT), json.dumps(table, ensure_ascii=False))
    return packed.getvalue()


def unpack_photos(data: bytes, folder: Path, sha256: str) -> PhotoSet:
    """The set of that digest, its files in `folder`, which is made. Raises: DamagedPhotosError, StorageError.

    Files are written under names of ours, whatever the archive calls them.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            table = json.loads(archive.read(TABLE))
            if table["format"] != FORMAT:
                raise DamagedPhotosError("error.photos.newer", path=folder, found=table["format"])
            photos = []
            for number, row in enumerate(table["photos"]):
                photo = _photo(row, folder, number)
                _write(archive.read(_entry(number, photo)), photo)
                photos.append(photo)
            found = PhotoSet(photos=tuple(photos), kind=table["kind"], side=table["side"])
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        raise DamagedPhotosError(path=folder, reason=str(error)) from None
    if found.sha256 != sha256:
        raise DamagedPhotosError(path=folder, reason="sha256")
    return found


def _entry(number: int, photo: Photo) -> str:
    return f"{number:04d}-{photo.sha256[:12]}{photo.path.suffix.lower()}"


def _row(photo: Photo) -> dict[str, Any]:
    crop = photo.crop
    return {
        "name": photo.name,
        "ending": photo.path.suffix.lower(),
        "sha256": photo.sha256,
        "size": [photo.width, photo.height],
        "crop": [crop.left, crop.top, crop.width, crop.height, crop.by],
        "caption": photo.caption,
        "proposed": photo.proposed,
        "bytes": photo.bytes,
    }


def _photo(row: dict[str, Any], folder: Path, number: int) -> Photo:
    left, top, width, height, by = row["crop"]
    ending = row["ending"] if str(row["ending"]).removeprefix(".").isalnum() else ""
    sha256 = str(row["sha256"])
    return Photo(
        path=folder / f"{number:04d}-{sha256[:12]}{ending}",
        name=str(row["name"]),
        sha256=sha256,
        width=row["size"][0],
        height=row["size"][1],
        crop=Crop(left=left, top=top, width=width, height=height, by=by),
        caption=str(row["caption"]),
        proposed=str(row["proposed"]),
        bytes=row["bytes"],
    )


def _write(data: bytes, photo: Photo) -> None:
    if hashlib.sha256(data).hexdigest() != photo.sha256 or not photo.sha256[:12].isalnum():
        raise ValueError(photo.name)
    with storage_errors(photo.path):
        photo.path.parent.mkdir(parents=True, exist_ok=True)
        if not photo.path.is_file() or photo.path.read_bytes() != data:
            photo.path.write_bytes(data)
