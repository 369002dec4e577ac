"""Text from people is shown and never obeyed."""

import html

from hypothesis import given, settings
from hypothesis import strategies as st

from colabsd.errors import InvalidScheduleError, InvalidSchedulesError, InvalidSettingError
from colabsd.widgets.escaping import LONGEST_TEXT, box, data_address, escaped, sentence, table, told_error

HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script> & \'"'


def test_markup_is_shown_as_text() -> None:
    for made in (escaped(HOSTILE), table({HOSTILE: HOSTILE}), sentence("page.gallery.none_found", "es", query=HOSTILE)):
        assert "<img" not in made and "<script" not in made
        assert "&lt;script&gt;" in made


def test_controls_direction_marks_and_half_surrogates_are_replaced_and_line_ends_stay() -> None:
    assert escaped("a\x1b[31m\u202eb\ud800\nc") == "a\ufffd[31m\ufffdb\ufffd\nc"


def test_a_text_without_end_is_cut() -> None:
    assert len(escaped("a" * 10**6)) == LONGEST_TEXT + 1
    assert len(sentence("page.gallery.none_found", "en", query="a" * 10**6)) < 2000


@settings(deadline=None, max_examples=50)
@given(st.text())
def test_what_is_shown_can_be_sent_to_a_browser_and_reads_as_it_was_written(text: str) -> None:
    made = escaped(text)
    made.encode()
    assert not set("<>\"'") & set(made)
    assert len(html.unescape(made)) == min(len(text), LONGEST_TEXT + 1)


def test_empty_values_have_no_row_and_no_lines_no_box() -> None:
    assert table({"a": "", "b": None, "c": 0}).count("<tr>") == 1
    assert box([], "info") == ""
    assert data_address(b"abc", "image/png") == "data:image/png;base64,YWJj"


def test_an_error_calls_a_setting_as_the_form_does() -> None:
    error = InvalidSettingError("error.setting.integer", field="steps", value="<many>")
    assert "Pasos" in told_error(error, "es") and "&lt;many&gt;" in told_error(error, "es")
    assert "Steps" in told_error(error, "en")


def test_an_error_for_several_tells_each_in_a_line_of_its_own() -> None:
    parts = tuple(InvalidScheduleError("error.film_schedule.empty", name=name) for name in ("zoom", HOSTILE))
    first, *each = told_error(InvalidSchedulesError(parts), "en").split("<br>")
    assert "2" in first and len(each) == 2
    assert "zoom" in each[0] and "&lt;script&gt;" in each[1] and "<script" not in each[1]
