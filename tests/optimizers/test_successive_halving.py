"""Successive halving, on contenders that are numbers."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from skpoison.optimizers import ProjectedAscent, SuccessiveHalving
from skpoison.optimizers._successive_halving import N_FINALISTS


@dataclass(frozen=True)
class Number:
    """A start that gains as much with each step as it says."""

    value: float
    gain: float = 0.0
    n_steps: int = 0


def climb(ascent, number):
    more = ascent.max_iter
    value = number.value + more * number.gain
    return Number(value, number.gain, number.n_steps + more)


def same(number):
    return number


def search(halving, starts, *, judge=same, is_stopped=bool, judge_again=same):
    return halving._search(starts, same, judge, climb, is_stopped, judge_again)


@pytest.mark.parametrize(
    ("max_iter", "settings", "stages"),
    [
        (400, {}, [(4, 6), (2, 19), (1, 75)]),
        (100, {}, [(4, 1), (2, 5), (1, 19)]),
        (100, {"n_climbs": 1}, [(1, 25)]),
        (400, {"n_climbs": 3}, [(3, 6), (1, 94)]),
        (400, {"n_climbs": 9, "n_starts": 3}, [(2, 25), (1, 75)]),
        (8, {}, [(4, 1), (2, 1)]),
        (100, {"n_starts": 1}, []),
        (0, {}, []),
    ],
)
def test_stages(max_iter, settings, stages):
    halving = SuccessiveHalving(ProjectedAscent(max_iter=max_iter), **settings)
    assert halving._stages() == stages
    of_race = sum(n_starts * n_steps for n_starts, n_steps in stages)
    assert halving._n_steps() == max_iter + of_race


def test_a_shorter_search_keeps_the_lengths_of_first_and_last_steps():
    whole = SuccessiveHalving(n_starts=40)
    half = whole._shortened(0.5)
    assert (half.n_starts, half.n_climbs, half._ascent().max_iter) == (20, 2, 50)
    first, last = (
        ascent.step_size * ascent.decay ** np.array([0, ascent.max_iter])
        for ascent in (whole._ascent(), half._ascent())
    )
    np.testing.assert_allclose(first / np.sqrt(2), last)
    least = whole._shortened(1e-9)
    assert (least.n_starts, least.n_climbs, least._ascent().max_iter) == (6, 1, 20)
    assert whole._shortened(1.0) is whole
    short = SuccessiveHalving(ProjectedAscent(max_iter=8))._shortened(0.5)
    assert short._ascent().max_iter == 8


def test_the_first_start_climbs_all_steps_and_the_others_race():
    halving = SuccessiveHalving(ProjectedAscent(max_iter=256), n_climbs=3)
    others = [Number(1.0, 0.01), Number(0.9, 0.1), Number(0.8, 1.0), Number(0.7, 9.0)]
    # The last start is not among the best three, whatever it would have gained.
    assert search(halving, [Number(0.0), *others]) == Number(0.8 + 64, 1.0, 64)
    assert search(halving, [Number(0.0, 0.5), *others]) == Number(128, 0.5, 256)


def test_no_more_starts_are_asked_for():
    def forever():
        value = 0
        while True:
            seen.append(value)
            yield Number(value)
            value += 1

    seen = []
    assert search(SuccessiveHalving(n_starts=7), forever()).value == 6
    assert len(seen) == 7


def test_never_worse_than_a_start():
    starts = [Number(0.3, -1.0), Number(0.5, -1.0), None, Number(0.4, -1.0)]
    assert search(SuccessiveHalving(), starts) == starts[1]


def test_climbs_are_compared_by_the_verdict():
    """Starts by their values."""
    starts = [Number(0.5, 1.0), Number(0.4, 2.0)]
    found = search(
        SuccessiveHalving(ProjectedAscent(max_iter=8)),
        starts,
        judge=lambda number: replace(number, value=-number.n_steps),
    )
    assert found == starts[0]
    found = search(
        SuccessiveHalving(ProjectedAscent(max_iter=8)),
        starts,
        judge=lambda number: replace(number, value=10 - number.n_steps),
    )
    assert found == Number(9, 2.0, 1)


def test_the_best_few_are_judged_again():
    """In the end, and the best of them by that is returned."""
    values = np.random.RandomState(0).permutation(20) / 20
    seen = []

    def again(number):
        seen.append(number.value)
        return replace(number, value=-number.value, gain=number.value)

    halving = SuccessiveHalving(ProjectedAscent(max_iter=0), n_starts=20)
    found = search(halving, map(Number, values), judge_again=again)
    assert seen == sorted(values)[: -1 - N_FINALISTS : -1]
    assert found.gain == min(seen)


def test_ends_of_climbs_are_judged_again():
    starts = [Number(0.5, 1.0), Number(0.4, 2.0)]
    halving = SuccessiveHalving(ProjectedAscent(max_iter=8))
    found = search(
        halving,
        starts,
        judge_again=lambda number: replace(number, value=number.n_steps % 8),
    )
    assert found == Number(2, 2.0, 2)


def test_stopped():
    starts = [Number(0.1, 1.0), Number(0.2, 1.0)]
    again = []
    best = search(
        SuccessiveHalving(),
        starts,
        is_stopped=lambda: True,
        judge_again=lambda number: again.append(number),
    )
    assert best == starts[0]
    assert not again


@pytest.mark.parametrize(
    ("ascent", "message"),
    [
        (ProjectedAscent(schedule="sequential"), "must have schedule='joint'"),
        (ProjectedAscent(n_restarts=2), "must have n_restarts=0, .* got 2"),
        (ProjectedAscent(step_size=-1.0), "The 'step_size' parameter"),
    ],
)
def test_bad_ascents(ascent, message):
    with pytest.raises(ValueError, match=message):
        SuccessiveHalving(ascent)._validate_params()


def test_shorter_ascents_end_with_as_short_steps():
    ascent = ProjectedAscent(2.0, 0.96, max_iter=100)
    for n_steps in (4, 25, 100):
        shorter = ascent._shortened(n_steps)
        assert shorter.max_iter == n_steps
        assert shorter.decay**n_steps == pytest.approx(0.96**100)
        assert shorter.step_size == pytest.approx(2 * (n_steps / 100) ** 0.5)
