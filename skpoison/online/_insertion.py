"""Insertion of optimised rows into a stream."""

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from skpoison.base import Poison
from skpoison.feasible_sets import BaseFeasibleSet, Box
from skpoison.online._attacker import (
    ASCENT,
    best_step,
    climb,
    first_order_gain,
    has_sorted_rows,
    is_proven,
)
from skpoison.online._base import BaseStreamAttack, Stream
from skpoison.optimizers import BaseOptimizer
from skpoison.utils._texts import shown
from skpoison.utils._validation import Described


class OnlineInsertion(BaseStreamAttack):
    r"""Insert rows into a stream, each made for the learner as it stands.

    A learner with `partial_fit` moves by a step with each row that comes. The attacker
    follows it, and inserts rows whose steps raise their goal most [1]_,

    .. math::

        \max_{x_p \in \Phi, \, y_p} A(w'), \qquad
        w' = w - \eta \nabla L(x_p, y_p, w) .

    For a linear learner with one score over a box the best row is found exactly, to
    first order in the step, by one sort of the features (see Notes), and refined up to
    twice by the gradient after its step; otherwise by projected gradient ascent. The
    poisoned stream comes out in its order.

    Parameters
    ----------
    surrogate : estimator, default=None
        What the victim is believed to be. SGDClassifier, SGDRegressor, MLPClassifier,
        MLPRegressor, :class:`~skpoison.surrogates.GradientDescentClassifier` or
        :class:`~skpoison.surrogates.GradientDescentRegressor`; or
        :class:`RejectionClassifier` or :class:`TrustedStepClassifier` around an
        SGDClassifier with the log loss or the modified Huber loss, or an
        :class:`AdaptiveCombinationClassifier` of learners with the log loss, for an
        attacker who knows that defence and the rows that it trusts; or a
        :class:`SlidingWindowClassifier` with an outlier filter, of which the attacker
        knows the filter, and not that rows wait. It learns the
        stream from its beginning, row by row. To begin at a fitted learner, give
        ``FrozenEstimator(learner)``. None: SGDClassifier with the log loss at a
        constant rate of 0.05.
    budget : float or int, default=0.1
        Number of rows to insert, as a share of the rows of the stream (float,
        n_p / n), or as it is (int).
    goal : BaseGoal or dict, default=None
        What the attacker wants: a goal of :mod:`skpoison.goals`, or a dict, which
        stands for :class:`~skpoison.goals.ErrorSpecific`. To pull the learner towards
        a model, take :class:`~skpoison.goals.TargetCoefficients`. None:
        ``ErrorGeneric("surrogate")``, a large loss.
    positions : {"even", "random"} or array-like of int, default="even"
        Where rows are inserted: at even distances, at random places, or before the
        rows at these positions, as many as the budget allows.
    feasible_set : BaseFeasibleSet, default=None
        Where a poison row may lie. It is fitted to the rows of the stream. None: a
        :class:`~skpoison.feasible_sets.Box` around them.
    look_ahead : int, default=1
        The number of steps after which the goal counts, the poisoned one first. The
        others are on rows drawn from those on which the goal is measured.
    n_repeats : int, default=1
        The number of poisoned steps in a row after which the goal counts. More than
        one finds rows whose effect is not used up by the first, and needs the ascent.
    window : int, default=None
        On how many of the rows seen last the goal is measured, if no rows are given to
        `fit_resample`. None: 300 there.
    optimizer : BaseOptimizer, default=None
        How the goal is climbed, for instance
        ``ProjectedAscent(step_size=0.5, max_iter=20)`` for the published attack. It
        starts from the last poison row of the label, or from a row seen if that gains
        more. None: exactly where that is possible; otherwise by 20 steps.
    random_state : int, RandomState instance or None, default=None
        Seed of random positions, of the rows that are looked ahead, and of a surrogate
        without a seed.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples_out,) of bool
        Which rows of the output are poisoned.
    source_indices_ : ndarray of shape (n_samples_out,) of int
        The position of each row of the output in the stream that came in, -1 for
        inserted rows.
    contamination_ : float
        Poisoned share of the output, n_p / (n + n_p).
    gains_ : ndarray of shape (n_poison,)
        By how much each inserted row raised the goal at once.
    is_exact_ : bool
        Whether each row is the best to first order, and not found by ascent or against
        a defence that asks trusted rows.
    feasible_set_ : BaseFeasibleSet
        The feasible set, fitted.
    classes_ : ndarray of shape (n_classes,)
        The labels seen; not for a regressor.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if X is a dataframe.

    See Also
    --------
    OnlineLabelFlip : Changes labels of rows that come by.
    RejectionClassifier : A defence.
    skpoison.model_selection.prequential_curve : Evaluates learners on a stream.

    Notes
    -----
    Scale the features before the attack: scalers are not part of the surrogate.

    The step of a linear learner depends on a row through its margin a and through
    :math:`b = \tilde x^\top D \nabla A`, and its gain is :math:`h(a) b` with a function
    h that falls. Over a box all pairs (a, b) make a polygon whose upper boundary is
    sorted by the ratios of two weights of each feature. The best point of the boundary
    is found from bounds of its edges. Losses are those of SGDClassifier and
    SGDRegressor; l1 penalties, passive-aggressive steps and several classes have no
    such form.

    The published rule for "compounding" was not available: `n_repeats` is this
    package's.

    References
    ----------
    .. [1] G. Collinge, E. C. Lupu, L. Muñoz-González, "Defending against poisoning
       attacks in online learning settings", ESANN 2019.
    .. [2] Y. Wang, K. Chaudhuri, "Data poisoning attacks against online learning",
       arXiv:1808.08994, 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.preprocessing import minmax_scale
    >>> from skpoison.online import OnlineInsertion
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(minmax_scale(X), y, random_state=0)
    >>> learner = SGDClassifier(
    ...     "log_loss", learning_rate="constant", eta0=0.5, shuffle=False
    ... )
    >>> attack = OnlineInsertion(learner, budget=0.1)
    >>> X_poisoned, y_poisoned = attack.fit_resample(X, y)
    >>> attack.poison_mask_[:23].nonzero()[0]
    array([ 9, 20])
    >>> for rows in ((X, y), (X_poisoned, y_poisoned)):
    ...     accuracy = learner.partial_fit(*rows, classes=[0, 1]).score(X_test, y_test)
    ...     print(accuracy > 0.9)
    True
    False
    """

    _parameter_constraints: dict = {
        **BaseStreamAttack._parameter_constraints,
        "positions": [StrOptions({"even", "random"}), "array-like"],
        "feasible_set": [
            Described(
                BaseFeasibleSet,
                "a set of skpoison.feasible_sets (an instance, such as Box(), not the "
                "class Box)",
            ),
            None,
        ],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "optimizer": [BaseOptimizer, None],
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        goal=None,
        positions="even",
        feasible_set=None,
        look_ahead=1,
        n_repeats=1,
        window=None,
        optimizer=None,
        random_state=None,
    ):
        super().__init__(
            surrogate,
            budget,
            goal=goal,
            look_ahead=look_ahead,
            window=window,
            random_state=random_state,
        )
        self.positions = positions
        self.feasible_set = feasible_set
        self.n_repeats = n_repeats
        self.optimizer = optimizer

    def iter_resample(self, rows, X_known, y_known):
        """Poison a stream while it comes.

        A float `budget` is the rate of insertion: n_p / n of the rows so far.

        Parameters
        ----------
        rows : iterable of tuple
            Pairs of a row, an array of shape (n_features,), and its label or response.
        X_known : {array-like, sparse matrix} of shape (n_known, n_features)
            The attacker's own rows, on which the goal is measured, and to which the
            feasible set is fitted.
        y_known : array-like of shape (n_known,)
            Their labels or responses, at least one of each class.

        Returns
        -------
        stream : iterator of tuple
            Triples of a row, its label or response, and whether it is inserted.

        Raises
        ------
        ValueError
            If `budget` is a number of rows, `positions` is not "even", or `window` is
            set; when it comes, if a row is not like the known ones, or its label is
            none of theirs.

        Examples
        --------
        >>> import numpy as np
        >>> from skpoison.online import OnlineInsertion
        >>> X, y = np.array([[0.0], [1.0]] * 10), np.array([0, 1] * 10)
        >>> attack = OnlineInsertion(budget=0.25)
        >>> for x, label, is_poison in attack.iter_resample(zip(X, y), X, y):
        ...     if is_poison:
        ...         print(x, label)
        [1.] 0
        [1.] 0
        [1.] 0
        [1.] 0
        [1.] 0
        """
        self._validate_params()
        self._check_victim_trusts(None)
        if isinstance(self.budget, Integral):
            raise ValueError(
                "`budget` must be a float, the rate of insertion, for a stream whose "
                f"end is not known; got {self.budget}."
            )
        for name, default in (("positions", "even"), ("window", None)):
            if getattr(self, name) is not default and getattr(self, name) != default:
                raise ValueError(
                    f"`{name}` must be {default!r} for a stream whose end is not known "
                    f"and an attacker with rows of their own; got "
                    f"{shown(getattr(self, name))}."
                )
        X, y = self._check_data(X_known, y_known)
        goal = self._resolved_goal()
        random_state = check_random_state(self.random_state)
        X, y = self._as_numbers(X, y)
        crafter = self._crafter(self._attacker(goal, X, random_state), X, y)
        return self._poison_rows(rows, crafter, Stream(X, y, X, y))

    def _poison_rows(self, rows, crafter, stream):
        """Yield the rows of a stream, and those that are inserted."""
        due = 0.0
        for pair in rows:
            x, label, row = self._check_row(pair)
            yield x, label, False
            code = label
            if not self._takes_responses():
                code = np.searchsorted(self.classes_, label)
            crafter.attacker.state.learn(row, code)
            due += self.budget
            if due >= 1 - 1e-9:
                due -= 1
                row, code, _ = crafter.craft(stream.X, stream.y)
                if not self._takes_responses():
                    code = self.classes_[code]
                yield row, code, True

    def _attack_stream(self, attacker, stream, n_poison, trusted):
        n_samples = stream.y.shape[0]
        positions = self._positions(n_samples, n_poison, attacker.random_state)
        if 0 in positions and stream.X_val is None and attacker.goal.needs_validation:
            raise ValueError(
                "`positions` must be at least 1 if the goal is measured on the rows "
                "that have come by; got 0. Or give `X_val` and `y_val`."
            )
        crafter = self._crafter(attacker, stream.X, stream.y)
        rows = np.empty((n_poison, stream.X.shape[1]))
        codes = np.empty(n_poison, dtype=stream.y.dtype)
        self.gains_ = np.empty(n_poison)
        before = 0
        for i, position in enumerate(positions):
            stream.pass_by(attacker.state, before, position)
            # A goal that reads no rows still looks ahead on some.
            known = stream.known(max(position, 1))
            rows[i], codes[i], self.gains_[i] = crafter.craft(*known)
            before = position
        labels = codes if self._takes_responses() else self.classes_[codes]
        return Poison(X_inserted=rows, y_inserted=labels, positions=positions)

    def _crafter(self, attacker, X, y):
        """Return what crafts rows for a stream of rows like these."""
        labels = y if self._takes_responses() else self.classes_[y]
        self.feasible_set_ = clone(self.feasible_set or Box()).fit(X, labels)
        if self.n_repeats > 1 and attacker.state.has_memory:
            raise ValueError(
                "`n_repeats` must be 1 for a surrogate whose steps depend on the steps "
                f"before, as momentum does; got {self.n_repeats}. Or take one with "
                "solver='sgd' and momentum=0."
            )
        sorts = (
            self.optimizer is None
            and self.n_repeats == 1
            and has_sorted_rows(attacker.state, self.feasible_set_)
        )
        self.is_exact_ = sorts and is_proven(attacker.state)
        return _Crafter(self, attacker, X, y, sorts=sorts)

    def _positions(self, n_samples, n_poison, random_state):
        """Return before which rows the poison comes, in ascending order."""
        if isinstance(self.positions, str):
            if self.positions == "random":
                return np.sort(random_state.randint(1, n_samples + 1, size=n_poison))
            return (np.arange(1, n_poison + 1) * n_samples // n_poison).clip(min=1)
        positions = np.sort(np.asarray(self.positions).ravel())
        if not positions.size:  # NumPy takes them for floats
            positions = positions.astype(int)
        if positions.dtype.kind not in "iu" or positions.shape[0] != n_poison:
            raise ValueError(
                f"`positions` must hold {n_poison} integers, as many as the budget of "
                f"{self.budget} allows; got {shown(self.positions)}. Set "
                f"budget={positions.shape[0]} for these."
            )
        if positions.min(initial=0) < 0 or positions.max(initial=0) > n_samples:
            raise ValueError(
                f"`positions` must lie between 0 and {n_samples}, the number of rows "
                f"of the stream; got {shown(self.positions)}."
            )
        return positions


class _Crafter:
    """Crafts the next poison row, and lets the learner learn from it.

    Parameters
    ----------
    attack : OnlineInsertion
        The attack, with its feasible set fitted.
    attacker : Attacker
        The attacker.
    X, y : ndarray
        Rows like those of the stream, and their labels or responses.
    sorts : bool
        Whether rows are found by sorts, and not by ascent.
    """

    def __init__(self, attack, attacker, X, y, *, sorts):
        self.attack, self.attacker, self.sorts = attack, attacker, sorts
        if attacker.classes is None:
            self.candidates = np.unique([y.min(), y.max()]).tolist()
        else:
            self.candidates = range(len(attacker.classes))
        self.last = {}
        low, high = (
            each.toarray().ravel() if sparse.issparse(each) else each
            for each in (X.min(axis=0), X.max(axis=0))
        )
        self.scale = np.where(high > low, high - low, 1.0)

    def craft(self, X, y):
        """Return the next poison row, given the rows on which the goal is measured.

        Returns
        -------
        row : ndarray of shape (n_features,)
        code : int or float
            Its label, as a position among the classes, or response.
        gain : float
            By how much it raises the goal at once.
        """
        attacker = self.attacker
        attacker.aim(X, y)
        before, v = attacker.direction()
        if self.sorts:
            box = self.attack.feasible_set_
            row, code, after = best_step(attacker, v, self.candidates, box)
            if self.attack.look_ahead == 1:  # both are known already
                attacker.state.learn(row, code)
                return row, code, after - before
        else:
            best = -np.inf
            for each in self.candidates:
                self.last[each], value = self._climb(v, each, X)
                if value > best:
                    row, code, best = self.last[each], each, value
        before = attacker.value()
        attacker.state.learn(row, code)
        return row, code, attacker.value() - before

    def _climb(self, v, code, X):
        attack, attacker = self.attack, self.attacker
        label = code if attacker.classes is None else attacker.classes[code]
        start = self._start(v, code, X)
        optimizer = ASCENT if attack.optimizer is None else attack.optimizer
        return climb(
            attacker,
            code,
            start,
            attack.feasible_set_,
            label,
            self.scale,
            optimizer,
            attack.n_repeats,
        )

    def _start(self, v, code, X):
        """Return the row from which to climb: the last one, or one that was seen."""
        rows = X[: min(X.shape[0], 30)]
        rows = [*(rows.toarray() if sparse.issparse(rows) else rows)]
        if code in self.last and not self.attack.feasible_set_.requires_start:
            rows.append(self.last[code])
        gains = [self._gain(v, row, code) for row in rows]
        return np.array(rows[int(np.argmax(gains))])

    def _gain(self, v, row, code):
        state = self.attacker.state
        if hasattr(state, "step"):
            return first_order_gain(state, v, row, code)
        return self.attacker.value_and_gradient(row, code, 1)[0]
