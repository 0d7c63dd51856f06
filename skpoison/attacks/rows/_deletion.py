"""Greedy deletion of rows."""

from functools import partial
from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval

from skpoison.attacks._defended import is_defended
from skpoison.attacks._fold_mean import FoldMean
from skpoison.attacks._goal_attack import BaseGoalAttack
from skpoison.attacks.rows._deletion_problem import DeletionProblem
from skpoison.attacks.rows._deletion_search import DeletionSearch
from skpoison.attacks.rows._deletion_through_defence import delete_through_defence
from skpoison.base import Poison
from skpoison.utils._callbacks import Progress


class GreedyDeletion(BaseGoalAttack):
    r"""Delete the rows whose deletion raises the goal most.

    Nothing is inserted and nothing is changed: the attacker withholds rows. They look
    for those without which their goal :math:`A` is highest,

    .. math::

        \max_{|D| \le n_p} A(W^*), \qquad
        W^* \in \operatorname{argmin}_W C(W; X \setminus D) .

    Rows are deleted one by one, or several in a round if the budget is large. The goal
    without a row is predicted from the surrogate as it stands: for linear surrogates by
    a Newton step, which is exact for the squared loss, for others by the influence
    function [1]_. The surrogate is trained again after each round. Then rows are
    swapped: each deleted row is put back, and the best one is deleted in its place. The
    best set met is kept, so that by the attacker's own measure it is never worse than
    deleting nothing, or as many rows at random.

    Parameters
    ----------
    surrogate : estimator, default=None
        What the attacker believes that the victim learns; one that
        :mod:`skpoison.surrogates` can differentiate, or a defence around one, or a
        search, which tunes one on the poisoned rows. If it
        is a regressor, y holds responses. None: LogisticRegression after a
        StandardScaler.
    budget : float or int, default=0.1
        Maximum number of rows to delete, as a share of the training rows (float,
        n_p / n) or as it is (int).
    goal : "error-generic", dict or goal object, default="error-generic"
        What the attacker wants: "error-generic" for
        :class:`~skpoison.goals.ErrorGeneric`, a dict such as ``{8: 3}`` for
        :class:`~skpoison.goals.ErrorSpecific` (validation rows of the class 8 are to be
        taken for 3), or any object of :mod:`skpoison.goals`.
    validation : float, int, splitter or None, default=None
        How training rows become the attacker's validation rows, on which the goal is
        measured: a share of them is set aside (float), or each of several folds is in
        turn (int or splitter), and the goal is the mean over folds. The surrogate
        learns from the other rows. None: `X_val` and `y_val` if they are given,
        otherwise all training rows, deleted ones included.
    known_fraction : float, default=1.0
        Share of the training rows that the attacker knows; only these are deleted.
    n_rounds : int, default=100
        Maximum number of rounds in which rows are deleted; each trains the surrogate.
    n_exchanges : int, default=100
        Maximum number of deleted rows that are put back for better ones; each trains
        the surrogate once or twice. When no swap helps any more, the search restarts
        from rows drawn at random. If there are no more sets of fewer rows than the
        budget than this, and the surrogate is linear, all of them are tried, each with
        the best further row.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows from which swaps restart, of the validation rows, of the rows
        known and of a surrogate without a seed.
    verbose : int, default=0
        After how many trainings a line on the goal is printed; 0 for never.

    Attributes
    ----------
    deletion_mask_ : ndarray of shape (n_samples,) of bool
        Which of the input rows are deleted.
    goal_path_ : ndarray of shape (n_trainings,)
        The goal with all rows; then the best one met, after each training. The last one
        is that of the rows returned.
    diagnostics_ : dict
        How accurate the influence is, at the last training: the residual of its linear
        system, the solver and the norm of the gradient at the optimum.
    poison_mask_ : ndarray of shape (n_samples_out,) of bool
        False for every row returned: all of them are clean.
    contamination_ : float
        Poisoned share of the rows returned: 0.
    classes_ : ndarray of shape (n_classes,)
        The class labels; not set for responses.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X is a dataframe.
    surrogate_params_ : dict
        If the surrogate is a search: the setting that the poison was crafted for.

    See Also
    --------
    GradientInsertion : Inserts rows instead.
    GreedyLabelFlip : Flips labels instead.

    Notes
    -----
    Finding the worst set is a combinatorial problem, and the set found need not be the
    worst. On the small least-squares problems of the test suite it always is.

    By default no rows are set aside for validation. The victim would learn from them,
    and do well on them and on similar rows whatever else is deleted. A deleted row is
    one that the victim has not seen.

    Scalers in the surrogate stay as they are fitted on all rows that the attacker
    knows. No class loses its last row.

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

    _default_validation = "all"
    _deletes_rows = True
    _parameter_constraints: dict = {
        **BaseGoalAttack._parameter_constraints,
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
        validation=None,
        known_fraction=1.0,
        n_rounds=100,
        n_exchanges=100,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            surrogate,
            budget,
            goal=goal,
            validation=validation,
            known_fraction=known_fraction,
            random_state=random_state,
        )
        self.n_rounds = n_rounds
        self.n_exchanges = n_exchanges
        self.verbose = verbose

    def _start(self, known):
        self.goal_path_, self.diagnostics_ = np.empty(0), {}

    def _nothing(self):
        return Poison(deleted=np.empty(0, dtype=int))

    def _attack(self, known, n_poison, random_state):
        delete = self._delete
        if is_defended(known.surrogate):
            delete = partial(delete_through_defence, self)
        return Poison(deleted=delete(known, n_poison, random_state))

    def _delete(self, known, n_poison, random_state):
        """Return the rows to delete."""
        kinds = np.zeros_like(known.codes) if known.classes is None else known.codes
        kinds = kinds.astype(int)
        self._check_budget(n_poison, kinds, ~known.trusted)
        folds = self._folds(known, random_state)
        problems = [self._problem(known, fold, X_scaler=None) for fold in folds]
        mean = FoldMean(
            [
                DeletionProblem(problem, kinds[fold.train])
                for problem, fold in zip(problems, folds, strict=True)
            ],
            [fold.train for fold in folds],
            kinds.shape[0],
        )
        n_rounds = min(int(self.n_rounds), n_poison)
        progress = Progress(
            self, "search", 2 + n_rounds + 2 * int(self.n_exchanges), self.verbose
        )
        search = DeletionSearch(mean, kinds, ~known.trusted, progress)
        search.search(n_poison, n_rounds, int(self.n_exchanges), random_state)
        progress.end()
        self.diagnostics_ = problems[-1].diagnostics()
        self.goal_path_ = np.array(search.path)
        return np.flatnonzero(search.best.deleted)

    def _check_budget(self, n_poison, kinds, deletable):
        """Check that so many rows can be deleted and one of each class is left."""
        n_deletable = 0
        for kind in np.unique(kinds):
            alike = kinds == kind
            n_deletable += min(deletable[alike].sum(), alike.sum() - 1)
        if n_poison > n_deletable:
            raise ValueError(
                f"`budget` must not exceed the {n_deletable} rows that can be deleted, "
                "which are not trusted nor the last ones of their class; got "
                f"{self.budget!r}, which is {n_poison} rows. Lower the budget."
            )
