"""Comparison of poisoned training sets by errors."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skpoison.attacks import GradientInsertion
from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks._validation_data import Fold
from skpoison.attacks.rows import _effort, _verdict
from skpoison.attacks.rows._effort import default_effort
from skpoison.attacks.rows._hold_out import together
from skpoison.attacks.rows._initial_rows import InitialRows
from skpoison.attacks.rows._verdict import (
    SHARP,
    EngineErrors,
    SharedVerdict,
    Verdict,
)
from skpoison.goals import ErrorGeneric
from skpoison.optimizers import ProjectedAscent, SuccessiveHalving
from skpoison.optimizers._coordinates import PoisonRows
from skpoison.optimizers._successive_halving import N_FINALISTS
from skpoison.penalties import Displacement

RNG = np.random.RandomState(0)
X = RNG.standard_normal((40, 3))
CODES = (X[:, 0] + 0.5 * RNG.standard_normal(40) > 0).astype(int)
RESPONSES = X @ [1.0, 2.0, 3.0]
X_POISON, Y_POISON = 3 * RNG.standard_normal((6, 3)), RNG.randint(2, size=6)
HALVES = np.split(np.arange(40), 2)
FOLDS = [
    Fold(train, X[test], CODES[test], test) for train, test in (HALVES, HALVES[::-1])
]


def bilevel_problem(surrogate, fold, codes, classes):
    return BilevelProblem(
        surrogate,
        ErrorGeneric(),
        X[fold.train],
        codes[fold.train],
        classes=classes,
        X_val=fold.X,
        y_val=fold.y,
        weight=2.0,
    )


def engine_errors(surrogate, codes, classes):
    folds = [
        Fold(train, X[test], codes[test], test)
        for train, test in (HALVES, HALVES[::-1])
    ]
    problems = [bilevel_problem(surrogate, fold, codes, classes) for fold in folds]
    return EngineErrors(problems)


def smoothed_errors(scores, codes):
    margins = scores * (2 * codes - 1) / np.sqrt((scores**2).mean())
    return 1 / (1 + np.exp(SHARP * margins))


@pytest.mark.parametrize(
    "surrogate",
    [
        make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8)),
        SVC(gamma=0.3, tol=1e-8),
    ],
)
def test_errors_of_classes(surrogate, monkeypatch):
    """Of the surrogate fitted on the other half, each row twice, and on poison."""
    monkeypatch.setattr(_verdict, "TOL", 1e-9)
    errors = engine_errors(surrogate, CODES, np.arange(2))
    before = [problem.engine.tol for problem in errors.problems]
    found = errors.of_rows(X_POISON, Y_POISON)
    assert [problem.engine.tol for problem in errors.problems] == before
    expected = []
    for train, test in (HALVES, HALVES[::-1]):
        rows = np.concatenate([X[train], X[train], X_POISON])
        codes = np.concatenate([CODES[train], CODES[train], Y_POISON])
        scores = clone(surrogate).fit(rows, codes).decision_function(X[test])
        expected.append(smoothed_errors(scores, CODES[test]))
    assert_allclose(found, np.concatenate(expected), rtol=1e-5, atol=1e-9)


def test_errors_of_responses():
    found = engine_errors(Ridge(2.0), RESPONSES, None).of_rows(X_POISON, 5.0 * Y_POISON)
    expected = []
    for train, test in (HALVES, HALVES[::-1]):
        fitted = Ridge(2.0).fit(
            np.concatenate([X[train], X[train], X_POISON]),
            np.concatenate([RESPONSES[train], RESPONSES[train], 5.0 * Y_POISON]),
        )
        expected.append((fitted.predict(X[test]) - RESPONSES[test]) ** 2 / 2)
    assert_allclose(found, np.concatenate(expected), rtol=1e-7)


class Numbers:
    """Errors that are those of rows times the only entry of poison."""

    def __init__(self, rows):
        self.rows = np.array(rows, dtype=float)

    def of_rows(self, X, y, replaced=()):
        return X.item() * self.rows


def poison(value, origins=(99,)):
    rows = PoisonRows(np.array([[value]]), np.zeros(1))
    return rows, InitialRows(rows, np.empty(0, dtype=int), np.array(origins))


def test_gain_on_rows_held_out_is_added():
    verdict = Verdict(Numbers([1, 2, 3]), Numbers([4, 6]))
    (start, initial), (end, _) = poison(1.0), poison(3.0)
    before = verdict.of_start(start, initial)
    assert before.value == pytest.approx((1 + 2 + 3 + 4 + 6) / 5)
    assert before.on_held_out == 5
    after = verdict.of_end(end, initial, before)
    assert after.value == pytest.approx(3.2 + 15 - 5)
    # A start that has led to itself is as good as it was.
    assert verdict.of_end(start, initial, before) == before
    assert verdict.of_end(poison(np.inf)[0], initial, before).value == -np.inf


def test_mean_of_rows_left_out_and_of_rows_learnt():
    verdict = Verdict(None, Numbers([4, 6]), Numbers([8, 10]))
    (start, initial), (end, _) = poison(1.0), poison(3.0)
    before = verdict.of_start(start, initial)
    assert before.value == pytest.approx((5 + 9) / 2)
    after = verdict.of_end(end, initial, before)
    assert after.value == pytest.approx((15 + 27) / 2)


def test_a_second_opinion():
    again = Verdict(None, Numbers([1, 3]), Numbers([8, 10]))
    verdict = Verdict(None, Numbers([4, 6]), Numbers([8, 10]), again)
    rows, initial = poison(2.0)
    value = verdict.of_start(rows, initial).value
    assert value == 2 * (5 + 9) / 2
    expected = 2 * (0.2 * 5 + 0.2 * 2 + 0.6 * 9)
    assert verdict.once_more(rows, initial, value) == pytest.approx(expected)
    assert again.once_more(rows, initial, value) == value


def test_of_a_stiff_surrogate_rows_learnt_are_enough():
    verdict = Verdict(None, None, Numbers([8, 10]))
    (start, initial), (end, _) = poison(1.0, origins=[8]), poison(3.0)
    before = verdict.of_start(start, initial)
    assert before.value == 9
    assert verdict.of_end(end, initial, before).value == 27


def test_rows_that_poison_is_made_of_count():
    """As much as others: a set of one class harms this class."""
    verdict = Verdict(Numbers([1, 2, 3]), Numbers([4, 6]), Numbers([1, 4, 9]))
    assessment = verdict.of_start(*poison(1.0, origins=[0, 1]))
    assert assessment.left_out == pytest.approx((1 + 2 + 3 + 4 + 6) / 5)
    assert assessment.on_held_out == 5
    assert assessment.in_sample == pytest.approx((1 + 4 + 9) / 3)


def test_one_surrogate_for_all_rows():
    """The verdict is that of two that learn from the same rows, with one fit fewer."""
    train, searched, aside = np.split(np.arange(40), [20, 32])
    folds = [Fold(train, X[rows], RESPONSES[rows], rows) for rows in (searched, aside)]
    errors = [
        EngineErrors([bilevel_problem(Ridge(2.0), fold, RESPONSES, None)])
        for fold in (*folds, together(*folds))
    ]
    separate, shared = Verdict(*errors[:2]), SharedVerdict(errors[2], folds)
    start = PoisonRows(X_POISON, 5.0 * Y_POISON)
    initial = InitialRows(start, np.empty(0, dtype=int), np.array([3, 21, 22]))
    assessment = shared.of_start(start, initial)
    expected = separate.of_start(start, initial)
    assert assessment.value == pytest.approx(expected.value, rel=1e-6)
    assert assessment.on_held_out == pytest.approx(expected.on_held_out, rel=1e-6)
    end = PoisonRows(2 * X_POISON, 5.0 * Y_POISON)
    value = shared.of_end(end, initial, assessment).value
    after = separate.of_end(end, initial, expected)
    assert value == pytest.approx(after.value, rel=1e-6)
    assert value != assessment.value


def test_without_rows_held_out():
    verdict = Verdict(Numbers([1, 2, 3]))
    (start, initial), (end, _) = poison(1.0, origins=[2]), poison(3.0)
    before = verdict.of_start(start, initial)
    assert before.value == 2
    assert verdict.of_end(end, initial, before).value == 6


def spied(monkeypatch, surrogate, features, *, y=CODES, n_starts=6, **settings):
    """Return the verdicts of an attack, what they assess, and what it returns.

    Its own verdict comes last; one before it compares the best few once more.
    """
    seen, verdicts = [], []

    class Spy(Verdict):
        def __init__(self, *parts):
            super().__init__(*parts)
            verdicts.append(self)

        def of_start(self, rows, initial):
            found = super().of_start(rows, initial)
            seen.append((found, rows, self))
            return found

        def of_end(self, rows, initial, start):
            found = super().of_end(rows, initial, start)
            seen.append((found, rows, self))
            return found

    monkeypatch.setattr(_verdict, "Verdict", Spy)
    attack = GradientInsertion(
        surrogate,
        6,
        optimizer=SuccessiveHalving(ProjectedAscent(max_iter=8), n_starts=n_starts),
        random_state=0,
        **settings,
    )
    X_out, _ = attack.fit_resample(features, y)
    return verdicts, seen, X_out[-6:], attack


WIDE = np.random.RandomState(1).standard_normal((40, 50))


@pytest.mark.parametrize(
    ("surrogate", "features", "expected", "is_repeated"),
    [
        (LogisticRegression(), X, (False, False, True), False),
        (SVC(), X, (False, True, True), True),
        (LogisticRegression(), WIDE, (True, True, False), False),
        (SGDClassifier(random_state=0), X, (False, False, True), False),
        (SGDClassifier(alpha=1, random_state=0), WIDE, (False, True, True), True),
    ],
)
def test_which_rows_count(monkeypatch, surrogate, features, expected, is_repeated):
    (*again, verdict), *_ = spied(monkeypatch, surrogate, features)
    parts = verdict.searched, verdict.held_out, verdict.in_sample
    assert tuple(part is not None for part in parts) == expected
    assert again == ([verdict.again] if is_repeated else [])


def test_responses_are_not_judged_again(monkeypatch):
    """Five features for forty rows, which a linear surrogate may suit."""
    features = np.random.RandomState(2).standard_normal((40, 5))
    (verdict,), *_ = spied(monkeypatch, Ridge(), features, y=RESPONSES)
    assert verdict.held_out is not None
    assert verdict.again is None


def test_on_large_data_nothing_is_judged_again(monkeypatch):
    monkeypatch.setattr(_effort, "WHOLE", 400)
    assert 0.9 < default_effort(X, 6).share < 1
    (verdict,), *_ = spied(monkeypatch, SVC(), X)
    assert verdict.again is None


def test_given_validation_rows_are_measured_by_the_objective(monkeypatch):
    verdicts, *_ = spied(monkeypatch, LogisticRegression(), X, validation=0.3)
    assert verdicts == []


@pytest.mark.parametrize("surrogate", [LogisticRegression(), SGDClassifier("log_loss")])
def test_a_stiff_surrogate_is_compared_by_what_the_victim_errs(monkeypatch, surrogate):
    """On all training rows, after they have been poisoned by what is returned."""
    surrogate.set_params(random_state=0)
    _, seen, poison, attack = spied(monkeypatch, surrogate, X)
    best = max(seen, key=lambda each: each[0].value)
    np.testing.assert_array_equal(best[1].X, poison)
    rows = attack.fit_resample(X, CODES)
    victim = clone(surrogate).fit(*rows)
    if isinstance(surrogate, SGDClassifier):
        assert best[0].value == 1 - victim.score(X, CODES)
    else:
        expected = smoothed_errors(victim.decision_function(X), CODES)
        assert best[0].value == pytest.approx(expected.mean(), rel=1e-3)


def test_a_climb_that_suits_its_own_rows_loses(monkeypatch):
    """The result is the best by the verdict, not by the objective."""
    monkeypatch.setattr(Verdict, "once_more", lambda self, rows, initial, value: value)
    _, seen, poison, attack = spied(monkeypatch, SVC(), X)
    values = np.array([found.value for found, *_ in seen])
    found = [found.value for found, rows, _ in seen if np.array_equal(rows.X, poison)]
    assert max(found) == values.max() > values[0]
    assert len(attack.goal_path_) == attack.n_iter_ + 1
    assert np.isfinite(attack.goal_path_).all()


def test_the_best_few_are_judged_again(monkeypatch):
    """On other folds, by fits of the victim; the best by both verdicts is returned."""
    monkeypatch.setattr(_verdict, "TOL", 1e-9)
    surrogate = SVC(gamma=0.3, tol=1e-8)
    (again, verdict), seen, poison, attack = spied(
        monkeypatch, surrogate, X, n_starts=12
    )
    met = [(found.value, rows) for found, rows, by in seen if by is verdict]
    finalists = [(found.value, rows) for found, rows, by in seen if by is again]
    best = sorted(met, key=lambda each: -each[0])[:N_FINALISTS]
    assert [rows for _, rows in finalists] == [rows for _, rows in best]
    parts = [
        [problem.X for problem in each.held_out.problems] for each in (verdict, again)
    ]
    assert not any(np.array_equal(*pair) for pair in zip(*parts, strict=True))

    def errors(X_clean, codes, goal, rows):
        """Of a fit with clean rows that count as much as all of them."""
        fitted = clone(surrogate).fit(
            np.concatenate([X_clean, rows.X]),
            np.concatenate([codes, rows.y.astype(int)]),
            np.repeat([40 / codes.shape[0], 1.0], [codes.shape[0], len(rows)]),
        )
        scores = fitted.decision_function(goal.X)
        return smoothed_errors(scores, goal.measure.codes)

    measured = np.concatenate([each.raw_goal.X for each in again.held_out.problems])
    np.testing.assert_array_equal(np.sort(measured, axis=0), np.sort(X, axis=0))
    whole = again.in_sample.problems[0].raw_goal
    finals = []
    for (first, _), (second, rows) in zip(best, finalists, strict=True):
        left_out = [
            errors(each.X, each.codes, each.raw_goal, rows)
            for each in again.held_out.problems
        ]
        left_out = np.concatenate(left_out).mean()
        in_sample = errors(X, CODES, whole, rows).mean()
        assert second == pytest.approx((left_out + in_sample) / 2, rel=1e-5)
        before = 2 * first - in_sample
        finals.append(0.2 * before + 0.2 * left_out + 0.6 * in_sample)
    np.testing.assert_array_equal(finalists[np.argmax(finals)][1].X, poison)
    assert np.argmax(finals) > 0  # the first verdict alone would not return it
    X_out, _ = attack.fit_resample(X, CODES)
    np.testing.assert_array_equal(X_out[-6:], poison)


def test_what_penalties_cost_counts_in_both_verdicts(monkeypatch):
    """With a high price the clones themselves are the best."""
    *_, poison, _ = spied(monkeypatch, SVC(), X, penalties=[Displacement(100.0)])
    away = np.abs(poison[:, np.newaxis] - X).max(axis=2).min(axis=1)
    assert_allclose(away, 0, atol=1e-12)
