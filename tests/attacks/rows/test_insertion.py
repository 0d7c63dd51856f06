import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_iris, make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC

from skpoison.attacks import (
    GradientInsertion,
    RandomInsertion,
)
from skpoison.feasible_sets import (
    Box,
)
from skpoison.goals import (
    ErrorGeneric,
    ErrorSpecific,
    TargetLabels,
)
from skpoison.inspection import check_hypergradient
from skpoison.optimizers import ProjectedAscent, SpectralProjectedGradient
from skpoison.surrogates import GradientDescentClassifier

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

X_SMALL, y_small = make_classification(
    120, n_features=5, n_informative=4, n_redundant=0, n_classes=3, random_state=1
)
X_small, X_OWN, y_small, y_own = train_test_split(
    X_SMALL, y_small, test_size=40, random_state=0
)
OWN = {"X_val": X_OWN, "y_val": y_own}

VICTIMS = [
    LogisticRegression(max_iter=1000),
    LogisticRegression(C=10, fit_intercept=False, max_iter=1000),
    RidgeClassifier(),
    LinearSVC(),
    GradientDescentClassifier(n_steps=100),
    GradientDescentClassifier("squared_error", learning_rate=0.05, n_steps=100),
]


def error_after(attack, victim, X_train=X_train, y_train=y_train):
    X_poisoned, y_poisoned = attack.fit_resample(X_train, y_train)
    return 1 - clone(victim).fit(X_poisoned, y_poisoned).score(X_test, y_test)


@pytest.mark.parametrize("victim", VICTIMS, ids=str)
def test_much_stronger_than_its_start(victim):
    descends = isinstance(victim, GradientDescentClassifier)
    victim = make_pipeline(MinMaxScaler() if descends else StandardScaler(), victim)
    start = error_after(RandomInsertion(0.15, random_state=1), victim)
    attack = GradientInsertion(
        victim,
        0.15,
        goal=ErrorGeneric(sharpness=8),
        optimizer=ProjectedAscent(max_iter=120),
        random_state=1,
    )
    assert error_after(attack, victim) > start + 0.05


@pytest.mark.parametrize("loss", ["error", "surrogate"])
@pytest.mark.parametrize("goal", [ErrorGeneric(), ErrorSpecific({0: 1})], ids=str)
def test_best_iterate_is_kept(loss, goal):
    """By its own measure an attack is never worse than its start."""
    settings = {"goal": clone(goal).set_params(loss=loss), "random_state": 0}
    attack = GradientInsertion(optimizer=ProjectedAscent(0.3, max_iter=15), **settings)
    attack.fit_resample(X_train, y_train)
    assert attack.n_iter_ == 15
    assert attack.goal_path_.shape == (16,)
    assert attack.goal_path_.max() > attack.goal_path_[0]
    # An attack that starts there and takes no step measures the best of the path.
    standing = GradientInsertion(optimizer=ProjectedAscent(max_iter=0), **settings)
    standing.fit_resample(X_train, y_train)
    assert standing.goal_path_[0] == attack.goal_path_[0]
    assert standing.n_iter_ == 0


def test_without_steps_it_is_random_insertion():
    attack = GradientInsertion(
        optimizer=ProjectedAscent(max_iter=0), random_state=np.random.RandomState(3)
    )
    baseline = RandomInsertion(random_state=np.random.RandomState(3))
    for ours, theirs in zip(
        attack.fit_resample(X_train, y_train),
        baseline.fit_resample(X_train, y_train),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_rows_lie_in_the_box_of_the_data():
    attack = GradientInsertion(optimizer=ProjectedAscent(max_iter=20), random_state=0)
    X_out, _ = attack.fit_resample(X_train, y_train)
    assert Box().fit(X_train).contains(X_out).all()
    np.testing.assert_array_equal(X_out[: len(y_train)], X_train)
    start, _ = RandomInsertion(random_state=0).fit_resample(X_train, y_train)
    assert (X_out[attack.poison_mask_] != start[attack.poison_mask_]).any(axis=1).all()


def test_rows_lie_in_the_box_given():
    box = Box(upper=X_train.mean(axis=0))
    attack = GradientInsertion(
        feasible_set=box, optimizer=ProjectedAscent(max_iter=20), random_state=0
    )
    X_out, _ = attack.fit_resample(X_train, y_train)
    assert attack.feasible_set_.contains(X_out[attack.poison_mask_]).all()
    assert not hasattr(box, "upper_")


def test_error_specific():
    """Some classes are to be confused; the others stay what they are."""
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    victim = make_pipeline(StandardScaler(), LogisticRegression())
    goal = {"virginica": "versicolor"}
    confused = {}
    settings = {"goal": ErrorSpecific(goal, sharpness=8), "random_state": 0}
    for max_iter in (0, 150):
        attack = GradientInsertion(
            victim, 0.25, optimizer=ProjectedAscent(max_iter=max_iter), **settings
        )
        X_out, y_out = attack.fit_resample(X, names)
        assert set(y_out[150:]) == {"virginica", "versicolor"}
        predicted = victim.fit(X_out, y_out).predict(X)
        confused[max_iter] = (predicted[names == "virginica"] == "versicolor").mean()
        assert (predicted[names == "setosa"] == "setosa").all()
    assert confused[0] < 0.1
    assert confused[150] > 0.4


def test_three_classes():
    X, y = make_classification(
        300, n_informative=5, n_classes=3, class_sep=2, random_state=0
    )
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    victim = LogisticRegression()
    errors = []
    for attack in (
        RandomInsertion(0.2, random_state=0),
        GradientInsertion(
            victim, 0.2, optimizer=ProjectedAscent(max_iter=40), random_state=0
        ),
    ):
        victim.fit(*attack.fit_resample(X_train, y_train))
        errors.append(1 - victim.score(X_test, y_test))
    assert errors[1] > errors[0] + 0.05


@pytest.mark.parametrize(
    "scalers",
    [
        [MinMaxScaler((-1, 2))],
        [MaxAbsScaler()],
        [RobustScaler()],
        [StandardScaler(with_std=False), MinMaxScaler(clip=True)],
        [StandardScaler(copy=False)],
    ],
    ids=str,
)
def test_gradient_goes_through_scalers(scalers):
    """They are fitted on clean and poison rows together, as the victim's are."""
    victim = make_pipeline(*scalers, LogisticRegression())
    attack = GradientInsertion(
        victim,
        # Values that are equal to a minimum or maximum of clean rows have two
        # derivatives: those of the border of a box, and of clones that stay.
        feasible_set=Box(-1e4, 1e4),
        validation=0.3,
        optimizer=SpectralProjectedGradient(max_iter=3),
        random_state=0,
    )
    check = check_hypergradient(attack, X_train, y_train, random_state=0)
    assert check.relative_error < 1e-6
    assert np.abs(check.numerical).min() > 0


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), RobustScaler()])
def test_goal_is_that_of_the_pipeline_fitted_on_what_comes_out(scaler):
    estimator = LogisticRegression(solver="newton-cholesky", tol=1e-10)
    victim = make_pipeline(scaler, estimator)
    attack = GradientInsertion(
        victim, goal=ErrorGeneric(loss="surrogate"), random_state=0
    )
    X_out, y_out = attack.fit_resample(X_train, y_train, X_val=X_test, y_val=y_test)
    probabilities = victim.fit(X_out, y_out).predict_proba(X_test)
    expected = log_loss(y_test, probabilities)
    np.testing.assert_allclose(attack.goal_path_.max(), expected, rtol=1e-5)


def test_sparse_rows_stay_sparse():
    X = sparse.random_array((200, 300), density=0.05, format="csr", random_state=0)
    y = (X[:, :30].sum(axis=1) > X[:, 30:60].sum(axis=1)).astype(int)
    attack = GradientInsertion(
        LogisticRegression(), optimizer=ProjectedAscent(max_iter=5), random_state=0
    )
    X_out, _ = attack.fit_resample(X, y)
    assert sparse.issparse(X_out)
    dense, _ = attack.fit_resample(X.toarray(), y)
    np.testing.assert_allclose(X_out.toarray(), dense, atol=1e-6)


def test_validation_rows_may_be_sparse_if_the_others_are_not():
    X, X_own, y, y_own = train_test_split(X_train, y_train, random_state=0)
    victim = make_pipeline(StandardScaler(), LogisticRegression())
    attack = GradientInsertion(
        victim, optimizer=ProjectedAscent(max_iter=3), random_state=0
    )
    expected, _ = attack.fit_resample(X, y, X_val=X_own, y_val=y_own)
    actual, _ = attack.fit_resample(X, y, X_val=sparse.csr_array(X_own), y_val=y_own)
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


def test_columns_far_from_zero():
    attack = GradientInsertion(optimizer=ProjectedAscent(max_iter=10), random_state=0)
    near, _ = attack.fit_resample(X_train[:, :5], y_train)
    far, _ = attack.fit_resample(X_train[:, :5] + 1e6, y_train)
    assert attack.goal_path_.max() > attack.goal_path_[0]
    assert near.shape == far.shape


def test_validation_rows_given():
    X, X_own, y, y_own = train_test_split(X_train, y_train, random_state=0)
    names = np.array(["malignant", "benign"])
    victim = make_pipeline(StandardScaler(), LogisticRegression())
    attack = GradientInsertion(
        victim, 0.15, optimizer=ProjectedAscent(max_iter=60), random_state=0
    )
    X_out, y_out = attack.fit_resample(X, names[y], X_val=X_own, y_val=names[y_own])
    start = RandomInsertion(0.15, random_state=0).fit_resample(X, names[y])
    after = victim.fit(X_out, y_out).score(X_test, names[y_test])
    assert after < victim.fit(*start).score(X_test, names[y_test]) - 0.03


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": X_test}, "must be given together"),
        (
            {"X_val": X_test[:, :3], "y_val": y_test},
            "`X_val` must have the 30 features of X; got 3",
        ),
        (
            {"X_val": X_test, "y_val": y_test + 1},
            r"must hold labels of y, .*; got \[2\]",
        ),
        (
            {"X_val": X_test, "y_val": y_test[1:]},
            "`X_val` and `y_val` must have the same number",
        ),
    ],
)
def test_validation_rows_are_checked(given, message):
    with pytest.raises(ValueError, match=message):
        GradientInsertion().fit_resample(X_train, y_train, **given)


@pytest.mark.parametrize(
    ("attack", "error", "message"),
    [
        (
            GradientInsertion(RandomForestClassifier()),
            TypeError,
            "got RandomForestClassifier.* by transfer",
        ),
        (
            GradientInsertion(make_pipeline(PCA(), LogisticRegression())),
            TypeError,
            r"but MaxAbsScaler, .* or StandardScaler, .* got PCA\(",
        ),
        (GradientInsertion(KMeans()), ValueError, "`surrogate` must be a classifier"),
        (GradientInsertion(goal={7: 1}), ValueError, "names the class 7"),
        (GradientInsertion(goal="error"), ValueError, "The 'goal' parameter"),
        (
            GradientInsertion(validation=0.001),
            ValueError,
            r"`validation` must leave rows of every class .*; got 0\.001 for",
        ),
    ],
)
def test_bad_parameters(attack, error, message):
    with pytest.raises(error, match=message):
        attack.fit_resample(X_train, y_train)


@pytest.mark.parametrize("goal", ["error-generic", {0: 1}], ids=str)
@pytest.mark.parametrize("poison_labels", ["flip", "keep"])
def test_labels_of_inserted_rows(goal, poison_labels):
    attack = GradientInsertion(
        budget=20,
        goal=goal,
        optimizer=ProjectedAscent(max_iter=0),
        poison_labels=poison_labels,
        random_state=0,
    )
    X_out, y_out = attack.fit_resample(X_small, y_small)
    origin = [np.abs(X_small - row).sum(axis=1).argmin() for row in X_out[80:]]
    np.testing.assert_allclose(X_out[80:], X_small[origin], rtol=1e-9)
    same = y_out[80:] == y_small[origin]
    if poison_labels == "keep":
        assert same.all()
        assert set(y_out[80:]) == ({0, 1, 2} if goal == "error-generic" else {0, 1})
    else:
        assert not same.any()
        assert set(y_out[80:]) == ({0, 1, 2} if goal == "error-generic" else {0, 1})


def test_kept_labels_do_harm_too():
    victim = make_pipeline(StandardScaler(), LogisticRegression())
    errors = [
        error_after(
            GradientInsertion(
                victim,
                0.15,
                goal=ErrorGeneric(sharpness=8),
                optimizer=ProjectedAscent(max_iter=max_iter),
                poison_labels="keep",
                random_state=0,
            ),
            victim,
        )
        for max_iter in (0, 100)
    ]
    assert errors[1] > errors[0] + 0.03


def test_some_rows_are_to_be_taken_for_others():
    """Those given, and no matter what they are."""
    victim = make_pipeline(StandardScaler(), LogisticRegression())
    predicted = clone(victim).fit(X_train, y_train).predict(X_test)
    right = predicted == y_test
    aims = np.concatenate([np.flatnonzero(right & (y_test == k))[:4] for k in (0, 1)])
    wanted = {"X_val": X_test[aims], "y_val": 1 - y_test[aims]}
    shares = []
    for max_iter in (0, 80):
        attack = GradientInsertion(
            victim,
            0.15,
            goal=TargetLabels(),
            optimizer=ProjectedAscent(max_iter=max_iter),
            random_state=0,
        )
        poisoned = clone(victim).fit(*attack.fit_resample(X_train, y_train, **wanted))
        shares.append((poisoned.predict(X_test[aims]) == 1 - y_test[aims]).mean())
    assert shares[1] >= shares[0] + 0.5


def test_rows_to_be_taken_for_one_class_get_its_label():
    attack = GradientInsertion(
        budget=9, goal=TargetLabels(), optimizer=ProjectedAscent(max_iter=2)
    )
    wanted = {"X_val": X_OWN[y_own == 0], "y_val": np.full((y_own == 0).sum(), 2)}
    _, y_out = attack.fit_resample(X_small, y_small, **wanted)
    assert set(y_out[80:]) == {2}
