"""Check suites of scikit-learn, imbalanced-learn and this package.

They run on every public attack and defence. Only those that need particular parameters
are named here.
"""

import pytest
from imblearn.utils.estimator_checks import check_param_validation
from imblearn.utils.estimator_checks import (
    estimator_checks_generator as imblearn_checks_generator,
)
from sklearn.base import clone, is_classifier
from sklearn.linear_model import (
    Lasso,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import (
    parametrize_with_checks as sklearn_parametrize_with_checks,
)

from skpoison import attacks, defences, online
from skpoison.attacks import (
    GradientInsertion,
    GradientModification,
    GreedyLabelFlip,
    RelaxedLabelFlip,
)
from skpoison.goals import ErrorGeneric, TargetCoefficients
from skpoison.optimizers import ProjectedAscent, SpectralProjectedGradient
from skpoison.utils._attack_checks import takes_responses
from skpoison.utils._trusting import trusting
from skpoison.utils.estimator_checks import parametrize_with_checks

# The line search of newton-cholesky fails on some noisy labels in scikit-learn 1.6.
ON_NOISY_LABELS = LogisticRegression(C=0.1, max_iter=1000)
SETTINGS = {
    "ConfidentLearningClassifier": {"cv": 2},
    "GreedyDeletion": {"n_rounds": 2, "n_exchanges": 1},
    "GradientInsertion": {"optimizer": ProjectedAscent(max_iter=2)},
    "GradientModification": {"optimizer": ProjectedAscent(max_iter=2)},
    "GreedyLabelFlip": {
        "surrogate": RidgeClassifier(),
        "n_candidates": 1,
        "validation": 2,
    },
    "KNNShapleyFilteredClassifier": {"estimator": ON_NOISY_LABELS},
    "NoisyLabelClassifier": {"estimator": ON_NOISY_LABELS, "cv": 2},
    "RelaxedLabelFlip": {"surrogate": RidgeClassifier(), "max_iter": 2},
    "TrimmedClassifier": {"estimator": ON_NOISY_LABELS, "n_starts": 2},
    "TrimmedRegressor": {"n_starts": 2},
}
NETWORK = MLPClassifier(
    (3,),
    solver="sgd",
    momentum=0,
    batch_size=10_000,
    learning_rate_init=1e-3,
    max_iter=5,
    n_iter_no_change=5,
    random_state=0,
)
# The spelling of an l1 penalty before and since scikit-learn 1.8.
L1 = (
    {"l1_ratio": 1.0}
    if LogisticRegression().penalty == "deprecated"
    else {"penalty": "l1"}
)
ATTACKS = [
    getattr(attacks, name)(random_state=0, **SETTINGS.get(name, {}))
    for name in attacks.__all__
]
# Containers, metadata and parameters are the business of base classes: suites of other
# packages, which test little else, need no more than one instance a class and task.
# From sparse rows an intercept is learnt at another rate: without one, sparse rows are
# poisoned as dense rows are.
ON_STREAMS = {
    "optimizer": ProjectedAscent(0.5, max_iter=2),
    "random_state": 0,
}
ATTACKS += [
    online.OnlineInsertion(
        SGDClassifier(
            "log_loss",
            learning_rate="constant",
            eta0=0.05,
            fit_intercept=False,
            random_state=0,
        ),
        **ON_STREAMS,
    ),
    online.OnlineLabelFlip(
        SGDClassifier(
            "log_loss",
            learning_rate="constant",
            eta0=0.05,
            fit_intercept=False,
            random_state=0,
        ),
        random_state=0,
    ),
    online.OnlineInsertion(
        SGDRegressor(eta0=1e-4, fit_intercept=False, random_state=0), random_state=0
    ),
]
ATTACKS.append(
    GradientInsertion(Ridge(), optimizer=ProjectedAscent(max_iter=1), random_state=0)
)
# Other ways through the mathematics.
VARIANTS = [
    GradientInsertion(optimizer=ProjectedAscent(max_iter=2), random_state=0, **each)
    for each in (
        {"surrogate": SVC()},
        {"surrogate": NETWORK, "validation": 2},
        {"surrogate": LogisticRegression(C=0.1, solver="saga", **L1)},
        {"surrogate": Lasso(), "goal": ErrorGeneric("objective")},
    )
]
VARIANTS += [
    GreedyLabelFlip(n_candidates=1, validation=2, random_state=0),
    RelaxedLabelFlip(max_iter=2, random_state=0),
]
VARIANTS.append(
    GradientModification(
        LogisticRegression(),
        goal=TargetCoefficients({0: 0.0}),
        poison_labels="keep",
        optimizer=SpectralProjectedGradient(max_iter=2),
        random_state=0,
    )
)
INNER = {
    "Classifier": LogisticRegression(C=0.1, solver="newton-cholesky"),
    "Regressor": Ridge(),
}
DEFENCES = [
    getattr(defences, name)(**{"estimator": estimator} | SETTINGS.get(name, {}))
    for name in defences.__all__
    for task, estimator in INNER.items()
    if name.endswith(task)
]
# Shuffles differ from class to class, and an intercept is learnt from sparse rows at
# another rate.
FROM_STREAM = SGDClassifier(
    "log_loss",
    learning_rate="constant",
    eta0=1e-2,
    fit_intercept=False,
    shuffle=False,
    random_state=0,
)
DEFENCES += [
    online.RejectionClassifier(FROM_STREAM, burn_in=30, action=action)
    for action in ("weigh", "drop")
]
DEFENCES += [
    online.TrustedStepClassifier(FROM_STREAM, 0.7, action=action)
    for action in ("weigh", "drop")
]
DEFENCES.append(
    online.SlidingWindowClassifier(
        defences.KNNSanitizedClassifier(FROM_STREAM, action="drop")
    )
)
DEFENCES.append(
    online.AdaptiveCombinationClassifier(
        [("fast", FROM_STREAM), ("slow", clone(FROM_STREAM).set_params(eta0=1e-3))]
    )
)
DEFENCES += [
    getattr(defences, f"OutlierFiltered{task}")(estimator, action="weigh")
    for task, estimator in INNER.items()
]
DEFENCES += [
    defences.KNNShapleyFilteredClassifier(ON_NOISY_LABELS, radius=5.0),
    defences.InfluenceFilteredClassifier(INNER["Classifier"], method="newton"),
]
# Those that need trusted rows trust some.
DEFENCES = [trusting(defence) for defence in DEFENCES]
for defence in DEFENCES:
    if "random_state" in defence.get_params(deep=False):
        defence.set_params(random_state=0)

# Rows vote, whatever their weight: two of weight 1 are two votes, one of 2 is one.
WEIGHTS_ARE_NOT_REPEATED_ROWS = {
    f"check_sample_weight_equivalence_on_{kind}_data": "Weights do not count as votes."
    for kind in ("dense", "sparse")
}
FOLDS_ARE_OF_ROWS = dict.fromkeys(
    WEIGHTS_ARE_NOT_REPEATED_ROWS,
    "Of two equal rows each can be in another fold.",
)
EXPECTED_FAILURES = {
    "AdaptiveCombinationClassifier": dict.fromkeys(
        WEIGHTS_ARE_NOT_REPEATED_ROWS, "Its learners take one step a row."
    ),
    "ConfidentLearningClassifier": WEIGHTS_ARE_NOT_REPEATED_ROWS,
    "InfluenceFilteredRegressor": WEIGHTS_ARE_NOT_REPEATED_ROWS,
    "KNNSanitizedClassifier": WEIGHTS_ARE_NOT_REPEATED_ROWS,
    "SlidingWindowClassifier": WEIGHTS_ARE_NOT_REPEATED_ROWS,
    "NoisyLabelClassifier": FOLDS_ARE_OF_ROWS,
    "OutlierFilteredRegressor": FOLDS_ARE_OF_ROWS,
    **dict.fromkeys(
        ("RejectionClassifier", "TrustedStepClassifier"),
        dict.fromkeys(
            WEIGHTS_ARE_NOT_REPEATED_ROWS, "Rows are judged one after the other."
        ),
    ),
}

# They ask for classes, which attacks on regressors do not take.
NOT_FOR_RESPONSES = {
    "check_target_type",
    "check_samplers_one_label",
    "check_samplers_multiclass_ova",
}

# Its rows come one class after the other, and who learns each row once, as it comes,
# unlearns the first classes.
NOT_FOR_STREAMS = {"check_classifiers_with_encoded_labels"}

# Several checks use a handful of rows, on which defences say that they have too few.
few_rows = pytest.mark.filterwarnings(
    "ignore:n_neighbors=10 is more than:UserWarning",
    "ignore:.* keeps suspicious rows as they are:UserWarning",
    "ignore:.* too few to know the quantile:UserWarning",
    "ignore:.* overrules .*:UserWarning",
)


def expected_failures(estimator):
    return EXPECTED_FAILURES.get(type(estimator).__name__, {})


def with_default_surrogate(attack):
    """Return the attack as it is by default: a surrogate given judges X itself."""
    if isinstance(attack, GreedyLabelFlip):
        return clone(attack).set_params(surrogate=None)
    return attack


@few_rows
@sklearn_parametrize_with_checks(
    [with_default_surrogate(each) for each in ATTACKS] + DEFENCES,
    expected_failed_checks=expected_failures,
)
def test_scikit_learn(estimator, check):
    check(estimator)


@few_rows
@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(*case, id=f"{type(case[0]).__name__}-{case[1].func.__name__}")
        for each in ATTACKS + [each for each in DEFENCES if is_classifier(each)]
        for case in imblearn_checks_generator(each)
    ],
)
def test_imbalanced_learn(estimator, check):
    name = check.func.__name__
    is_stream = is_classifier(estimator) and hasattr(estimator, "partial_fit")
    if (takes_responses(estimator) and name in NOT_FOR_RESPONSES) or (
        is_stream and name in NOT_FOR_STREAMS
    ):
        with pytest.raises((AssertionError, ValueError)):
            check(estimator)
    else:
        check(estimator)


@pytest.mark.parametrize("estimator", ATTACKS + DEFENCES)
def test_imbalanced_learn_parameters(estimator):
    check_param_validation(type(estimator).__name__, estimator)


@parametrize_with_checks(ATTACKS + DEFENCES)
def test_skpoison(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(VARIANTS)
def test_skpoison_of_other_surrogates_and_goals(estimator, check):
    check(estimator)


def test_everything_public_is_in_the_suites():
    tested = {type(estimator).__name__ for estimator in ATTACKS + DEFENCES}
    public = {*attacks.__all__, *defences.__all__, *online.__all__}
    assert tested == public
