"""Schemes of tags: recognized, converted and back; contradictions by their line."""

import pytest

from gatewise.data.labels.labelled_text import read_labelled_text
from gatewise.data.labels.schemes import BILOU, BIO, BIOES, BMES, IOB1, find_scheme, recognize_scheme
from gatewise.data.splits import Fractions
from gatewise.errors import GatewiseError

SENTENCES = [
    "B-PER I-PER O B-LOC B-LOC",
    "O O B-ORG I-ORG I-ORG",
    "B-PER B-PER I-PER O O",
]
BIO_TAGS = [one.split() for one in SENTENCES]
IN_SCHEMES = {
    BIOES: ["B-PER E-PER O S-LOC S-LOC", "O O B-ORG I-ORG E-ORG", "S-PER B-PER E-PER O O"],
    BILOU: ["B-PER L-PER O U-LOC U-LOC", "O O B-ORG I-ORG L-ORG", "U-PER B-PER L-PER O O"],
    BMES: ["B-PER E-PER O S-LOC S-LOC", "O O B-ORG M-ORG E-ORG", "S-PER B-PER E-PER O O"],
    IOB1: ["I-PER I-PER O I-LOC B-LOC", "O O I-ORG I-ORG I-ORG", "I-PER B-PER I-PER O O"],
    BIO: SENTENCES,
}
ALL = pytest.mark.parametrize("scheme", IN_SCHEMES, ids=lambda scheme: scheme.name)


@ALL
def test_tags_are_recognized_and_converted_both_ways(scheme):
    tags = [one.split() for one in IN_SCHEMES[scheme]]
    assert recognize_scheme(tags) is scheme
    assert [BIO.encode(one) for one in tags] == BIO_TAGS
    assert [scheme.encode(one) for one in BIO_TAGS] == tags
    assert not any(scheme.contradictions(one) for one in tags)


def test_tags_without_kinds_and_with_other_separators():
    assert BIO.encode(["B", "M", "E", "S"]) == ["B", "I", "I", "B"]
    assert BMES.encode(["B", "I", "I", "B"]) == ["B", "M", "E", "S"]
    assert BIOES.encode(["B_PER", "I_PER", "B_a-b"]) == ["B_PER", "E_PER", "S_a-b"]


@pytest.mark.parametrize("labels", [["noun", "verb"], ["B-PER", "X"], ["N", "E", "S"], ["O"], ["L-a", "E-a"]])
def test_other_labels_are_of_no_scheme(labels):
    assert recognize_scheme([labels]) is None


def test_a_few_mistakes_do_not_change_the_scheme():
    assert recognize_scheme([*BIO_TAGS, ["O", "I-PER"]]) is BIO
    assert BIO.contradictions(["O", "I-PER", "I-PER", "I-LOC"]) == [1, 3]
    assert BIOES.contradictions(["B-PER", "O", "E-LOC"]) == [0, 2]


def test_an_unknown_name():
    with pytest.raises(GatewiseError, match="there is no scheme of tags 'IO'; the schemes are BIO, IOB1"):
        find_scheme("IO")


@pytest.fixture
def write(tmp_path):
    def to_file(sentences, copies=4):
        lines = ["\n".join(f"w{place} {tag}" for place, tag in enumerate(one.split())) for one in sentences]
        path = tmp_path / "text.conll"
        path.write_text("\n\n".join(lines * copies) + "\n")
        return path

    return to_file


@pytest.fixture
def read(write):
    def of(sentences, copies=4):
        path = write(sentences, copies)
        return read_labelled_text(path, token=1, label=0, max_length=0, fractions=Fractions(0.2, 0.2))

    return of


@ALL
def test_a_text_is_learned_in_bio(read, scheme):
    data = read(IN_SCHEMES[scheme])
    assert data.labels == ("B-LOC", "B-ORG", "B-PER", "I-ORG", "I-PER", "O")
    assert data.preprocessing.scheme == (None if scheme is BIO else scheme.name)
    noted = [one for one in data.notes if f"tags of {scheme.name}, learned as BIO" in one]
    assert len(noted) == (scheme is not BIO)
    assert not any("tags that contradict" in one for one in data.notes)


def test_contradictory_tags_are_named_and_stay(read):
    data = read([*SENTENCES, "O I-PER O O O"], copies=3)
    (note,) = [one for one in data.notes if "tags that contradict" in one]
    assert "BIO: I-PER in line 20, I-PER in line 44, I-PER in line 68; they are kept as they are" in note
    data = read([*IN_SCHEMES[BIOES], "O B-PER O O O"], copies=4)
    (note,) = [one for one in data.notes if "tags that contradict" in one]
    assert "B-PER in line 20" in note
    assert note.endswith("and 1 more; they are converted as conlleval reads their spans")


def test_a_zero_beside_tags_is_outside(read):
    data = read([" ".join("0" if tag == "O" else tag for tag in one) for one in BIO_TAGS], copies=3)
    assert data.labels == ("B-LOC", "B-ORG", "B-PER", "I-ORG", "I-PER", "O")
    assert any("the label '0' is read as O, 15 times" in one for one in data.notes)
    data = read(["0 1 1 0 1", "1 0 0 1 0"])
    assert data.labels == ("0", "1")


@ALL
@pytest.mark.parametrize("learned", [BIO, BMES], ids=lambda scheme: scheme.name)
@pytest.mark.parametrize("trained", [True, False])
def test_later_texts_are_converted_by_their_own_scheme(read, write, scheme, learned, trained):
    model = read(IN_SCHEMES[learned]).preprocessing
    path = write(IN_SCHEMES[scheme])
    later = model.read(path, trained=trained)
    tags = [tag for one in BIO_TAGS for tag in one]
    assert [model.labels[label] for label in later.test.labels] == 4 * tags
    noted = [
        one for one in later.notes if f"{path}: labels are tags of {scheme.name}, converted to BIO" in one
    ]
    assert len(noted) == (scheme is not BIO)
    assert not any("tags that contradict" in one for one in later.notes)
    assert model.read_unlabelled(path).scheme == (None if learned is BIO else "BMES")


def test_each_file_of_a_folder_has_a_scheme_of_its_own(tmp_path):
    for name, scheme in (("train", BIOES), ("dev", BIO), ("test", IOB1)):
        tags = (one.split() for one in IN_SCHEMES[scheme])
        text = "\n\n".join("\n".join(f"w{place} {tag}" for place, tag in enumerate(one)) for one in tags)
        (tmp_path / f"{name}.conll").write_text(text + "\n")
    data = read_labelled_text(tmp_path, token=1, label=0, max_length=0, fractions=Fractions(0.2, 0.2))
    assert data.preprocessing.scheme == "BIOES"
    again = data.preprocessing.read(tmp_path, trained=True)
    for steps in (data.train, data.validation, data.test, again.train, again.test):
        assert [data.labels[label] for label in steps.labels] == [tag for one in BIO_TAGS for tag in one]
    assert any(
        "train.conll: labels are tags of BIOES, learned as BIO and predicted" in one for one in data.notes
    )
    assert any("test.conll: labels are tags of IOB1, converted to BIO" in one for one in data.notes)


def test_later_texts_of_a_model_of_other_labels_are_not_converted(read, write):
    model = read(["noun verb O", "verb noun O"]).preprocessing
    path = write(SENTENCES)
    with pytest.raises(GatewiseError, match=r"line 1.*'B-PER'"):
        model.read(path, trained=False)
