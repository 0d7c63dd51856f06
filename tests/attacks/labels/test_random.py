import numpy as np
import pytest
from sklearn.datasets import load_iris, make_classification

from skpoison.attacks import RandomInsertion, RandomLabelFlip

X, y = load_iris(return_X_y=True)
both = pytest.mark.parametrize("attack", [RandomLabelFlip, RandomInsertion])


@pytest.mark.parametrize("budget", [0, 1, 17, 150, 0.1, 0.333, 1.0])
def test_flips_as_many_as_the_budget(budget):
    attack = RandomLabelFlip(budget, random_state=0)
    _, y_out = attack.fit_resample(X, y)
    expected = budget if isinstance(budget, int) else round(budget * 150)
    assert (y_out != y).sum() == attack.poison_mask_.sum() == expected


@both
def test_budgets_are_nested(attack):
    outputs = {}
    for budget in (5, 50, 100):
        fitted = attack(budget, random_state=3)
        X_out, y_out = fitted.fit_resample(X, y)
        poisoned = np.flatnonzero(fitted.poison_mask_)
        outputs[budget] = dict(
            zip(poisoned, np.column_stack([X_out, y_out])[poisoned], strict=True)
        )
    for small, large in ((5, 50), (50, 100)):
        for row, poison in outputs[small].items():
            np.testing.assert_array_equal(outputs[large][row], poison)


@both
def test_wrong_labels_are_uniform_over_the_others(attack):
    X, y = make_classification(
        9000, n_classes=3, n_informative=3, flip_y=0, random_state=0
    )
    fitted = attack(6000, random_state=0)
    X_out, y_out = fitted.fit_resample(np.column_stack([np.arange(9000), X]), y)
    poisoned = fitted.poison_mask_
    shift = (y_out[poisoned] - y[X_out[poisoned, 0].astype(int)]) % 3
    assert (shift != 0).all()
    # 6000 fair coins: five standard deviations.
    assert abs((shift == 1).mean() - 0.5) < 5 * 0.5 / np.sqrt(6000)


@both
def test_class_map(attack):
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    fitted = attack(40, class_map={"setosa": "virginica"}, random_state=0)
    X_out, y_out = fitted.fit_resample(np.arange(150).reshape(-1, 1), names)
    poisoned = fitted.poison_mask_
    assert poisoned.sum() == 40
    assert set(names[X_out[poisoned, 0]]) == {"setosa"}
    assert set(y_out[poisoned]) == {"virginica"}


@both
def test_class_map_of_two_classes(attack):
    fitted = attack(100, class_map={0: 1, 1: 0}, random_state=0)
    X_out, y_out = fitted.fit_resample(np.arange(150).reshape(-1, 1), y)
    poisoned = fitted.poison_mask_
    sources = y[X_out[poisoned, 0]]
    np.testing.assert_array_equal(y_out[poisoned], 1 - sources)


@both
@pytest.mark.parametrize(
    ("class_map", "message"),
    [
        (
            {7: 1},
            r"which are \[0, 1, 2\]; got \{7: 1\}, which names the class 7",
        ),
        ({1: 7}, r"got \{1: 7\}, which names the class 7"),
        ({}, "`class_map` must name at least one class"),
        ({1: 1}, r"`class_map` must map .* maps the class 1 to itself"),
    ],
)
def test_class_map_is_checked(attack, class_map, message):
    with pytest.raises(ValueError, match=message):
        attack(class_map=class_map).fit_resample(X, y)


def test_trusted_rows_are_not_flipped():
    trusted = np.arange(150) % 2 == 0
    attack = RandomLabelFlip(75, random_state=0)
    attack.fit_resample(X, y, trusted=trusted)
    np.testing.assert_array_equal(attack.poison_mask_, ~trusted)


@pytest.mark.parametrize(
    ("params", "trusted", "n_poison", "n_rows"),
    [
        ({"budget": 151}, None, 151, 150),
        ({"budget": 0.6}, np.arange(150) < 70, 90, 80),
        ({"budget": 0.5, "class_map": {0: 1}}, None, 75, 50),
    ],
)
def test_more_flips_than_rows(params, trusted, n_poison, n_rows):
    message = (
        rf"`budget` must not exceed the {n_rows} rows .* got {params['budget']}, which "
        rf"is {n_poison} rows"
    )
    with pytest.raises(ValueError, match=message):
        RandomLabelFlip(**params).fit_resample(X, y, trusted=trusted)
