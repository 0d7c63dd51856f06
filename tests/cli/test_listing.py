from skpoison import attacks
from skpoison.cli._data import LOADERS
from skpoison.cli._listing import format_list
from skpoison.cli._tasks import ATTACKS, DEFENCES, ESTIMATORS


def test_a_line_on_each():
    text = format_list()
    sections = text.split("\n\n")
    options = [
        "--attack",
        "--defence",
        "--estimator, --surrogate, --transfer",
        "--data",
    ]
    assert [section.partition("\n")[0] for section in sections] == options
    for section, names in zip(
        sections, [ATTACKS, DEFENCES, ESTIMATORS, LOADERS], strict=True
    ):
        lines = [line for line in section.splitlines()[1:] if line[2] != " "]
        assert [line.split()[0] for line in lines] == list(names)
        assert all(len(line.split()) > 1 for line in lines)
    assert max(map(len, text.splitlines())) <= 88


def test_lines_are_those_of_the_documentation():
    words = " ".join(format_list().split())
    for name in attacks.__all__:
        first = getattr(attacks, name).__doc__.partition("\n")[0]
        assert f"{first} {name}()" in words
    assert "KNNSanitizedClassifier(action='drop')" in words
