"""What an avatar pack is: which styles, how many of each, how many are kept. Pure data; draws nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from colabsd.errors import InvalidSettingError, UsageError
from colabsd.models.starter import NAME as STARTER

MOST_EACH = 100
SUBJECT = "{subject}"


@dataclass(frozen=True, kw_only=True)
class AvatarStyle:
    """A style by its name; `label` is the key of its name for people. In `prompt`, {subject} is who is drawn."""

    name: str
    label: str
    prompt: str

    def prompt_of(self, phrase: str) -> str:
        """The prompt for somebody whom `phrase` calls."""
        return self.prompt.replace(SUBJECT, phrase)


# Models have learnt from captions in English, so prompts are in English in both languages.
STYLES: tuple[AvatarStyle, ...] = (
    AvatarStyle(
        name="studio",
        label="avatar.style.studio",
        prompt="studio portrait photo of {subject}, soft light, plain grey background, 85mm",
    ),
    AvatarStyle(
        name="oil",
        label="avatar.style.oil",
        prompt="oil painting of {subject}, portrait, visible brush strokes, dark background",
    ),
    AvatarStyle(
        name="watercolour",
        label="avatar.style.watercolour",
        prompt="watercolour painting of {subject}, portrait, loose washes, white paper",
    ),
    AvatarStyle(
        name="pencil",
        label="avatar.style.pencil",
        prompt="pencil drawing of {subject}, portrait, fine hatching, on paper",
    ),
    AvatarStyle(
        name="comic",
        label="avatar.style.comic",
        prompt="comic book drawing of {subject}, portrait, bold ink lines, flat colours",
    ),
    AvatarStyle(
        name="3d",
        label="avatar.style.3d",
        prompt="3d animated film character of {subject}, portrait, soft studio light",
    ),
    AvatarStyle(
        name="pixel",
        label="avatar.style.pixel",
        prompt="pixel art portrait of {subject}, 16 bit, simple background",
    ),
    AvatarStyle(
        name="space",
        label="avatar.style.space",
        prompt="portrait of {subject} as an astronaut, detailed space suit, stars in the background",
    ),
)
# The embedded model knows colours behind things and three styles.
STARTER_STYLES: tuple[AvatarStyle, ...] = (
    AvatarStyle(name="blue", label="avatar.style.blue", prompt="{subject}, 3d style, blue background"),
    AvatarStyle(name="yellow", label="avatar.style.yellow", prompt="{subject}, 3d style, yellow background"),
    AvatarStyle(name="green", label="avatar.style.green", prompt="{subject}, 3d style, green background"),
    AvatarStyle(name="flat", label="avatar.style.flat", prompt="{subject}, flat style, white background"),
)


@dataclass(frozen=True, kw_only=True)
class AvatarWishes:
    """What is asked of an avatar pack.

    `agreed`: the people in the photos have agreed to it; without that nothing is done. `styles` are names, None is all
    that the model has; `each` pictures are drawn of each and the `keep` closest ones are kept. Seeds count from `seed`.
    `forget` erases the photos and everything that was learnt from them at the end; the avatars stay.
    """

    agreed: bool = False
    styles: tuple[str, ...] | None = None
    each: int = 6
    keep: int = 3
    seed: int = 1
    forget: bool = False


def styles_of(model: str) -> tuple[AvatarStyle, ...]:
    """The styles that a model of that name is asked for."""
    return STARTER_STYLES if model == STARTER else STYLES


def chosen_styles(wishes: AvatarWishes, model: str) -> tuple[AvatarStyle, ...]:
    """The styles of a pack, after a look at all that was asked. Raises: UsageError, InvalidSettingError."""
    if not wishes.agreed:
        raise UsageError("error.avatars.not_agreed")
    if not 1 <= wishes.keep <= wishes.each <= MOST_EACH:
        raise UsageError("error.avatars.count", each=wishes.each, keep=wishes.keep, most=MOST_EACH)
    known = {style.name: style for style in styles_of(model)}
    asked: Sequence[str] = wishes.styles or tuple(known)
    for name in asked:
        if name not in known:
            raise InvalidSettingError("error.avatars.style", name=name, known=", ".join(known))
    return tuple(known[name] for name in dict.fromkeys(asked))
