"""How a studio is opened: looks at the machine, finds the workspace, chooses the language. Loads no model."""

import os
from collections.abc import Mapping
from pathlib import Path

from colabsd.environment.colab import Colab
from colabsd.environment.machine import look_at_machine
from colabsd.language import choose_language
from colabsd.library.library import open_library
from colabsd.models.cache import open_cache
from colabsd.studio.place import find_place
from colabsd.studio.studio import Studio


def open_studio(
    folder: Path | str | None = None,
    *,
    language: str | None = None,
    keep_models: bool = True,
    drive: bool | None = None,
    environ: Mapping[str, str] | None = None,
    colab: Colab | None = None,
) -> Studio:
    """A studio on a workspace folder: `folder`, else `COLABSD_HOME`, else `~/colabsd`, on Colab `MyDrive/colabsd`.

    On Colab Google Drive is mounted if it is not yet, and if the notebook's page answers; `drive=True` asks in any
    case, `drive=False` never. Without Drive the machine's own disk is used; `introduction()` of the studio says so.
    Where the folder lies on Drive, `keep_models=False` keeps downloaded models off it.
    Raises: StorageError when the folder cannot be used.
    """
    environ = os.environ if environ is None else environ
    around = colab or Colab(environ=environ)
    place = find_place(Path(folder) if folder is not None else None, environ, around, drive)
    return Studio(
        place=place,
        library=open_library(place.workspace, remount=place.remount, log=around.drive_log),
        cache=open_cache(place.workspace, environ, keep=keep_models, token=place.token),
        machine=look_at_machine(environ),
        language=choose_language(language, environ),
    )
