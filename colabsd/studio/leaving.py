"""What is done at the end: pictures taken along in one file, and a machine of Colab given back."""

import secrets
from collections.abc import Iterator

from colabsd.progress import Note, Progress
from colabsd.storage.failures import storage_errors
from colabsd.storage.names import new_token
from colabsd.studio.workshop import Workshop

ARCHIVES = "archives"


def take_away(workshop: Workshop, query: str) -> Iterator[Progress | Note]:
    """See `Studio.take_away`."""
    names = [record.path for record in workshop.library.search(query)]
    if not names:
        yield Note("note.nothing_to_take", {})
        return
    path = workshop.workspace.local / ARCHIVES / f"colabsd-{new_token(secrets.token_bytes)}.zip"
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.glob("*.zip"):
            old.unlink(missing_ok=True)
    yield from workshop.library.export_zip(names, path)
    if workshop.place.colab.answers():
        workshop.place.colab.download(path)
    yield Note("note.taken_away", {"path": path})


def leave(workshop: Workshop) -> Iterator[Progress | Note]:
    """See `Studio.leave`."""
    colab = workshop.place.colab
    yield from workshop.library.flush()
    workshop.library.close()
    if not colab.has_notebook:
        yield Note("note.left", {})
    elif workshop.library.ledger().on_the_way:  # what keeps them was told by `flush`
        yield Note("note.leaving.not_yet", {})
    elif not workshop.place.drive and workshop.library.count():
        yield Note("note.leaving.disk", {})
    else:
        colab.flush_drive()
        yield Note("note.leaving", {})
        colab.release()
