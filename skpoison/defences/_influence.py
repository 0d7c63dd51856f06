"""Filters of rows that raise the loss of trusted rows."""

from numbers import Integral

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.utils import InputTags, check_random_state
from sklearn.utils._param_validation import StrOptions

from skpoison.base import BaseRowFilter
from skpoison.defences._influence_scores import (
    InfluenceProblem,
    retrained_influences,
)
from skpoison.defences._trusted_quantile import TrustedQuantileMixin
from skpoison.utils._seeds import set_missing_seeds
from skpoison.utils._texts import listed
from skpoison.utils._validation import InstanceWith, check_default

# No trusted row is judged by its own loss, but by those outside of its fold.
N_FOLDS = 5


class _BaseInfluenceFilter(TrustedQuantileMixin, BaseRowFilter):
    """Base of both filters: scores are influences."""

    _parameter_constraints: dict = {
        "estimator": BaseRowFilter._parameter_constraints["estimator"],
        "beside": [StrOptions({"all", "trusted"})],
        "method": [StrOptions({"adjoint", "newton", "retrain"})],
        "surrogate": [InstanceWith(["fit", "predict"]), None],
        "scoring": [StrOptions(set(get_scorer_names())), callable, None],
        "quantile": [TrustedQuantileMixin._quantile_constraint],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator,
        *,
        beside="all",
        method="adjoint",
        surrogate=None,
        scoring=None,
        quantile=0.9,
        random_state=None,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.beside = beside
        self.method = method
        self.surrogate = surrogate
        self.scoring = scoring
        self.quantile = quantile
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _score_rows(self, X, y, *, trusted):
        self._check_some_trusted(trusted)
        if self.method != "retrain":
            reason = "unless method='retrain', which trains models to be scored"
            check_default(self, reason, scoring=None)
        if is_classifier(self) and self.classes_.shape[0] == 1:
            return np.zeros(y.shape[0])  # there is nothing to learn
        rows = np.flatnonzero(trusted)
        folds = _folds(y[rows] if is_classifier(self) else np.zeros_like(rows))
        folds = [rows[fold] for fold in folds]
        if self.beside == "all":
            scores = self._beside_all(X, y, rows, folds)
        else:
            scores = self._beside_trusted(X, y, rows, folds)
        # Without a row that is not judged, less would be known.
        believed = np.isnan(scores)
        scores[believed] = min(np.min(scores[~believed], initial=0.0), 0.0)
        return scores

    def _beside_all(self, X, y, rows, folds):
        """Return what would change without each row."""
        everything = np.ones(y.shape[0], dtype=bool)
        if len(folds) == 1:  # a single trusted row, which is not judged by itself
            scores = self._influences(X, y, everything, [rows])[:, 0]
            scores[rows] = np.nan
            return scores
        tests = [rows, *(np.setdiff1d(rows, fold) for fold in folds)]
        influences = self._influences(X, y, everything, tests)
        scores = influences[:, 0]
        for k, fold in enumerate(folds):
            scores[fold] = influences[fold, k + 1]
        return scores

    def _beside_trusted(self, X, y, rows, folds):
        """Return what each row changes for trusted rows that are left out."""
        if is_classifier(self):
            counts = np.bincount(y[rows], minlength=self.classes_.shape[0])
            if (counts < 2).any():
                raise ValueError(
                    "beside='trusted' needs two trusted rows of each class, one to "
                    "learn from and one to be predicted; got fewer of "
                    f"{listed(self.classes_[counts < 2])}. Trust more rows, or take "
                    "beside='all'."
                )
        found = []
        for fold in folds:
            learnt = np.zeros(y.shape[0], dtype=bool)
            learnt[np.setdiff1d(rows, fold)] = True
            influences = self._influences(X, y, learnt, [fold])[:, 0]
            influences[fold] = np.nan
            found.append(influences)
        counts = np.sum(~np.isnan(found), axis=0)
        sums = np.nansum(found, axis=0)
        return np.where(counts, sums / np.maximum(counts, 1), np.nan)

    def _influences(self, X, y, learnt, tests):
        """Return the influences of all rows on several sets of rows."""
        surrogate = self.estimator if self.surrogate is None else self.surrogate
        if self.random_state is not None:
            stream = check_random_state(self.random_state)
            surrogate = set_missing_seeds(surrogate, stream)
        if self.method == "retrain":
            scorer = check_scoring(surrogate, scoring=self.scoring)

            def scores_of(fitted):
                return np.array([scorer(fitted, X[each], y[each]) for each in tests])

            everything = np.arange(y.shape[0])
            return retrained_influences(
                surrogate, X, y, learnt, everything, scores_of, self.n_jobs
            )
        classes = self.classes_ if is_classifier(self) else None
        try:
            problem = InfluenceProblem(surrogate, X, y, learnt, classes)
        except TypeError as error:
            raise TypeError(
                f"surrogate must be given for method={self.method!r} if the training "
                f"of the estimator cannot be differentiated, as that of {surrogate!r}. "
                "Give surrogate=LogisticRegression() or surrogate=Ridge(), or take "
                "method='retrain'."
            ) from error
        by = problem.by_adjoint if self.method == "adjoint" else problem.by_newton
        return np.column_stack([by(each) for each in tests])

    def _filter_input_tags(self):
        return InputTags(sparse=True)


def _folds(codes):
    """Return the positions of rows in folds over which each class is spread.

    Names of classes and their order make no difference.
    """
    fold = np.empty(codes.shape[0], dtype=int)
    for code in np.unique(codes):
        rows = codes == code
        fold[rows] = np.arange(rows.sum()) % N_FOLDS
    return [np.flatnonzero(fold == k) for k in range(fold.max() + 1)]


class InfluenceFilteredClassifier(_BaseInfluenceFilter):
    r"""Drop rows that raise the loss of a model on trusted rows.

    The influence of a row is how much worse a model predicts the trusted rows with the
    row than without it. A row is suspicious if its influence is above that of nearly
    all trusted rows of its class: it is dropped, and a clone of `estimator` is fitted
    to the others.

    Parameters
    ----------
    estimator : classifier
        Fitted on the rows that are left.
    beside : {"all", "trusted"}, default="all"
        The rows beside which each row is judged. "all": what would change if it were
        left out of all rows. "trusted": what would change if it were added to the
        trusted rows alone, as in [1]_, so that other poisoned rows cannot hide it. The
        trusted rows are split into five parts; each in turn is predicted by what is
        learnt from the others. It takes enough trusted rows to learn from.
    method : {"adjoint", "newton", "retrain"}, default="adjoint"
        How influences are found. "adjoint": to first order, by one linear system for
        all rows [2]_. "newton": by one Newton step for each row from one factorisation,
        exact for the squared loss. "retrain": the model is trained anew for each row,
        or five times for ``beside="trusted"``; for small sets. A model that fits all
        rows exactly, such as a deep tree, tells nothing with ``beside="all"``.
    surrogate : classifier, default=None
        The model, if `estimator` itself cannot be differentiated: see
        :func:`~skpoison.surrogates.as_training_problem`. It may be a Pipeline of
        scalers before a classifier. With ``method="retrain"`` any classifier. None: the
        `estimator`.
    scoring : str, callable or None, default=None
        What is measured on the trusted rows, as in
        :func:`~sklearn.model_selection.cross_validate`. None: the `score` of the model.
        Labels are positions in `classes_`. Only with ``method="retrain"``; the others
        measure the mean of the loss by which the model is trained.
    quantile : float, default=0.9
        Quantile, in [0, 1), of the trusted rows' own scores beyond which a row of
        their class is suspicious. About ``1 - quantile`` of the clean rows are.
    random_state : int, RandomState instance or None, default=None
        Seed of a model that has none, the same in each training.
    n_jobs : int, default=None
        Number of rows for which models are trained in parallel by
        ``method="retrain"``. The other methods do not work in parallel.

    Attributes
    ----------
    estimator_ : classifier
        The clone of `estimator`, fitted on the rows that are left.
    sample_scores_ : ndarray of shape (n_samples,)
        The influence of each row: by how much it raises the mean loss of the trusted
        rows, or lowers the score of the model. NaN for rows of weight 0.
    threshold_ : ndarray of shape (n_classes,)
        Score of each class from which on a row is suspicious. Infinite for a class of
        too few trusted rows, with a warning: its rows are kept.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are used as they are.
    overruled_share_ : ndarray of shape (n_classes,)
        Share of each class that is dropped. `fit` warns if it is significantly more
        than one half.
    classes_ : ndarray of shape (n_classes,)
        The class labels.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    InfluenceFilteredRegressor : The same filter for regression.
    KNNShapleyFilteredClassifier : Measures the effect on nearest neighbours.
    skpoison.inspection.SampleScoresDisplay : Draws the scores of the rows.

    Notes
    -----
    A trusted row is judged by the other trusted rows alone: with ``beside="all"`` by
    those of four of five parts. The threshold is the
    :math:`\lceil q (m + 1) \rceil`-th smallest score of the m trusted rows of the
    class, which takes :math:`q / (1 - q)` of them: 9 by default. If without a row a
    class would be unknown, the row is believed. Sample weights do not change the
    scores.

    One row at a time is judged: rows of which any one may be left out, as the others
    are enough, have little influence. An attacker evades the filter by such copies, and
    with poison whose harm is where no trusted row is.

    References
    ----------
    .. [1] B. Nelson et al., "Exploiting machine learning to subvert your spam filter",
       USENIX LEET 2008, which rejects on negative impact (RONI).
    .. [2] P. W. Koh, P. Liang, "Understanding black-box predictions via influence
       functions", ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import RandomInsertion
    >>> from skpoison.defences import InfluenceFilteredClassifier
    >>> X, y = make_blobs(centers=2, random_state=0, cluster_std=0.5)
    >>> attack = RandomInsertion(budget=20, random_state=0)
    >>> X_poisoned, y_poisoned = attack.fit_resample(X, y)
    >>> trusted = np.arange(120) < 30
    >>> defence = InfluenceFilteredClassifier(LogisticRegression())
    >>> defence = defence.fit(X_poisoned, y_poisoned, trusted=trusted)
    >>> int((~defence.inlier_mask_[100:]).sum())  # of the 20 inserted rows
    19
    """

    _required_estimator_type = "classifier"


class InfluenceFilteredRegressor(_BaseInfluenceFilter):
    r"""Drop rows that raise the loss of a model on trusted rows.

    The influence of a row is how much worse a model predicts the trusted rows with the
    row than without it. A row is suspicious if its influence is above that of nearly
    all trusted rows: it is dropped, and a clone of `estimator` is fitted to the others.

    Parameters
    ----------
    estimator : regressor
        Fitted on the rows that are left.
    beside : {"all", "trusted"}, default="all"
        The rows beside which each row is judged. "all": what would change if it were
        left out of all rows. "trusted": what would change if it were added to the
        trusted rows alone, so that other poisoned rows cannot hide it. The trusted rows
        are split into five parts; each in turn is predicted by what is learnt from the
        others. It takes enough trusted rows to learn from.
    method : {"adjoint", "newton", "retrain"}, default="adjoint"
        How influences are found. "adjoint": to first order, by one linear system for
        all rows [1]_. "newton": by one Newton step for each row from one factorisation,
        exact for the squared loss. "retrain": the model is trained anew for each row,
        or five times for ``beside="trusted"``; for small sets. A model that fits all
        rows exactly, such as a deep tree, tells nothing with ``beside="all"``.
    surrogate : regressor, default=None
        The model, if `estimator` itself cannot be differentiated: see
        :func:`~skpoison.surrogates.as_training_problem`. It may be a Pipeline of
        scalers before a regressor. With ``method="retrain"`` any regressor. None: the
        `estimator`.
    scoring : str, callable or None, default=None
        What is measured on the trusted rows, as in
        :func:`~sklearn.model_selection.cross_validate`. None: the `score` of the model.
        Only with ``method="retrain"``; the others measure the mean of the loss by which
        the model is trained.
    quantile : float, default=0.9
        Quantile, in [0, 1), of the trusted rows' own scores beyond which a row is
        suspicious. About ``1 - quantile`` of the clean rows are.
    random_state : int, RandomState instance or None, default=None
        Seed of a model that has none, the same in each training.
    n_jobs : int, default=None
        Number of rows for which models are trained in parallel by
        ``method="retrain"``. The other methods do not work in parallel.

    Attributes
    ----------
    estimator_ : regressor
        The clone of `estimator`, fitted on the rows that are left.
    sample_scores_ : ndarray of shape (n_samples,)
        The influence of each row: by how much it raises the mean loss of the trusted
        rows, half the squared error for most models, or lowers the score of the model.
        NaN for rows of weight 0.
    threshold_ : float
        Score from which on a row is suspicious. Infinite if too few rows are trusted,
        with a warning.
    inlier_mask_ : ndarray of shape (n_samples,) of bool
        Which rows are used as they are.
    overruled_share_ : float
        Share of the rows that are dropped. `fit` warns if it is significantly more than
        one half.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.

    See Also
    --------
    InfluenceFilteredClassifier : The same filter for classification.
    KNNShapleyFilteredRegressor : Measures the effect on nearest neighbours.
    skpoison.inspection.SampleScoresDisplay : Draws the scores of the rows.

    Notes
    -----
    A trusted row is judged by the other trusted rows alone: with ``beside="all"`` by
    those of four of five parts. The threshold is the
    :math:`\lceil q (m + 1) \rceil`-th smallest score of the m trusted rows, which takes
    :math:`q / (1 - q)` of them: 9 by default. Sample weights do not change the scores.

    References
    ----------
    .. [1] P. W. Koh, P. Liang, "Understanding black-box predictions via influence
       functions", ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.linear_model import Ridge
    >>> from skpoison.defences import InfluenceFilteredRegressor
    >>> X, y = make_regression(100, 3, noise=5.0, random_state=0)
    >>> y_poisoned = y.copy()
    >>> y_poisoned[80:] = 2 * y.max()
    >>> trusted = np.arange(100) < 40
    >>> defence = InfluenceFilteredRegressor(Ridge())
    >>> defence = defence.fit(X, y_poisoned, trusted=trusted)
    >>> plain = Ridge().fit(X, y_poisoned)
    >>> print(f"{plain.score(X, y):.2f} {defence.score(X, y):.2f}")
    -0.58 1.00
    """

    _required_estimator_type = "regressor"
