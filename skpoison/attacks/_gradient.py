"""Which rows harm the victim most, as far as a gradient can tell?"""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import _fit_context, clone
from sklearn.utils._param_validation import Interval, StrOptions

from skpoison.attacks._aim import BaseAimedPoisoner
from skpoison.attacks._climber import Climber, make_coordinates
from skpoison.attacks._own_rows import check_own_rows, split
from skpoison.attacks._start import start_inserting, start_modifying
from skpoison.base import Poison
from skpoison.feasible_sets import BaseFeasibleSet, Box
from skpoison.utils._callbacks import CallbackSupportMixin, Progress, with_callbacks
from skpoison.utils._threads import limit_blas_threads
from skpoison.utils._warnings import deduplicate_warnings


class GradientPoisoner(CallbackSupportMixin, BaseAimedPoisoner):
    r"""Insert or modify rows, as harmfully as gradient ascent can make them.

    The attacker solves a bilevel problem: he chooses rows :math:`X_p` so that what the
    victim learns from them does badly on rows of the attacker's own,

    .. math::

        \max_{X_p \in \Phi} A(W^*), \qquad
        W^* \in \operatorname{argmin}_W C(W; X \cup X_p) .

    A part of the training rows is set aside to measure :math:`A`, unless rows for that
    are given; the surrogate learns from the others and from the poison. The poison
    starts as clones of training rows with flipped labels, and all its rows climb
    together, each along the gradient of :math:`A` in its features. Labels stay as they
    are. The best rows met are kept, so that by the attacker's own measure they are
    never worse than those clones.

    Columns of integers come out as the nearest ones. To have the attack know of that,
    take :class:`~skpoison.feasible_sets.Integers` into the feasible set.

    For a surrogate that is a regressor, y holds responses. The poison sets out from
    rows whose responses are mirrored, and responses climb together with features.

    Where the feasible set holds only some points, such as whole numbers, the gradient
    is taken at the nearest of them to where the climb stands, and a search among such
    points, which changes what the gradient promises most of, follows the climb.

    Parameters
    ----------
    surrogate : estimator, default=None
        What the attacker believes that the victim learns: LogisticRegression,
        RidgeClassifier, LinearSVC, SVC, SGDClassifier, an MLPClassifier trained by full
        batches, a :class:`~skpoison.surrogates.GradientDescentClassifier`; of
        regressors LinearRegression, Ridge, SGDRegressor, an MLPRegressor or a
        :class:`~skpoison.surrogates.GradientDescentRegressor`; or a Pipeline of
        scalers before one. For the hinge loss, which has no second derivative, a smooth
        one near it stands, but for SVC, whose own solution is differentiated. None:
        LogisticRegression after a StandardScaler.
    budget : float or int, default=0.1
        Number of rows to insert, as a share of the training rows (float, n_p / n), or
        as it is (int).
    goal : {"error-generic", "error-specific"}, dict or object, default="error-generic"
        "error-generic": errors, whatever they are. A dict such as ``{8: 3}``: rows of
        the classes among the keys are to be taken for those of the values, other rows
        for what they are. "error-specific": the rows given as `X_val` are to be taken
        for the labels, or responses, given as `y_val`. An object of
        :mod:`skpoison.goals`: what is to be learnt.
    loss : {"error", "log_loss", "objective"}, default="error"
        What is climbed on the attacker's own rows: a smoothed error, which is bounded
        (for responses, the squared error); the surrogate's own loss, as in [1]_; or
        its own objective, penalty included, as in [2]_.
    sharpness : float, default=4.0
        How closely the smoothed error follows the error itself: what scores of unit
        scale are multiplied with. Where it is measured on a single row, scores are
        multiplied as they are.
    capability : {"insert", "modify"}, default="insert"
        Whether rows are inserted, or training rows modified, of which none is trusted.
    poison_labels : {"flip", "keep"}, default="flip"
        Whether poison rows get other labels than the rows that they start from; other
        responses are mirrored ones, as far from the other end of their range.
    response_range : "auto", tuple of float or None, default="auto"
        Where the responses of poison rows may go, where the surrogate is a regressor.
        "auto": as far as those of the training rows reach. (low, high): so far. None:
        they stay as they set out.
    hypergradient : {"auto", "implicit", "unrolled", "back-gradient"}, default="auto"
        How the goal is differentiated. "implicit": at the optimum of the surrogate.
        "unrolled": through the steps of a surrogate that stops early, which are
        stored. "back-gradient": through its steps run backwards, as published in [1]_:
        without memory, and less exact. "auto": as the surrogate learns; for the
        squared loss, all steps are taken in closed form.
    n_unrolled : int, default=None
        How many of the last steps of a surrogate that stops early the gradient goes
        through: a few cost less, and leave out what the others add. None: all of them.
    feasible_set : estimator, default=None
        Where poison rows may lie: one of :mod:`skpoison.feasible_sets`. None: a
        :class:`~skpoison.feasible_sets.Box` around the training rows.
    effort : float, default=0.0
        What the attacker is charged for moving rows: this times half the sum of squares
        of how far they have gone from where they set out, in a box scaled to widths of
        1, is taken off the goal. Responses set out mirrored, but for
        ``poison_labels="keep"``.
    known_fraction : float, default=1.0
        Share of the training rows that the attacker sees. The others he does not use,
        nor modify.
    validation_fraction : float, default=0.3
        Share of the training rows that the attacker sets aside for the goal, where he
        is given no others.
    max_iter : int, default=100
        The most steps: of all rows together, or of each one.
    step_size : float, default=2.0
        Length of the first step of each row, in a box scaled to widths of 1.
    decay : float, default=0.96
        What the length of the step is multiplied with after each.
    schedule : {"joint", "sequential"}, default="joint"
        Whether all rows climb together, or one after the other, each inserted on top
        of those before, as in [1]_.
    n_restarts : int, default=0
        How often the climb sets out again, from other rows. The best one counts.
    tol : float, default=1e-6
        Progress of the goal, over 50 steps, that is worth going on.
    store_path : bool, default=False
        Whether to keep the rows at every iterate, as `rows_path_`.
    check_gradient : bool, default=False
        Whether to compare the gradient at the end with a central difference. It goes
        into `diagnostics_`.
    random_state : int, RandomState instance or None, default=None
        Seed of the starting rows, of what is set aside, and of the starting weights of
        a network that has no seed.
    verbose : int, default=0
        After how many steps a line on the goal is printed; 0 for never.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples_out,) of bool
        Which rows of the output are poisoned: the last ones, where rows are inserted.
    contamination_ : float
        Their share of the output: n_p / (n + n_p) for rows inserted, n_p / n for rows
        modified.
    goal_path_ : ndarray
        The goal at every iterate of the best climb: where it starts, then `n_iter_`
        steps; one row after the other for a sequential schedule.
    n_iter_ : int
        Number of steps of the best climb.
    rows_path_ : ndarray of shape (`n_iter_` + 1, n_poison, n_features)
        The poison rows at every iterate of the best climb, where `store_path` asks for
        them; NaN for rows that are not inserted yet. Those returned stand where
        `goal_path_` is largest, in a joint climb. Where responses climb, they stand
        behind the features, as one more column.
    diagnostics_ : dict
        How well the gradient is known, at the last iterate. "hypergradient": how it is
        taken, "implicit", "spectral" (all steps in closed form), "unrolled" or
        "back-gradient". "linear_solver": how systems are solved where it is implicit,
        "cholesky", "woodbury" or "cg". "n_active": how many weights are not 0, where an
        l1 penalty makes some. "gradient_norm": norm of the gradient of the
        surrogate's own objective, relative to what it is a sum of. "residual": of the
        linear system, relative; or by how much descent run backwards misses its start.
        "n_stalled": how many rows no gradient moves, of a support vector machine;
        such rows go to its margin.
        "difference_error": by how much a central difference differs, relative, where
        `check_gradient` asks for it.
    feasible_set_ : estimator
        The clone of `feasible_set`, fitted on the training rows known.
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
    RandomInsertion : Where it starts from.

    Notes
    -----
    The gradient is that of [1]_, Equation 8, for a learner at its optimum, and that
    through the steps of the learner for one that stops early. Other than there, one
    linear system serves all rows, which then move at once. That the response of a row
    is a variable like its features is from [3]_.

    Goals on what is learnt, :mod:`skpoison.goals`, need no rows to be measured on, and
    `validation_fraction` plays no part. A goal on coefficients can be reached: it is
    climbed by longer and longer steps, and `step_size` and `decay` play no part either.
    A goal on features has kinks where these come and go. It is climbed by steps of the
    usual kind, which cross them, `max_iter` times.

    With scikit-learn 1.9 or newer, ``set_callbacks(ProgressBar())`` shows how far it
    has come.

    References
    ----------
    .. [1] L. Muñoz-González, B. Biggio, A. Demontis, A. Paudice, V. Wongrassamee,
       E. C. Lupu, F. Roli, "Towards poisoning of deep learning algorithms with
       back-gradient optimization", AISec 2017.
    .. [2] H. Xiao, B. Biggio, G. Brown, G. Fumera, C. Eckert, F. Roli, "Is feature
       selection secure against training data poisoning?", ICML 2015.
    .. [3] M. Jagielski, A. Oprea, B. Biggio, C. Liu, C. Nita-Rotaru, B. Li,
       "Manipulating machine learning: poisoning attacks and countermeasures for
       regression learning", IEEE Symposium on Security and Privacy 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skpoison.attacks import GradientPoisoner, RandomInsertion
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X, X_test, y, y_test = train_test_split(X, y, random_state=0)
    >>> victim = make_pipeline(StandardScaler(), LogisticRegression())
    >>> for attack in (RandomInsertion, GradientPoisoner):
    ...     X_poisoned, y_poisoned = attack(random_state=0).fit_resample(X, y)
    ...     accuracy = victim.fit(X_poisoned, y_poisoned).score(X_test, y_test)
    ...     print(accuracy > 0.9)
    True
    False
    """

    _parameter_constraints: dict = {
        **BaseAimedPoisoner._parameter_constraints,
        "capability": [StrOptions({"insert", "modify"})],
        "poison_labels": [StrOptions({"flip", "keep"})],
        "response_range": [StrOptions({"auto"}), tuple, None],
        "hypergradient": [
            StrOptions({"auto", "implicit", "unrolled", "back-gradient"})
        ],
        "n_unrolled": [Interval(Integral, 1, None, closed="left"), None],
        "feasible_set": [BaseFeasibleSet, None],
        "effort": [Interval(Real, 0, None, closed="left")],
        "known_fraction": [Interval(Real, 0, 1, closed="right")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "step_size": [Interval(Real, 0, None, closed="neither")],
        "decay": [Interval(Real, 0, 1, closed="right")],
        "schedule": [StrOptions({"joint", "sequential"})],
        "n_restarts": [Interval(Integral, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "store_path": ["boolean"],
        "check_gradient": ["boolean"],
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
        capability="insert",
        poison_labels="flip",
        response_range="auto",
        hypergradient="auto",
        n_unrolled=None,
        feasible_set=None,
        effort=0.0,
        known_fraction=1.0,
        validation_fraction=0.3,
        max_iter=100,
        step_size=2.0,
        decay=0.96,
        schedule="joint",
        n_restarts=0,
        tol=1e-6,
        store_path=False,
        check_gradient=False,
        random_state=None,
        verbose=0,
    ):
        super().__init__(budget, random_state=random_state)
        self.surrogate = surrogate
        self.goal = goal
        self.loss = loss
        self.sharpness = sharpness
        self.capability = capability
        self.poison_labels = poison_labels
        self.response_range = response_range
        self.hypergradient = hypergradient
        self.n_unrolled = n_unrolled
        self.feasible_set = feasible_set
        self.effort = effort
        self.known_fraction = known_fraction
        self.validation_fraction = validation_fraction
        self.max_iter = max_iter
        self.step_size = step_size
        self.decay = decay
        self.schedule = schedule
        self.n_restarts = n_restarts
        self.tol = tol
        self.store_path = store_path
        self.check_gradient = check_gradient
        self.verbose = verbose

    @with_callbacks
    @_fit_context(
        # The feasible set given is validated by its own fit.
        prefer_skip_nested_validation=False
    )
    def fit_resample(self, X, y, *, trusted=None, X_val=None, y_val=None):
        """Poison a training set.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows. They are not written to.
        y : array-like of shape (n_samples,), or one-hot (n_samples, n_classes)
            Their labels.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows that are not modified. Inserting rows touches none.
        X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features), \
                default=None
            Rows of the attacker's own, in the features of X, to measure the goal on.
            None: a part of the training rows is set aside. No step of a Pipeline
            before the attack transforms them.
        y_val : array-like of shape (n_val,), default=None
            Their labels; for the goal "error-specific", those wanted.

        Returns
        -------
        X_poisoned : of the type of X, of shape (n_samples_out, n_features)
            The rows that came in, first and in order; then inserted rows.
        y_poisoned : of the type of y, of length n_samples_out
            Their labels, all of them among the labels seen.

        Raises
        ------
        ValueError
            If the data are not fit for classification, if one of `X_val` and `y_val`
            is missing or does not go with the training rows, if fewer rows can be
            modified than the budget asks for, or if the surrogate has no optimum.
        TypeError
            If the training of the surrogate cannot be differentiated.
        """
        self._check_given(X_val, y_val)
        return self._fit_resample(X, y, trusted=trusted, X_val=X_val, y_val=y_val)

    def _poison(self, X, y, *, n_poison, trusted, random_state, X_val, y_val):
        X = (X.tocsr() if sparse.issparse(X) else X).astype(np.float64)
        n_samples = y.shape[0]
        self._check_goal()
        own = None if X_val is None else check_own_rows(self, X, X_val, y_val)
        known = np.arange(n_samples)
        if self.known_fraction < 1:
            known = np.sort(self._split("known_fraction", known, y, random_state)[0])
        labels = y.copy()
        X, y, trusted = X[known], y[known], trusted[known]
        response_range = self._response_range(y)
        self.feasible_set_ = clone(self.feasible_set or Box()).fit(X, y)
        self.goal_path_, self.n_iter_, self.diagnostics_ = np.empty(0), 0, {}
        if n_poison == 0:
            return Poison()

        start = self._start(X, y, trusted, n_poison, own, random_state)
        train = np.arange(y.shape[0])
        if own is None and not self._wants_something_learnt():
            replaced = [] if start.positions is None else start.positions
            free = np.setdiff1d(train, replaced)
            aside, _ = self._split("validation_fraction", free, y, random_state)
            train = np.setdiff1d(train, aside)
            own = X[aside], self._codes(y[aside])
            trusted = trusted | np.isin(np.arange(y.shape[0]), aside)

        coordinates = make_coordinates(
            self.feasible_set_, X, None if response_range is None else y, response_range
        )
        surrogate = self._seeded_surrogate(X, random_state)
        n_climbs = 1 + self.n_restarts
        n_climbs *= n_poison if self.schedule == "sequential" else 1
        # A search among points follows the climb through the set around them.
        n_climbs *= 1 if coordinates.is_convex else 2
        progress = Progress(self, "climb", n_climbs * self.max_iter, self.verbose)
        best = None
        with deduplicate_warnings(), limit_blas_threads(X):
            for i in range(1 + self.n_restarts):
                if i > 0:
                    start = self._start(X, y, trusted, n_poison, own, random_state)
                problem = self._problem(X, y, train, start, own, n_samples, surrogate)
                found = self._climb(problem, start, coordinates, progress)
                if best is None or found.value > best[0].value:
                    best = found, start, problem
                if progress.stopped:
                    break
            progress.end()
            found, start, problem = best
            self.diagnostics_ = problem.diagnostics()
            if self.check_gradient:
                width = coordinates.width
                error = problem.difference_error(found.rows, width, random_state)
                self.diagnostics_["difference_error"] = error
        self.goal_path_, self.n_iter_ = found.path, found.path.shape[0] - 1
        if self.store_path:
            self.rows_path_ = np.full((len(problem.visited), *found.rows.shape), np.nan)
            for place, rows in zip(self.rows_path_, problem.visited, strict=True):
                place[: rows.shape[0]] = rows
        elif hasattr(self, "rows_path_"):
            del self.rows_path_  # of a call with other parameters
        rows, given = found.rows, start.labels
        if response_range is not None:
            rows, given = rows[:, :-1], rows[:, -1]
        if start.positions is None:
            return Poison(X_inserted=rows, y_inserted=given)
        modified = known[start.positions]
        labels[modified] = given
        return Poison(X_modified=rows, modified=modified, y=labels)

    def _response_range(self, y):
        """Say where responses may go; None where there are none that move."""
        if not self._takes_responses() or self.response_range is None:
            return None
        if self.response_range == "auto":
            return float(y.min()), float(y.max())
        are_numbers = all(isinstance(end, Real) for end in self.response_range)
        if not (are_numbers and len(self.response_range) == 2) or not (
            self.response_range[0] < self.response_range[1]
        ):
            raise ValueError(
                f"response_range={self.response_range!r} is no range: give the lowest "
                "and the highest response, such as (0.0, 1.0)."
            )
        return self.response_range

    def _start(self, X, y, trusted, n_poison, own, random_state):
        """Choose the rows from which to climb, and their labels."""
        class_map = None
        if isinstance(self.goal, dict):
            # Both the rows to be confused and those that they are confused with.
            back = {target: source for source, target in self.goal.items()}
            class_map = back | self.goal
        elif self.goal == "error-specific" and not self._takes_responses():
            wanted = np.unique(own[1])
            if wanted.shape[0] == 1:
                target = self.classes_[wanted[0]]
                class_map = {c: target for c in self.classes_.tolist() if c != target}
        settings = n_poison, self.poison_labels, class_map, random_state
        mirrored = y.min() + y.max() - y if self._takes_responses() else None
        if self.capability == "insert":
            return start_inserting(X, y, *settings, mirrored=mirrored)
        return start_modifying(X, y, trusted, *settings, mirrored=mirrored)

    def _problem(self, X, y, train, start, own, n_samples, surrogate):
        """Put together what the poison decides."""
        replaced = [] if start.positions is None else start.positions
        clean = np.setdiff1d(train, replaced)
        if not clean.size and len(replaced) < n_samples:
            raise ValueError(
                f"budget={self.budget!r} asks for {len(replaced)} rows to be modified, "
                "which leaves none for the surrogate to learn from. Lower the budget."
            )
        # The rows learnt from stand for all, so that the poison has the share of the
        # training set that it will have for the victim.
        weight = (n_samples - len(replaced)) / max(clean.shape[0], 1)
        problem = self._aimed_problem(
            surrogate,
            X,
            y,
            clean,
            weight,
            own,
            self.hypergradient,
            n_unrolled=self.n_unrolled,
        )
        problem.label(self._codes(start.labels))
        return problem

    def _climb(self, problem, start, coordinates, progress):
        """Climb with all rows at once, or with one after the other."""
        rows = start.rows
        if coordinates.response_range is not None:
            problem.moves_responses = True
            rows = np.column_stack([rows, start.labels])
        # Where a feature comes or goes: there steps that lengthen would be caught.
        has_kinks = problem.goal.kind == "features"
        climber = Climber(
            problem,
            coordinates,
            progress,
            step_size=self.step_size,
            decay=self.decay,
            tol=self.tol,
            max_iter=self.max_iter,
            effort=self.effort,
            is_smooth=self._wants_something_learnt() and not has_kinks,
            has_kinks=has_kinks,
            writes_down=self.store_path,
        )
        if self.schedule == "sequential":
            return climber.one_by_one(rows)
        return climber.jointly(rows)

    def _split(self, name, positions, y, random_state):
        """Split positions of rows in two."""
        fraction, are_labels = getattr(self, name), not self._takes_responses()
        return split(name, fraction, positions, y, random_state, are_labels=are_labels)
