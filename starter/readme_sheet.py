"""The sheet on the README's first screen: sentences drawn by the installed package. `python -m starter.readme_sheet`"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from colabsd.library.library import KeptPicture
from colabsd.settings.images import ImageSettings
from colabsd.studio import open_studio

SHEET = Path(__file__).parent / "sheets" / "readme.jpg"
COLUMNS, SIDE, SEED = 6, 128, 7
PROMPTS = (
    "una manzana roja, estilo 3d, fondo azul",
    "a penguin, 3d style, brown background",
    "un plátano, estilo plano, fondo morado",
    "an umbrella, 3d style, yellow background",
    "un tiburón, estilo dibujo, fondo celeste",
    "a star, 3d style, brown background",
    "un dinosaurio, estilo plano, fondo rojo",
    "an eggplant, drawing, white background",
    "una campana, estilo 3d, fondo rosa",
    "a musical note, 3d style, green background",
    "un unicornio, estilo dibujo, fondo naranja",
    "a chick, flat style, blue background",
)


def main() -> None:
    """Draw every prompt once with one seed and lay the pictures side by side."""
    rows = -(-len(PROMPTS) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * SIDE))
    with tempfile.TemporaryDirectory() as folder:
        studio = open_studio(Path(folder))
        for place, prompt in enumerate(PROMPTS):
            for event in studio.draw(ImageSettings(prompt=prompt, model="starter", seed=SEED)):
                if isinstance(event, KeptPicture):
                    sheet.paste(event.picture.image, (place % COLUMNS * SIDE, place // COLUMNS * SIDE))
        studio.library.close()
    SHEET.parent.mkdir(exist_ok=True)
    sheet.save(SHEET, quality=90)


if __name__ == "__main__":
    main()
