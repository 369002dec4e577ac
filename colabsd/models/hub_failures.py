"""What the hub's client says when something fails, in plain words and with a way out. Knows no network."""

import errno
from collections.abc import Mapping

from colabsd.errors import DownloadError, UnknownModelError

PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
# Names of the client's errors and of httpx's (and its successor's), so that none has to be imported.
UNREACHABLE = frozenset({"ConnectError", "ConnectTimeout", "ConnectionError", "ProxyError", "OfflineModeIsEnabled"})
CUT_OFF = frozenset({"TransportError", "TimeoutException", "NetworkError", "ProtocolError"})
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
SENTENCES = {
    "GatedRepoError": "error.download.gated",
    "DisabledRepoError": "error.download.disabled",
    "RevisionNotFoundError": "error.download.revision",
    "EntryNotFoundError": "error.download.file_gone",
}
STATUS_SENTENCES = {401: "error.download.token", 403: "error.download.forbidden", 429: "error.download.busy"}


def _names(error: BaseException) -> set[str]:
    """The names of an error's classes; of its cause's too, where the client hid it behind another."""
    own = {kind.__name__ for kind in type(error).__mro__}
    return own | ({kind.__name__ for kind in type(error.__cause__).__mro__} if error.__cause__ else set())


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _refuses_token(error: BaseException) -> bool:
    """Whether the hub says that the token itself is wrong."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    return "credentials" in (headers.get("X-Error-Message") or "")


def passes(error: Exception, something_came: bool) -> bool:
    """Whether trying again may help. No connection at all is told at once, unless there was one before."""
    status = _status(error)
    if status is not None:
        return status in PASSING_STATUS
    if _names(error) & UNREACHABLE:
        return something_came
    return bool(_names(error) & CUT_OFF) or is_short(error)


def is_short(error: Exception) -> bool:
    """Whether the client says that fewer bytes came than were announced."""
    return type(error) is OSError and error.errno is None


def explain(error: Exception, facts: Mapping[str, object]) -> Exception:
    """The client's error as one of ours: what is wrong and what to do. Never with a token or a signed address.

    `facts` are name, revision and file of what was asked for, `page` where a person reads the repository's terms, and
    `tokens` where tokens are made.
    """
    names, status = _names(error), _status(error)
    for name, key in SENTENCES.items():
        if name in names:
            return DownloadError(key, **facts)
    hidden = status == 401 and not _refuses_token(error)  # a repository that there is not, or that is private
    if names & {"RepositoryNotFoundError", "HFValidationError"} or status == 404 or hidden:
        return UnknownModelError("error.download.unknown_id", **facts)
    if status in STATUS_SENTENCES:
        return DownloadError(STATUS_SENTENCES[status], **facts)
    if status is not None and status >= 500:
        return DownloadError("error.download.server", status=status, **facts)
    if isinstance(error, OSError) and error.errno in FULL:
        return DownloadError("error.download.disk_full", **facts)
    if names & UNREACHABLE:
        return DownloadError("error.download.offline", reason=type(error).__name__, **facts)
    if names & CUT_OFF or is_short(error):
        return DownloadError("error.download.cut", **facts)
    return DownloadError("error.download", reason=type(error).__name__, **facts)
