"""Which rows would the victim miss most?"""

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval

from skpoison.attacks._aim import BaseAimedPoisoner
from skpoison.attacks._own_rows import check_own_rows
from skpoison.attacks.rows._deletion_search import Remover
from skpoison.base import Poison
from skpoison.utils._callbacks import CallbackSupportMixin, Progress, with_callbacks
from skpoison.utils._threads import limit_blas_threads
from skpoison.utils._warnings import deduplicate_warnings


class GreedyDeletion(CallbackSupportMixin, BaseAimedPoisoner):
    r"""Delete the rows that the victim would miss most.

    Nothing is inserted and nothing is changed: the attacker keeps rows back. He looks
    for those without which the victim does worst,

    .. math::

        \max_{|D| \le n_p} A(W^*), \qquad
        W^* \in \operatorname{argmin}_W C(W; X \setminus D) .

    :math:`A` is measured on rows of the attacker's own, or on all training rows, those
    deleted among them.

    Rows go one by one, or several in a round where the budget is large. What the goal
    would be without a row is read off the surrogate as it stands: for a linear one by a
    Newton step, which is exact for the squared loss, for others by the influence
    function [1]_. The surrogate is trained again after each round. Then rows are
    exchanged: each one deleted is put back, and the best one deleted in its place. The
    best set met is kept, so that by the attacker's own measure it is never worse than
    all rows, nor than a random deletion of as many.

    Parameters
    ----------
    surrogate : estimator, default=None
        What the attacker believes that the victim learns, as in
        :class:`GradientPoisoner`. For a regressor, y holds responses. None:
        LogisticRegression after a StandardScaler.
    budget : float or int, default=0.1
        The most rows to delete, as a share of the training rows (float, n_p / n), or
        their number (int).
    goal : {"error-generic", "error-specific"}, dict or object, default="error-generic"
        "error-generic": errors, whatever they are. A dict such as ``{8: 3}``: rows of
        the classes among the keys are to be taken for those of the values, other rows
        for what they are. "error-specific": the rows given as `X_val` are to be taken
        for the labels, or responses, given as `y_val`. An object of
        :mod:`skpoison.goals`: what is to be learnt.
    loss : {"error", "log_loss", "objective"}, default="error"
        What is raised on the rows that the goal is measured on: a smoothed error (for
        responses, the squared error), the surrogate's own loss, or its own objective.
    sharpness : float, default=4.0
        How closely the smoothed error follows the error itself: what scores of unit
        scale are multiplied with. Where it is measured on a single row, scores are
        multiplied as they are.
    n_rounds : int, default=100
        The most rounds in which rows are deleted; each trains the surrogate.
    n_exchanges : int, default=100
        The most rows that are put back for better ones; each trains the surrogate once
        or twice. Where no exchange helps any more, exchange sets out again from rows
        drawn at random. Where there are not more sets of fewer rows than the budget,
        and the surrogate is linear, all of them are tried, each with the best row to go
        with it.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows from which exchange sets out again, and of the starting weights
        of a network that has no seed.
    verbose : int, default=0
        After how many trainings a line on the goal is printed; 0 for never.

    Attributes
    ----------
    deletion_mask_ : ndarray of shape (n_samples,) of bool
        Which of the rows that came in are deleted.
    goal_path_ : ndarray
        The goal for all rows; then the best one met, after each training. The last one
        is that of the rows returned.
    diagnostics_ : dict
        How well the influence is known, at the last training; see
        :class:`GradientPoisoner`.
    poison_mask_ : ndarray of shape (n_samples_out,) of bool
        False for every row that comes out: all of them are clean.
    contamination_ : float
        Poisoned share of the rows that come out: 0.
    classes_ : ndarray of shape (n_classes,)
        The labels seen; not for responses.
    sampling_strategy_ : dict
        Always empty; imbalanced-learn asks every sampler for it.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, where X is a dataframe.

    See Also
    --------
    GradientPoisoner : Inserts or modifies rows instead.

    Notes
    -----
    To find the worst set is a combinatorial problem, and what is found need not be the
    worst. Of a few rows of least squares it is, in all that the tests try out.

    No rows are set aside to measure the goal on, as :class:`GradientPoisoner` does. The
    victim would learn from them, and do well on them and on their like whatever else is
    deleted. A row that is deleted is one that the victim has not seen.

    Scalers in the surrogate stay as all training rows have them. No class loses its
    last row.

    References
    ----------
    .. [1] P. W. Koh, P. Liang, "Understanding black-box predictions via influence
       functions", ICML 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import train_test_split
    >>> from skpoison.attacks import GreedyDeletion
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> attack = GreedyDeletion(Ridge(alpha=0.01), budget=0.1, random_state=0)
    >>> X_left, y_left = attack.fit_resample(X, y)
    >>> X.shape, X_left.shape
    ((331, 10), (298, 10))
    """

    _parameter_constraints: dict = {
        **BaseAimedPoisoner._parameter_constraints,
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
        "n_exchanges": [Interval(Integral, 0, None, closed="left")],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        goal="error-generic",
        loss="error",
        sharpness=4.0,
        n_rounds=100,
        n_exchanges=100,
        random_state=None,
        verbose=0,
    ):
        super().__init__(budget, random_state=random_state)
        self.surrogate = surrogate
        self.goal = goal
        self.loss = loss
        self.sharpness = sharpness
        self.n_rounds = n_rounds
        self.n_exchanges = n_exchanges
        self.verbose = verbose

    @with_callbacks
    @_fit_context(
        # The surrogate given is validated where it is translated.
        prefer_skip_nested_validation=False
    )
    def fit_resample(self, X, y, *, trusted=None, X_val=None, y_val=None):
        """Delete rows of a training set.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows. They are not written to.
        y : array-like of shape (n_samples,), or one-hot (n_samples, n_classes)
            Their labels.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows that are not deleted.
        X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features), \
                default=None
            Rows of the attacker's own, in the features of X, to measure the goal on.
            None: all training rows. No step of a Pipeline before the attack transforms
            those given.
        y_val : array-like of shape (n_val,), default=None
            Their labels; for the goal "error-specific", those wanted.

        Returns
        -------
        X_left : of the type of X, of shape (n_samples_out, n_features)
            The rows that are left, in order.
        y_left : of the type of y, of length n_samples_out
            Their labels.

        Raises
        ------
        ValueError
            If the data are not fit for classification, if one of `X_val` and `y_val`
            is missing or does not go with the training rows, if fewer rows can be
            deleted than the budget asks for, or if the surrogate has no optimum.
        TypeError
            If the training of the surrogate cannot be differentiated.
        """
        self._check_given(X_val, y_val)
        return self._fit_resample(X, y, trusted=trusted, X_val=X_val, y_val=y_val)

    def _poison(self, X, y, *, n_poison, trusted, random_state, X_val, y_val):
        X = (X.tocsr() if sparse.issparse(X) else X).astype(np.float64)
        self._check_goal()
        own = None if X_val is None else check_own_rows(self, X, X_val, y_val)
        self.goal_path_, self.diagnostics_ = np.empty(0), {}
        if n_poison == 0:
            return Poison(deleted=np.empty(0, dtype=int))

        if own is None:
            own = X, self._codes(y)
        self._check_budget(n_poison, y, ~trusted)
        everything = np.arange(y.shape[0])
        surrogate = self._seeded_surrogate(X, random_state)
        problem = self._aimed_problem(surrogate, X, y, everything, 1.0, own, "auto")
        n_rounds = min(self.n_rounds, n_poison)
        progress = Progress(
            self, "search", 2 + n_rounds + 2 * self.n_exchanges, self.verbose
        )
        with deduplicate_warnings(), limit_blas_threads(X):
            remover = Remover(problem, ~trusted, progress)
            remover.search(n_poison, n_rounds, self.n_exchanges, random_state)
        progress.end()
        self.diagnostics_ = problem.diagnostics()
        self.goal_path_ = np.array(remover.path)
        return Poison(deleted=np.flatnonzero(remover.best.gone))

    def _check_budget(self, n_poison, y, removable):
        """Check that there are so many rows to delete, and some left of each class."""
        kinds = np.zeros(y.shape[0], dtype=int)
        if not self._takes_responses():
            kinds = self._codes(y)
        n_removable = 0
        for kind in np.unique(kinds):
            alike = kinds == kind
            n_removable += min(removable[alike].sum(), alike.sum() - 1)
        if n_poison > n_removable:
            raise ValueError(
                f"budget={self.budget!r} asks for {n_poison} rows to be deleted, but "
                f"only {n_removable} can be: rows that are not trusted, nor the last "
                "ones of their class. Lower the budget."
            )
