"""Which photos a step looks at: every one as often, from counts alone, whatever the batch."""

import torch

from colabsd.training.order import Counted, InReference, Look


def order(**facts: int) -> Counted:
    plain = {"seed": 3, "photos": 5, "classes": 0, "batch": 2, "accumulation": 1, "timesteps": 1000}
    return Counted(**{**plain, **facts}, shape=(4, 4))  # type: ignore[arg-type]


def test_every_photo_is_looked_at_once_per_epoch_in_another_order() -> None:
    found = [photo for step in range(5) for look in order().looks(step) for photo in look.photos]
    assert sorted(found[:5]) == sorted(found[5:]) == [0, 1, 2, 3, 4]
    assert found[:5] != found[5:]
    assert [order().epoch(step) for step in range(6)] == [0, 0, 0, 1, 1, 2]


def test_a_step_is_the_same_whatever_came_before() -> None:
    one, other = order(classes=3), order(classes=3)
    list(map(one.looks, range(7)))
    assert same(one.looks(7)[0], other.looks(7)[0])


def test_how_photos_are_grouped_into_batches_changes_neither_them_nor_their_noise() -> None:
    together = order(batch=4, classes=3).looks(2)[0]
    apart = order(batch=2, accumulation=2, classes=3).looks(2)
    assert [photo for look in apart for photo in look.photos] == list(together.photos)
    pieces = together.split(2)
    assert all(same(piece, look) for piece, look in zip(pieces, apart, strict=True))


def test_other_seeds_and_other_slots_have_other_noise() -> None:
    first, second = order().looks(0)[0].chance, order(seed=4).looks(0)[0].chance
    assert not torch.equal(first.noise, second.noise)
    assert not torch.equal(first.noise[0], first.noise[1]) and not torch.equal(first.noise, first.posterior)


def test_global_chance_is_left_alone() -> None:
    before = torch.get_rng_state()
    order().looks(0)
    InReference(order()).looks(3)
    assert torch.equal(before, torch.get_rng_state())


def test_the_reference_can_begin_in_the_middle_and_ends_a_step_with_the_epoch() -> None:
    one, other = InReference(order(accumulation=2)), InReference(order(accumulation=2))
    steps = [one.looks(step) for step in range(4)]
    assert [len(looks) for looks in steps] == [2, 1, 2, 1]  # 5 photos: batches of 2, 2 and 1
    assert all(same(*pair) for pair in zip(other.looks(3), steps[3], strict=True))
    assert all(same(*pair) for pair in zip(other.looks(0), steps[0], strict=True))
    assert [one.epoch(step) for step in range(4)] == [0, 0, 1, 1]


def same(one: Look, other: Look) -> bool:
    return (one.photos, one.classes) == (other.photos, other.classes) and all(
        torch.equal(getattr(one.chance, name), getattr(other.chance, name))
        for name in ("posterior", "noise", "timesteps")
    )
