"""The model folder: what is written is read again, and whatever was touched is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scanner.core.draft import Draft
from scanner.core.segment import segment
from scanner.errors import ModelError
from scanner.learning import (
    artifact,
    corpus,
    features,
    matrices,
    on_demand,
    preparing,
    shelf,
    words,
)
from scanner.learning.answers import Answers, ask
from scanner.learning.corpus import Example
from scanner.learning.model import Model
from scanner.learning.odds import expit


def restamped(folder: Path, **changes: Any) -> None:
    """Change model.json and make its hashes true again, as another version would write it."""
    path = folder / "model.json"
    record = json.loads(path.read_text("utf-8")) | changes
    record["files"]["heads.npz"] = on_demand.sha256((folder / "heads.npz").read_bytes())
    record["sha256"] = artifact.own_hash(record)
    path.write_text(json.dumps(record), "utf-8")


def edited(folder: Path, old: str, new: str) -> None:
    """Change model.json by hand."""
    path = folder / "model.json"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def with_a_pickle(folder: Path) -> None:
    np.savez(folder / "heads.npz", **{"first.weights": np.array([Path("x")], dtype=object)})
    restamped(folder)


def without_the_last_layer(folder: Path) -> None:
    with np.load(folder / "heads.npz") as arrays:
        kept = {name: arrays[name] for name in arrays if not name.startswith("context.2.")}
    np.savez(folder / "heads.npz", **kept)
    restamped(folder)


def with_parts_missing(folder: Path) -> None:
    np.savez(folder / "heads.npz", kind=np.zeros(3))
    restamped(folder)


def with_other_weights(folder: Path, weights: Any) -> None:
    with np.load(folder / "heads.npz") as arrays:
        others = dict(arrays)
    np.savez(folder / "heads.npz", **others | {"first.weights": weights})
    restamped(folder)


def with_a_gate_of(folder: Path, **numbers: Any) -> None:
    gate = json.loads((folder / "model.json").read_text("utf-8"))["gate"]
    restamped(folder, gate=gate | numbers)


def with_garbage(folder: Path) -> None:
    (folder / "heads.npz").write_bytes(b"PK no archive")
    restamped(folder)


def with_a_bit_flipped(folder: Path, name: str = "heads.npz") -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "the folder is missing": (shutil.rmtree, "there is no model folder"),
    "model.json is missing": (lambda f: (f / "model.json").unlink(), "model.json is missing"),
    "heads are missing": (lambda f: (f / "heads.npz").unlink(), "heads.npz is missing"),
    "the encoder is missing": (lambda f: (f / "encoder.onnx").unlink(), "encoder.onnx is missing"),
    "the card was changed": (lambda f: (f / "README.md").write_text("x"), "README.md was changed"),
    "a bit of the heads is flipped": (with_a_bit_flipped, "heads.npz was changed"),
    "a threshold was changed": (
        lambda f: edited(f, '"flub": 0.', '"flub": 0.0'),
        "model.json was changed",
    ),
    "model.json is no JSON": (lambda f: (f / "model.json").write_text("{"), "is not JSON"),
    "model.json is a list": (lambda f: (f / "model.json").write_text("[]"), "was changed"),
    "another format": (lambda f: restamped(f, format=99), "another version of unflub"),
    "other features": (lambda f: restamped(f, features=0), "another version of unflub"),
    "no thresholds": (lambda f: restamped(f, thresholds={}), "lacks parts"),
    "odd thresholds": (lambda f: restamped(f, thresholds={"x": {"kind": 1}}), "lacks parts"),
    "files without hashes": (lambda f: restamped(f, files={}), "names no README.md"),
    "heads without parts": (with_parts_missing, "lacks parts"),
    "networks without their last layer": (without_the_last_layer, "cannot be read"),
    "heads that are no archive": (with_garbage, "cannot be read"),
    "too few weights": (lambda f: with_other_weights(f, np.zeros(100, np.int8)), "cannot be read"),
    "other weights": (lambda f: with_other_weights(f, np.zeros(2**16, "f")), "cannot be read"),
    "a gate without numbers": (lambda f: with_a_gate_of(f, first=None), "lacks parts"),
    "a gate without an exit": (lambda f: with_a_gate_of(f, exit=None), "lacks parts"),
    "a gate of another size": (lambda f: with_a_gate_of(f, weights=[1.0] * 4), "lacks parts"),
    "a pickle in the archive": (with_a_pickle, "cannot be read"),
}


def test_a_saved_model_predicts_as_before(model: Model, folder: Path, few: list[Example]):
    """Saving and loading changes no prediction and no threshold."""
    loaded = artifact.load(folder)
    messages = [corpus.project(example).sentences for example in few]
    assert loaded.predict(messages) == model.predict(messages)
    assert loaded.thresholds == model.thresholds
    assert loaded.version == "tiny"


def test_the_weights_hold_only_stock_types(folder: Path):
    """Loading the estimators needs no type to be trusted: nothing is unpickled, here or shipped."""
    import skops.io

    for place in (folder, shelf.shipped()):
        assert skops.io.get_untrusted_types(file=place / "heads.skops") == []


def estimators(folder: Path) -> dict[str, Any]:
    """Load what scikit-learn fitted."""
    import skops.io

    return skops.io.load(folder / "heads.skops", trusted=[])


def test_the_exported_heads_answer_as_scikit_learn_does(folder: Path, few: list[Example]):
    """heads.npz, which the verdict uses, and heads.skops give the same log-odds."""
    parts = estimators(folder)
    model = artifact.load(folder)
    messages = [corpus.project(example).sentences for example in few[:40]]
    wholes = [words.message_text(message) for message in messages]
    sentences = [sentence.text for message in messages for sentence in message.items]
    read = model.encoder.read(messages)
    of_sentences = features.of_sentences(messages, read)
    rows = {
        "note": (wholes, features.bare(len(wholes))),
        "hint": (sentences, features.bare(len(sentences))),
        "kind": (wholes, features.of_messages(read)),
        "flub": (sentences, of_sentences),
        "category": (sentences, of_sentences),
        "folded": (wholes, features.of_flubs(messages, read)),
    }
    for name, (texts, dense) in rows.items():
        stock = parts[name]["estimator"]
        matrix = matrices.matrix(matrices.counted(texts), dense, parts[name]["idf"])
        expected = stock.decision_function(matrix).reshape(len(texts), -1)
        answered = getattr(model.heads, name).odds([words.bag(text) for text in texts], dense)
        assert answered == pytest.approx(expected, abs=1e-3), name


def test_the_last_word_on_flubs_is_as_scikit_learn_has_it(folder: Path, few: list[Example]):
    """The networks of `context`, too; the columns are brought to their scale on the way."""
    stock = estimators(folder)["context"]
    model = artifact.load(folder)
    messages = [corpus.project(example).sentences for example in few[:40]]
    bags = [words.bag(sentence.text) for message in messages for sentence in message.items]
    dense = features.of_sentences(messages, model.encoder.read(messages))
    message = features.messages_of(messages)
    odds = model.heads.flub.odds(bags, dense)[:, 0]
    columns = stock["scaler"].transform(features.in_context(dense, odds, message))
    expected = np.mean([one.predict_proba(columns)[:, 1] for one in stock["networks"]], axis=0)
    said = expit(model.heads.context.odds(dense, odds, message))
    assert said == pytest.approx(expected, abs=1e-4)


def test_many_messages_are_told_what_each_is_told_alone(folder: Path, few: list[Example]):
    """Neighbours are those of the same message; what one's own notes add counts, too."""
    model = artifact.load(folder)
    own = model.heads.own
    heads = replace(model.heads, own=own._replace(dense=np.full_like(own.dense, 0.5)))
    messages = [corpus.project(one).sentences for one in few[:12]]
    read = model.encoder.read(messages)
    mail = preparing.prepare_mail(messages, read)
    answers = Answers.empty(mail)
    ask(heads, mail, np.ones(len(messages), bool), answers)
    alone = [
        heads.sentences(one, [words.bag(sentence.text) for sentence in one.items], reading)[0]
        for one, reading in zip(messages, read, strict=True)
    ]
    assert answers.flubs == pytest.approx(np.concatenate(alone), abs=1e-4)


def test_the_first_look_answers_as_scikit_learn_does(folder: Path, few: list[Example]):
    """The weights of single words, too."""
    stock = estimators(folder)["first"]["estimator"]
    texts = [f"{example.subject} {example.text}" for example in few[:40]]
    expected = stock.decision_function(matrices.present(texts))
    assert artifact.load(folder).heads.first.odds(texts) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", ["encoder.onnx", "tokenizer.json"])
def test_an_encoder_that_was_touched_is_refused_when_it_is_needed(folder: Path, name: str):
    """The encoder is checked before the first message is read by it, and not before."""
    with_a_bit_flipped(folder, name)
    model = artifact.load(folder)
    with pytest.raises(ModelError, match=f"{name} was changed"):
        model.encoder.read([segment(Draft("Thank you for the interview on Monday."))])


def test_mail_that_the_gate_turns_away_needs_no_encoder(tmp_path: Path):
    """Ordinary mail is judged by its words alone."""
    folder = tmp_path / "model"
    shutil.copytree(shelf.shipped(), folder)
    (folder / "encoder.onnx").write_bytes(b"never looked at")
    model = artifact.load(folder)
    lunch = segment(
        Draft("Are we still on for lunch? Mom asks if the kids come to the lake this weekend.")
    )
    [said] = model.predict([lunch])
    assert said.thank_you < min(at.kind for at in model.thresholds.values())


def test_the_metadata_says_what_the_model_is(folder: Path, few: list[Example]):
    """model.json names corpus, seed, versions, thresholds and the hash of every file."""
    record = json.loads((folder / "model.json").read_text("utf-8"))
    assert record["corpus_sha256"] == corpus.digest(few)
    assert record["features"] == features.VERSION
    assert set(record["thresholds"]) == {"cautious", "balanced", "strict"}
    assert set(record["libraries"]) == {"python", "scikit-learn", "skops", "numpy", "onnxruntime"}
    assert set(record["files"]) == {
        path.name for path in folder.iterdir() if path.name != "model.json"
    }


@pytest.mark.parametrize("what", REFUSALS)
def test_a_model_that_was_touched_is_refused(what: str, folder: Path):
    """Whatever is wrong with a model folder: one line says what, and what to do now."""
    tamper, said = REFUSALS[what]
    tamper(folder)
    with pytest.raises(ModelError) as caught:
        artifact.load(folder)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "unflub train" in str(caught.value)
    assert "unflub model use shipped" in str(caught.value)


def test_a_version_name_is_used_once(model: Model, folder: Path):
    """A model folder that is there is never written over."""
    with pytest.raises(ModelError, match="exists already"):
        artifact.save(model, folder)


def test_nothing_is_left_of_a_save_that_fails(model: Model, tmp_path: Path):
    """Where a model cannot be written the error is one line, and no part of it stays."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="cannot be written"):
        artifact.save(model, tmp_path / "file" / "models" / "tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
