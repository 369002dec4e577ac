"""Times and sizes for people, in symbols that both languages share."""


def duration(seconds: float) -> str:
    """A time for people, in symbols that both languages share: 4 s, 1 min 05 s, 2 h 03 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def megabytes(count: int) -> str:
    """Bytes in MB, as download pages count them (10^6)."""
    return f"{count / 1e6:,.0f} MB"
