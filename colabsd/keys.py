"""Keys of plain data: canonical JSON and its sha256. Equal data, equal key, on every machine."""

import hashlib
import json
from typing import Any


def canonical_json(data: Any) -> str:
    """JSON with one spelling for equal data: sorted keys, no spaces, no NaN."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def key_of(data: Any) -> str:
    """The sha256 of the canonical JSON, 64 hex digits."""
    return hashlib.sha256(canonical_json(data).encode("utf-8", "surrogatepass")).hexdigest()
