"""Avatar packs as asked: consent first, styles by name, counts that can be."""

import pytest

from colabsd.errors import InvalidSettingError, UsageError
from colabsd.language import LANGUAGES, say
from colabsd.planning.avatars import STARTER_STYLES, STYLES, AvatarWishes, chosen_styles, styles_of


def test_without_consent_nothing_is_done() -> None:
    with pytest.raises(UsageError) as told:
        chosen_styles(AvatarWishes(agreed=False), "sd15")
    assert "--agreed" in told.value.tell("en") and "--agreed" in told.value.tell("es")
    assert "--" not in told.value.tell_on_page("es")


def test_all_styles_of_a_model_are_taken_unless_some_are_named() -> None:
    assert chosen_styles(AvatarWishes(agreed=True), "sd15") == STYLES
    assert chosen_styles(AvatarWishes(agreed=True), "starter") == STARTER_STYLES
    chosen = chosen_styles(AvatarWishes(agreed=True, styles=("comic", "oil", "comic")), "sd15")
    assert [style.name for style in chosen] == ["comic", "oil"]


def test_an_unknown_style_is_told_with_those_there_are() -> None:
    with pytest.raises(InvalidSettingError) as told:
        chosen_styles(AvatarWishes(agreed=True, styles=("baroque",)), "sd15")
    assert "baroque" in str(told.value) and "watercolour" in str(told.value)


@pytest.mark.parametrize(("each", "keep"), [(0, 0), (3, 4), (101, 2), (4, 0)])
def test_counts_that_cannot_be_are_refused(each: int, keep: int) -> None:
    with pytest.raises(UsageError):
        chosen_styles(AvatarWishes(agreed=True, each=each, keep=keep), "sd15")


def test_every_prompt_says_who_is_drawn_and_every_style_has_a_name_in_both_languages() -> None:
    for style in (*styles_of("sd15"), *styles_of("starter")):
        assert "zwx woman" in style.prompt_of("zwx woman") and "{" not in style.prompt_of("zwx woman")
        assert len({say(style.label, language) for language in LANGUAGES}) >= 1
