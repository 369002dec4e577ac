"""The twelve background colours and the three styles, with the words for them in English and Spanish."""

from __future__ import annotations

from dataclasses import dataclass

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Colour:
    """A background colour; the names fit "a … background" and "fondo …"."""

    rgb: Rgb
    en: tuple[str, ...]
    es: tuple[str, ...]

    def names(self, language: str) -> tuple[str, ...]:
        return self.en if language == "en" else self.es


COLOURS: dict[str, Colour] = {
    "white": Colour((255, 255, 255), ("white",), ("blanco",)),
    "black": Colour((20, 20, 20), ("black",), ("negro",)),
    "red": Colour((220, 50, 47), ("red",), ("rojo",)),
    "blue": Colour((50, 110, 220), ("blue",), ("azul",)),
    "green": Colour((60, 170, 80), ("green",), ("verde",)),
    "yellow": Colour((250, 210, 60), ("yellow",), ("amarillo",)),
    "orange": Colour((245, 140, 40), ("orange",), ("naranja", "anaranjado")),
    "purple": Colour((140, 80, 190), ("purple", "violet"), ("morado", "violeta", "púrpura")),
    "pink": Colour((245, 160, 190), ("pink",), ("rosa", "rosado")),
    "gray": Colour((150, 150, 150), ("gray", "grey"), ("gris",)),
    "sky": Colour((150, 205, 245), ("sky blue", "light blue"), ("celeste", "azul claro", "azul cielo")),
    "brown": Colour((130, 90, 60), ("brown",), ("marrón",)),
}

# How a style is said: after the thing ("a dog, flat style") and before it ("a drawing of a dog").
STYLE_PHRASES: dict[str, dict[str, tuple[str, ...]]] = {
    "3d": {
        "en": ("3d style", "3d", "in 3d", "3d render", "in 3d style", "style 3d"),
        "es": ("estilo 3d", "3d", "en 3d", "render 3d", "en estilo 3d", "con estilo 3d"),
    },
    "flat": {
        "en": ("flat style", "flat", "flat icon", "flat design", "in flat style", "flat illustration"),
        "es": ("estilo plano", "plano", "icono plano", "diseño plano", "en estilo plano", "estilo flat", "flat"),
    },
    "drawing": {
        "en": ("drawing style", "drawing", "cartoon", "in drawing style", "cartoon style", "a drawing"),
        "es": ("estilo dibujo", "dibujo", "estilo de dibujo", "en estilo dibujo", "caricatura", "dibujo animado"),
    },
}
STYLE_OPENERS: dict[str, dict[str, tuple[str, ...]]] = {
    "3d": {
        "en": ("a 3d render of", "a 3d picture of", "3d render of", "a 3d model of"),
        "es": ("un render 3d de", "una imagen 3d de", "un modelo 3d de", "render 3d de"),
    },
    "flat": {
        "en": ("a flat icon of", "a flat picture of", "flat icon of", "a flat illustration of"),
        "es": ("un icono plano de", "una imagen plana de", "una ilustración plana de", "icono plano de"),
    },
    "drawing": {
        "en": ("a drawing of", "drawing of", "a cartoon of", "a cartoon drawing of"),
        "es": ("un dibujo de", "dibujo de", "una caricatura de", "el dibujo de"),
    },
}
STYLE_NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "3d": {"en": ("3d style", "3d"), "es": ("estilo 3d", "3d")},
    "flat": {"en": ("flat style", "flat"), "es": ("estilo plano", "plano")},
    "drawing": {"en": ("drawing style", "drawing", "cartoon"), "es": ("estilo dibujo", "dibujo", "caricatura")},
}
