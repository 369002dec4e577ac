"""How a studio is opened: looks at the machine, finds the workspace, chooses the language. Loads no model."""

import os
from collections.abc import Mapping
from pathlib import Path

from colabsd.environment.machine import look_at_machine
from colabsd.language import choose_language
from colabsd.library.library import open_library
from colabsd.models.cache import open_cache
from colabsd.storage.workspace import open_workspace
from colabsd.studio.studio import Studio


def open_studio(
    folder: Path | None = None,
    *,
    language: str | None = None,
    keep_models: bool = True,
    environ: Mapping[str, str] | None = None,
) -> Studio:
    """A studio on a workspace folder: `folder`, else `COLABSD_HOME`, else `~/colabsd`.

    Where the folder lies on Drive, `keep_models=False` keeps downloaded models off it.
    Raises: StorageError when the folder cannot be used.
    """
    environ = os.environ if environ is None else environ
    workspace = open_workspace(folder, environ)
    return Studio(
        workspace=workspace,
        library=open_library(workspace),
        cache=open_cache(workspace, environ, keep=keep_models),
        machine=look_at_machine(environ),
        language=choose_language(language, environ),
    )
