"""Defences as learners from a stream: the steps that they let through."""

import numpy as np
from scipy import sparse

from skpoison.online._combination import AdaptiveCombinationClassifier
from skpoison.online._combined_state import CombinedState
from skpoison.online._judge import Judge
from skpoison.online._leverage import Leverage
from skpoison.online._losses import LogLoss
from skpoison.online._mixing import check_rule
from skpoison.online._rejection import RejectionClassifier
from skpoison.online._sgd import SGDState
from skpoison.online._sliding_window import SlidingWindowClassifier
from skpoison.online._trusted_judge import Tolerance, TrustedJudge, has_changes
from skpoison.online._trusted_step import TrustedStepClassifier
from skpoison.online._victims import as_stream_learner
from skpoison.online._window_judge import WindowJudge
from skpoison.utils._containers import as_numbers


@as_stream_learner.register(RejectionClassifier)
def _(estimator, n_features, classes=None, *, is_sparse=False):
    estimator._validate_params()
    state = _inside(estimator, n_features, classes, is_sparse)
    known = getattr(estimator, "_judge", None)
    state.judge = Judge(**estimator._settings()) if known is None else known.copy()
    state.judge.adjust(**estimator._settings())
    return state


@as_stream_learner.register(TrustedStepClassifier)
def _(estimator, n_features, classes=None, *, is_sparse=False):
    estimator._validate_params()
    state = _inside(estimator, n_features, classes, is_sparse)
    if not has_changes(state):
        raise ValueError(
            "`surrogate` must have an SGDClassifier without an l1 penalty, and with "
            "another rate than a passive-aggressive one, inside if it is a "
            f"TrustedStepClassifier; got {estimator.estimator!r}."
        )
    size, memory = int(estimator.n_trusted), getattr(estimator, "_memory", None)
    limit = estimator._leverage_settings()
    state.judge = TrustedJudge(
        Tolerance(float(estimator.quantile), size),
        size,
        Leverage(*limit),
        is_hard=estimator.action == "drop",
    )
    if memory is not None:
        state.judge.leverage = estimator._leverage.copy()
        state.judge.leverage.adjust(*limit)
        state.judge.tolerance = estimator._tolerance.copy()
        state.judge.tolerance.adjust(float(estimator.quantile), size)
        state.judge.is_first = False
        if len(memory):
            state.judge.X, state.judge.codes = _newest_trusted(estimator)
    return state


@as_stream_learner.register(SlidingWindowClassifier)
def _(estimator, n_features, classes=None, *, is_sparse=False):
    estimator._validate_params()
    row_filter = estimator.estimator
    inner = getattr(estimator, "estimator_", row_filter.estimator)
    state = as_stream_learner(inner, n_features, classes, is_sparse=is_sparse)
    if (
        not hasattr(row_filter, "_new_row_scorer")
        or not isinstance(state, SGDState)
        or state.judge is not None
    ):
        raise ValueError(
            "`surrogate` must have an OutlierFilteredClassifier around an "
            "SGDClassifier inside, which judges each row by itself, if it is a "
            f"SlidingWindowClassifier; got {row_filter!r}."
        )
    state.judge = WindowJudge(row_filter, int(estimator.window), int(estimator.every))
    memory = getattr(estimator, "_window", None)
    if memory is not None and len(memory):
        rows, codes = _numbers(estimator, memory)
        state.judge.add(rows, codes, estimator._trusted)
        state.judge.fit()
    return state


@as_stream_learner.register(AdaptiveCombinationClassifier)
def _(estimator, n_features, classes=None, *, is_sparse=False):
    estimator._validate_params()
    estimator._check_learners()
    check_rule(estimator)
    inner = getattr(
        estimator, "estimators_", [each for _, each in estimator.estimators]
    )
    members = [
        as_stream_learner(each, n_features, classes, is_sparse=is_sparse)
        for each in inner
    ]
    for each, member in zip(inner, members, strict=True):
        if not isinstance(getattr(member, "loss", None), LogLoss) or (
            member.n_outputs > 1
        ):
            raise ValueError(
                "`surrogate` must have learners SGDClassifier with loss='log_loss', or "
                "defences around them, and two classes if it is an "
                f"AdaptiveCombinationClassifier; got {each!r} and {len(classes)} "
                "classes."
            )
    given = {}
    if hasattr(estimator, "_memory"):
        given = {"logits": estimator._logits, "is_first": False}
        if len(estimator._memory):
            given["X"], given["codes"] = _newest_trusted(estimator)
    return CombinedState(members, estimator._rule(), int(estimator.n_trusted), **given)


def _newest_trusted(estimator):
    """Return the trusted rows that a fitted defence remembers, and their codes."""
    X, codes = _numbers(estimator, estimator._memory)
    newest = slice(-int(estimator.n_trusted), None)
    return X[newest], codes[newest]


def _numbers(estimator, memory):
    """Return the rows that a fitted defence remembers as numbers, and their codes."""
    X, y = memory.X, memory.y
    X = as_numbers(X)
    X = X.toarray() if sparse.issparse(X) else X
    return X, np.searchsorted(estimator.classes_, y)


def _inside(estimator, n_features, classes, is_sparse):
    """Return the steps of the learner inside a defence that weighs rows."""
    inner = getattr(estimator, "estimator_", estimator.estimator)
    state = as_stream_learner(inner, n_features, classes, is_sparse=is_sparse)
    has_probability = hasattr(getattr(state, "loss", None), "probability")
    if not has_probability or state.judge is not None:
        raise ValueError(
            "`surrogate` must have an SGDClassifier with loss='log_loss' or "
            f"loss='modified_huber' inside if it is a {type(estimator).__name__}; got "
            f"{inner!r}."
        )
    return state
