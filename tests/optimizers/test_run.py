"""Results of optimizers from outside the package are checked."""

import numpy as np
import pytest

from skpoison.optimizers import AscentResult, BaseOptimizer, ProjectedAscent
from skpoison.optimizers._run import Record, run_optimizer

START = np.array([[0.5, -3.0]])
TOP = np.array([[2.0, 1.0]])


def hill(x):
    """Compute minus the squared distance to the top, and its gradient."""
    return -((x - TOP) ** 2).sum(), 2 * (TOP - x)


def box(x):
    return np.clip(x, -1, 3)


def run(maximise, function=hill):
    class Own(BaseOptimizer):
        def _maximise(self, value_and_gradient, start, project, callback):
            return maximise(value_and_gradient, start, project)

    return run_optimizer(Own(), function, START, box, lambda value, x: False)


VALUE_AT_START, VALUE_AT_ZERO = hill(box(START))[0], hill(0 * START)[0]


def test_the_best_point_is_remembered():
    record = Record(hill)
    for x in (START, TOP, START, 3 * TOP):
        record(x)
    np.testing.assert_array_equal(record.first, START)
    np.testing.assert_array_equal(record.x, TOP)
    assert record.value == 0


def test_memory_that_an_optimizer_uses_again_is_not_that_of_the_record():
    record, x = Record(hill), START.copy()
    for point in (START, (START + TOP) / 2, 3 * TOP):
        x[:] = point
        record(x)
    np.testing.assert_array_equal(record.first, START)
    np.testing.assert_array_equal(record.x, (START + TOP) / 2)


def test_points_that_are_not_finite_do_not_count():
    answers = iter([(1.0, 0 * START), (np.nan, 0 * START), (9.0, np.inf * START)])
    record = Record(lambda x: next(answers))
    for x in (START, TOP, TOP):
        record(x)
    assert record.value == 1
    np.testing.assert_array_equal(record.x, START)


def test_result_that_is_right_stays():
    def maximise(function, start, project):
        path = [function(x)[0] for x in (project(start), 0 * start)]
        return AscentResult(0 * start, path[1], np.array(path))

    found = run(maximise)
    assert found.value == VALUE_AT_ZERO
    np.testing.assert_array_equal(found.x, 0 * START)
    np.testing.assert_array_equal(found.path, [VALUE_AT_START, VALUE_AT_ZERO])


def test_point_worse_than_the_start():
    def maximise(function, start, project):
        value, _ = function(project(start))
        return AscentResult(box(start - 9), value + 1, np.array([value, value + 1]))

    with pytest.warns(
        UserWarning, match="`_maximise` of Own returned a point at which"
    ):
        found = run(maximise)
    assert found.value == VALUE_AT_START
    np.testing.assert_array_equal(found.x, box(START))


def test_point_worse_than_the_best_met():
    def maximise(function, start, project):
        path = [function(x)[0] for x in (project(start), TOP, 0 * start)]
        return AscentResult(0 * start, path[2], np.array(path))

    with pytest.warns(UserWarning, match="but it is -0 at the best point met"):
        found = run(maximise)
    np.testing.assert_array_equal(found.x, TOP)


def test_value_is_that_of_the_point():
    def maximise(function, start, project):
        return AscentResult(0 * start, 7.0, [7.0])

    found = run(maximise)
    assert found.value == VALUE_AT_ZERO
    np.testing.assert_array_equal(found.path, [7, VALUE_AT_ZERO])


def test_start_counts_even_if_it_is_not_evaluated():
    def maximise(function, start, project):
        value, _ = function(box(start - 9))
        return AscentResult(box(start - 9), value, np.array([value]))

    with pytest.warns(UserWarning, match="or at the start, which is taken instead"):
        found = run(maximise)
    np.testing.assert_array_equal(found.x, box(START))


def test_point_that_is_not_feasible_is_projected():
    def maximise(function, start, project):
        return AscentResult(np.array([[9.0, 1.0]]), 0.0, np.zeros(1))

    found = run(maximise)
    np.testing.assert_array_equal(found.x, [[3, 1]])
    assert found.value == -1


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "finite numbers, of the shape .*; got NoneType"),
        (AscentResult(TOP[0], 0.0, np.zeros(1)), r"shape \(1, 2\) .* shape \(2,\)"),
        (AscentResult(np.nan * TOP, 0.0, np.zeros(1)), "point of finite numbers"),
        (AscentResult("top", 0.0, np.zeros(1)), "point of finite numbers"),
        (AscentResult(TOP, 0.0, None), "with a path of numbers"),
        (AscentResult(TOP, 0.0, np.zeros(0)), "with a path of numbers"),
        (AscentResult(TOP, 0.0, 1.0), "with a path of numbers"),
    ],
)
def test_what_is_not_a_result(result, message):
    with pytest.raises(TypeError, match=f"`_maximise` of Own must return .*{message}"):
        run(lambda function, start, project: result)


def test_start_that_is_not_finite():
    with pytest.raises(ValueError, match="must be finite at the start; got nan"):
        run(lambda *_: AscentResult(TOP, 0.0, np.zeros(1)), lambda x: (np.nan, 0 * x))


def test_those_of_the_package_are_believed(recwarn):
    n_calls = []

    def counted(x):
        n_calls.append(1)
        return hill(x)

    optimizer = ProjectedAscent(0.3, max_iter=30, tol=None)
    alone = optimizer.maximise(hill, START, box)
    found = run_optimizer(optimizer, counted, START, box, lambda value, x: False)
    np.testing.assert_array_equal(found.x, alone.x)
    np.testing.assert_array_equal(found.path, alone.path)
    assert len(n_calls) == 31
    assert not recwarn.list
