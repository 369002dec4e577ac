"""Where a studio is opened: on Drive, on the disk of a machine of Colab, or at home; and what there is to say of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from colabsd.environment.colab import Colab
from colabsd.environment.token import kept_token
from colabsd.errors import DriveError
from colabsd.progress import Note
from colabsd.storage.workspace import HOME_VARIABLE, Workspace, open_workspace

FOLDER = "colabsd"


@dataclass(frozen=True, kw_only=True)
class Place:
    """The workspace of a studio, and what was found out around it; `notes` are for the reader.

    `drive` says whether the workspace is on Drive. `token` is the one for Hugging Face: None leaves it to the hub's
    client, which knows where to look, False is none.
    """

    workspace: Workspace
    colab: Colab
    drive: bool = False
    token: str | Literal[False] | None = field(default=None, repr=False)
    notes: tuple[Note, ...] = ()

    def remount(self) -> bool:
        """Mount Drive again, if a page of Colab answers; says whether it is there. For the main thread."""
        if self.colab.drive is None and not self.colab.answers():
            return False
        try:
            self.colab.mount_drive()
        except DriveError:  # the outbox goes on telling what is wrong
            return False
        return True


def find_place(asked: Path | None, environ: Mapping[str, str], colab: Colab, drive: bool | None) -> Place:
    """The place for a workspace: `asked`, else that of `COLABSD_HOME`, else on Colab one folder on Drive.

    Drive is mounted when it is not and a page answers (`drive` None), in any case (True), or never (False). Without it
    the machine's own disk is used, and the notes say so. Off Colab it is the folder in the reader's home.
    """
    if not colab.here:
        return Place(workspace=open_workspace(asked, environ), colab=colab)
    answers = colab.answers()
    token, token_notes = _find_token(environ, colab, answers)
    if _is_elsewhere(asked, environ, colab):
        workspace = open_workspace(asked, environ)
        return Place(workspace=workspace, colab=colab, token=token, notes=token_notes)
    top, notes = _find_drive(colab, drive, answers)
    folder = asked or (top or colab.mountpoint / "MyDrive") / FOLDER
    on_drive = open_workspace(folder, environ, remote=None if top is None else True)
    if on_drive.remote:  # also while Drive is away, where this machine has begun it and keeps what is to go there
        waiting = (Note("note.drive.waiting", {}),) if top is None else ()
        return Place(workspace=on_drive, colab=colab, drive=True, token=token, notes=(*notes, *waiting, *token_notes))
    workspace = open_workspace(colab.disk / FOLDER, environ)
    notes = (*notes, Note("note.drive.disk", {"folder": workspace.root}), *token_notes)
    return Place(workspace=workspace, colab=colab, token=token, notes=notes)


def _is_elsewhere(asked: Path | None, environ: Mapping[str, str], colab: Colab) -> bool:
    """Whether a folder was chosen that is not on Drive."""
    chosen = asked or (Path(environ[HOME_VARIABLE]) if environ.get(HOME_VARIABLE) else None)
    return chosen is not None and not chosen.is_relative_to(colab.mountpoint)


def _find_drive(colab: Colab, wished: bool | None, answers: bool) -> tuple[Path | None, tuple[Note, ...]]:
    """The top folder of Drive, or why there is none."""
    if wished is False:
        return None, ()
    if colab.drive is not None:
        return colab.drive, ()
    if wished is None and not answers:
        return None, (Note("note.drive.unasked", {}),) if colab.has_notebook else ()
    try:
        return colab.mount_drive(), ()
    except DriveError as error:
        return None, (Note(error.message_key, error.facts),)


def _find_token(
    environ: Mapping[str, str], colab: Colab, answers: bool
) -> tuple[str | Literal[False], tuple[Note, ...]]:
    """The token of the environment or its file, else that of Colab's secrets.

    The hub's client would ask Colab too, but from a thread, where nobody may (facts: "not thread safe").
    """
    kept = kept_token(environ)
    if kept or not answers:
        return kept or False, ()
    secret, trouble = colab.secret_token()
    return secret or False, (Note(trouble, {}),) if trouble else ()
