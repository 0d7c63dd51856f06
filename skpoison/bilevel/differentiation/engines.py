r"""How is a learner trained, and a goal differentiated through its training?

One class a way. Each of them takes training rows :math:`D` to the value of a goal
:math:`A(W(D))` and to its gradient in these rows, and remembers from one call to the
next what makes the next one cheaper:

* :class:`ImplicitDifferentiation`: at the optimum, by the implicit function theorem;
* :class:`L1ImplicitDifferentiation`: the same where only some weights are learnt, and
  others stay at 0;
* :class:`UnrolledDifferentiation`: through the steps of a learner that stops early,
  stored or computed again, all of them or the last ones;
* :class:`ClosedFormDifferentiation`: the same for the squared loss, all steps at once;
* :class:`BackGradient`: the same, the steps run backwards, as published;
* :class:`SVMImplicitDifferentiation`: at the optimum of a support vector machine, whose
  score is no function of a few weights.

What they rest on is in :mod:`~skpoison.bilevel.differentiation.hypergradients`,
:mod:`~skpoison.bilevel.solvers.l1_newton`,
:mod:`~skpoison.bilevel.differentiation.closed_form`,
:mod:`~skpoison.bilevel.differentiation.network_descent` and
:mod:`~skpoison.bilevel.differentiation.svm`.
"""

from abc import ABC, abstractmethod

import numpy as np
from scipy import sparse

from skpoison.bilevel.differentiation.closed_form import SpectralDescent
from skpoison.bilevel.differentiation.feature_selection import feature_selection
from skpoison.bilevel.differentiation.hypergradients import (
    descend,
    implicit,
    reversed_descent,
    unrolled,
)
from skpoison.bilevel.differentiation.network_descent import NetworkDescent
from skpoison.bilevel.differentiation.svm import KernelMachine, stalled
from skpoison.bilevel.goals import OnCoefficients, OnFeatures, OnRows
from skpoison.bilevel.learners.kernels import make_kernel
from skpoison.bilevel.learners.network import NetworkLearner
from skpoison.bilevel.solvers.l1_newton import minimise_l1
from skpoison.bilevel.solvers.newton import minimise

# Numbers that the steps of a descent may take to store: 256 MB.
STORABLE = 2**25
# How exactly a learner is taken to its optimum, and the linear system solved.
TOL = 1e-7


class Engine(ABC):
    """A way to train a learner and to differentiate a goal through that.

    Attributes
    ----------
    method : str
        What the way is called.
    tol : float
        How exactly the learner is taken to its optimum, where it goes there.
    residual : float or None
        How well the last gradient is known, where that is a question.
    """

    method = ""

    def __init__(self, learner):
        self.learner = learner
        self.tol, self.residual = TOL, None

    @abstractmethod
    def __call__(self, rows, goal, indices):
        """Train, and differentiate.

        Parameters
        ----------
        rows : Rows
            The training rows.
        goal : OnRows or another goal
            What the attacker wants.
        indices : slice
            The training rows in question.

        Returns
        -------
        value : float
            The goal.
        hypergradient : Hypergradient
            Its gradient in these rows.
        """

    def directions(self, hypergradient, indices):
        """Say where the rows are to go: along the gradient, most often.

        Parameters
        ----------
        hypergradient : Hypergradient
            What the last call returned.
        indices : slice
            The training rows in question.

        Returns
        -------
        directions : ndarray of shape (n_rows, n_features)
        """
        return hypergradient.features

    def diagnostics(self):
        """Say how well the last gradient is known.

        Returns
        -------
        diagnostics : dict
        """
        known = {"hypergradient": self.method}
        if self.residual is not None:
            known["residual"] = self.residual
        return known


class ImplicitDifferentiation(Engine):
    """Training to the optimum, warm-started from that of the last call.

    Parameters
    ----------
    learner : Learner
        The learner.

    Attributes
    ----------
    optimum : Optimum or None
        Where the last call has ended.
    """

    method = "implicit"
    optimum = None

    def __call__(self, rows, goal, indices):
        """Train, and differentiate."""
        self.optimum = minimise(self.learner, rows, self.optimum, tol=self.tol)
        value, b = goal.at(self.learner, self.optimum.W)
        hypergradient = implicit(self.optimum, b, indices, tol=self.tol)
        self.residual = hypergradient.residual
        return value, hypergradient

    def diagnostics(self):
        """Say how well the last gradient is known."""
        known = super().diagnostics()
        if self.optimum is not None:
            known["linear_solver"] = self.optimum.factorisation.method
            known["gradient_norm"] = self.optimum.gradient_norm
        return known


class L1ImplicitDifferentiation(Engine):
    """Training to the optimum of a learner of few features, warm-started.

    Parameters
    ----------
    learner : L1Learner
        The learner.

    Attributes
    ----------
    optimum : L1Optimum or None
        Where the last call has ended.
    """

    method = "implicit"
    optimum = selection = None

    def __call__(self, rows, goal, indices):
        """Train, and differentiate."""
        self.optimum = minimise_l1(self.learner, rows, self.optimum, tol=self.tol)
        if isinstance(goal, OnFeatures):
            if self.selection is None:
                self.selection = feature_selection(
                    self.optimum, goal.wanted, goal.unwanted
                )
            value = self.selection.value(self.optimum)
            b, direct = self.selection.gradients(self.optimum)
        else:
            (value, b), direct = goal.at(self.learner, self.optimum.W), None
        hypergradient = self.optimum.hypergradient(b, indices, direct)
        self.residual = hypergradient.residual
        return value, hypergradient

    def diagnostics(self):
        """Say how well the last gradient is known."""
        known = super().diagnostics()
        if self.optimum is not None:
            known["linear_solver"] = "cholesky"
            known["gradient_norm"] = self.optimum.gradient_norm
            known["n_active"] = int((self.optimum.W != 0).sum())
        return known


class _OfSteps(Engine):
    """Training by a number of steps of gradient descent."""

    def __init__(self, learner, rate, n_steps):
        super().__init__(learner)
        self.steps = {"rate": rate, "n_steps": n_steps}


class UnrolledDifferentiation(_OfSteps):
    """Steps of gradient descent, stored to be differentiated.

    Parameters
    ----------
    learner : Learner
        The learner.
    rate : float
        Length of a step, relative to the gradient.
    n_steps : int
        Number of steps.
    truncate : int, default=None
        How many of the last steps are differentiated. None: all of them.
    """

    method = "unrolled"

    def __init__(self, learner, rate, n_steps, truncate=None):
        super().__init__(learner, rate, n_steps)
        self.truncate = truncate

    def __call__(self, rows, goal, indices):
        """Train, and differentiate."""
        learner, checkpoint_every = self.learner, self.checkpoint_every(rows)
        if isinstance(learner, NetworkLearner):
            _check_layers(goal)
            descent = NetworkDescent(
                learner,
                rows,
                checkpoint_every=checkpoint_every,
                truncate=self.truncate,
                **self.steps,
            )
            value, b = goal.at(learner, descent.W)
            return value, descent.hypergradient(b, indices)
        W, stored = descend(
            learner,
            rows,
            learner.start(rows),
            checkpoint_every=checkpoint_every,
            **self.steps,
        )
        value, b = goal.at(learner, W)
        return value, unrolled(
            stored,
            b,
            indices,
            checkpoint_every=checkpoint_every,
            truncate=self.truncate,
            **self.steps,
        )

    def checkpoint_every(self, rows):
        """Say of how many steps one is stored.

        Parameters
        ----------
        rows : Rows
            The training rows.

        Returns
        -------
        checkpoint_every : int
        """
        n_steps = self.steps["n_steps"]
        storable = n_steps * self.learner.storage(rows) <= STORABLE
        return 1 if storable else int(np.ceil(np.sqrt(n_steps)))


class ClosedFormDifferentiation(_OfSteps):
    """Steps of gradient descent on the squared loss, taken all at once.

    Parameters
    ----------
    learner : LinearLearner
        The learner, of squared loss.
    rate : float
        Length of a step, relative to the gradient.
    n_steps : int
        Number of steps.
    """

    method = "spectral"

    def __call__(self, rows, goal, indices):
        """Train, and differentiate."""
        descent = SpectralDescent(self.learner, rows, **self.steps)
        value, b = goal.at(self.learner, descent.W)
        return value, descent.hypergradient(b, indices)


class BackGradient(_OfSteps):
    """Steps of gradient descent, run backwards to be differentiated.

    Parameters
    ----------
    learner : Learner
        The learner.
    rate : float
        Length of a step, relative to the gradient.
    n_steps : int
        Number of steps.
    """

    method = "back-gradient"

    def __call__(self, rows, goal, indices):
        """Train, and differentiate."""
        learner, start = self.learner, self.learner.start(rows)
        if isinstance(learner, NetworkLearner):
            _check_layers(goal)
        W, _ = descend(learner, rows, start, checkpoint_every=None, **self.steps)
        value, b = goal.at(learner, W)
        hypergradient = reversed_descent(
            learner, rows, start, W, b, indices, **self.steps
        )
        self.residual = hypergradient.residual
        return value, hypergradient


class SVMImplicitDifferentiation(Engine):
    """Training of a support vector machine to its optimum.

    Parameters
    ----------
    learner : SVMLearner
        The learner.

    Attributes
    ----------
    machine : KernelMachine or None
        What the last call has trained.
    n_stalled : int
        How many of the rows in question its gradient did not move.
    """

    method = "implicit"
    kernel = machine = None
    n_stalled = 0

    def __call__(self, rows, goal, indices):
        """Train, and differentiate."""
        if not isinstance(goal, OnRows):
            raise ValueError(
                f"A goal on {getattr(goal, 'of', 'weights')} needs a surrogate that "
                "learns weights of the features, and a support vector machine with a "
                "kernel learns none: take LinearSVC."
            )
        X, X_own = (_dense(each) for each in (rows.X, goal.X))
        learner = self.learner
        if self.kernel is None:
            self.kernel = make_kernel(
                learner.kernel,
                X,
                gamma=learner.gamma,
                degree=learner.degree,
                coef0=learner.coef0,
            )
        codes, n_classes = learner.codes(rows.targets)
        self.machine = KernelMachine(
            self.kernel, X, codes, rows.weights, C=learner.C, n_classes=n_classes
        )
        scores = self.machine.scores(X_own)
        slopes = goal.measure.gradient(scores)
        hypergradient = self.machine.hypergradient(X_own, slopes, indices)
        self.residual = hypergradient.residual
        return goal.measure.value(scores), hypergradient

    def directions(self, hypergradient, indices):
        """Lead rows that the gradient does not move to the margin."""
        still = stalled(hypergradient)
        self.n_stalled = int(still.sum())
        if not self.n_stalled:
            return hypergradient.features
        out = self.machine.to_margin(indices)
        return np.where(still[:, np.newaxis], out, hypergradient.features)

    def diagnostics(self):
        """Say how well the last gradient is known."""
        known = super().diagnostics()
        if self.machine is not None:
            known |= {
                "gradient_norm": self.machine.kkt_violation,
                "n_stalled": self.n_stalled,
            }
        return known


def _check_layers(goal):
    """Refuse a goal on coefficients: those of a network are of layers, not features."""
    if isinstance(goal, OnCoefficients):
        raise ValueError(
            f"A goal on {goal.of} needs a surrogate that learns one weight of each "
            "feature, and a neural network learns layers of them: take a linear "
            "surrogate."
        )


def _dense(X):
    return X.toarray() if sparse.issparse(X) else X
