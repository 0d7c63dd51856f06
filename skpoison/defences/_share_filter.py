"""Base class of defences that leave out a share of the rows: given, or chosen."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.utils import check_random_state, get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_method_params

from skpoison.base import BaseRowFilter
from skpoison.defences._concentration import first_rows
from skpoison.defences._refits import Refits, make_refits
from skpoison.defences._row_losses import large_log_losses, large_squared_error
from skpoison.defences._trusted_choice import trusted_folds, weakest_of_the_best
from skpoison.utils._seeds import set_missing_seeds
from skpoison.utils._validation import check_squares

# Shares that are left out at first, among which trusted rows choose.
SHARES = (0.4, 0.3, 0.2, 0.1, 0.0)
# Of regression: the residual that contradicts a row, in robust standard deviations.
N_DEVIATIONS = (np.inf, 4.0, 3.0, 2.0)
# Squared errors of few trusted rows differ by chance: a weaker choice may have so much
# more.
TOLERANCE = 0.1
# Without trusted rows: the share of the rows that must fit well, and how much larger
# the mean loss of those that fit best may be than with the best choice.
MOST, TOLERANCE_OF_MOST = 0.6, 1.0


@dataclass(frozen=True)
class Task:
    """Rows, and what an estimator makes of them.

    Parameters
    ----------
    X : {ndarray, csr matrix, dataframe} of shape (n_samples, n_features)
        The rows.
    y : ndarray of shape (n_samples,)
        Their labels or responses.
    codes : ndarray of shape (n_samples,) of int
        The class of each row; for regression 0.
    weights : ndarray of shape (n_samples,)
        Their weights.
    refits : Refits
        Fits the estimator to some of the rows.
    limits : tuple of callable
        Each takes the losses of all rows, and returns the loss of each class from which
        on it is large. The highest comes first, and is the usual one.
    kept : ndarray of shape (n_samples,) of bool
        Rows that are always used: the trusted ones.
    movable : ndarray of shape (n_samples,) of bool
        Rows that are judged. A row in neither mask is not there.
    """

    X: object
    y: np.ndarray
    codes: np.ndarray
    weights: np.ndarray
    refits: Refits
    limits: tuple[Callable, ...]
    kept: np.ndarray
    movable: np.ndarray


@dataclass(frozen=True)
class Judgement:
    """What a share filter finds.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        The scores of the rows.
    thresholds : ndarray of shape (n_classes,)
        The score of each class from which on rows are left out.
    losses : ndarray of shape (n_samples,)
        The losses of all rows, by the estimator fitted to the others.
    """

    scores: np.ndarray
    thresholds: np.ndarray
    losses: np.ndarray


class BaseShareFilter(BaseRowFilter):
    """Base class of defences that leave out a share of the rows.

    A subclass has the parameters `contamination` and `random_state`, and implements
    `_judge`. A share that is given is left out. With ``contamination="auto"`` a larger
    share is left out at first, and rows that the estimator fitted to the others does
    not contradict are taken back. Enough trusted rows choose the share, and how large a
    loss contradicts a row, if there are several limits. Without them the limit is the
    weakest with which most rows fit about as well as with any.
    """

    _parameter_constraints: dict = {
        "estimator": BaseRowFilter._parameter_constraints["estimator"],
        "contamination": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "random_state": ["random_state"],
    }

    _leaves_out_a_share = True
    # Whether a share is left out by going on from what larger ones have left out.
    _goes_on_from_larger_shares = True
    # The shares that are left out at first if too few rows are trusted to choose one.
    _first_shares = (0.3,)

    @abstractmethod
    def _judge(self, task, shares, random_state, *, limits):
        """Judge rows, leaving out one share after another.

        Parameters
        ----------
        task : Task
            The rows.
        shares : sequence of float
            The shares of each class that are left out, the largest first.
        random_state : RandomState instance
            The random state.
        limits : sequence of callable or None
            Each takes the losses of all rows, and returns the loss of each class from
            which on rows are not taken back. None: no row is.

        Returns
        -------
        judgements : list of list of Judgement
            For each share, one for each of the limits.
        """

    def _decide(self, X, y, *, present, trusted, params):
        self._present_params = _check_method_params(
            X, params, indices=np.flatnonzero(present)
        )
        return super()._decide(X, y, present=present, trusted=trusted, params=params)

    def _end_fit(self):
        for name in ("_present_params", "_thresholds"):
            vars(self).pop(name, None)

    def _score_rows(self, X, y, *, trusted):
        random_state = check_random_state(self.random_state)
        if sparse.issparse(X) or isinstance(X, np.ndarray):
            check_squares(X)
        task = self._task(X, y, trusted, random_state)
        paths, limits = [[self.contamination]], [None]
        if self.contamination == "auto":
            paths, limits = self._choose(task, random_state)
        judged = [
            self._judge(task, shares, random_state, limits=limits)[-1]
            for shares in paths
        ]
        # The weakest comes first.
        found = [judgement for each in zip(*judged, strict=True) for judgement in each]
        best = _weakest_that_fits_most(task, found)
        judgement = found[best]
        self.first_share_ = float(paths[best % len(paths)][-1])
        self._thresholds = judgement.thresholds
        return judgement.scores

    def _learn_threshold(self, scores, y, *, trusted):
        return self._thresholds if is_classifier(self) else float(self._thresholds[0])

    def _how_to_overrule_less(self):
        return "Mark rows known to be clean as trusted, or lower the contamination."

    def _reads_features(self):
        return False

    def _filter_input_tags(self):
        return get_tags(self.estimator).input_tags

    def _task(self, X, y, trusted, random_state):
        """Return the rows, and how the estimator is fitted to some of them."""
        estimator, params = self.estimator, self._present_params
        if self.random_state is not None:
            estimator = set_missing_seeds(estimator, random_state)
        weights = params.get("sample_weight", np.ones(y.shape[0]))
        if is_classifier(self):
            codes, target = y, self.classes_[y]
            large = large_log_losses(codes, self.classes_.shape[0])
            limits = (lambda losses: large,)
        else:
            codes, target = np.zeros(y.shape[0], dtype=int), y
            limits = tuple(
                partial(large_squared_error, y=y, n_deviations=number)
                for number in N_DEVIATIONS
            )
        return Task(
            X,
            target,
            codes,
            np.asarray(weights, dtype=np.float64),
            make_refits(estimator, X, target, params),
            limits,
            trusted,
            ~trusted,
        )

    def _choose(self, task, random_state):
        """Return the shares to leave out at first, and limits of what is taken back.

        If enough rows are trusted, they choose: one series of shares, of which the last
        is taken, and one limit. Otherwise there are several of both.
        """
        # To take back all is to leave out nothing, one of the shares.
        limits, losses = task.limits[1:] or task.limits, []
        for fold in trusted_folds(task.codes, task.kept, random_state):
            kept = task.kept.copy()
            kept[fold] = False
            judgements = self._judge(
                replace(task, kept=kept), SHARES, random_state, limits=limits
            )
            losses.append(
                [
                    self._compared(each[i].losses[fold])
                    for each in reversed(judgements)
                    for i in range(len(limits))
                ]
            )
        if not losses:
            return [[share] for share in self._first_shares], task.limits
        # The weakest comes first, and wins if others are hardly better.
        tolerance = 0.0 if is_classifier(self) else TOLERANCE
        best = weakest_of_the_best(np.concatenate(losses, axis=1), tolerance)
        place, i = divmod(best, len(limits))
        chosen = len(SHARES) - 1 - place
        first = 0 if self._goes_on_from_larger_shares else chosen
        return [SHARES[first : chosen + 1]], [limits[i]]

    def _compared(self, losses):
        """Return what is averaged over trusted rows: bounded for classification."""
        return -np.expm1(-losses) if is_classifier(self) else losses


def _weakest_that_fits_most(task, judgements):
    """Return the position of the weakest judgement with which most rows fit well."""
    means = []
    for judgement in judgements:
        losses, weights = judgement.losses, task.weights
        rows = first_rows(losses, weights, MOST * weights.sum())
        means.append([np.average(losses[rows], weights=weights[rows])])
    return weakest_of_the_best(np.array(means), TOLERANCE_OF_MOST)
