import shlex
from argparse import Namespace
from hashlib import sha256
from types import SimpleNamespace

from skpoison.cli._recipe import describe_recipe
from skpoison.utils._show_versions import describe_versions

GIVEN = {
    "data": "iris",
    "target": None,
    "trusted": None,
    "drop": (),
    "sep": None,
    "estimator": None,
    "surrogate": None,
    "attack": None,
    "defence": None,
    "transfer": None,
    "adaptive": None,
    "budgets": ["0.1", "0.2"],
    "cv": 5,
    "scoring": None,
    "seed": 3,
    # These change no number.
    "n_jobs": 2,
    "out": "somewhere",
}
MADE = SimpleNamespace(
    estimator="logistic",
    report=SimpleNamespace(
        estimators={"no defence": None, "trimmed": None},
        attacks={"alfa": None, "greedy_deletion": None},
        learners={"forest": None},
        adaptive=[],
        score_name_="accuracy",
    ),
)


def test_what_was_chosen_for_the_user_is_named():
    assert describe_recipe(Namespace(**GIVEN), MADE) == [
        "to make it again: python -m skpoison --data iris --estimator logistic "
        "--attack alfa greedy_deletion --defence trimmed --transfer forest "
        "--adaptive --budgets 0.1 0.2 --cv 5 --scoring accuracy --seed 3",
        f"with {describe_versions()}",
    ]


def test_files(tmp_path):
    path = tmp_path / "my data.csv"
    path.write_bytes(b"a,b\n")
    given = GIVEN | {
        "data": str(path),
        "target": "the $b",
        "sep": "\t",
        "drop": ["x", "y"],
    }
    again, digest, _ = describe_recipe(Namespace(**given), MADE)
    words = shlex.split(again.partition("-m skpoison ")[2])
    assert words[:9] == [
        *("--data", str(path), "--target", "the $b", "--drop", "x", "y"),
        *("--sep", "tab"),
    ]
    assert digest == (
        f"SHA-256 of my data.csv: {sha256(path.read_bytes()).hexdigest()}"
    )
