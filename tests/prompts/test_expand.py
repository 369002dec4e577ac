"""Dynamic prompts: what can come out, how often, and that every choice is on record."""

import itertools
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.errors import EndlessPromptError, PromptCycleError, UnknownVariableError, UnknownWildcardError
from colabsd.prompts import Drawn, combinations, count_combinations, expand, expand_each

WILDCARDS: dict[str, Sequence[str]] = {
    "colour": ["red", "green", "blue"],
    "animal": ["cat", "{small|big} dog"],
    "nested": ["__colour__ bird", "owl"],
    "look": ["${hair:dark} hair", "${hair:dark} and ${hair:dark}"],
    "a/summer": ["sun"],
    "a/winter": ["snow", "ice"],
    "loop": ["__loop2__"],
    "loop2": ["a __loop__"],
    "weighted": ["0::never", "1::always"],
}


def lookup(name: str) -> Sequence[str]:
    return WILDCARDS.get(name, ())


def every(template: str) -> list[str]:
    return [made.text for made in combinations(template, lookup=lookup)]


@pytest.mark.parametrize(
    ("template", "prompts"),
    [
        ("a cat", ["a cat"]),
        ("A {red|green} {cat|dog}", ["A red cat", "A red dog", "A green cat", "A green dog"]),
        ("{a||b}", ["a", "", "b"]),
        ("{a}", ["a"]),
        ("{}", [""]),
        ("{a|{b|c}}", ["a", "b", "c"]),
        ("{2$$a|b}", ["a, b", "b, a"]),
        ("{2$$ and $$a|b}", ["a and b", "b and a"]),
        ("{1-2$$-$$a|b}", ["a", "b", "a-b", "b-a"]),
        ("{-2$$a|b}", ["a", "b", "a, b", "b, a"]),
        ("{2-$$a|b}", ["a, b", "b, a"]),
        ("{0-1$$a|b}", ["", "a", "b"]),
        ("{2-1$$a|b}", ["a", "b", "a, b", "b, a"]),
        ("{9$$a|b}", ["a, b", "b, a"]),
        ("{2$$a|{b|c}}", ["a, b", "a, c", "b, a", "c, a"]),
        ("__colour__ x", ["red x", "green x", "blue x"]),
        ("__animal__", ["cat", "small dog", "big dog"]),
        ("__nested__", ["red bird", "green bird", "blue bird", "owl"]),
        ("{2$$__colour__}", ["red, green", "red, blue", "green, red", "green, blue", "blue, red", "blue, green"]),
        ("${v=!{a|b}}${v} ${v}", ["a a", "b b"]),
        ("${v={a|b}}${v} ${v}", ["a a", "a b", "b a", "b b"]),
        ("${v:x}", ["x"]),
        ("${v=y}${v:x}", ["y"]),
        ("${v=y}${v?=z}${v}", ["y"]),
        ("${v?=z}${v}", ["z"]),
        ("__look(hair=red)__", ["red hair", "red and red"]),
        ("${hair=red}__look__", ["red hair", "red and red"]),
        ("__look__", ["dark hair", "dark and dark"]),
        ("${s=!{summer|winter}}__a/${s}__", ["sun", "snow", "ice"]),
        ("%{a photo of ..., 4k$$a {cat|dog}}", ["a photo of a cat, 4k", "a photo of a dog, 4k"]),
        ("%{plain $$x}", ["plain x"]),
        ("{(a:1.2)|[b:c:5]}", ["(a:1.2)", "[b:c:5]"]),
        ("(a:{1.1|1.2})", ["(a:1.1)", "(a:1.2)"]),
        ("{a|b} # c {d|e}", ["a ", "b "]),
        (r"{a\|b|c}", [r"a\|b", "c"]),
        (r"\{a|b\}", [r"\{a|b\}"]),
    ],
)
def test_every_combination_comes_out_once_and_they_are_counted_before(template: str, prompts: list[str]) -> None:
    assert every(template) == prompts
    count = count_combinations(template, lookup=lookup)
    assert (count.number, count.bound) in [(len(prompts), "exact"), (max(count.number, len(prompts)), "at_most")]


@pytest.mark.parametrize(
    "text", ["50% off", "$5 {", "a {b", "a} b", "snake_case", "__", "__ a __", "a | b", "$ {", "%", "${", "__x", "_a_"]
)
def test_ordinary_signs_are_text(text: str) -> None:
    assert every(text) == [text]
    assert expand(text, 1).text == text


def test_a_draw_is_repeated_by_its_seed_and_differs_between_pictures() -> None:
    template = "{a|b|c|d|e|f|g|h} {1|2|3|4|5|6|7|8}"
    drawn = [expand(template, 7, index=index).text for index in range(20)]
    assert drawn == [expand(template, 7, index=index).text for index in range(20)]
    assert len(set(drawn)) > 10
    assert drawn != [expand(template, 8, index=index).text for index in range(20)]


def test_draws_are_the_same_on_every_machine_and_for_ever() -> None:
    drawn = [expand("{a|b|c|d} {2$$x|y|z}", seed).text for seed in range(4)]
    assert drawn == ["b y, z", "b y, z", "d z, y", "b z, x"]


def test_what_is_written_in_front_changes_no_later_choice() -> None:
    for seed in range(20):
        alone = expand("__colour__ {cat|dog|owl}", seed, lookup=lookup).text
        assert expand("{x|y|z} __animal__ __colour__ {cat|dog|owl}", seed, lookup=lookup).text.endswith(alone)


def test_a_new_line_in_a_wildcard_changes_only_what_draws_it() -> None:
    for seed in range(60):
        before = expand("__w__", seed, lookup=lambda name: ["a", "b", "c"]).text
        after = expand("__w__", seed, lookup=lambda name: ["c", "new", "a", "b"]).text
        assert after in (before, "new")


def test_the_same_braces_twice_are_two_choices() -> None:
    assert len({expand("{a|b} {a|b}", seed).text for seed in range(40)}) == 4


def test_weights_are_kept() -> None:
    drawn = Counter(expand("{3::a|b|0::c}", seed).text for seed in range(2000))
    # 3 : 1 of 2000 is 1500 with a standard deviation of 19; four of them.
    assert abs(drawn["a"] - 1500) < 80
    assert drawn["c"] == 0
    assert expand("__weighted__", 3, lookup=lookup).text == "always"


def test_choices_without_replacement_are_all_different_and_in_any_order() -> None:
    drawn = {expand("{2$$a|b|c}", seed).text for seed in range(200)}
    assert drawn == {", ".join(pair) for pair in itertools.permutations("abc", 2)}
    numbers = {expand("{1-3$$a|b|c}", seed).text.count(",") for seed in range(60)}
    assert numbers == {0, 1, 2}


def test_in_turn_goes_round_and_keeps_step() -> None:
    drawn = [expand("{@a|b} {@c|d|e}", 5, index=index).text for index in range(6)]
    assert drawn == ["a c", "b d", "a e", "b c", "a d", "b e"]


def test_at_random_is_no_combination() -> None:
    made = every("{a|b} {~c|d|e}")
    assert len(made) == 2
    assert count_combinations("{a|b} {~c|d|e}").number == 2


def test_every_choice_is_on_record() -> None:
    made = expand("a {red} __animal__ {2$$x|y}", 4, lookup=lookup)
    assert made.template == "a {red} __animal__ {2$$x|y}"
    assert (made.seed, made.index) == (4, 0)
    sources = [drawn.source for drawn in made.choices]
    assert [source for source in sources if source != "{small|big}"] == ["{red}", "__animal__", "{2$$x|y}"]
    assert made.choices[0] == Drawn("{red}", ("red",))
    assert made.text == "a red " + made.choices[1].texts[0] + " " + ", ".join(made.choices[-1].texts)
    assert made.as_json()["choices"][0] == {"from": "{red}", "texts": ["red"]}


def test_variables_may_be_given() -> None:
    assert expand("a ${what}", 1, variables={"what": "cat {"}).text == "a cat {"
    assert count_combinations("${what}", variables={"what": "x"}).number == 1


def test_an_unknown_wildcard_or_variable_is_an_error_in_both_languages() -> None:
    for call in (lambda: expand("__nix__", 1), lambda: count_combinations("__nix__", lookup=lookup)):
        with pytest.raises(UnknownWildcardError) as error:
            call()
        assert "nix" in error.value.tell("en")
        assert "nix" in error.value.tell("es")
    for call in (lambda: expand("${nix}", 1), lambda: count_combinations("${nix}")):
        with pytest.raises(UnknownVariableError, match=r"\$\{nix\}"):
            call()


@pytest.mark.parametrize("template", ["__loop__", "${a=${b}}${b=${a}}${a}", "${a=x ${a}}${a}"])
def test_what_needs_itself_is_an_error_that_names_the_circle(template: str) -> None:
    with pytest.raises(PromptCycleError, match="→"):
        expand(template, 1, lookup=lookup)
    with pytest.raises(PromptCycleError, match="→"):
        count_combinations(template, lookup=lookup)


def test_what_grows_beyond_all_bounds_is_an_error() -> None:
    doubled = "${v0={a|b}}" + "".join(f"${{v{n + 1}=${{v{n}}}${{v{n}}}}}" for n in range(40)) + "${v40}"
    with pytest.raises(EndlessPromptError):
        expand(doubled, 1)
    assert count_combinations(doubled).bound == "at_least"


def test_large_numbers_are_exact_and_huge_ones_are_bounds() -> None:
    lines = [f"line {number}" for number in range(1000)]
    count = count_combinations("{3$$__x__} __x__", lookup=lambda name: lines)
    assert (count.number, count.bound) == (1000 * 999 * 998 * 1000, "exact")
    assert count_combinations("{1-$$__x__}", lookup=lambda name: lines).bound == "at_least"
    assert count_combinations("{a|b}" * 5000).bound == "at_least"


OPTION = st.sampled_from(["a", "b", "", "c d", "2::e", "__colour__"])
TEMPLATES = st.recursive(
    OPTION,
    lambda inner: st.one_of(
        st.builds(lambda parts: "{" + "|".join(parts) + "}", st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: "{1-2$$" + "|".join(parts) + "}", st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda one, two: f"{one} {two}", inner, inner),
        st.builds(lambda one: f"${{v=!{one}}}${{v}} ${{v}}", inner),
        st.builds(lambda one: f"${{w={one}}}${{w}}", inner),
    ),
    max_leaves=5,
)


@settings(deadline=None, max_examples=80)
@given(TEMPLATES)
def test_the_count_is_the_number_of_combinations_and_draws_are_among_them(template: str) -> None:
    try:
        count = count_combinations(template, lookup=lookup)
    except PromptCycleError:
        return
    made = [one.text for one in itertools.islice(combinations(template, lookup=lookup), 400)]
    if count.number < 400:
        assert (len(made), count.bound) == (count.number, "exact")
        assert expand(template, 1, lookup=lookup).text in made


def test_many_prompts_are_drawn_as_one_by_one_and_wildcards_are_read_once() -> None:
    asked: list[str] = []

    def lookup(name: str) -> list[str]:
        asked.append(name)
        return ["red", "green", "blue"]

    template = "{a|b|c} __colour__ ${v=!{1|2}}${v}${v} {2$$__colour__}"
    together = list(expand_each(template, 5, 20, lookup=lookup))
    assert asked == ["colour"]
    assert together == [expand(template, 5, index=index, lookup=lookup) for index in range(20)]
