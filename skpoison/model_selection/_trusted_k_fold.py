"""Cross-validation whose test rows are trusted."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import indexable
from sklearn.utils.validation import _num_samples

from skpoison.utils._validation import check_trusted


class TrustedKFold(BaseCrossValidator):
    """Split rows into folds such that models are scored on trusted rows alone.

    The trusted rows are split into folds. Each fold in turn is the test set, and all
    other rows, trusted or not, are the training set. So a search chooses the parameters
    with which poisoned rows do the least harm to trusted ones.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds; at least 2.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : Takes it as `cv`.
    skpoison.defences.InfluenceFilteredClassifier : Drops rows that do harm to trusted
        ones.

    Notes
    -----
    It asks for the metadata `trusted`: with metadata routing enabled,
    ``GridSearchCV(estimator, grid, cv=TrustedKFold()).fit(X, y, trusted=trusted)`` and
    ``cross_validate(search, X, y, params={"trusted": trusted})`` pass the mask on.
    Without routing, ``cv=TrustedKFold().split(X, y, trusted=trusted)`` does the same
    for one training set. Curves, matrices and reports of this package pass the mask on
    by themselves.

    Nothing is random. Rows are dealt to the folds in the order of their labels or
    responses, so that these are distributed alike in all folds.

    References
    ----------
    .. [1] J. Carnerero-Cano, L. Muñoz-González, P. Spencer, E. C. Lupu,
       "Hyperparameter learning under data poisoning: analysis of the influence of
       regularization via multiobjective bilevel optimization", IEEE Transactions on
       Neural Networks and Learning Systems, 2023, in which parameters are learnt on
       trusted rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skpoison.model_selection import TrustedKFold
    >>> X, y = make_classification(random_state=0)
    >>> trusted = np.arange(100) < 30
    >>> search = GridSearchCV(
    ...     LogisticRegression(),
    ...     {"C": [0.01, 1, 100]},
    ...     cv=TrustedKFold(3).split(X, y, trusted=trusted),
    ... ).fit(X, y)
    >>> for train, test in TrustedKFold(3).split(X, y, trusted=trusted):
    ...     print(len(train), len(test), trusted[test].all())
    90 10 True
    90 10 True
    90 10 True
    """

    # It means nothing without a mask, and the mask nothing to anyone else here.
    __metadata_request__split = {"trusted": True}

    def __init__(self, n_splits=5):
        self.n_splits = n_splits

    def split(self, X, y=None, groups=None, *, trusted=None):
        """Yield the training rows and the test rows of each fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,), default=None
            Their labels or responses.
        groups : object
            Ignored, for scikit-learn.
        trusted : array-like of shape (n_samples,) of bool
            Rows known to be clean.

        Yields
        ------
        train : ndarray of int
            The positions of the training rows.
        test : ndarray of int
            Those of the test rows.

        Raises
        ------
        ValueError
            If `trusted` is not a mask over the rows, or marks fewer rows than there are
            folds.
        """
        everything = np.arange(_num_samples(X))
        for test in self._test_folds(X, y, trusted):
            yield np.delete(everything, test), test

    def get_n_splits(self, X=None, y=None, groups=None, *, trusted=None):
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups, trusted : object
            Ignored, for scikit-learn.

        Returns
        -------
        n_splits : int
        """
        return self.n_splits

    def _test_folds(self, X, y, trusted):
        """Return the test rows of each fold."""
        if not isinstance(self.n_splits, Integral) or self.n_splits < 2:
            raise ValueError(
                f"n_splits must be an integer of 2 or more; got {self.n_splits!r}."
            )
        X, y = indexable(X, y)
        if trusted is None:
            raise ValueError(
                "trusted must mark the rows to score models on; got none. With "
                "metadata routing enabled give fit(X, y, trusted=mask) to the search; "
                "without it, cv=TrustedKFold().split(X, y, trusted=mask)."
            )
        rows = np.flatnonzero(check_trusted(trusted, X))
        if rows.shape[0] < self.n_splits:
            raise ValueError(
                f"trusted must mark at least n_splits={self.n_splits} rows; got "
                f"{rows.shape[0]}. Trust more rows, or lower n_splits."
            )
        if y is not None:
            codes = np.unique(np.asarray(y), return_inverse=True)[1].ravel()
            rows = rows[np.argsort(codes[rows], kind="stable")]
        return [np.sort(rows[k :: self.n_splits]) for k in range(self.n_splits)]
