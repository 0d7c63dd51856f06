import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.svm import SVC

from skpoison.bilevel.differentiation.svm import (
    is_stalled,
    svm_hypergradient,
    to_margin,
)
from skpoison.bilevel.goals import MeanLoss, SmoothedError
from skpoison.bilevel.learners.base import Rows
from skpoison.bilevel.learners.kernels import LinearKernel, RBFKernel, make_kernel
from skpoison.bilevel.learners.svm import SVMLearner
from skpoison.bilevel.losses import Multinomial, SmoothedHinge
from skpoison.bilevel.solvers.svm import minimise_svm

SETTINGS = {"gamma": 0.2, "degree": 3, "coef0": 0.5}
KERNELS = {
    name: make_kernel(name, np.empty((0, 0)), **SETTINGS)
    for name in ("linear", "rbf", "poly", "sigmoid")
}
C = 0.7


@pytest.fixture(params=KERNELS)
def name(request):
    return request.param


@pytest.fixture(params=[2, 3])
def n_classes(request):
    return request.param


def make_data(name, n_classes, seed=0):
    """Make classes that overlap, with so many features that no margin is pinned."""
    rng = np.random.RandomState(seed)
    n_features = 12 if name == "linear" else 4
    codes = np.arange(40) % n_classes
    X = rng.normal(size=(40, n_features))
    X[:, :n_classes] += 1.3 * np.eye(n_classes)[codes]
    own = rng.normal(size=(15, n_features))
    own_codes = np.arange(15) % n_classes
    own[:, :n_classes] += 1.3 * np.eye(n_classes)[own_codes]
    return X, codes, rng.uniform(0.5, 2, 40), own, own_codes


def train(kernel, X, codes, weights, *, C, n_classes):
    """Train a machine with a kernel whose parameters are given."""
    targets = 2.0 * (codes[:, np.newaxis] == np.arange(n_classes)) - 1
    rows = Rows(X, targets if n_classes > 2 else targets[:, 1:], weights)
    return minimise_svm(SVMLearner("linear", C), rows, kernel)


def make_goal(kind, codes, n_classes):
    if kind == "error":
        return SmoothedError(codes, 2.0)
    if n_classes == 2:
        return MeanLoss(SmoothedHinge(0.5), 2.0 * codes[:, np.newaxis] - 1)
    return MeanLoss(Multinomial(), np.eye(n_classes)[codes])


def sets(machine, own):
    """Say which rows are on the margin and bounded, and which pairs count."""
    solutions = [
        (solution.margin.tolist(), solution.bounded.tolist())
        for solution in machine.solutions
    ]
    return solutions, machine.least_decisions(machine.decision_function(own))[
        1
    ].tolist()


def kinds(machine):
    """Sort rows: on a margin, bounded but on none, or no support vector."""
    on_margin = np.zeros(machine.codes.shape[0], dtype=bool)
    for rows, solution in zip(machine.rows, machine.solutions, strict=True):
        on_margin[rows[solution.margin]] = True
    used = machine.coefficients.any(axis=1)
    return {
        "margin": np.flatnonzero(on_margin),
        "cap": np.flatnonzero(used & ~on_margin),
        "reserve": np.flatnonzero(~used & ~on_margin),
    }


def within_sets(fit, U, own):
    """Find a length so short that no row leaves its set along a direction."""
    h, here = 1e-3, sets(fit(0), own)
    while any(sets(fit(k * h * U), own) != here for k in (-2, -1, 1, 2)):
        h /= 2
        assert h > 1e-7
    return h


def check_close(actual, expected, atol=1e-6):
    actual, expected = np.array(actual), np.array(expected)
    cosine = actual @ expected / np.linalg.norm(actual) / np.linalg.norm(expected)
    assert cosine > 0.999999
    assert_allclose(actual, expected, rtol=0, atol=atol * np.abs(expected).max())


def test_is_the_machine_of_scikit_learn(name, n_classes):
    X, codes, weights, own, _ = make_data(name, n_classes)
    machine = train(KERNELS[name], X, codes, weights, C=C, n_classes=n_classes)
    victim = SVC(
        kernel=name, C=C, tol=1e-10, decision_function_shape="ovo", **SETTINGS
    ).fit(X, codes, weights)
    expected = victim.decision_function(own)
    if n_classes == 2:
        expected = -expected[:, np.newaxis]
    # As exactly as libsvm, which rounds kernels to single precision.
    assert_allclose(
        -machine.decision_function(own),
        expected,
        rtol=0,
        atol=1e-6 * np.abs(expected).max(),
    )
    assert machine.kkt_violation < 1e-12


def test_is_the_machine_of_scikit_learn_to_the_last_digits(n_classes):
    # Kernels of whole numbers are exact in single precision.
    X, codes, _, own, _ = make_data("linear", n_classes)
    X = np.round(4 * X)
    weights = 1.0 + codes
    machine = train(LinearKernel(), X, codes, weights, C=0.25, n_classes=n_classes)
    victim = SVC(
        kernel="linear",
        C=0.25,
        tol=1e-12,
        class_weight=dict(enumerate(1.0 + np.arange(n_classes))),
        decision_function_shape="ovo",
    ).fit(X, codes)
    expected = victim.decision_function(own)
    if n_classes == 2:
        expected = -expected[:, np.newaxis]
    assert_allclose(-machine.decision_function(own), expected, atol=1e-9)


def test_scores_are_predictions(name):
    X, codes, weights, _, _ = make_data(name, 3)
    own = make_data(name, 3, seed=1)[0]
    kernel = KERNELS[name]
    machine = train(kernel, X, codes, weights, C=C, n_classes=3)
    scores = machine.scores(own)
    solutions = np.zeros((40, 3, 3))
    for (a, b), values in zip(
        machine.pairs, machine.decision_function(own).T, strict=True
    ):
        solutions[:, b, a], solutions[:, a, b] = values, -values
    solutions[:, range(3), range(3)] = np.inf
    assert_array_equal(scores, solutions.min(axis=2))
    predicted = SVC(kernel=name, C=C, **SETTINGS).fit(X, codes, weights).predict(own)
    decided = (scores > 0).any(axis=1)
    assert decided.mean() > 0.8
    assert_array_equal(scores.argmax(axis=1)[decided], predicted[decided])


@pytest.mark.parametrize("kind", ["error", "loss"])
def test_features(name, n_classes, kind, difference):
    X, codes, weights, own, own_codes = make_data(name, n_classes)
    goal = make_goal(kind, own_codes, n_classes)

    def fit(moved):
        return train(KERNELS[name], X + moved, codes, weights, C=C, n_classes=n_classes)

    machine = fit(0)
    slopes = goal.gradient(machine.scores(own))
    hypergradient = svm_hypergradient(machine, own, slopes)
    assert hypergradient.residual < 1e-12
    rng, places = np.random.RandomState(0), kinds(machine)
    for place in ("margin", "cap"):
        actual, expected = [], []
        for c in places[place][:2]:
            for _ in range(2):
                U = np.zeros_like(X)
                U[c] = rng.normal(size=X.shape[1])
                h = within_sets(fit, U, own)
                expected.append(
                    difference(lambda v: goal.value(fit(v).scores(own)), 0, U, h)
                )
                actual.append((hypergradient.features * U).sum())
        check_close(actual, expected)
    assert places["reserve"].size
    assert not hypergradient.features[places["reserve"]].any()
    assert_array_equal(np.flatnonzero(is_stalled(hypergradient)), places["reserve"])


def test_weights(name, n_classes, difference):
    X, codes, weights, own, own_codes = make_data(name, n_classes)
    goal = make_goal("loss", own_codes, n_classes)

    def fit(moved):
        return train(KERNELS[name], X, codes, weights + moved, C=C, n_classes=n_classes)

    machine = fit(0)
    slopes = goal.gradient(machine.scores(own))
    hypergradient = svm_hypergradient(machine, own, slopes)
    expected = []
    for c in range(0, 40, 3):
        U = np.eye(40)[c]
        h = within_sets(fit, U, own)
        expected.append(difference(lambda v: goal.value(fit(v).scores(own)), 0, U, h))
    check_close(hypergradient.weights[::3], expected)
    used = [
        rows[solution.bounded]
        for rows, solution in zip(machine.rows, machine.solutions, strict=True)
    ]
    others = np.setdiff1d(np.arange(40), np.concatenate(used))
    assert others.size
    assert not hypergradient.weights[others].any()


def test_rows_together_are_rows_alone(name, n_classes):
    X, codes, weights, own, _ = make_data(name, n_classes)
    machine = train(KERNELS[name], X, codes, weights, C=C, n_classes=n_classes)
    slopes = np.random.RandomState(0).normal(size=machine.scores(own).shape)
    together = svm_hypergradient(machine, own, slopes)
    alone = svm_hypergradient(machine, own, slopes, slice(7, 9))
    assert_allclose(alone.features, together.features[7:9], rtol=1e-10, atol=1e-14)
    assert_allclose(alone.weights, together.weights[7:9], rtol=1e-10)
    assert alone.targets.shape == (2, 1)
    assert not alone.targets.any()


def test_published_gradient_is_wrong_on_the_margin(name):
    """Without the term of the row's own equation it is another direction."""
    X, codes, weights, own, own_codes = make_data(name, 2)
    kernel, goal = KERNELS[name], make_goal("loss", own_codes, 2)
    machine = train(kernel, X, codes, weights, C=C, n_classes=2)
    slopes = goal.gradient(machine.scores(own))
    right = svm_hypergradient(machine, own, slopes).features
    B = machine.coefficients
    products = kernel.product(X, own, slopes)[:, 0]
    v = machine.solutions[0].adjoint(products, slopes.sum())[0][:, np.newaxis]
    published = kernel.vjp(X, own, B, slopes) - kernel.vjp(X, X, B, v)
    places = kinds(machine)
    cap, margin = places["cap"], places["margin"]
    assert_allclose(published[cap], right[cap], rtol=1e-8, atol=1e-12)
    cosines = (published * right)[margin].sum(axis=1)
    for part in (published, right):
        cosines = cosines / np.linalg.norm(part[margin], axis=1)
    assert cosines.min() < 0.5


@pytest.mark.parametrize("x", [[0.3, -1.2], [2.0, 0.5]])
def test_two_points(x):
    """Far below the cap: the plane halfway between them."""
    a, b, x = np.array([1.0, 2.0]), np.array([-0.5, 0.3]), np.array(x)
    settings = np.array([a, b]), np.array([1, 0]), np.ones(2)
    machine = train(LinearKernel(), *settings, C=100, n_classes=2)
    delta, place = a - b, x - (a + b) / 2
    square, height = delta @ delta, delta @ place
    assert_allclose(machine.scores(x[np.newaxis]), [[2 * height / square]])
    expected = (2 * place - delta - 4 * height / square * delta) / square
    gradient = svm_hypergradient(machine, x[np.newaxis], np.ones((1, 1)))
    assert_allclose(gradient.features[0], expected)


def test_two_bounded_points():
    """No row on the margin: the intercept is halfway between what both allow."""
    a, b, x = np.array([1.0, 2.0]), np.array([-0.5, 0.3]), np.array([2.0, 0.5])
    settings = np.array([a, b]), np.array([1, 0]), np.ones(2)
    machine = train(LinearKernel(), *settings, C=0.01, n_classes=2)
    delta, place = a - b, x - (a + b) / 2
    assert_allclose(machine.scores(x[np.newaxis]), [[0.01 * delta @ place]])
    gradient = svm_hypergradient(machine, x[np.newaxis], np.ones((1, 1)))
    assert_allclose(gradient.features[0], 0.01 * (place - delta / 2))
    assert_allclose(gradient.features[1], 0.01 * (-place - delta / 2))


def test_no_margin_with_more_rows(difference):
    X, codes, _, own, own_codes = make_data("rbf", 2)
    goal = make_goal("loss", own_codes, 2)

    def fit(X):
        return train(KERNELS["rbf"], X, codes, np.ones(40), C=0.01, n_classes=2)

    machine = fit(X)
    assert machine.solutions[0].system is None
    slopes = goal.gradient(machine.scores(own))
    gradient = svm_hypergradient(machine, own, slopes).features
    actual, expected = [], []
    for seed in range(5):
        U = np.random.RandomState(seed).normal(size=X.shape)
        expected.append(difference(lambda X: goal.value(fit(X).scores(own)), X, U))
        actual.append((gradient * U).sum())
    check_close(actual, expected)


def test_pinned_margin_stalls():
    """A line through three rows of two features moves with these alone."""
    X, codes, weights, own, own_codes = make_data("rbf", 2)
    X, own = X[:, :2], own[:, :2]
    machine = train(LinearKernel(), X, codes, weights, C=C, n_classes=2)
    slopes = make_goal("loss", own_codes, 2).gradient(machine.scores(own))
    hypergradient = svm_hypergradient(machine, own, slopes)
    places = kinds(machine)
    assert places["margin"].size == 3
    assert places["cap"].size
    moving = np.flatnonzero(~is_stalled(hypergradient))
    assert_array_equal(moving, places["margin"])
    assert not hypergradient.features[places["cap"]].any()


def test_way_to_the_margin(name, n_classes):
    X, codes, weights, own, _ = make_data(name, n_classes)
    settings = {"C": C, "n_classes": n_classes}
    machine = train(KERNELS[name], X, codes, weights, **settings)

    def margins(X):
        decisions = machine.decision_function(X)
        return machine.least_decisions(decisions)[0][np.arange(40), codes]

    directions = to_margin(machine)
    far = np.abs(margins(X) - 1) > 1e-9
    changes = margins(X + 1e-6 * directions) - margins(X)
    assert_array_equal(np.sign(changes[far]), np.sign(1 - margins(X)[far]))
    assert_allclose(
        np.abs(changes[far]), 1e-6 * (directions[far] ** 2).sum(axis=1), rtol=1e-3
    )
    # Until they are there, rows that are no support vectors change nothing.
    reserve = kinds(machine)["reserve"]
    moved = X.copy()
    moved[reserve] += 1e-3 * directions[reserve]
    after = train(KERNELS[name], moved, codes, weights, **settings)
    assert_allclose(after.scores(own), machine.scores(own), atol=1e-10)
    c = reserve[0]
    alone = to_margin(machine, slice(c, c + 1))
    assert_allclose(alone, directions[[c]], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("place", ["margin", "cap", "reserve"])
@pytest.mark.parametrize("share", [0.5, 0.2])
def test_clones_are_one_row(name, place, share):
    X, codes, weights, own, own_codes = make_data(name, 2)
    goal = make_goal("loss", own_codes, 2)
    settings = {"C": C, "n_classes": 2}
    single = train(KERNELS[name], X, codes, weights, **settings)
    c = kinds(single)[place][0]
    X, codes = np.vstack([X, X[c]]), np.append(codes, codes[c])
    weights = np.append(weights, share * weights[c])
    weights[c] *= 1 - share
    double = train(KERNELS[name], X, codes, weights, **settings)
    assert_allclose(double.scores(own), single.scores(own), rtol=1e-9)

    slopes = goal.gradient(single.scores(own))
    of_one = svm_hypergradient(single, own, slopes)
    of_two = svm_hypergradient(double, own, slopes)
    others = np.arange(40) != c
    close = {"rtol": 1e-7, "atol": 1e-11}
    assert_allclose(of_two.features[:-1][others], of_one.features[others], **close)
    assert_allclose(of_two.features[c], (1 - share) * of_one.features[c], **close)
    assert_allclose(of_two.features[-1], share * of_one.features[c], **close)
    assert_allclose(of_two.weights[[c, -1]], of_one.weights[c], **close)


def test_a_bounded_clone_moves_alone(difference):
    X, codes, weights, own, own_codes = make_data("rbf", 2)
    kernel, goal = KERNELS["rbf"], make_goal("loss", own_codes, 2)
    settings = {"C": C, "n_classes": 2}
    single = train(kernel, X, codes, weights, **settings)
    c = kinds(single)["cap"][0]
    X, codes = np.vstack([X, X[c]]), np.append(codes, codes[c])
    weights = np.append(weights, weights[c] / 2)
    weights[c] /= 2

    def value(x):
        rows = np.vstack([X[:-1], x])
        machine = train(kernel, rows, codes, weights, **settings)
        return goal.value(machine.scores(own))

    machine = train(kernel, X, codes, weights, **settings)
    slopes = goal.gradient(machine.scores(own))
    gradient = svm_hypergradient(machine, own, slopes, slice(40, 41)).features[0]
    expected = [difference(value, X[-1], u, 1e-4) for u in np.eye(4)]
    check_close(gradient, expected)


def test_clones_of_other_labels_are_not_one_row():
    X, codes, weights, _, _ = make_data("rbf", 2)
    X[1], codes = X[0], codes.copy()
    assert codes[0] != codes[1]
    machine = train(KERNELS["rbf"], X, codes, weights, C=C, n_classes=2)
    assert machine.X.shape == X.shape
    assert machine.kkt_violation < 1e-12
    # Both cannot be on the margin: that would be two values at one place.
    assert not {0, 1} <= set(machine.solutions[0].margin.tolist())


def test_more_rows_on_the_margin_than_it_needs():
    """Corners of a square: four rows hold a line that three would."""
    X = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    settings = X, np.array([1, 1, 0, 0]), np.ones(4)
    machine = train(LinearKernel(), *settings, C=10, n_classes=2)
    own = np.array([[0.3, 5.0], [-0.2, 1.0]])
    assert_allclose(machine.scores(own), own[:, :1])
    gradient = svm_hypergradient(machine, own, np.ones((2, 1)))
    assert gradient.residual < 1e-12
    assert np.isfinite(gradient.features).all()


def test_rows_without_weight_are_left_out(n_classes):
    X, codes, weights, own, _ = make_data("rbf", n_classes)
    weights[[3, 11]] = 0
    kept = weights > 0
    settings = {"C": C, "n_classes": n_classes}
    kernel = RBFKernel(0.2)
    machine = train(kernel, X, codes, weights, **settings)
    fewer = train(kernel, X[kept], codes[kept], weights[kept], **settings)
    assert_allclose(machine.scores(own), fewer.scores(own), rtol=1e-10)
    slopes = np.ones_like(machine.scores(own))
    gradient = svm_hypergradient(machine, own, slopes)
    assert not gradient.features[~kept].any()
    assert_allclose(
        gradient.features[kept],
        svm_hypergradient(fewer, own, slopes).features,
        rtol=1e-9,
        atol=1e-13,
    )


def test_every_class_needs_rows():
    X, codes, weights, _, _ = make_data("rbf", 2)
    with pytest.raises(ValueError, match=r"One of the classes \(0, 2\) has no row"):
        train(RBFKernel(0.2), X, codes, weights, C=C, n_classes=3)
