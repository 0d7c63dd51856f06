import pytest
from sklearn.base import BaseEstimator

from skpoison.utils._callbacks import CallbackSupportMixin, Progress, with_callbacks


class Worker(CallbackSupportMixin, BaseEstimator):
    """Works through some values, until it is told to stop."""

    def __init__(self, verbose=0):
        self.verbose = verbose

    @with_callbacks
    def work(self, values):
        progress = Progress(self, "work", len(values), self.verbose)
        done = []
        for value in values:
            done.append(value)
            if progress(value):
                break
        progress.end()
        return done


class Counter:
    """Counts what it is told, and stops the work after some steps."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.told = []

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"begin {context.task_name}")
        if context.parent is None:
            assert context.max_subtasks == 3

    def on_fit_task_end(self, estimator, context):
        self.told.append(f"end {context.task_name}")
        return self.told.count("end step") == self.stop_after


@pytest.mark.parametrize(
    ("every", "steps"), [(0, []), (1, [1, 2, 3, 4, 5]), (2, [2, 4]), (9, [])]
)
def test_lines(every, steps, capsys):
    values = [0.5, 1.25, 2.0, 1 / 3, 1e-9]
    assert Worker(every).work(values) == values
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"[Worker] step {step} of 5: goal {values[step - 1]:.6g}" for step in steps
    ]


def test_callbacks_are_told():
    pytest.importorskip("sklearn.callback")
    counter = Counter()
    assert Worker().set_callbacks(counter).work([1, 2, 3]) == [1, 2, 3]
    step = ["begin step", "end step"]
    assert counter.told == ["setup", "begin work", *3 * step, "end work", "teardown"]


def test_callbacks_stop_the_work():
    pytest.importorskip("sklearn.callback")
    first, second = Counter(stop_after=2), Counter()
    assert Worker().set_callbacks(first, second).work([1, 2, 3]) == [1, 2]
    assert first.told == second.told
    assert first.told.count("begin step") == 2
    assert first.told[-2:] == ["end work", "teardown"]


def test_a_stop_is_not_taken_back():
    class Context:
        def subcontext(self, task_name):
            return self

        def call_on_fit_task_begin(self, estimator):
            pass

        def call_on_fit_task_end(self, estimator):
            return next(asked)

    asked = iter([False, True, False, None])
    progress = Progress(Worker(), "work", 3, every=0)
    progress.context = Context()
    assert [progress(0.0) for _ in range(4)] == [False, True, True, True]
    assert progress.stopped


def test_callbacks_are_torn_down_after_an_error():
    pytest.importorskip("sklearn.callback")
    counter = Counter()
    with pytest.raises(ValueError, match="Unknown format code"):
        Worker(verbose=1).set_callbacks(counter).work([1, 2, "three"])
    assert counter.told[-1] == "teardown"
