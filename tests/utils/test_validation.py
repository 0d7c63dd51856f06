import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from skpoison import attacks, defences
from skpoison.inspection import check_hypergradient
from skpoison.model_selection import (
    RobustnessCurveDisplay,
    RobustnessReport,
    craft,
    robustness_curve,
)
from skpoison.utils._targets import check_responses
from skpoison.utils._validation import (
    Described,
    any_features,
    changes_to,
    check_default,
    check_mask,
    check_squares,
    check_trusted,
    forget_fit,
    is_missing,
    numeric_features,
    record_features,
)
from skpoison.utils.estimator_checks import check_estimator

X = np.arange(6.0).reshape(3, 2)
MASK = [True, False, True]


INSTANCE = r"must be an instance \(Name\(\.\.\.\), not the class Name\) implementing"
OR_INSTANCE = INSTANCE.replace("be an", "be (a str among .*, )?an")


@pytest.mark.parametrize(
    "name", [name for name in defences.__all__ if name.endswith(("ifier", "essor"))]
)
def test_defence_of_a_class(name):
    defence = getattr(defences, name)(LogisticRegression)
    with pytest.raises(
        ValueError, match=rf"'estimator' parameter of {name} {INSTANCE}"
    ):
        defence.fit([[0.0], [1.0]], [0, 1])


@pytest.mark.parametrize("parameter", ["detector", "neighbors"])
def test_other_classes_of_defences(parameter):
    name = {"detector": "OutlierFiltered", "neighbors": "KNNSanitized"}[parameter]
    name = f"{name}Classifier"
    model = KNeighborsClassifier
    defence = getattr(defences, name)(LogisticRegression(), **{parameter: model})
    with pytest.raises(ValueError, match=rf"'{parameter}' .* {name} {OR_INSTANCE}"):
        defence.fit([[0.0], [1.0]], [0, 1])


SURROGATES = [
    name
    for name in attacks.__all__
    if "surrogate" in getattr(attacks, name)._get_param_names()
]


@pytest.mark.parametrize("name", SURROGATES)
def test_surrogate_that_is_a_class(name):
    attack = getattr(attacks, name)(surrogate=LogisticRegression)
    with pytest.raises(
        ValueError, match=rf"'surrogate' parameter of {name} {INSTANCE}"
    ):
        attack.fit_resample([[0.0], [1.0]], [0, 1])


X_ANY, Y_ANY = np.arange(20.0)[:, np.newaxis], np.arange(20) % 2
FLIP, TREE = attacks.RandomLabelFlip, DecisionTreeClassifier


@pytest.mark.parametrize(
    ("call", "parameter", "name"),
    [
        (lambda: craft(FLIP, X_ANY, Y_ANY), "attack", "RandomLabelFlip"),
        (
            lambda: robustness_curve(TREE(), X_ANY, Y_ANY, attack=FLIP),
            "attack",
            "RandomLabelFlip",
        ),
        (
            lambda: robustness_curve(TREE, X_ANY, Y_ANY, attack=FLIP()),
            "estimator",
            "DecisionTreeClassifier",
        ),
        (
            lambda: RobustnessCurveDisplay.from_estimator(
                TREE, X_ANY, Y_ANY, attack=FLIP()
            ),
            "estimator",
            "DecisionTreeClassifier",
        ),
        (
            lambda: RobustnessReport(TREE, FLIP()).fit(X_ANY, Y_ANY),
            "estimators",
            "DecisionTreeClassifier",
        ),
        (
            lambda: RobustnessReport(TREE(), FLIP).fit(X_ANY, Y_ANY),
            "attacks",
            "RandomLabelFlip",
        ),
        (
            lambda: RobustnessReport({"a": TREE}, FLIP()).fit(X_ANY, Y_ANY),
            "estimators['a']",
            "DecisionTreeClassifier",
        ),
        (
            lambda: RobustnessReport(TREE(), {"b": FLIP}).fit(X_ANY, Y_ANY),
            "attacks['b']",
            "RandomLabelFlip",
        ),
        (
            lambda: check_hypergradient(attacks.GradientInsertion, X_ANY, Y_ANY),
            "attack",
            "GradientInsertion",
        ),
        (lambda: check_estimator(FLIP), "estimator", "RandomLabelFlip"),
    ],
)
def test_class_instead_of_an_instance(call, parameter, name):
    with pytest.raises(ValueError, match="must be an instance") as raised:
        call()
    assert str(raised.value) == (
        f"{parameter} must be an instance; got the class {name}. Write {name}(...)."
    )


@pytest.mark.parametrize(
    "trusted",
    [MASK, np.array(MASK), np.array([1, 0, 1]), pd.Series(MASK), pl.Series(MASK)],
)
def test_check_trusted(trusted):
    checked = check_trusted(trusted, X)
    assert checked.dtype == bool
    np.testing.assert_array_equal(checked, MASK)


def test_check_trusted_none():
    assert not check_trusted(None, X).any()


def test_check_trusted_refuses_another_length():
    with pytest.raises(ValueError, match=r"trusted has 2 entries, but X has 3 rows"):
        check_trusted([True, False], X)


@pytest.mark.parametrize("trusted", ["abc", True, np.ones((3, 2), dtype=bool)])
def test_check_trusted_refuses_other_shapes(trusted):
    with pytest.raises(ValueError, match="trusted must be a one-dimensional mask"):
        check_trusted(trusted, X)


@pytest.mark.parametrize(
    "trusted",
    [
        [0, 2, 1],
        [0.0, np.nan, 1.0],
        ["a", "b", "a"],
        [True, None, False],
        [True, pd.NA, False],
        pd.Series([True, pd.NA, False], dtype="boolean"),
        pl.Series([True, None, False]),
        np.array(["NaT", 0, 1], dtype="datetime64[s]"),
    ],
)
def test_check_trusted_refuses_what_is_no_mask(trusted):
    with pytest.raises(ValueError, match="trusted must be a mask of booleans"):
        check_trusted(trusted, X)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_numeric_features_names_columns_of_words(frame):
    data = frame({"age": [1, 2], "city": ["Rome", "Oslo"], "ok": [True, False]})
    with pytest.raises(ValueError, match=r"these columns hold none: city\. Encode"):
        numeric_features(LogisticRegression(), data)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_numeric_features(frame):
    data = frame({"age": [1, 2], "ok": [True, False]})
    np.testing.assert_array_equal(
        numeric_features(LogisticRegression(), data), [[1, 1], [2, 0]]
    )


def test_numeric_features_of_objects():
    data = pd.DataFrame({"a": [1, 2.5]}, dtype=object)
    assert numeric_features(LogisticRegression(), data).tolist() == [[1.0], [2.5]]


@pytest.mark.parametrize("X", [["a b", "c"], np.array(["a b", "c"]), ("a b", "c")])
def test_texts(X):
    out = any_features(LogisticRegression(), X)
    assert out.tolist() == ["a b", "c"]
    assert out.dtype == object
    model = LogisticRegression()
    record_features(model, out)
    assert not hasattr(model, "n_features_in_")
    with pytest.raises(ValueError, match=r"X_val holds texts.*by TfidfVectorizer\.$"):
        numeric_features(model, X, name="X_val")
    model._instead_of_numbers = ", or else"
    with pytest.raises(ValueError, match=r"by TfidfVectorizer, or else\.$"):
        numeric_features(model, X)


def test_series_of_texts_stay():
    for X in (pd.Series(["a b", "c"]), pl.Series(["a b", "c"])):
        assert any_features(LogisticRegression(), X) is X


def test_record_features():
    model, X = LogisticRegression(), pd.DataFrame({"a": [1], "b": [2]})
    record_features(model, X)
    assert model.n_features_in_ == 2
    assert model.feature_names_in_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="feature names should match"):
        record_features(model, X.rename(columns={"a": "c"}), reset=False)


def test_parameters_without_a_meaning_must_have_their_default():
    ridge = Ridge(alpha=2.0, solver="svd")
    check_default(ridge, "if asked", solver="svd", tol=1e-4)
    for rounded in (np.float32(1e-4), float(np.float32(1e-4))):
        check_default(ridge.set_params(tol=rounded), "if asked", tol=1e-4)
    with pytest.raises(ValueError, match=r"alpha must be 1\.0 if asked; got 2\.0\."):
        check_default(ridge, "if asked", solver="svd", alpha=1.0)


def test_changes():
    ridge = Ridge(alpha=2.0, solver="svd")
    assert changes_to(ridge, {"alpha": 2.0}) == ""
    wanted = {"alpha": 1.0, "solver": "svd", "tol": 0}
    assert changes_to(ridge, wanted) == "alpha=1.0, tol=0"


@pytest.mark.parametrize("values", [[0.0, pd.NA, 1.0], [0.0, None, 1.0]])
def test_missing_numbers_among_objects(values):
    values = np.array(values, dtype=object)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        check_responses(Ridge(), values)
    for X in (values[:, np.newaxis], pd.DataFrame({"a": values})):
        with pytest.raises(ValueError, match="Input X contains NaN"):
            numeric_features(Ridge(), X)


def test_other_type_errors_are_left_alone():
    with pytest.raises(TypeError, match="argument must be"):
        numeric_features(Ridge(), np.array([[{"a": 1}]], dtype=object))


@pytest.mark.parametrize("has_pandas", [True, False])
def test_is_missing(monkeypatch, has_pandas):
    if not has_pandas:
        monkeypatch.setattr("narwhals.stable.v2.dependencies.get_pandas", lambda: None)
    found = is_missing(np.array([None, np.nan, "a", 0, False], dtype=object))
    assert found.tolist() == [True, True, False, False, False]
    assert is_missing(np.array(["NaT", "2020"], dtype="M8[s]")).tolist() == [
        True,
        False,
    ]
    assert not is_missing(np.array(["nan", ""])).any()


@pytest.mark.parametrize("value", [1e151, -1e151])
def test_numbers_whose_squares_overflow(value):
    rows = np.array([[1.0, value], [0.0, 0.0]])
    for X in (rows, sparse.csr_array(rows)):
        with pytest.raises(ValueError, match=r"X_val must hold numbers of at most 1e"):
            check_squares(X, "X_val")
    with pytest.raises(ValueError, match="y must hold numbers of at most"):
        check_responses(Ridge(), rows[0])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, bool])
def test_other_numbers_are_accepted(dtype):
    check_squares(np.array([[1, 0], [1, 1]], dtype=dtype))
    check_squares(np.array([[np.nan, 1e149]]))
    check_squares(sparse.csr_array((2, 2), dtype=dtype))


def test_forget_fit():
    ridge = Ridge(alpha=2.0).fit(X, [0, 1, 2])
    ridge._private_ = ridge.note = 1
    forget_fit(ridge)
    assert vars(ridge) == vars(Ridge(alpha=2.0)) | {"_private_": 1, "note": 1}


def test_check_mask():
    mask = np.array([True, False])
    assert check_mask(mask, "mask") is mask
    assert check_mask([True, False], "mask").tolist() == [True, False]
    for wrong in ([0, 1], [], True, mask[:, np.newaxis], ["True"], [True, None]):
        with pytest.raises(ValueError, match="`mask` must be a one-dimensional mask"):
            check_mask(wrong, "mask")


def test_described():
    described = Described(dict, "a dict such as {8: 3}")
    assert described.is_satisfied_by({})
    assert not described.is_satisfied_by([])
    assert str(described) == "a dict such as {8: 3}"


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame, np.ndarray.tolist])
def test_missing_numbers(make):
    """The error recommends a step before, and no other estimator."""
    X = make(np.array([[0.0, 1.0], [np.nan, 2.0]]))
    message = r"Input Z contains NaN\. LogisticRegression .* SimpleImputer, or drop"
    with pytest.raises(ValueError, match=message) as caught:
        numeric_features(LogisticRegression(), X, name="Z")
    assert "HistGradientBoosting" not in str(caught.value)
    filled = SimpleImputer().fit_transform(X)
    numeric_features(LogisticRegression(), filled, name="Z")


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame, np.ndarray.tolist])
def test_words_among_objects(make):
    X = make(np.array([[0.0, "Rome"], [1.0, "Oslo"]], dtype=object))
    message = "computes with numbers, but .*(X holds 'Rome'. Encode|hold none: 1)"
    with pytest.raises(ValueError, match=message):
        numeric_features(LogisticRegression(), X, dtype=np.float64)
