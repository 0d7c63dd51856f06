"""Which rows harm the victim most, as far as a gradient can tell?"""

from dataclasses import replace
from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import _fit_context, clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from threadpoolctl import threadpool_limits

from skpoison.attacks._own_rows import check_own_rows, check_together, split
from skpoison.attacks._problem import BilevelProblem, default_surrogate
from skpoison.attacks._start import start_inserting, start_modifying
from skpoison.base import BasePoisoner, Poison
from skpoison.bilevel.ascent import Climb, climb, search
from skpoison.feasible_sets import Box
from skpoison.utils._callbacks import CallbackSupportMixin, Progress, with_callbacks
from skpoison.utils._warnings import once

# Below so many numbers threads of BLAS cost more time than they save.
SMALL = 1_000_000
# Steps without progress after which a climb ends.
PATIENCE = 50


class GradientPoisoner(CallbackSupportMixin, BasePoisoner):
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

    Where the feasible set holds only some points, such as whole numbers, the gradient
    is taken at the nearest of them to where the climb stands, and a search among such
    points, which changes what the gradient promises most of, follows the climb.

    Parameters
    ----------
    surrogate : estimator, default=None
        What the attacker believes that the victim learns: LogisticRegression,
        RidgeClassifier, LinearSVC, SGDClassifier, an MLPClassifier trained by full
        batches, a :class:`~skpoison.surrogates.GradientDescentClassifier`, or a
        Pipeline of scalers before one. For the hinge loss, which has no second
        derivative, a smooth one near it stands. None: LogisticRegression after a
        StandardScaler.
    budget : float or int, default=0.1
        Number of rows to insert, as a share of the training rows (float, n_p / n), or
        as it is (int).
    goal : {"error-generic", "error-specific"} or dict, default="error-generic"
        "error-generic": errors, whatever they are. A dict such as ``{8: 3}``: rows of
        the classes among the keys are to be taken for those of the values, other rows
        for what they are. "error-specific": the rows given as `X_val` are to be taken
        for the labels given as `y_val`.
    loss : {"error", "log_loss"}, default="error"
        What is climbed on the attacker's own rows: a smoothed error, which is bounded,
        or the surrogate's own loss, as in [1]_.
    sharpness : float, default=4.0
        How closely the smoothed error follows the error itself: what scores of unit
        scale are multiplied with.
    capability : {"insert", "modify"}, default="insert"
        Whether rows are inserted, or training rows modified, of which none is trusted.
    poison_labels : {"flip", "keep"}, default="flip"
        Whether poison rows get other labels than the rows that they start from.
    hypergradient : {"auto", "implicit", "unrolled", "reversed"}, default="auto"
        How the goal is differentiated. "implicit": at the optimum of the surrogate.
        "unrolled": through the steps of a surrogate that stops early, which are
        stored. "reversed": through its steps run backwards, as published in [1]_:
        without memory, and less exact. "auto": as the surrogate learns; for the
        squared loss, all steps are taken in closed form.
    feasible_set : estimator, default=None
        Where poison rows may lie: one of :mod:`skpoison.feasible_sets`. None: a
        :class:`~skpoison.feasible_sets.Box` around the training rows.
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
        Seed of the starting rows and of what is set aside.
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
        `goal_path_` is largest, in a joint climb.
    diagnostics_ : dict
        How well the gradient is known, at the last iterate. "hypergradient": how it is
        taken, "implicit", "spectral" (all steps in closed form), "unrolled" or
        "reversed". "linear_solver": how systems are solved where it is implicit,
        "cholesky", "woodbury" or "cg". "gradient_norm": norm of the gradient of the
        surrogate's own objective, relative to what it is a sum of. "residual": of the
        linear system, relative; or by how much descent run backwards misses its start.
        "difference_error": by how much a central difference differs, relative, where
        `check_gradient` asks for it.
    feasible_set_ : estimator
        The clone of `feasible_set`, fitted on the training rows known.
    classes_ : ndarray of shape (n_classes,)
        The labels seen.
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
    linear system serves all rows, which then move at once.

    With scikit-learn 1.9 or newer, ``set_callbacks(ProgressBar())`` shows how far it
    has come.

    References
    ----------
    .. [1] L. Muñoz-González, B. Biggio, A. Demontis, A. Paudice, V. Wongrassamee,
       E. C. Lupu, F. Roli, "Towards poisoning of deep learning algorithms with
       back-gradient optimization", AISec 2017.

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
        **BasePoisoner._parameter_constraints,
        "surrogate": [HasMethods(["fit", "predict"]), None],
        "goal": [StrOptions({"error-generic", "error-specific"}), dict],
        "loss": [StrOptions({"error", "log_loss"})],
        "sharpness": [Interval(Real, 0, None, closed="neither")],
        "capability": [StrOptions({"insert", "modify"})],
        "poison_labels": [StrOptions({"flip", "keep"})],
        "hypergradient": [StrOptions({"auto", "implicit", "unrolled", "reversed"})],
        "feasible_set": [HasMethods(["fit", "project", "relax"]), None],
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
        hypergradient="auto",
        feasible_set=None,
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
        self.hypergradient = hypergradient
        self.feasible_set = feasible_set
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
        check_together(X_val, y_val)
        if self.goal == "error-specific" and X_val is None:
            raise ValueError(
                "goal='error-specific' needs X_val, the rows to be taken for something "
                "else, and y_val, what for. Give both to fit_resample, or name classes "
                "by a dict such as goal={8: 3}."
            )
        return self._fit_resample(X, y, trusted=trusted, X_val=X_val, y_val=y_val)

    def _poison(self, X, y, *, n_poison, trusted, random_state, X_val, y_val):
        X = (X.tocsr() if sparse.issparse(X) else X).astype(np.float64)
        n_samples = y.shape[0]
        self._check_goal()
        own = None if X_val is None else check_own_rows(self, X, X_val, y_val)
        known = np.arange(n_samples)
        if self.known_fraction < 1:
            known = np.sort(
                split("known_fraction", self.known_fraction, known, y, random_state)[0]
            )
        labels = y.copy()
        X, y, trusted = X[known], y[known], trusted[known]
        self.feasible_set_ = clone(self.feasible_set or Box()).fit(X)
        self.goal_path_, self.n_iter_, self.diagnostics_ = np.empty(0), 0, {}
        if n_poison == 0:
            return Poison()

        start = self._start(X, y, trusted, n_poison, own, random_state)
        train = np.arange(y.shape[0])
        if own is None:
            replaced = [] if start.positions is None else start.positions
            free = np.setdiff1d(train, replaced)
            aside, _ = split(
                "validation_fraction", self.validation_fraction, free, y, random_state
            )
            train = np.setdiff1d(train, aside)
            own = X[aside], np.searchsorted(self.classes_, y[aside])
            trusted = trusted | np.isin(np.arange(y.shape[0]), aside)

        n_climbs = 1 + self.n_restarts
        n_climbs *= n_poison if self.schedule == "sequential" else 1
        # A search among points follows the climb through the set around them.
        n_climbs *= 1 if self._is_convex() else 2
        progress = Progress(self, "climb", n_climbs * self.max_iter, self.verbose)
        best = None
        n_stored = X.nnz if sparse.issparse(X) else X.size
        n_threads = 1 if n_stored < SMALL else None
        with once(), threadpool_limits(n_threads, "blas"):
            for i in range(1 + self.n_restarts):
                if i > 0:
                    start = self._start(X, y, trusted, n_poison, own, random_state)
                problem = self._problem(X, y, train, start, own, n_samples)
                found = self._climb(problem, start.rows, X, progress)
                if best is None or found.value > best[0].value:
                    best = found, start, problem
                if progress.stopped:
                    break
            progress.end()
            found, start, problem = best
            self.diagnostics_ = problem.diagnostics()
            if self.check_gradient:
                error = problem.difference_error(found.rows, _span(X)[1], random_state)
                self.diagnostics_["difference_error"] = error
        self.goal_path_, self.n_iter_ = found.path, found.path.shape[0] - 1
        if self.store_path:
            self.rows_path_ = np.full((len(problem.visited), *found.rows.shape), np.nan)
            for place, rows in zip(self.rows_path_, problem.visited, strict=True):
                place[: rows.shape[0]] = rows
        elif hasattr(self, "rows_path_"):
            del self.rows_path_  # of a call with other parameters
        if start.positions is None:
            return Poison(X_inserted=found.rows, y_inserted=start.labels)
        modified = known[start.positions]
        labels[modified] = start.labels
        return Poison(X_modified=found.rows, modified=modified, y=labels)

    def _check_goal(self):
        """Check that a goal names classes that there are."""
        if not isinstance(self.goal, dict):
            return
        classes = self.classes_.tolist()
        if not self.goal:
            raise ValueError(
                "goal={} names no class. Name those to be confused, such as {8: 3}, or "
                "take goal='error-generic'."
            )
        for source, target in self.goal.items():
            for label in (source, target):
                if label not in classes:
                    raise ValueError(
                        f"goal={self.goal!r} names the class {label!r}, which is not "
                        f"among those of y: {classes}."
                    )
            if source == target:
                raise ValueError(
                    f"goal={self.goal!r} wants rows of the class {source!r} to be "
                    "taken for the label that they have; name another one."
                )

    def _start(self, X, y, trusted, n_poison, own, random_state):
        """Choose the rows from which to climb, and their labels."""
        class_map = None
        if isinstance(self.goal, dict):
            # Both the rows to be confused and those that they are confused with.
            back = {target: source for source, target in self.goal.items()}
            class_map = back | self.goal
        elif self.goal == "error-specific":
            wanted = np.unique(own[1])
            if wanted.shape[0] == 1:
                target = self.classes_[wanted[0]]
                class_map = {c: target for c in self.classes_.tolist() if c != target}
        settings = n_poison, self.poison_labels, class_map, random_state
        if self.capability == "insert":
            return start_inserting(X, y, *settings)
        return start_modifying(X, y, trusted, *settings)

    def _problem(self, X, y, train, start, own, n_samples):
        """Put together what the poison decides."""
        replaced = [] if start.positions is None else start.positions
        clean = np.setdiff1d(train, replaced)
        if not clean.size:
            raise ValueError(
                f"budget={self.budget!r} asks for {len(replaced)} rows to be modified, "
                "which leaves none for the surrogate to learn from. Lower the budget."
            )
        # The rows learnt from stand for all, so that the poison has the share of the
        # training set that it will have for the victim.
        weight = (n_samples - len(replaced)) / clean.shape[0]
        surrogate = default_surrogate(X) if self.surrogate is None else self.surrogate
        codes = np.searchsorted(self.classes_, y)
        problem = BilevelProblem(
            surrogate, self.hypergradient, X, codes, clean, weight, self.classes_
        )
        problem.aim(self.goal, self.loss, self.sharpness, *own)
        problem.label(np.searchsorted(self.classes_, start.labels))
        return problem

    def _climb(self, problem, start, X, progress):
        """Climb with all rows at once, or with one after the other."""
        size = 1 if self.schedule == "sequential" else start.shape[0]
        scale = _span(X)
        rows, path = start[:0], []
        for i in range(0, start.shape[0], size):
            found = self._climb_on(problem, rows, start[i : i + size], scale, progress)
            rows = np.concatenate([rows, found.rows])
            path.append(found.path)
        found = Climb(rows, found.value, np.concatenate(path))
        if self.schedule == "sequential":
            # Each row is better than its start where it goes; all starts together may
            # still be better.
            start = self.feasible_set_.project(start, start)
            value, _ = problem(start)
            if value > found.value:
                found = Climb(start, value, np.append(found.path, value))
                if self.store_path:
                    problem.visited.append(start)
        return found

    def _climb_on(self, problem, before, start, scale, progress):
        """Climb with some rows, on top of those before."""
        # In coordinates in which every feature spans 1.
        low, width = scale
        feasible, relaxed = self.feasible_set_, self.feasible_set_.relax()

        def project(among, rows):
            return (among.project(low + width * rows, start) - low) / width

        def value_and_gradient(rows):
            poison = low + width * rows
            if not self._is_convex():
                poison = feasible.project(poison, start)
            poison = np.concatenate([before, poison])
            if self.store_path:
                problem.visited.append(poison)
            value, gradient = problem(poison, slice(before.shape[0], None))
            return value, gradient * width

        max_iter = 0 if progress.stopped else self.max_iter
        found = climb(
            value_and_gradient,
            (start - low) / width,
            partial(project, relaxed),
            step_size=self.step_size,
            decay=self.decay,
            tol=self.tol,
            patience=PATIENCE,
            max_iter=max_iter,
            tell=progress,
        )
        if not self._is_convex() and not progress.stopped:
            climbed, n_visited = found.path, len(problem.visited)
            found = search(
                value_and_gradient,
                found.rows,
                partial(project, feasible),
                max_iter=max_iter,
                tell=progress,
            )
            # It begins where the climb has been.
            found = replace(found, path=np.concatenate([climbed, found.path[1:]]))
            del problem.visited[n_visited : n_visited + 1]
        # Once more: scaling back may have rounded across a border. What has not moved
        # is not rounded at all.
        moved = found.rows != (start - low) / width
        rows = np.where(moved, low + width * found.rows, start)
        rows = feasible.project(rows, start)
        return replace(found, rows=rows)

    def _is_convex(self):
        return self.feasible_set_.relax() is self.feasible_set_


def _span(X):
    """Say where each feature begins and how far it reaches; at least a little."""
    low, high = (
        extreme.toarray().ravel() if sparse.issparse(extreme) else np.ravel(extreme)
        for extreme in (X.min(axis=0), X.max(axis=0))
    )
    width = high - low
    return low, np.where(width > 0, width, 1.0)
