"""Files, Drive, pictures that were kept or brought, and the search for them."""

from colabsd.errors.base import ColabsdError, UsageError


class StorageError(ColabsdError):
    """A file could not be written, read or trusted. Facts: path, reason."""

    key = "error.storage.write"


class DriveError(ColabsdError):
    """Google Drive cannot be had, or not any more. Facts: place, reason, where the sentence names them."""

    key = "error.drive.failed"


class NotAPictureError(UsageError):
    """Facts: path, reason."""

    key = "error.picture.unreadable"


class UnusableMaskError(UsageError):
    """A mask that is none for its picture. Facts: path, and what the sentence names."""

    key = "error.mask"


class NoManifestError(UsageError):
    """A picture says nothing that it could be drawn again from. Facts: path."""

    key = "error.picture.no_manifest"


class DamagedManifestError(UsageError):
    """A picture's own account of itself is broken or contradicts itself. Facts: path, reason."""

    key = "error.picture.damaged_manifest"


class DamagedMetadataError(UsageError):
    """What another program wrote into a picture cannot be read. Facts: path, and with the usual key program."""

    key = "error.import.damaged"


class UnknownPictureError(UsageError):
    """Facts: name."""

    key = "error.picture.unknown"


class QueryError(UsageError):
    """A library search that cannot be read. Facts: query, position, reason."""

    key = "error.query"
