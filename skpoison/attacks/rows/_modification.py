"""Modification of rows that are optimised by the gradient of the attacker's goal."""

from skpoison.attacks.rows._gradient import BaseGradientAttack
from skpoison.attacks.rows._initial_rows import rows_to_modify
from skpoison.base import Poison


class GradientModification(BaseGradientAttack):
    r"""Modify training rows by gradient ascent on the attacker's goal.

    The attacker replaces training rows by others, which start at the rows themselves,

    .. math::

        \max_{X_p \in \Phi} A(W^*), \qquad
        W^* \in \operatorname{argmin}_W C(W; X \setminus X_r \cup X_p) ,

    with the goal :math:`A`, the feasible set :math:`\Phi` and the rows replaced
    :math:`X_r`, which are drawn at random and are not trusted. With a goal on
    coefficients and a :class:`~skpoison.penalties.Displacement` it is machine teaching
    [2]_. :class:`GradientInsertion` has the rest.

    Parameters
    ----------
    surrogate : estimator, default=None
        What the attacker believes the victim learns: LogisticRegression,
        RidgeClassifier, LinearSVC, SVC, SGDClassifier, an MLPClassifier trained by full
        batches, a :class:`~skpoison.surrogates.GradientDescentClassifier`; of
        regressors LinearRegression, Ridge, Lasso, ElasticNet, SGDRegressor, an
        MLPRegressor or a :class:`~skpoison.surrogates.GradientDescentRegressor`; or a
        Pipeline of scalers before one; or a defence around any of these, which the
        attacker then evades; or a search over the parameters of one, such as a
        GridSearchCV: the victim tunes them on the poisoned rows, and the poison is the
        worst for that of those crafted for each setting. The hinge loss is not twice
        differentiable and is replaced by a smooth approximation; SVC is the exception,
        whose exact solution is differentiated. For a regressor, y holds responses.
        None: LogisticRegression after a StandardScaler.
    budget : float or int, default=0.1
        Number of rows to modify, as a share of the training rows (float, n_p / n), or
        as a number (int).
    goal : "error-generic", dict or BaseGoal, default="error-generic"
        What the attacker wants: an object of :mod:`skpoison.goals`. "error-generic"
        stands for :class:`~skpoison.goals.ErrorGeneric`, a dict such as ``{8: 3}`` for
        :class:`~skpoison.goals.ErrorSpecific`.
    poison_labels : "flip", "keep", ResponseRange or None, default=None
        Labels of poison rows. "flip": other labels than the rows that they start from;
        for a regressor, responses mirrored at the middle of their range. "keep": the
        labels or responses of these rows. A
        :class:`~skpoison.feasible_sets.ResponseRange`: responses move within it, along
        the gradient. None: "flip" for a classifier, ``ResponseRange()`` for a
        regressor.
    feasible_set : BaseFeasibleSet, default=None
        Where poison rows may lie: one of :mod:`skpoison.feasible_sets`. None: a
        :class:`~skpoison.feasible_sets.Box` around the training rows.
    penalties : list of BasePenalty, default=None
        What is subtracted from the goal: objects of :mod:`skpoison.penalties`.
    validation : float, int, cross-validation splitter or None, default=None
        How training rows become the attacker's validation rows, on which the goal is
        measured: each of several folds is in turn (int, stratified for a classifier, or
        a splitter), and the goal is the mean over folds, or a share of them is set
        aside (float). None: the rows given to `fit_resample` as `X_val` and `y_val`,
        or 2 folds if there are none, 5 through a defence; a search from many starts
        then may keep 0.3 of the rows to itself (see Notes). A goal that is not measured
        on rows needs none.
    known_fraction : float, default=1.0
        Share of the training rows that the attacker knows. They neither use nor change
        the others.
    hypergradient : str or Unrolled, default="auto"
        How the goal is differentiated. "implicit": at the optimum of the surrogate, by
        the implicit function theorem. "unrolled": by reverse-mode differentiation
        through the steps of a surrogate that stops early.
        :class:`~skpoison.surrogates.Unrolled`: through the last of them alone.
        "back-gradient": through the steps run backwards, as published in [1]_, without
        memory and less exactly. "auto": as the surrogate learns; in closed form for
        gradient descent on the squared loss.
    optimizer : BaseOptimizer or SuccessiveHalving, default=None
        How the objective is maximised: one of :mod:`skpoison.optimizers`. None: what
        suits the goal, :class:`~skpoison.optimizers.SuccessiveHalving` of many starts
        for errors, :class:`~skpoison.optimizers.ProjectedAscent` without early stopping
        for :class:`~skpoison.goals.TargetFeatures`, and
        :class:`~skpoison.optimizers.SpectralProjectedGradient` for other goals that
        need no validation rows. To search longer, raise the `n_starts` of
        SuccessiveHalving and the `max_iter` of its ascent. On large data the default
        searches less: from about 1,000 rows of 1,000 features on, the numbers of starts
        and of steps fall with the root of what one training of the surrogate costs, the
        goal is measured on one of the 2 folds, and surrogates are trained to four
        digits. Give a SuccessiveHalving, and a number of folds as `validation`, to
        search in full.
    random_state : int, RandomState instance or None, default=None
        Seed of the initial rows, of the validation rows, and of a surrogate that has no
        seed of its own.
    verbose : int, default=0
        Number of steps after which a line on the objective is printed; 0 for never.

    Attributes
    ----------
    poison_mask_ : ndarray of shape (n_samples_out,) of bool
        Which rows of the output are poisoned.
    contamination_ : float
        Their share of the output, n_p / n.
    goal_path_ : ndarray of shape (`n_iter_` + 1,)
        The objective, goal minus penalties, at every iterate of the best start, the
        rows at which it begins first; one row after the other for a sequential
        schedule. The rows returned are those where it is largest, for a joint schedule.
    n_iter_ : int
        Number of steps of the best start.
    rows_path_ : ndarray of shape (`n_iter_` + 1, n_poison, n_features)
        The poison rows at every iterate, if the optimizer has ``store_path=True``; NaN
        for rows that are not inserted yet.
    responses_path_ : ndarray of shape (`n_iter_` + 1, n_poison)
        Their responses, if these move.
    labels_path_ : ndarray of shape (`n_iter_` + 1, n_poison)
        Their labels, if these have changed.
    diagnostics_ : dict
        How accurate the gradient is, at the last iterate, at worst over folds.
        "hypergradient": how it is computed, "implicit", "closed-form" (all steps at
        once), "unrolled" or "back-gradient". "linear_solver": how linear systems are
        solved, "cholesky", "woodbury" or "cg". "n_active": number of coefficients that
        are not 0, with an l1 penalty. "gradient_norm": norm of the gradient of the
        surrogate's own objective, relative to its terms. "residual": relative residual
        of the linear system, or relative error with which descent run backwards reaches
        its start. "n_stalled": number of rows with a zero gradient, for a support
        vector machine; they move to its margin.
    feasible_set_ : BaseFeasibleSet
        The feasible set, fitted on the training rows known.
    classes_ : ndarray of shape (n_classes,)
        The labels seen; not for a regressor.
    n_features_in_ : int
        Number of features seen.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if X is a dataframe.
    surrogate_params_ : dict
        If the surrogate is a search: the setting that the poison was crafted for.

    See Also
    --------
    GradientInsertion : Inserts rows instead.
    RandomLabelFlip : The baseline from which it starts, unless labels are kept.
    skpoison.feasible_sets.L2Ball : Bounds how far rows move.

    Notes
    -----
    By default the search begins at many starts, of which the flipped clones are the
    first, and returns the best of these and of what they have led to. If validation
    rows are given, or asked for, that is the best by the objective. Otherwise they are
    compared by the error on the training rows, smoothed less than the goal is. For a
    linear surrogate with ten rows for each feature or more that is the error of the
    surrogate that has learnt all of them. Others can be driven to errors on any rows by
    poison that does little harm to the rest. For these it is the mean of that and of
    the error on 0.3 of the rows, in 2 folds, which are held out of the ascents, by
    surrogates that have not learnt from them. If that is fewer than 75 rows, all of
    them take the place of these, in 5 folds. On small data the best eight sets with
    class labels are then compared once more, in 5 other folds too: by .2 of the error
    in these, .2 of that in the first folds, and .6 of that of the surrogate that has
    learnt all rows. With at least as many features as rows a linear surrogate is
    measured on the rows held out alone. A stochastic surrogate is measured by its own
    fits: one with a `random_state` by what it learns with that seed from the very
    training set that is returned. The damage may be less with another seed.

    Where validation rows are given to `fit_resample`, data are small, and the goal is a
    smoothed error whose sharpness is left to the attack, what has been found climbs on
    by the error with sharpness 10, or what the first start leads to in a fifth of its
    steps by that error, if it is better by it. The result is returned if the surrogate
    errs on more of the training rows than before, by more than one standard error, and
    on no fewer of the validation rows; or if it errs on more of the validation rows, by
    more than four standard errors, and not on fewer of the training rows by two.
    `goal_path_` and `rows_path_` are then those of this last ascent, by its own
    objective.

    The hypergradient is that of [1]_, Equation 8, for a surrogate at its optimum, with
    one linear system for all rows, which move together. That the response of a row is a
    variable like its features is from [3]_.

    Columns of integers come out rounded. For an attack that knows that they will be,
    take :class:`~skpoison.feasible_sets.Integers` into the feasible set: over a
    discrete set the gradient is taken at the nearest rows of the set, and a discrete
    local search follows.

    :func:`skpoison.inspection.check_hypergradient` compares the gradient with finite
    differences. With scikit-learn 1.9 or newer, ``set_callbacks(ProgressBar())`` shows
    the progress.

    References
    ----------
    .. [1] L. Muñoz-González, B. Biggio, A. Demontis, A. Paudice, V. Wongrassamee,
       E. C. Lupu, F. Roli, "Towards poisoning of deep learning algorithms with
       back-gradient optimization", AISec 2017.
    .. [2] S. Mei, X. Zhu, "Using machine teaching to identify optimal training-set
       attacks on machine learners", AAAI 2015.
    .. [3] M. Jagielski, A. Oprea, B. Biggio, C. Liu, C. Nita-Rotaru, B. Li,
       "Manipulating machine learning: poisoning attacks and countermeasures for
       regression learning", IEEE Symposium on Security and Privacy 2018.

    Examples
    --------
    A coefficient shall vanish, with no row changed by more than 2:

    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import GradientModification
    >>> from skpoison.feasible_sets import L2Ball
    >>> from skpoison.goals import TargetCoefficients
    >>> X, y = make_classification(100, 4, random_state=0)
    >>> attack = GradientModification(
    ...     LogisticRegression(),
    ...     budget=1.0,
    ...     goal=TargetCoefficients({1: 0.0}),
    ...     poison_labels="keep",
    ...     feasible_set=L2Ball(2.0),
    ...     random_state=0,
    ... )
    >>> for rows in ((X, y), attack.fit_resample(X, y)):
    ...     coef = LogisticRegression().fit(*rows).coef_[0]
    ...     print(abs(coef[1]) > 0.01)
    True
    False
    """

    def _initial_rows(self, known, n_poison, label_map, given, random_state):
        return rows_to_modify(known, n_poison, label_map, given, random_state)

    def _as_poison(self, X, y, initial, known):
        labels = known.y.copy()
        labels[initial.replaced] = y
        return Poison(modified=initial.replaced, X_modified=X, y=labels)
