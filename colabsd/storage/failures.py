"""What the system says when a file cannot be written or read, told as a StorageError with a way out."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from colabsd.errors import StorageError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
VANISHED = frozenset({errno.ENOENT, errno.ENOTCONN, errno.ESTALE, errno.ENODEV, errno.ENXIO})
NOWHERE = FULL | READ_ONLY | VANISHED
"""What the next file would meet too."""
NOT_A_FOLDER = frozenset({errno.ENOTDIR, errno.EEXIST})


def storage_error(path: Path, error: OSError) -> StorageError:
    """The StorageError that says what `error` means for `path`."""
    if error.errno in FULL:
        return StorageError("error.storage.full", path=path)
    if error.errno in READ_ONLY:
        return StorageError("error.storage.read_only", path=path)
    if error.errno in VANISHED:
        return StorageError("error.storage.vanished", path=path)
    if error.errno in NOT_A_FOLDER:
        return StorageError("error.storage.not_a_folder", path=path)
    return StorageError("error.storage.write", path=path, reason=error.strerror or str(error))


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Within it every OSError becomes a StorageError about `path`."""
    try:
        yield
    except OSError as error:
        raise storage_error(path, error) from error
