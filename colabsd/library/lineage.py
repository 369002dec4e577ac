"""Which copies in `inputs/` pictures were made from, and whether anything still needs them.

Told by the plans of jobs, which are in the journal; only pictures whose job is not there are asked themselves.
"""

from collections.abc import Collection, Mapping
from typing import Any

from colabsd.errors import ColabsdError
from colabsd.library.index import Index, StartedJob
from colabsd.library.manifest import read_manifest
from colabsd.library.manifest_checks import is_digest
from colabsd.library.record import Record
from colabsd.storage.workspace import Workspace

DIGESTS = ("source_sha256", "mask_sha256")


def inputs_of(workspace: Workspace, index: Index, record: Record) -> frozenset[str]:
    """The digests of what a picture was made from. Raises: StorageError."""
    job = index.job(record.job)
    drawings = _drawings(job) if job else []
    if record.index < len(drawings):
        return _digests(drawings[record.index])
    return _own_inputs(workspace, record) or frozenset()


def is_needed(workspace: Workspace, index: Index, digest: str, without: Collection[str] = ()) -> bool:
    """Whether a picture was made from the file of that digest, or a job still has to be; `without` those paths.

    In doubt it is: of a picture that cannot be read nobody knows. Raises: StorageError.
    """
    return any(_needs(index, job, digest, without) for job in index.jobs_naming(digest)) or any(
        inputs is None or digest in inputs
        for record in index.without_job()
        if record.path not in without
        for inputs in (_own_inputs(workspace, record),)
    )


def _needs(index: Index, job: StartedJob, digest: str, without: Collection[str]) -> bool:
    places = {place for place, drawing in enumerate(_drawings(job)) if digest in _digests(drawing)}
    records = index.by_job(job.job)
    kept = {record.index for record in records if record.path not in without}
    gone = {record.index for record in records if record.path in without} | index.deleted_places(job.job)
    to_draw = set() if job.finished else places - gone
    return bool(places & kept or to_draw)


def _drawings(job: StartedJob) -> list[Mapping[str, Any]]:
    """The drawings of a job's plan; none when a later version wrote it otherwise."""
    plan = job.start.get("plan")
    drawings = plan.get("drawings") if isinstance(plan, dict) else None
    return [one if isinstance(one, dict) else {} for one in drawings] if isinstance(drawings, list) else []


def _digests(drawing: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(drawing[name]) for name in DIGESTS if is_digest(drawing.get(name)))


def _own_inputs(workspace: Workspace, record: Record) -> frozenset[str] | None:
    """What a picture says itself; None when it says nothing."""
    try:
        drawing = read_manifest(workspace.locate(record.path)).drawing
    except ColabsdError:
        return None
    return frozenset(digest for digest in (drawing.source_sha256, drawing.mask_sha256) if digest)
