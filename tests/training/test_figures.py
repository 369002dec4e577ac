"""Figures mean what they say: both ends of each scale, and the step that is chosen."""

import numpy as np
import pytest

from colabsd.engine.scorers import Vectors
from colabsd.training.figures import Figures, Seen, among, best_step, ends_of, measure, share


def units(*rows: tuple[float, ...]) -> Vectors:
    vectors = np.asarray(rows, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


PHOTOS = units((1, 0.1, 0), (1, -0.1, 0))
CLASS = units((0.3, 1, 0.2), (0.3, 1, -0.2), (0.3, 1, 0))
SENTENCES = units((1, 0, 0.2), (0, 1, 0.2))
UNTOUCHED = Seen(subjects=CLASS[:2], samples=SENTENCES, sentences=SENTENCES, class_pictures=CLASS)
ENDS = ends_of(PHOTOS, UNTOUCHED)


def seen(subjects: Vectors = CLASS[:2], samples: Vectors = SENTENCES, class_pictures: Vectors = CLASS) -> Seen:
    return Seen(subjects=subjects, samples=samples, sentences=SENTENCES, class_pictures=class_pictures)


def measured(what: Seen, step: int = 1) -> Figures:
    return measure(step, what, PHOTOS, CLASS, ENDS)


def test_the_untouched_model_has_made_no_way_and_lost_nothing() -> None:
    figures = measured(UNTOUCHED)
    assert (figures.way, figures.following, figures.kept_share) == pytest.approx((0, 1, 1), abs=1e-6)
    assert figures.score == pytest.approx(0, abs=1e-6)


def test_samples_as_alike_as_photos_have_made_the_whole_way() -> None:
    middle = units((1, 0, 0), (1, 0, 0))
    assert measured(seen(subjects=middle)).way == 1


def test_samples_that_follow_another_sentence_follow_nothing() -> None:
    assert measured(seen(samples=SENTENCES[::-1])).following == pytest.approx(0, abs=1e-6)


def test_a_class_that_became_the_subject_is_lost_and_pres_is_high() -> None:
    collapsed = measured(seen(class_pictures=units((1, 0, 0), (1, 0, 0), (1, 0, 0))))
    assert collapsed.kept_share < 0.01 and collapsed.score < 0.01
    assert collapsed.pres > measured(UNTOUCHED).pres


def test_the_score_is_the_product_of_the_three() -> None:
    figures = Figures(step=3, photos=0, prompt=0, kept=0, pres=0, way=0.8, following=0.5, kept_share=0.5)
    assert figures.score == pytest.approx(0.2)


def test_the_best_step_has_a_state_a_measure_and_the_highest_score() -> None:
    def at(step: int, way: float) -> Figures:
        return Figures(step=step, photos=0, prompt=0, kept=0, pres=0, way=way, following=1, kept_share=1)

    figures = [at(0, 1.0), at(10, 0.5), at(20, 0.9), at(30, 0.7), at(40, 0.7)]
    assert best_step(figures, [10, 20, 30]) == 20
    assert best_step(figures, [10, 30, 40]) == 30, "the earlier of equals"
    assert best_step(figures, [0]) is None, "the untouched model is no result"
    assert best_step(figures, [15, 99]) is None


def test_photos_that_differ_more_than_samples_do_are_no_end_to_reach() -> None:
    different = units((1, 0, 0), (0, 0, 1))
    ends = ends_of(different, UNTOUCHED)
    assert ends.reachable == 1.0
    assert measure(0, UNTOUCHED, different, CLASS, ends).way == pytest.approx(0, abs=1e-6)


def test_a_subject_that_is_not_any_dog_follows_its_prompts_all_the_same() -> None:
    """Nearer to no sentence than before, but each sample as much nearer to its own one."""
    other = np.concatenate([SENTENCES * 0.5, np.full((2, 1), 0.8, np.float32)], axis=1)
    wide = np.concatenate([SENTENCES, np.zeros((2, 1), np.float32)], axis=1)
    moved = Seen(subjects=CLASS[:2], samples=other, sentences=wide, class_pictures=CLASS)
    figures = measured(moved)
    assert figures.prompt < 0.6 and figures.following == pytest.approx(0.5, abs=0.01)


def test_prompts_that_say_much_the_same_are_measured_from_nothing() -> None:
    """Else noise would decide: an unlucky sample would follow its prompt by 0."""
    alike = units((1, 0.1, 0), (1, 0, 0.1))
    untouched = Seen(subjects=CLASS[:2], samples=alike, sentences=alike, class_pictures=CLASS)
    ends = ends_of(PHOTOS, untouched)
    assert ends.followed - ends.unmeant < 0.05
    swapped = Seen(subjects=CLASS[:2], samples=alike[::-1], sentences=alike, class_pictures=CLASS)
    assert measure(1, swapped, PHOTOS, CLASS, ends).following > 0.9


def test_where_no_step_has_made_any_way_the_last_is_taken() -> None:
    none = [
        Figures(step=step, photos=0, prompt=0, kept=0, pres=0, way=0, following=1, kept_share=1) for step in (10, 20)
    ]
    assert best_step(none, [10, 20]) == 20


def test_a_scale_without_room_says_nothing() -> None:
    assert share(0.4, 0.5, 0.5, without=1.0) == 1.0


def test_a_single_photo_is_wholly_like_itself() -> None:
    assert among(PHOTOS[:1]) == pytest.approx(1)


def test_figures_survive_being_written_down() -> None:
    figures = measured(UNTOUCHED)
    assert Figures.from_json(figures.as_json()) == figures
