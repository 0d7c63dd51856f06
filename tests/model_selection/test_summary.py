import re
from html import unescape

import numpy as np
import pytest
from sklearn.utils import Bunch

from skpoison.model_selection._summary import format_html, format_text, regained

PLAIN = "no defence"
LEGEND = "–: the poison costs no more than its standard deviation over the folds"
NO_HARM = (
    "No attack here did harm: with no defence, no loss of accuracy exceeds its "
    "standard error over the folds."
)


def curve(*means, budgets=(0.0, 0.1, 0.2), spread=0.01):
    means = np.array(means)[:, np.newaxis]
    return Bunch(
        budgets=np.array(budgets), test_scores=means + np.array([-spread, spread])
    )


def summary(curves, score_name="accuracy", function=format_text, **crafted_for):
    return function(
        curves,
        baseline=PLAIN,
        score_name=score_name,
        crafted_for=dict.fromkeys([attack for attack, _ in curves], "") | crafted_for,
    )


@pytest.fixture
def two_attacks():
    return {
        ("flip", PLAIN): curve(0.9, 0.8, 0.7),
        ("flip", "knn"): curve(0.88, 0.87, 0.85),
        ("flip", "filter"): curve(0.9, 0.78, 0.66),
        ("insertion", PLAIN): curve(0.9, 0.85, 0.8),
        ("insertion", "knn"): curve(0.88, 0.875, 0.86),
        ("insertion", "filter"): curve(0.9, 0.85, 0.8),
    }


def test_text(two_attacks):
    assert (
        summary(two_attacks)
        == """\
accuracy, mean ± standard deviation over the folds, by budget: poisoned rows / clean \
training rows (n_p / n)
regained: share of the loss caused by the poison, over all budgets, that a defence \
makes up for

flip                      0%             10%             20%        regained
  no defence   0.900 ± 0.010   0.800 ± 0.010   0.700 ± 0.010
  knn          0.880 ± 0.010   0.870 ± 0.010   0.850 ± 0.010             73%
  filter       0.900 ± 0.010   0.780 ± 0.010   0.660 ± 0.010            -20%

insertion                 0%             10%             20%        regained
  no defence   0.900 ± 0.010   0.850 ± 0.010   0.800 ± 0.010
  knn          0.880 ± 0.010   0.875 ± 0.010   0.860 ± 0.010             57%
  filter       0.900 ± 0.010   0.850 ± 0.010   0.800 ± 0.010              0%

Worst case with no defence: flip with budget 20%: accuracy 0.700, 0.200 below clean \
data.
Best defence by its own worst case: knn: accuracy 0.850 (flip with budget 20%); on \
clean data it changes accuracy by -0.020."""
    )


def test_text_without_defence():
    text = summary({("flip", PLAIN): curve(0.9, 0.8, 0.7)})
    assert text.splitlines()[-1] == (
        "Worst case with no defence: flip with budget 20%: accuracy 0.700, 0.200 below "
        "clean data."
    )
    assert "Best defence" not in text


def test_poison_that_costs_nothing():
    for means in ((0.9, 0.9, 0.9), (0.9, 0.95, 0.93)):
        text = summary(
            {("flip", PLAIN): curve(*means), ("flip", "knn"): curve(1, 1, 1)}
        )
        assert text.splitlines()[2] == LEGEND
        assert re.search(r"^  knn .* –$", text, flags=re.MULTILINE)
        assert text.splitlines()[-1] == NO_HARM


def folds(*scores):
    """Return a curve of given scores of the folds, one list a budget."""
    budgets = np.array([0.0, 0.1, 0.2])[: len(scores)]
    return Bunch(budgets=budgets, test_scores=np.array(scores))


@pytest.mark.parametrize(
    ("spread", "is_noise", "is_dash"),
    [
        # Mean 0.01. The standard deviation of these losses is 2 / sqrt(3) times the
        # spread, and their standard error half of that.
        (0.0, False, False),
        (0.0086, False, False),
        (0.0087, False, True),
        (0.0173, False, True),
        (0.0174, True, True),
        (0.05, True, True),
    ],
)
def test_loss_within_its_standard_error(spread, is_noise, is_dash):
    losses = 0.01 + spread * np.array([-1, 1, -1, 1])
    clean = np.array([0.9, 0.7, 0.8, 0.95])
    plain = folds(clean, clean - losses)
    defended = folds(clean, clean - losses / 2)
    text = summary({("flip", PLAIN): plain, ("flip", "knn"): defended})
    (cell,) = re.findall(r"^  knn .* (\S+)$", text, flags=re.MULTILINE)
    assert cell == ("–" if is_dash else "50%")
    assert (LEGEND in text.splitlines()) == is_dash
    assert (NO_HARM in text.splitlines()) == is_noise
    assert ("Worst case" in text) != is_noise
    html = summary(
        {("flip", PLAIN): plain, ("flip", "knn"): defended}, function=format_html
    )
    assert (f"<p>{LEGEND}</p>" in html) == is_dash


def test_harm_of_the_smaller_but_certain_loss():
    clean = [0.9, 0.9, 0.9, 0.9]
    text = summary(
        {
            ("noisy", PLAIN): folds(clean, [0.6, 1.0, 0.6, 1.0]),
            ("certain", PLAIN): folds(clean, [0.85, 0.85, 0.85, 0.85]),
        }
    )
    assert text.splitlines()[-1].startswith("Worst case with no defence: certain with ")


def test_single_fold_has_no_noise():
    text = summary(
        {("flip", PLAIN): folds([0.9], [0.8]), ("flip", "a"): folds([0.9], [0.85])}
    )
    assert "50%" in text
    assert "Best defence by its own worst case: a" in text


def test_no_best_defence_within_noise():
    clean, spread = np.full(4, 0.9), np.array([-0.02, 0.02, -0.02, 0.02])
    curves = {
        ("flip", PLAIN): folds(clean, clean - 0.3),
        # Means 0.850, 0.849 and 0.8; the standard error of 0.001 is 0.023.
        ("flip", "first"): folds(clean, 0.85 + spread),
        ("flip", "second"): folds(clean, 0.849 - spread),
        ("flip", "third"): folds(clean, np.full(4, 0.8)),
    }
    assert summary(curves).splitlines()[-1] == (
        "No single best defence: the worst cases of first (0.850) and second (0.849) "
        "differ by no more than the standard error over the folds."
    )
    # The same means, but the same noise in all: it cancels.
    curves["flip", "second"] = folds(clean, 0.849 + spread)
    assert (
        summary(curves)
        .splitlines()[-1]
        .startswith("Best defence by its own worst case: first: accuracy 0.850 ")
    )


def test_defences_that_help_within_noise():
    clean, spread = np.full(4, 0.9), np.array([-0.02, 0.02, -0.02, 0.02])
    curves = {
        ("flip", PLAIN): folds(clean, clean - 0.1),
        ("flip", "knn"): folds(clean, 0.801 + spread),
    }
    assert summary(curves).splitlines()[-1] == (
        "No defence has a worst case that is better by more than the standard error "
        "over the folds."
    )


def test_text_of_numbers_of_rows():
    text = summary({("flip", PLAIN): curve(0.9, 0.8, 0.7, budgets=[0, 1, 12])})
    assert "by budget: poisoned rows (n_p)\n" in text
    assert re.search(
        r"^flip +0 rows +1 row +12 rows +regained$", text, flags=re.MULTILINE
    )
    assert "flip with budget 12 rows: accuracy 0.700" in text


def test_all_rows_and_one_row_are_told_apart():
    for budgets, label in (([0, 1], "1 row"), ([0.0, 1.0], "100%")):
        text = summary({("flip", PLAIN): curve(0.9, 0.7, budgets=budgets)})
        assert re.search(rf" +{label} +regained$", text, flags=re.MULTILINE)
        assert f"flip with budget {label}: accuracy 0.700" in text


def test_text_of_large_scores_and_long_names():
    attack = "somebodys.very.long.name_of_an_attack"
    curves = {
        (attack, PLAIN): curve(-12345.5, -23456.25, -9999999, spread=1234.5),
        (attack, "somebodys.defence"): curve(-1, -2, -3),
    }
    text = summary(curves, "neg_mean_squared_error")
    *_, header, plain, defended = text.split("\n\n")[1].splitlines()
    assert re.split(r"\s{2,}", header) == [attack, "0%", "10%", "20%", "regained"]
    assert re.split(r"\s{2,}", plain) == [
        "",
        "no defence",
        "-12345.500 ± 1234.500",
        "-23456.250 ± 1234.500",
        "-9999999.000 ± 1234.500",
    ]
    assert len(re.split(r"\s{2,}", defended)) == 6


@pytest.mark.parametrize("seed", range(20))
def test_worst_case_is_the_worst(seed):
    rng = np.random.RandomState(seed)
    curves = {
        (attack, arm): curve(*rng.rand(3))
        for attack in ("flip", "insertion", "gradient")
        for arm in (PLAIN, "knn", "filter")
    }
    lines = summary(curves).splitlines()

    def score(case):
        attack, arm, i = case
        return curves[attack, arm].test_scores[i].mean()

    cases = [(attack, arm, i) for attack, arm in curves for i in range(3)]
    plain = [case for case in cases if case[1] == PLAIN]
    if all(score(case) >= score((case[0], PLAIN, 0)) for case in plain):
        assert lines[-1] == NO_HARM
        return
    worst, best = lines[-2:]
    plain = [case for case in plain if score(case) < score((case[0], PLAIN, 0))]
    attack, _, i = min(plain, key=score)
    assert worst.startswith(
        f"Worst case with no defence: {attack} with budget {10 * i}%: accuracy "
        f"{score((attack, PLAIN, i)):.3f}, "
    )
    of_defence = {
        arm: min((case for case in cases if case[1] == arm), key=score)
        for arm in ("knn", "filter")
    }
    arm = max(of_defence, key=lambda arm: score(of_defence[arm]))
    if score(of_defence[arm]) <= score(min(plain, key=score)):
        assert best.startswith("No defence has a worst case that is better by more ")
        return
    attack, _, i = of_defence[arm]
    case = f"{attack} with budget {10 * i}%" if i else "clean data"
    assert best.startswith(
        f"Best defence by its own worst case: {arm}: accuracy "
        f"{score(of_defence[arm]):.3f} ({case}); "
    )


def test_html(two_attacks):
    html = summary(two_attacks, function=format_html)
    rows = [
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)
        for row in re.findall(r"<tr>(.*?)</tr>", html)
    ]
    assert len(rows) == 2 * 4
    assert rows[0] == ["flip", "0%", "10%", "20%", "regained"]
    assert rows[1] == [PLAIN, *(f"{m:.3f} ± 0.010" for m in (0.9, 0.8, 0.7)), ""]
    assert rows[6][0] == "knn"
    assert rows[6][-1] == "57%"
    assert "<caption>accuracy by budget (n_p / n)</caption>" in html
    for line in summary(two_attacks).splitlines()[-2:]:
        assert f"<p>{line}</p>" in html


def test_html_escapes_names():
    curves = {("<flip> & more", PLAIN): curve(0.9, 0.7, budgets=[0, 3])}
    html = summary(curves, "<b>", function=format_html)
    assert "&lt;flip&gt; &amp; more" in html
    assert "&lt;b&gt; by budget (n_p)" in html
    assert "<flip>" not in html
    assert "<b>" not in html


def test_attack_crafted_for_another_estimator(two_attacks):
    plain = summary(two_attacks).splitlines()
    for surrogate in ("SVC", "LogisticRegression (transfer)"):
        text = summary(two_attacks, insertion=surrogate).splitlines()
        (i,) = np.flatnonzero([line.startswith("insertion ") for line in text])
        assert text.pop(i + 1) == f"  crafted for {surrogate}"
        assert text == plain
        html = summary(two_attacks, function=format_html, insertion=surrogate)
        assert f'<th scope="row">insertion, crafted for {surrogate}</th>' in html
        assert '<th scope="row">flip</th>' in html


@pytest.mark.parametrize(
    ("defended", "cell"),
    [
        (0.7, "-100%"),
        (0.69, "< -100%"),
        (1.0, "200%"),
        (1.01, "> 200%"),
        (0.0, "< -100%"),
    ],
)
def test_shares_that_say_nothing_more(defended, cell):
    curves = {
        ("flip", PLAIN): curve(0.9, 0.8, budgets=(0.0, 0.1)),
        ("flip", "knn"): curve(0.9, defended, budgets=(0.0, 0.1)),
    }
    rows = [line for line in summary(curves).splitlines() if line.startswith("  knn")]
    assert re.split(r"\s{2,}", rows[0])[-1] == cell


@pytest.mark.parametrize("function", [format_text, format_html])
@pytest.mark.parametrize(
    "missing", [("flip", PLAIN), ("insertion", "knn")], ids=["baseline", "defence"]
)
def test_missing_scores_are_no_absence_of_harm(two_attacks, missing, function):
    two_attacks[missing].test_scores[1, 0] = np.nan
    text = unescape(summary(two_attacks, function=function))
    attack, name = missing
    assert f"scores are missing (nan) of {name} under {attack}. The scorer" in text
    for word in ("did harm", "Worst case", "Best defence"):
        assert word not in text


def test_nothing_is_regained_where_scores_are_missing():
    scores = np.array([[0.9, 0.9], [0.5, 0.6]])
    lacking = np.array([[0.9, 0.9], [0.5, np.nan]])
    assert regained(scores, lacking) == regained(lacking, scores) == "nan"
