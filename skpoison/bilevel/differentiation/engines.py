r"""Choice of the engine by what a learner supports.

* ``ImplicitDifferentiation``: at a smooth optimum, by the implicit function theorem;
* ``L1ImplicitDifferentiation``: the same on the active set of an l1 penalty;
* ``SVMImplicitDifferentiation``: the same on the margin of a support vector machine,
  whose scores are not a function of a few weights;
* ``UnrolledDifferentiation``: through the steps of a learner that stops early, stored
  or checkpointed, all of them or the last ones;
* ``ClosedFormDifferentiation``: the same for the squared loss, all steps at once;
* ``BackGradient``: the same, the steps run backwards, as published.

They are in :mod:`~skpoison.bilevel.differentiation.implicit_engines` and
:mod:`~skpoison.bilevel.differentiation.step_engines`.
"""

from skpoison.bilevel.differentiation.engine import Engine
from skpoison.bilevel.differentiation.implicit_engines import (
    ImplicitDifferentiation,
    L1ImplicitDifferentiation,
    SVMImplicitDifferentiation,
)
from skpoison.bilevel.differentiation.step_engines import (
    STORABLE,
    BackGradient,
    ClosedFormDifferentiation,
    UnrolledDifferentiation,
)
from skpoison.bilevel.learners.base import Learner

# The largest eigendecomposition that costs less than the steps that it replaces.
SPECTRAL = 1000

# What a learner must support to be differentiated at its optimum, and by which engine.
IMPLICIT = {
    "smooth": ImplicitDifferentiation,
    "l1": L1ImplicitDifferentiation,
    "svm_dual": SVMImplicitDifferentiation,
}


def make_engine(
    learner: Learner,
    hypergradient: str = "auto",
    *,
    shape: tuple[int, int],
    n_steps: int | None = None,
    rate: float | None = None,
    truncate: int | None = None,
) -> Engine:
    """Choose how a learner is trained and differentiated.

    Parameters
    ----------
    learner : Learner
        The learner.
    hypergradient : {"auto", "implicit", "unrolled", "back-gradient"}, default="auto"
        The method. "auto": the implicit gradient of a learner that goes to its
        optimum; otherwise the closed form if there is one, or the unrolled steps.
    shape : tuple of int
        (n_samples, n_features) of the training rows, approximately.
    n_steps : int, default=None
        Number of steps of gradient descent. None: the learner goes to its optimum.
    rate : float, default=None
        The learning rate of these steps.
    truncate : int, default=None
        How many of the last steps are differentiated. None: all of them.

    Returns
    -------
    engine : Engine

    Raises
    ------
    ValueError
        If the learner cannot be differentiated in this way.
    """
    if hypergradient == "implicit" or n_steps is None:
        if hypergradient not in ("auto", "implicit"):
            way = repr(hypergradient) if truncate is None else f"Unrolled({truncate})"
            raise ValueError(
                f"hypergradient={way} differentiates the steps of a "
                "surrogate that stops early, but this one is trained to its optimum: "
                "use hypergradient='implicit', or a GradientDescentClassifier as the "
                "surrogate."
            )
        if truncate is not None:
            raise ValueError(
                f"Only the last {truncate} steps of the surrogate are to be "
                "differentiated, but the implicit hypergradient takes none: use "
                "hypergradient='unrolled'."
            )
        return _make_implicit(learner)
    if truncate is not None and truncate > n_steps:
        raise ValueError(
            f"`last` of Unrolled must not exceed the {n_steps} steps of the surrogate; "
            f"got {truncate}. Take hypergradient='unrolled' for all steps."
        )
    steps = learner, rate, n_steps
    if hypergradient == "back-gradient":
        return BackGradient(*steps)
    smaller, larger = sorted(shape)
    is_small = smaller <= SPECTRAL and smaller * larger <= STORABLE
    has_closed_form = "closed_form" in learner.supports and truncate is None
    if hypergradient == "auto" and has_closed_form and is_small:
        return ClosedFormDifferentiation(*steps)
    return UnrolledDifferentiation(*steps, truncate)


def _make_implicit(learner: Learner) -> Engine:
    """Choose the engine for the optimum of a learner."""
    for way, engine in IMPLICIT.items():
        if way in learner.supports:
            return engine(learner)
    raise ValueError(
        "hypergradient='implicit' needs a surrogate with a unique optimum, and a "
        "neural network has many: use hypergradient='unrolled' or 'auto'."
    )
