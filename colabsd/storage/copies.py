"""The copies on this machine of what is on Drive: good for reading again soon, and not to fill the disk."""

from contextlib import suppress

from colabsd.storage.workspace import Workspace

MOST_BYTES = 2_000_000_000


def prune_copies(workspace: Workspace, most_bytes: int = MOST_BYTES) -> int:
    """Remove the oldest copies of files that have arrived until the rest fits; says how many. The journal's stay."""
    found = []
    for path in workspace.copies.rglob("*"):
        if path.is_file() and not path.is_relative_to(workspace.segments):
            status = path.stat()
            found.append((status.st_mtime, status.st_size, path))
    excess, removed = sum(size for _, size, _ in found) - most_bytes, 0
    for _, size, path in sorted(found):
        if excess <= 0:
            break
        if not workspace.is_on_the_way(workspace.relative(path)):
            with suppress(FileNotFoundError):  # another program was faster
                path.unlink()
                removed += 1
            excess -= size
    return removed
