"""Rows moved in turn with the penalty that the victim learns.

It is the alternating attack of Carnerero-Cano et al. (2023); see
:func:`skpoison.surrogates.as_penalty_learner`.
"""

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

from skpoison.attacks.rows._objective import PoisonObjective
from skpoison.bilevel.differentiation.penalty import log_penalty_derivative
from skpoison.bilevel.learners.linear import LinearLearner
from skpoison.goals import ErrorGeneric
from skpoison.optimizers import ProjectedAscent
from skpoison.optimizers._schedule import OptimisedRows, optimise_rows
from skpoison.surrogates._penalty_learner import LARGEST, SMALLEST

N_ROUNDS = 10
# How exactly the surrogate is trained while its penalty is learnt.
TOL = 1e-10
# Steps of ascent between two descents of the penalty.
ASCENT = ProjectedAscent(step_size=0.5, max_iter=5)


def learns_penalty(surrogate):
    """Return whether a surrogate learns its penalty.

    Parameters
    ----------
    surrogate : estimator
        The surrogate.

    Returns
    -------
    learns_penalty : bool
    """
    return hasattr(surrogate, "with_factor")


def alternate(attack, known, n_poison, random_state):
    """Return the best attempt of an attack whose surrogate learns its penalty.

    Parameters
    ----------
    attack : BaseGradientAttack
        The attack.
    known : Known
        What the attacker knows; its surrogate is a PenaltyLearner.
    n_poison : int
        Number of poison rows.
    random_state : RandomState
        The only source of randomness.

    Returns
    -------
    best : Attempt
        Its path is the goal with the penalty learnt anew: with the initial rows, with
        those that the attack has found for the penalty given, and after each round.
    """
    learner = known.surrogate
    if not known.goal.needs_validation or known.goal.kind != "errors":
        raise ValueError(
            "`goal` must be one on errors, such as 'error-generic', for a surrogate "
            f"that learns its penalty on validation rows; got {known.goal!r}."
        )
    first = attack._optimise(
        replace(known, surrogate=learner.with_factor(1.0)), n_poison, random_state
    )
    progress = attack._progress_of("alternation", N_ROUNDS * ASCENT.max_iter)
    rounds, s, rows = [], 0.0, first.initial.rows
    for k in range(N_ROUNDS + 2):
        if k == 1:
            rows = first.found.rows
        s = _learnt(attack, known, first, rows, s)
        objective = _objective(attack, known, first, s)
        rounds.append((objective(rows, 0)[0], rows, objective))
        if 0 < k <= N_ROUNDS:
            rows = optimise_rows(
                ASCENT,
                objective,
                first.initial.rows,
                first.coordinates,
                progress,
                at=rows,
            ).rows
    progress.end()
    path = np.array([value for value, _, _ in rounds])
    value, rows, objective = rounds[int(path.argmax())]
    found = OptimisedRows(rows, value, path, [])
    return replace(first, found=found, objective=objective)


def _objective(attack, known, first, s):
    """Return the objective with the logarithm s of the factor of the penalty."""
    known = replace(known, surrogate=known.surrogate.with_factor(np.exp(s)))
    problems = attack._problems(known, first.folds, first.initial)
    return PoisonObjective(problems, attack._penalties(known), first.initial.rows)


def _learnt(attack, known, first, rows, s):
    """Return the logarithm of the factor with the least validation loss, from s on."""
    known = replace(known, goal=ErrorGeneric("surrogate"))

    def mean_loss(x):
        problems = _objective(attack, known, first, x[0]).problems
        value, slope = np.mean(
            [validation_loss(problem, rows) for problem in problems], axis=0
        )
        return value, np.array([slope])

    bounds = np.log([[SMALLEST, LARGEST]])
    found = minimize(mean_loss, [s], jac=True, bounds=bounds, method="L-BFGS-B")
    return float(found.x[0])


def validation_loss(problem, rows):
    """Compute the goal of a problem, and its derivative in the log penalty.

    Parameters
    ----------
    problem : BilevelProblem
        The surrogate and its goal, the validation loss.
    rows : PoisonRows
        The poison rows.

    Returns
    -------
    value : float
        The goal.
    derivative : float
        In the logarithm of the penalty.

    Raises
    ------
    ValueError
        If the surrogate has no squared penalty.
    """
    engine = problem.engine
    if not (isinstance(engine.learner, LinearLearner) and engine.has_smooth_optimum):
        raise ValueError(
            "`surrogate` must have a squared penalty to be learnt, as "
            "as_penalty_learner(LogisticRegression()) has; got one of "
            f"{engine.learner!r}. Take a search such as a GridSearchCV for others."
        )
    engine.tol = TOL
    scaling = None if problem.scaler is None else problem.scaler.fit(rows.X)
    training = problem._poisoned_rows(rows.X, rows.y, scaling)
    goal = problem._scaled_goal(scaling)
    value, b, _ = engine._goal_at(goal, engine._train(training), False)
    return value, log_penalty_derivative(engine.optimum, b, tol=TOL)
