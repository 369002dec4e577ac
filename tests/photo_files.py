"""Photo files for tests: six real ones, and all that can be wrong with a file."""

from pathlib import Path

from PIL import Image, ImageDraw

REAL = Path(__file__).parent / "data" / "training" / "photos"


def real(name: str) -> Path:
    """One of the six photos, `dog-00` say."""
    return REAL / f"{name}.jpg"


def opened(name: str) -> Image.Image:
    """The same, decoded."""
    with Image.open(real(name)) as image:
        return image.convert("RGB")


def quarters(width: int, height: int) -> Image.Image:
    """Red, green, blue and white quarters, so that it can be seen which side is up."""
    image = Image.new("RGB", (width, height), "white")
    canvas = ImageDraw.Draw(image)
    canvas.rectangle((0, 0, width // 2 - 1, height // 2 - 1), fill="red")
    canvas.rectangle((width // 2, 0, width - 1, height // 2 - 1), fill="lime")
    canvas.rectangle((0, height // 2, width // 2 - 1, height - 1), fill="blue")
    return image
