"""Which rows harm the victim most, as far as a gradient can tell?"""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import _fit_context, clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from threadpoolctl import threadpool_limits

from skpoison.attacks._random import RandomInsertion
from skpoison.base import BasePoisoner, Poison
from skpoison.bilevel.ascent import climb
from skpoison.bilevel.goals import MeanLoss, SmoothedError
from skpoison.bilevel.hypergradients import descend, goal_gradient, implicit, unrolled
from skpoison.bilevel.newton import minimise
from skpoison.feasible_sets import Box
from skpoison.surrogates import as_learner
from skpoison.utils._validation import check_labels, numeric_features

# Below so many numbers threads of BLAS cost more time than they save.
SMALL = 1_000_000

SCALERS = (MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler)


class GradientPoisoner(BasePoisoner):
    r"""Insert rows that gradient ascent has made as harmful as it can.

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

    Parameters
    ----------
    surrogate : estimator, default=None
        What the attacker believes that the victim learns: a linear model of
        scikit-learn, a :class:`~skpoison.surrogates.GradientDescentClassifier`, or a
        Pipeline of scalers before one. None: LogisticRegression after a
        StandardScaler.
    budget : float or int, default=0.1
        Number of rows to insert, as a share of the training rows (float, n_p / n), or
        as it is (int).
    goal : "error-generic" or dict, default="error-generic"
        "error-generic": errors, whatever they are. A dict such as ``{8: 3}``, for
        "error-specific": rows of the classes among the keys are to be taken for those
        of the values, other rows for what they are.
    loss : {"error", "log_loss"}, default="error"
        What is climbed on the attacker's own rows: a smoothed error, which is bounded,
        or the surrogate's own loss, as in [1]_.
    sharpness : float, default=4.0
        How closely the smoothed error follows the error itself: what scores of unit
        scale are multiplied with.
    feasible_set : estimator, default=None
        Where inserted rows may lie: ``fit(X)`` and ``project(rows)``. None:
        :class:`~skpoison.feasible_sets.Box` around the training rows.
    validation_fraction : float, default=0.3
        Share of the training rows that the attacker sets aside for the goal, where he
        is given no others.
    max_iter : int, default=200
        The most steps.
    step_size : float, default=2.0
        Length of the first step of each row, in a box scaled to widths of 1.
    decay : float, default=0.98
        What the length of the step is multiplied with after each.
    tol : float, default=1e-6
        Progress of the goal, over 50 steps, that is worth going on.
    random_state : int, RandomState instance or None, default=None
        Seed of the starting rows and of what is set aside.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples_out,) of bool
        Which rows of the output are poisoned: the last ones.
    contamination_ : float
        Their share of the output, n_p / (n + n_p).
    goal_path_ : ndarray of shape (`n_iter_` + 1,)
        The goal at every iterate, the start first.
    n_iter_ : int
        Number of steps.
    feasible_set_ : estimator
        The clone of `feasible_set`, fitted on the training rows.
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
        "goal": [StrOptions({"error-generic"}), dict],
        "loss": [StrOptions({"error", "log_loss"})],
        "sharpness": [Interval(Real, 0, None, closed="neither")],
        "feasible_set": [HasMethods(["fit", "project"]), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "step_size": [Interval(Real, 0, None, closed="neither")],
        "decay": [Interval(Real, 0, 1, closed="right")],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        goal="error-generic",
        loss="error",
        sharpness=4.0,
        feasible_set=None,
        validation_fraction=0.3,
        max_iter=200,
        step_size=2.0,
        decay=0.98,
        tol=1e-6,
        random_state=None,
    ):
        super().__init__(budget, random_state=random_state)
        self.surrogate = surrogate
        self.goal = goal
        self.loss = loss
        self.sharpness = sharpness
        self.feasible_set = feasible_set
        self.validation_fraction = validation_fraction
        self.max_iter = max_iter
        self.step_size = step_size
        self.decay = decay
        self.tol = tol

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_resample(self, X, y, *, trusted=None, X_val=None, y_val=None):
        """Poison a training set.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows. They are not written to.
        y : array-like of shape (n_samples,), or one-hot (n_samples, n_classes)
            Their labels.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows that the attacker cannot touch. Inserting rows touches none.
        X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features), \
                default=None
            Rows of the attacker's own, in the features of X, to measure the goal on.
            None: a part of the training rows is set aside. No step of a Pipeline
            before the attack transforms them.
        y_val : array-like of shape (n_val,), default=None
            Their labels.

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
            is missing or does not go with the training rows, or if the surrogate has
            no optimum.
        TypeError
            If the training of the surrogate cannot be differentiated.
        """
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val go together: give both of them, or none.")
        return self._fit_resample(X, y, trusted=trusted, X_val=X_val, y_val=y_val)

    def _poison(self, X, y, *, n_poison, trusted, random_state, X_val, y_val):
        X = X.tocsr() if sparse.issparse(X) else X
        X = X.astype(np.float64)
        start = RandomInsertion(
            n_poison, class_map=self._start_map(), random_state=random_state
        )
        X_start, labels = start.fit_resample(X, y)
        X_start, labels = X_start[y.shape[0] :], labels[y.shape[0] :]
        if sparse.issparse(X_start):
            X_start = X_start.toarray()
        self.feasible_set_ = clone(self.feasible_set or Box()).fit(X)
        if n_poison == 0:
            self.goal_path_, self.n_iter_ = np.empty(0), 0
            return Poison()

        codes = np.searchsorted(self.classes_, y)
        codes_start = np.searchsorted(self.classes_, labels)
        own = None if X_val is None else self._own_rows(X, X_val, y_val)
        problem = _Problem(self, X, codes, codes_start, own, random_state)
        # The climb goes in coordinates in which every feature spans 1.
        low, width = _span(X)
        with threadpool_limits(1 if X.shape[0] * X.shape[1] < SMALL else None, "blas"):
            found = climb(
                lambda rows: problem.value_and_gradient(low + width * rows, width),
                (X_start - low) / width,
                lambda rows: (
                    (self.feasible_set_.project(low + width * rows) - low) / width
                ),
                step_size=self.step_size,
                decay=self.decay,
                max_iter=self.max_iter,
                tol=self.tol,
                patience=50,
            )
        self.goal_path_, self.n_iter_ = found.path, found.path.shape[0] - 1
        # Once more: scaling back may have rounded across a border.
        rows = self.feasible_set_.project(low + width * found.rows)
        return Poison(X_inserted=rows, y_inserted=labels)

    def _own_rows(self, X, X_val, y_val):
        """Check the rows that the attacker brings along."""
        X_val = numeric_features(self, X_val, accept_sparse="csr", dtype=np.float64)
        y_val = column_or_1d(check_labels(self, y_val))
        check_consistent_length(X_val, y_val)
        if X_val.shape[1] != X.shape[1]:
            raise ValueError(
                f"X_val has {X_val.shape[1]} features, but X has {X.shape[1]}."
            )
        if not np.isin(y_val, self.classes_).all():
            raise ValueError(
                "y_val has labels that are not among those of y: "
                f"{np.setdiff1d(y_val, self.classes_).tolist()}."
            )
        return X_val, np.searchsorted(self.classes_, y_val)

    def _start_map(self):
        """Say which labels starting rows get: for a specific goal, those confused."""
        if self.goal == "error-generic":
            return None
        back = {target: source for source, target in self.goal.items()}
        return back | self.goal


class _Problem:
    """The attacker's goal as a function of the poison rows, and its gradient."""

    def __init__(self, attack, X, codes, codes_poison, own, random_state):
        n_classes = attack.classes_.shape[0]
        scalers, estimator = _split_pipeline(attack.surrogate)
        if not is_classifier(estimator):
            raise ValueError(
                f"surrogate={attack.surrogate!r} is no classifier, but the labels are "
                "classes."
            )
        self.surrogate = as_learner(estimator, n_classes)
        self.learner = self.surrogate.learner
        n_samples = codes.shape[0]
        self.scale, self.shift = _affine(scalers, X)
        train = np.arange(n_samples)
        if own is None:
            train, aside = _set_aside(attack.validation_fraction, codes, random_state)
            own = X[aside], codes[aside]
        X_own, codes_own = own
        self.X_train, self.X_own = self._scaled(X[train]), self._scaled(X_own)
        # The rows learnt from stand for all, so that the poison has the share of the
        # training set that it will have for the victim.
        weights = np.ones(train.shape[0] + codes_poison.shape[0])
        weights[: train.shape[0]] = n_samples / train.shape[0]
        self.codes = np.concatenate([codes[train], codes_poison])
        self.n_poison = codes_poison.shape[0]
        self.rows = self.surrogate.rows(
            self._with(np.zeros((self.n_poison, X.shape[1]))),
            self.codes,
            weights,
            attack.classes_,
        )
        self.goal = self._goal(attack, codes_own)
        self.optimum = None

    def _goal(self, attack, codes):
        sign = 1
        if attack.goal != "error-generic":
            sign = -1
            classes = attack.classes_.tolist()
            wanted = np.arange(len(classes))
            for source, target in attack.goal.items():
                wanted[classes.index(source)] = classes.index(target)
            codes = wanted[codes]
        if attack.loss == "error":
            return SmoothedError(codes, attack.sharpness, sign)
        return MeanLoss(self.learner.loss, self.surrogate.encode(codes), sign)

    def _scaled(self, X):
        if sparse.issparse(X):
            return X.multiply(self.scale).tocsr()
        return X * self.scale + self.shift

    def _with(self, poison):
        """Put poison behind the training rows."""
        if sparse.issparse(self.X_train):
            poison = sparse.csr_array(poison)
            return sparse.vstack([self.X_train, poison], format="csr")
        return np.concatenate([self.X_train, poison])

    def value_and_gradient(self, poison, width):
        """Compute the goal and its gradient in poison rows scaled by width."""
        learner = self.learner
        rows = self.rows.with_features(self._with(poison * self.scale + self.shift))
        of_poison = rows.last(self.n_poison)
        if self.surrogate.n_steps is None:
            self.optimum = minimise(learner, rows, self.optimum, tol=1e-8)
            value, b = goal_gradient(learner, self.goal, self.X_own, self.optimum.W)
            hypergradient = implicit(learner, rows, self.optimum, b, of_poison)
        else:
            steps = {"rate": self.surrogate.rate, "n_steps": self.surrogate.n_steps}
            W, stored = descend(learner, rows, np.zeros(learner.shape(rows)), **steps)
            value, b = goal_gradient(learner, self.goal, self.X_own, W)
            hypergradient = unrolled(learner, rows, stored, b, of_poison, **steps)
        return value, hypergradient.features * self.scale * width


def _set_aside(fraction, codes, random_state):
    """Split the positions of rows in two, with the same shares of classes."""
    try:
        return train_test_split(
            np.arange(codes.shape[0]),
            test_size=fraction,
            stratify=codes,
            random_state=random_state,
        )
    except ValueError as error:
        raise ValueError(
            f"validation_fraction={fraction} cannot be set aside from "
            f"{codes.shape[0]} rows of {codes.max() + 1} classes: {error}"
        ) from error


def _span(X):
    """Say where each feature begins and how far it reaches; at least a little."""
    low, high = (
        extreme.toarray().ravel() if sparse.issparse(extreme) else np.ravel(extreme)
        for extreme in (X.min(axis=0), X.max(axis=0))
    )
    width = high - low
    return low, np.where(width > 0, width, 1.0)


def _split_pipeline(surrogate):
    """Split a surrogate into scalers and the estimator behind them."""
    if surrogate is None:
        # Centring would only shift the intercept, and does not go with sparse data.
        scaler = StandardScaler(with_mean=False)
        surrogate = make_pipeline(scaler, LogisticRegression())
    if not isinstance(surrogate, Pipeline):
        return [], surrogate
    *scalers, estimator = (step for _, step in surrogate.steps)
    for step in scalers:
        if not isinstance(step, SCALERS):
            names = ", ".join(kind.__name__ for kind in SCALERS)
            raise TypeError(
                f"The gradient does not go through {step!r}, a step of the surrogate. "
                f"Take one of {names}, or put the attack behind that step."
            )
    return [clone(step).set_params(copy=True) for step in scalers], estimator


def _affine(scalers, X):
    """Fit scalers to rows, and say what they multiply features with and then add."""
    scale, shift = np.ones(X.shape[1]), np.zeros(X.shape[1])
    for scaler in scalers:
        X = scaler.fit_transform(X)
        # What becomes of 0 and of 1 says all of an affine map of each feature. A
        # MinMaxScaler that clips is affine where the training rows lie.
        if getattr(scaler, "clip", False):
            scaler.set_params(clip=False)
        origin, unit = np.zeros((1, X.shape[1])), np.ones((1, X.shape[1]))
        zero = scaler.transform(origin)[0]
        slope = scaler.transform(unit)[0] - zero
        scale, shift = scale * slope, shift * slope + zero
    return scale, shift
