"""Contracts of the attack and the defence in CONTRIBUTING.md."""

import re
import sys
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from skpoison.base import BasePoisoner
from skpoison.utils.estimator_checks import check_estimator

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=["attack", "defence"])
def test_snippet(snippet, tmp_path, monkeypatch):
    assert len(snippet.splitlines()) <= 20
    path = tmp_path / "snippet.py"
    path.write_text(snippet, encoding="utf-8")
    # Instances are pickled, so that their class has to be found in a module.
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "snippet", raising=False)
    [name] = re.findall(r"class (\w+)", snippet)
    cls = getattr(__import__("snippet"), name)
    is_attack = issubclass(cls, BasePoisoner)
    check_estimator(
        cls(random_state=0) if is_attack else cls(LogisticRegression(max_iter=1000))
    )
    monkeypatch.delitem(sys.modules, "snippet")
