"""Walking through widgets, as a browser would show them."""

from collections.abc import Iterator
from typing import Any


def all_widgets(root: Any) -> Iterator[Any]:
    """A widget and everything inside it."""
    yield root
    for child in getattr(root, "children", ()):
        yield from all_widgets(child)


def shown_html(root: Any) -> str:
    """What is shown as HTML: the values of HTML widgets, and descriptions, which ipywidgets 7 reads as HTML."""
    texts = []
    for widget in all_widgets(root):
        if type(widget).__name__ == "HTML":
            texts.append(widget.value)
        elif type(widget).__name__ not in ("Button", "ToggleButton", "FileUpload"):  # these show text
            texts.append(str(getattr(widget, "description", "")))
    return "\n".join(texts)


def press(button: Any) -> None:
    """Press a button, unless it is grey."""
    assert not button.disabled, button.description
    button.click()
