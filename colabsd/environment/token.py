"""The token for Hugging Face: where it may be. Whoever gets it shows it to nobody."""

from collections.abc import Mapping
from pathlib import Path

TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def variable_with_token(environ: Mapping[str, str]) -> str | None:
    """The name of the variable that holds a token, or None."""
    return next((name for name in TOKEN_VARIABLES if environ.get(name, "").strip()), None)


def kept_token(environ: Mapping[str, str]) -> str:
    """The token of the environment, else of the file where the hub's client keeps it, else ""."""
    variable = variable_with_token(environ)
    return environ[variable].strip() if variable else _text(token_file(environ))


def has_token_file(environ: Mapping[str, str]) -> bool:
    """Whether the hub's client keeps a token in a file."""
    return bool(_text(token_file(environ)))


def token_file(environ: Mapping[str, str]) -> Path:
    """Where huggingface_hub keeps the token: HF_TOKEN_PATH, else `token` in HF_HOME, else in its cache folder."""
    if environ.get("HF_TOKEN_PATH"):
        return Path(environ["HF_TOKEN_PATH"])
    if environ.get("HF_HOME"):
        return Path(environ["HF_HOME"]) / "token"
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    cache = Path(environ["XDG_CACHE_HOME"]) if environ.get("XDG_CACHE_HOME") else home / ".cache"
    return cache / "huggingface" / "token"


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace").strip() if path.is_file() else ""
    except (OSError, ValueError):  # a path that cannot be one, or a file that cannot be read, holds no token for us
        return ""
