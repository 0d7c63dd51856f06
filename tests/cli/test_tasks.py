from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression, Ridge

from skpoison.cli._tasks import (
    CLASSIFICATION,
    DEFENCES,
    ESTIMATORS,
    REGRESSION,
    TASKS,
    task_of,
)


def test_tasks_of_estimators():
    assert task_of(LogisticRegression()) is CLASSIFICATION
    assert task_of(Ridge()) is REGRESSION
    assert task_of(KMeans()) is None
    assert task_of(object()) is None
    for task in TASKS:
        assert all(task_of(each) is task for each in task.estimators.values())


def test_defaults_are_among_the_names():
    for task in TASKS:
        assert task.default_estimator in task.estimators
        assert {*task.best_defences, *task.best_if_trusted} <= set(task.defences)
    assert len(ESTIMATORS) == sum(len(task.estimators) for task in TASKS)
    assert set(DEFENCES) == set().union(*(task.defences for task in TASKS))
