"""The words of captions that name neither thing nor colour nor style: articles, openers, praise, unknown words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Vocabulary:
    """The words of one language; `{}` stands for what is put in."""

    openers: tuple[str, ...]
    before: tuple[str, ...]  # adjectives that stand before the noun (Spanish: masculine|feminine)
    after: tuple[str, ...]  # adjectives that stand after the noun (masculine|feminine)
    praise: tuple[str, ...]  # phrases that people put at the end of a prompt
    background: tuple[str, ...]
    also: str
    unknown: tuple[str, ...]  # words of the world outside, met but never shown


def phrases(text: str) -> tuple[str, ...]:
    """The phrases of a text that separates them by commas."""
    return tuple(phrase.strip() for phrase in text.split(",") if phrase.strip())


ENGLISH = Vocabulary(
    openers=phrases(
        """
        a picture of, a photo of, an image of, photo of, picture of, image of, an illustration of, illustration of,
        icon of, an icon of, a portrait of, a photograph of, please draw, draw, i want, a close up of, painting of,
        a painting of
        """
    ),
    before=phrases(
        """
        beautiful, cute, highly detailed, detailed, lovely, amazing, nice, pretty, colorful, realistic, big, small,
        little, single, simple, happy, funny, new, old, shiny, perfect, very beautiful, adorable, fresh
        """
    ),
    after=(),
    praise=phrases(
        """
        masterpiece, best quality, highly detailed, 4k, 8k, hd, ultra detailed, sharp focus, detailed,
        high quality, high resolution, professional, trending on artstation, studio lighting, intricate,
        cinematic lighting, beautiful, centered, vivid colors, award winning, very detailed, cute, uhd, isolated,
        simple, soft light, photorealistic, realistic, digital art, concept art, minimalist
        """
    ),
    background=phrases(
        """
        {} background, on a {} background, on {} background, with a {} background, with {} background, on {},
        against a {} background, in front of a {} background, over a {} background, {} backdrop, background {}
        """
    ),
    also="and",
    unknown=phrases(
        """
        wooden, ancient, running, sleeping, forest, street, kitchen, summer, winter, city, river, wearing, sitting,
        standing, eating, flying, garden, table, portrait, style of monet, vintage, oil, watercolor, paper, glass,
        metal, future, morning, evening, friend, woman, man, child, people, field, beach, office, wall, floor,
        dream, magic, giant, tiny, dark, bright, with, under, near, behind, for my birthday, in the park,
        made of wood, looking at the camera, at home, in paris, van gogh, steampunk, cyberpunk, anime, pixel, neon,
        fantasy, epic, soft, warm, cold, sketch, pencil lines, xyz, sks, blurry, smooth, texture, shadow, toy,
        fluffy
        """
    ),
)
SPANISH = Vocabulary(
    openers=phrases(
        """
        una imagen de, una foto de, foto de, imagen de, una ilustración de, ilustración de, icono de, un icono de,
        una fotografía de, un retrato de, dibuja, quiero, una pintura de, pintura de, un cuadro de, una vista de
        """
    ),
    before=phrases(
        """
        hermoso|hermosa, bonito|bonita, lindo|linda, gran|gran, pequeño|pequeña, precioso|preciosa, simple|simple,
        bello|bella, buen|buena
        """
    ),
    after=phrases(
        """
        hermoso|hermosa, bonito|bonita, lindo|linda, muy detallado|muy detallada, detallado|detallada,
        precioso|preciosa, increíble|increíble, realista|realista, grande|grande, pequeño|pequeña,
        perfecto|perfecta, feliz|feliz, nuevo|nueva, brillante|brillante, muy bonito|muy bonita, fresco|fresca,
        sencillo|sencilla, adorable|adorable, colorido|colorida
        """
    ),
    praise=phrases(
        """
        obra maestra, mejor calidad, muy detallado, 4k, 8k, hd, alta calidad, alta resolución, profesional,
        iluminación de estudio, hermoso, detallado, enfoque nítido, luz suave, centrado, colores vivos, realista,
        fotorrealista, arte digital, ultra detallado, minimalista, sencillo, muy bonito, de alta calidad,
        luz cinematográfica, aislado, masterpiece, best quality
        """
    ),
    background=phrases(
        """
        fondo {}, sobre fondo {}, con fondo {}, sobre un fondo {}, con un fondo {}, en un fondo {}, en fondo {},
        fondo de color {}, con el fondo {}, sobre {}, y fondo {}, con fondo de color {}
        """
    ),
    also="y",
    unknown=phrases(
        """
        madera, antiguo, corriendo, durmiendo, bosque, calle, cocina, verano, invierno, ciudad, río, sentado,
        comiendo, volando, jardín, mesa, retrato, acuarela, papel, vidrio, metal, futuro, mañana, amigo, mujer,
        hombre, niño, niña, gente, campo, playa, oficina, pared, suelo, sueño, magia, gigante, oscuro, claro, con,
        bajo, cerca, detrás, en el parque, de madera, mirando a la cámara, en casa, en madrid, van gogh, fantasía,
        épico, suave, cálido, frío, boceto, xyz, sks, borroso, textura, sombra, juguete, para mi cumpleaños,
        peludo
        """
    ),
)
VOCABULARIES = {"en": ENGLISH, "es": SPANISH}
COUNTS = {"en": {2: "two", 3: "three"}, "es": {2: "dos", 3: "tres"}}
PLACE_PHRASES = {
    "sky": {"en": ("in the sky", "sky background"), "es": ("en el cielo", "fondo de cielo")},
    "grass": {"en": ("on the grass", "on grass"), "es": ("en la hierba", "sobre el césped")},
    "night": {"en": ("at night", "night background"), "es": ("de noche", "en la noche")},
    "sea": {"en": ("at the sea", "by the sea"), "es": ("en el mar", "junto al mar")},
}
TINTS_ES = {  # colour id -> masculine|feminine, after the noun
    "white": "blanco|blanca",
    "black": "negro|negra",
    "red": "rojo|roja",
    "blue": "azul|azul",
    "green": "verde|verde",
    "yellow": "amarillo|amarilla",
    "orange": "naranja|naranja",
    "purple": "morado|morada",
    "pink": "rosa|rosa",
    "gray": "gris|gris",
    "sky": "celeste|celeste",
    "brown": "marrón|marrón",
}
