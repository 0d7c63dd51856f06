r"""A penalty on how suspicious poison rows are.

Scores of detectors have all units. They are measured from those of the clean rows of
the same label: 0 is their median, 1 where a filter draws the line by default, the 0.95
quantile. The gradient is exact for distances to neighbours,

.. math::

    \nabla \lVert x - x_{(k)} \rVert = \frac{x - x_{(k)}}{\lVert x - x_{(k)} \rVert} ,

and a finite difference for anything else: along each feature if there are few of them,
along random directions otherwise, an unbiased estimate (Spall 1992; Nesterov and
Spokoiny 2017).
"""

import numpy as np
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.neighbors import NearestNeighbors

from skpoison.penalties._base import BasePenalty
from skpoison.utils._ranges import column_ranges
from skpoison.utils._texts import shown
from skpoison.utils._validation import InstanceWith

# Which neighbour's distance is the score if no detector is given.
N_NEIGHBORS = 5
# The quantile of the clean rows' scores at which a row counts 1.
QUANTILE = 0.95
# Along how many directions a score is differentiated, and the step, in ranges.
N_DIRECTIONS, STEP = 32, 0.01


class Detectability(BasePenalty):
    r"""How suspicious poison rows are to a detector of outliers or a row filter.

    .. math::

        \frac{\lambda}{n_p} \sum_i \max(0, z(x_i, y_i)) ,
        \qquad z = \frac{s(x_i, y_i) - m_{y_i}}{q_{y_i} - m_{y_i}} ,

    for the score s of the detector, higher for more suspicious rows, and the median m
    and the 0.95 quantile q of the scores of the clean rows of the same label. With a
    weight of 0 the attack is free. The larger the weight, the less of its poison is
    found and the less harm it does.

    Parameters
    ----------
    detector : outlier detector or row filter, default=None
        What is to find nothing. An outlier detector with `score_samples`
        (:class:`~sklearn.neighbors.LocalOutlierFactor` with ``novelty=True``) is fitted
        to the clean rows of each label. A defence that scores new rows against trusted
        ones, such as :class:`~skpoison.defences.OutlierFilteredClassifier`, is fitted
        to all clean rows. In a :class:`~sklearn.frozen.FrozenEstimator` it stays as it
        is. None: the distance to the fifth nearest clean row of the same label.
    weight : float, default=0.1
        The factor :math:`\lambda`: what it costs, in units of the goal, if all rows are
        as suspicious as the 0.95 quantile of the clean ones.

    Attributes
    ----------
    median_ : ndarray of shape (n_labels,)
        The median score of the clean rows of each label, or of all rows for regression.
    scale_ : ndarray of shape (n_labels,)
        The 0.95 quantile minus the median.

    See Also
    --------
    Displacement : How far poison rows are from where they start.
    skpoison.feasible_sets.AcceptedBy : Bounds the score instead.

    Notes
    -----
    The gradient is exact without a detector. The scores of a detector are
    differentiated numerically: along each feature if there are no more than 32, along
    32 random directions otherwise. A score with steps, such as that of a forest, has a
    gradient only as far as the step, 0.01 of the range of a feature, crosses them.

    That generative attacks trade damage for detectability by one weight is from [1]_.

    References
    ----------
    .. [1] L. Muñoz-González, B. Pfitzner, M. Russo, J. Carnerero-Cano, E. C. Lupu,
       "Poisoning attacks with generative adversarial nets", arXiv:1906.07773, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.defences import OutlierFilteredClassifier
    >>> from skpoison.optimizers import ProjectedAscent
    >>> from skpoison.penalties import Detectability
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, y = MinMaxScaler().fit_transform(X[:200]), y[:200]
    >>> learner = LogisticRegression(C=10)
    >>> defence = OutlierFilteredClassifier(learner, detector="distance")
    >>> trusted = np.arange(220) < 100
    >>> for weight in (0.0, 0.3):
    ...     attack = GradientInsertion(
    ...         learner,
    ...         budget=20,
    ...         penalties=[Detectability(weight=weight)],
    ...         optimizer=ProjectedAscent(max_iter=50),
    ...         random_state=0,
    ...     )
    ...     fitted = defence.fit(*attack.fit_resample(X, y), trusted=trusted)
    ...     print((~fitted.inlier_mask_[200:]).mean() > 0.5)
    True
    False
    """

    _parameter_constraints: dict = {
        **BasePenalty._parameter_constraints,
        "detector": [InstanceWith(["fit"]), None],
    }

    def __init__(self, detector=None, weight=0.1):
        super().__init__(weight)
        self.detector = detector

    def _fit(self, X, y):
        self._has_labels = y.dtype.kind in "iu"
        self._width = column_ranges(X)[1]
        self._response_width = column_ranges(y[:, np.newaxis])[1][0]
        self._draw = np.random.RandomState(0)
        labels = self._labels(y)
        groups = [np.flatnonzero(labels == k) for k in range(labels.max() + 1)]
        if self.detector is None:
            self._score = _Distances(X, groups)
            own = self._score.own
        elif hasattr(self.detector, "_new_row_scorer"):
            own, self._score = self._of_filter(X, y)
        else:
            own, self._score = self._of_detector(X, y, groups)
        scores = [own[rows] if rows.size else np.zeros(1) for rows in groups]
        self.median_ = np.array([np.median(each) for each in scores])
        high = np.array([np.quantile(each, QUANTILE) for each in scores])
        # Scores that are all equal are their own unit.
        size = np.maximum(np.abs(self.median_), 1.0)
        self.scale_ = np.where(high > self.median_, high - self.median_, size)

    def _labels(self, y):
        """Return labels; for responses all rows have the same one."""
        return y if self._has_labels else np.zeros(y.shape[0], dtype=int)

    def _of_filter(self, X, y):
        """Return the scores of the clean rows by a filter, and a function."""
        needed = is_classifier if self._has_labels else is_regressor
        if not needed(self.detector):
            kind = "classifier" if self._has_labels else "regressor"
            raise ValueError(
                f"`detector` must be a {kind} if it is a defence, as y holds "
                f"{'labels' if self._has_labels else 'responses'}; got "
                f"{shown(self.detector)}. Take OutlierFilteredClassifier or "
                "OutlierFilteredRegressor."
            )
        everything = np.ones(y.shape[0], dtype=bool)
        fitted = clone(self.detector).fit(X, y, trusted=everything)
        return fitted.sample_scores_, fitted._new_row_scorer(X, y)

    def _of_detector(self, X, y, groups):
        """Return the scores of the clean rows by a detector, and a function."""
        parts, own = [], np.zeros(X.shape[0])
        for rows in groups:
            if not hasattr(self.detector, "score_samples"):
                raise ValueError(
                    "`detector` must score new rows by `score_samples`, or be a row "
                    f"filter that does; got {shown(self.detector)}. Take "
                    "IsolationForest(), LocalOutlierFactor(novelty=True), or "
                    "OutlierFilteredClassifier."
                )
            parts.append(None)
            if rows.size:
                parts[-1] = clone(self.detector).fit(X[rows], y[rows])
                own[rows] = -parts[-1].score_samples(X[rows])

        def score(X, y):
            scores, labels = np.zeros(y.shape[0]), self._labels(y)
            for k, part in enumerate(parts):
                rows = np.flatnonzero(labels == k)
                if rows.size:
                    scores[rows] = -part.score_samples(X[rows])
            return scores

        return own, score

    def value_and_gradient(self, X, y, X_start, y_start):
        """Compute the penalty of poison rows, and its gradient.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            The poison rows.
        y : ndarray of shape (n_rows,)
            Their responses, or labels as positions among the classes.
        X_start, y_start : ndarray
            The rows from which the attack has started, of the same shapes.

        Returns
        -------
        value : float
            The penalty.
        in_features : ndarray of shape (n_rows, n_features)
            Its gradient in the features.
        in_responses : ndarray of shape (n_rows,)
            Its gradient in the responses.
        """
        labels = self._labels(y)
        in_features, in_responses = np.zeros(X.shape), np.zeros(y.shape)
        scores = self._score(X, y)
        z = (scores - self.median_[labels]) / self.scale_[labels]
        factor = self.weight / max(y.shape[0], 1)
        rows = np.flatnonzero(z > 0)
        if rows.size and self.weight:
            each = factor / self.scale_[labels[rows]]
            if isinstance(self._score, _Distances):
                gradient = self._score.gradient(X[rows], y[rows])
            else:
                gradient = self._difference(X[rows], y[rows])
                in_responses[rows] = each * self._in_responses(X[rows], y[rows])
            in_features[rows] = each[:, np.newaxis] * gradient
        return float(factor * z[rows].sum()), in_features, in_responses

    def _difference(self, X, y):
        """Differentiate the score in the features by central differences."""
        n_rows, n_features = X.shape
        if n_features <= N_DIRECTIONS:
            directions, share = np.eye(n_features), 1.0
        else:
            # Orthonormal ones: each is the same share of the gradient on average.
            drawn = self._draw.standard_normal((n_features, N_DIRECTIONS))
            directions, share = np.linalg.qr(drawn)[0].T, n_features / N_DIRECTIONS
        steps = STEP * directions * self._width
        moved = X[:, np.newaxis] + np.stack([steps, -steps])[:, np.newaxis]
        scores = self._score(
            moved.reshape(-1, n_features), np.tile(np.repeat(y, len(steps)), 2)
        )
        ahead, behind = scores.reshape(2, n_rows, -1)
        slopes = (ahead - behind) / (2 * STEP)
        return share * slopes @ directions / self._width

    def _in_responses(self, X, y):
        """Differentiate the score in the responses by central differences."""
        if self._has_labels:
            return np.zeros(y.shape[0])
        step = STEP * self._response_width
        return (self._score(X, y + step) - self._score(X, y - step)) / (2 * step)


class _Distances:
    """The distance of a row to the k-th nearest clean row of its label.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The clean rows.
    groups : list of ndarray of int
        Those of each label; a single group for responses.

    Attributes
    ----------
    own : ndarray of shape (n_samples,)
        The distances of the clean rows, each without itself.
    """

    def __init__(self, X, groups):
        self.own, self.groups, self.parts = np.zeros(X.shape[0]), groups, []
        for rows in groups:
            k = min(N_NEIGHBORS, rows.size - 1)
            if k < 1:
                self.parts.append(None)
                continue
            index = NearestNeighbors(n_neighbors=k).fit(X[rows])
            self.own[rows] = index.kneighbors()[0][:, -1]
            self.parts.append((X[rows], index))

    def __call__(self, X, y):
        """Return the distances of rows."""
        return np.linalg.norm(self._differences(X, y), axis=1)

    def gradient(self, X, y):
        """Return their gradients."""
        differences = self._differences(X, y)
        norms = np.linalg.norm(differences, axis=1, keepdims=True)
        return differences / np.where(norms > 0, norms, 1)

    def _differences(self, X, y):
        differences = np.zeros(X.shape)
        for k, part in enumerate(self.parts):
            members = np.flatnonzero(y == k) if len(self.parts) > 1 else slice(None)
            if part is None or not X[members].shape[0]:
                continue
            rows, index = part
            nearest = index.kneighbors(X[members], return_distance=False)[:, -1]
            others = rows[nearest]
            others = others.toarray() if sparse.issparse(others) else others
            differences[members] = X[members] - others
        return differences
