"""`unflub train` on notes of one's own, and `unflub model`, by the real command."""

from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from io import BytesIO
from mailbox import mbox
from pathlib import Path

import numpy as np
import pytest
from support import dovecot, workshop
from support.notes import CLEAN, FLUBBED
from support.processes import is_open
from support.program import Program
from support.terminal import on_terminal
from support.waiting import until

from scanner import examples, training
from scanner.adapters import lock
from scanner.learning import artifact, on_demand, shelf
from scanner.learning.corpus import Example, Label


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workshop.build(tmp_path_factory.mktemp("small"))


@pytest.fixture
def newcomer(tmp_path: Path, small: Path) -> Program:
    """The command with a small corpus and an empty home."""
    return Program(tmp_path, {"PYTHONPATH": str(small), "TEST_PASSWORD": dovecot.PASSWORD})


@pytest.fixture(scope="module")
def rehearsed(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What somebody's first training leaves for the next: the shipped model's rehearsal."""
    first = Program(tmp_path_factory.mktemp("first"), {"PYTHONPATH": str(small)})
    own = workshop.write(first.home / "mine.jsonl", workshop.strangers(60))
    done = first.run("train", "--force", "--add", own, "--output", first.home / "elsewhere")
    assert done.returncode == 0, done.stderr
    return held_out(first)


@pytest.fixture
def program(newcomer: Program, rehearsed: Path) -> Program:
    """The command with a small corpus, of somebody who has trained a model before."""
    shutil.copytree(rehearsed, held_out(newcomer))
    return newcomer


def models(program: Program) -> Path:
    return program.home / "data" / "unflub" / "models"


def held_out(program: Program) -> Path:
    return program.home / "data" / "unflub" / "held-out"


def in_use(program: Program) -> str:
    lines = program.run("model", "list").stdout.splitlines()
    (line,) = (line for line in lines if line.startswith("*"))
    return line.split()[1]


def test_what_was_labelled_makes_a_model_and_rollback_returns(program):
    """`unflub train` takes what is kept, tells what it made better; every step can be undone."""
    store = program.home / "data" / "unflub" / "examples"
    examples.add(workshop.strangers(writers=workshop.ODD_STRANGERS), "labelled", store)
    done = program.run("train")
    assert done.returncode == 0, done.stderr
    assert "It got better on 120 messages of yours" in done.stdout
    assert "120 labelled messages of yours" in done.stdout
    assert ", beside the shipped ones; held out, at the preset balanced:\n  " in done.stdout
    assert "sentence F1 of your notes: " in done.stdout
    assert " of yours, held out: sentences told apart (F1) " in done.stdout
    (folder,) = (path.parent for path in models(program).glob("*/model.json"))
    assert in_use(program) == folder.name
    card = (folder / "README.md").read_text("utf-8")
    assert "compared with the one then in use" in card
    assert "- sentence F1 of your notes: " in card
    assert "Not measured; run" not in card
    shown = program.run("model", "show").stdout
    for part in ("95 notes with a flub, 25 clean", "of 100 clean notes", "cautious", "strict"):
        assert part in shown
    assert program.run("check", stdin=FLUBBED).returncode == 1
    assert program.run("check", stdin=CLEAN).returncode == 0
    assert program.run("model", "rollback").returncode == 0
    assert in_use(program) == "shipped"
    assert program.run("model", "use", folder.name).returncode == 0
    assert in_use(program) == folder.name
    assert program.run("model", "use", "shipped").returncode == 0
    assert in_use(program) == "shipped"
    (folder / "heads.npz").write_bytes(b"spoilt")
    refused = program.run("model", "use", folder.name)
    assert refused.returncode == 6
    assert "changed after training" in refused.stderr
    assert in_use(program) == "shipped"


def test_the_preset_of_the_configuration_decides(program, tmp_path):
    """What is told is told of that one, also in the model card."""
    program.configure('preset = "cautious"')
    own = workshop.write(tmp_path / "mine.jsonl", workshop.strangers(60))
    done = program.run("train", "--force", "--add", own)
    assert done.returncode == 0, done.stderr
    assert "held out, at the preset cautious:\n" in done.stdout
    assert "at the preset balanced" not in done.stdout.replace("worse at the preset balanced", "")
    card = models(program) / in_use(program) / "README.md"
    assert "could not be asked), at the preset cautious, on" in card.read_text("utf-8")


def box_of(path: Path, *letters: tuple[str, str]) -> Path:
    """Write a mailbox of letters, each a subject and a text, and of one about lunch."""
    box = mbox(path)
    for subject, text in (*letters, ("Lunch", "Lunch is at one in the garden.\n")):
        message = EmailMessage(policy=SMTP)
        message["From"], message["Subject"] = "z@quixotrix.example", subject
        message.set_content(text)
        box.add(message)
    box.close()
    return path


def test_labelled_mail_is_not_learnt_as_ordinary_too(program, tmp_path):
    """A note in a mailbox of ordinary mail counts as its label says, and for nothing else.

    So does what was saved before it, or sent after a last change.
    """
    notes = [one for one in workshop.strangers(60) if one.kind == "thank_you"]
    labelled = [(one.subject, one.text) for one in notes]
    sent = [(one.subject, f"{one.text}\nP.S. Enjoy the weekend.") for one in notes if one.labels]
    box = box_of(tmp_path / "sent.mbox", *labelled, *sent)
    own = workshop.write(tmp_path / "mine.jsonl", notes)
    done = program.run("train", "--force", "--add", own, "--background", box)
    assert done.returncode == 0, done.stderr
    assert f"{len(notes)} labelled messages of yours and 1 ordinary one," in done.stdout


def test_labelled_mail_gives_no_false_alarms(program, tmp_path):
    """A warning about a labelled note, or a version of it, is none; a line counts the rest."""
    notes = [one for one in workshop.strangers(60) if one.labels]
    first, second = ((one.subject, one.text) for one in notes[:2])
    changed = (second[0], f"{second[1]}\nP.S. Enjoy the weekend.")
    box = box_of(tmp_path / "sent.mbox", first, changed)
    own = workshop.write(tmp_path / "mine.jsonl", workshop.strangers(60))
    done = program.run("train", "--force", "--add", own, "--ordinary", box)
    assert done.returncode == 0, done.stderr
    assert (
        "sent.mbox: of 1 ordinary messages it warns about 0 at cautious, 0 at balanced, "
        "0 at strict; 2 labelled or nearly so passed over"
    ) in done.stdout
    card = models(program) / in_use(program) / "README.md"
    assert "balanced: 0 of 1 message warned about" in card.read_text("utf-8")


def test_the_bar_is_not_done_before_ordinary_mail_is_counted(program, tmp_path):
    """Of many messages that takes minutes, in which it shows how far it is."""
    mail = tmp_path / "lunch.eml"
    mail.write_bytes(b"Subject: Lunch\r\n\r\nAre we still on for lunch?\r\n")
    own = workshop.write(tmp_path / "mine.jsonl", workshop.strangers(60))
    arguments = ("train", "--force", "--add", own, "--ordinary", mail)
    status, shown = on_terminal(program, "stderr", *arguments)
    assert status == 0, shown
    assert 0 < shown.find(b"reading ordinary mail") < shown.find(b"done")


def test_a_page_that_cannot_be_written_is_known_before_training(program, tmp_path):
    """Nothing is trained where the report has no place, and the model in use stays."""
    own = workshop.write(tmp_path / "mine.jsonl", workshop.strangers(60))
    done = program.run("train", "--add", own, "--report", own / "report")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert not models(program).exists()


def test_a_page_that_fails_afterwards_does_not_spoil_the_training(program, tmp_path):
    """The model is in use, and a line says that there is no report."""
    own = workshop.write(tmp_path / "mine.jsonl", workshop.strangers(60))
    (tmp_path / "page" / "report.html").mkdir(parents=True)
    done = program.run("train", "--force", "--add", own, "--report", tmp_path / "page")
    assert done.returncode == 0, done.stderr
    assert "there is no report: " in done.stderr
    assert "open report.html" not in done.stderr
    assert "the model in use is now" in done.stdout
    assert in_use(program) != "shipped"


def test_a_model_written_elsewhere_is_not_in_use(newcomer, tmp_path):
    """It is said where it lies, and that --model uses it."""
    own = workshop.write(tmp_path / "mine.jsonl", workshop.strangers(60))
    done = newcomer.run("train", "--force", "--add", own, "--output", tmp_path / "elsewhere")
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "elsewhere").glob("*/model.json")
    assert f"written to {path.parent}; use it with `--model {path.parent}`" in done.stdout
    assert in_use(newcomer) == "shipped"
    # That of the shipped model, which the next training needs:
    assert len(list(held_out(newcomer).glob("*.npz"))) == 1


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        (("--corpus", "notes.jsonl", "--report", "page"), "--report"),
        (("--corpus", "notes.jsonl", "--leave-out-rare", "5"), "--leave-out-rare"),
        (("--encoder", "--force"), "--force"),
        (("--measure",), "--measure"),
        (("--further",), "--further"),
        (("--encoder", "--further", "--teacher"), "--further"),
    ],
)
def test_what_would_be_without_effect_is_refused(program, options, flag):
    """A training from nothing compares nothing, and one's own is not measured as the corpus is."""
    done = program.run("train", *options)
    assert done.returncode == 2
    assert f"{flag} " in done.stderr
    assert not models(program).exists()


def test_poisoned_labels_are_refused(program, tmp_path):
    """Flipped labels cost an exit status of their own, and leave the model in use where it is."""
    poison = workshop.write(tmp_path / "poison.jsonl", map(workshop.flipped, workshop.strangers()))
    refused = program.run("train", "--add", poison)
    assert refused.returncode == 6
    assert "the new model is refused, and the one in use stays: " in refused.stderr
    assert refused.stderr.count("refused") == 1
    assert in_use(program) == "shipped"
    assert not list(models(program).glob("*/model.json"))
    forced = program.run("train", "--force", "--add", poison)
    assert forced.returncode == 0, forced.stderr
    assert "used although it is worse" in forced.stderr
    assert in_use(program) != "shipped"


def test_poisoned_labels_in_several_files_are_refused(program, tmp_path):
    """So few files are no groups to tell chance by; their notes are."""
    poison = list(map(workshop.flipped, workshop.strangers()))
    files = [workshop.write(tmp_path / f"{n}.jsonl", poison[n::3]) for n in range(3)]
    refused = program.run("train", "--add", *files)
    assert refused.returncode == 6
    assert "wrong way round" in refused.stderr
    assert in_use(program) == "shipped"


def test_labels_of_which_three_in_five_are_flipped_are_refused(program, tmp_path):
    """They are not the wrong way round as a whole; the shipped notes tell that they do harm."""
    notes = [
        workshop.flipped(one) if number % 5 < 3 else one
        for number, one in enumerate(workshop.strangers())
    ]
    refused = program.run("train", "--add", workshop.write(tmp_path / "mixed.jsonl", notes))
    assert refused.returncode == 6
    assert "of the shipped notes: " in refused.stderr
    assert "wrong way round" not in refused.stderr
    assert "On the shipped messages it got worse." in refused.stdout
    assert in_use(program) == "shipped"


def test_training_again_gives_the_same_model(program, tmp_path):
    """Same examples and versions, same weights; whatever model is in use meanwhile."""
    own = workshop.write(tmp_path / "mine.jsonl", workshop.strangers(60))
    for _ in range(2):
        done = program.run("train", "--add", own)
        assert done.returncode == 0, done.stderr
    one, other = sorted(models(program).glob("*/heads.npz"))
    with np.load(one) as first, np.load(other) as second:
        assert all(np.array_equal(first[name], second[name]) for name in first.files)


def test_a_model_that_the_new_one_was_not_compared_with_stays_in_use(program, tmp_path):
    """Another training may end first; its model is not replaced by one that never met it."""
    own = workshop.write(tmp_path / "mine.jsonl", workshop.strangers(60))
    done = program.python(f"""if True:
        from pathlib import Path
        from scanner.errors import ModelError
        from scanner.learning import shelf
        from scanner.retraining import Wishes, retrain
        from scanner.training import Material

        def meanwhile(done, total, label):
            if label == "done":
                (shelf.own() / "another").mkdir(parents=True)
                shelf.make_current(shelf.own() / "another")

        try:
            retrain(Material(added=[Path({str(own)!r})]), Wishes(), meanwhile)
        except ModelError as error:
            print(error)
    """)
    assert "another model was put in use meanwhile; run `unflub train` again" in done.stdout
    assert shelf.current(models(program)).name == "another"
    assert not list(models(program).glob("*/model.json"))


@pytest.mark.parametrize(
    ("choice", "after"), [(["rollback"], ["a"]), (["use", "shipped"], ["shipped", "b", "a"])]
)
def test_who_chooses_a_model_waits_for_one_that_is_being_put_in_use(newcomer, choice, after):
    """What was in use is then known to the choice, and no model falls out of the order."""
    home = models(newcomer)
    home.mkdir(parents=True)
    for name in ("a", "b"):
        (home / name).symlink_to(shelf.shipped())
    (home / shelf.POINTER).write_text("a\n")
    with lock.awaited(home / shelf.LOCK):
        choosing = newcomer.start("model", *choice)
        until(lambda: choosing.poll() is not None or is_open(choosing.pid, shelf.LOCK))
        (home / shelf.POINTER).write_text("b\na\n")
    _, said = choosing.communicate(timeout=60)
    assert (choosing.returncode, (home / shelf.POINTER).read_text().split()) == (0, after), said


def test_rollback_passes_over_a_model_that_cannot_be_used(newcomer):
    """As of one that an older unflub made; else every check would fail from then on."""
    home = models(newcomer)
    (home / "spoilt").mkdir(parents=True)
    for name in ("whole", "latest"):
        (home / name).symlink_to(shelf.shipped())
    (home / shelf.POINTER).write_text("latest\nspoilt\nwhole\nshipped\n")
    done = newcomer.run("model", "rollback")
    assert done.stdout == "the model in use is now whole\n"
    assert "passed over" in done.stderr
    assert "spoilt" in done.stderr


def test_rollback_does_not_deny_a_model_that_it_passed_over(newcomer):
    """There was one before, but none that can be used; the one in use stays."""
    home = models(newcomer)
    (home / "spoilt").mkdir(parents=True)
    (home / "latest").symlink_to(shelf.shipped())
    (home / shelf.POINTER).write_text("latest\nspoilt\n")
    done = newcomer.run("model", "rollback")
    assert "no model that can be used was in use before this one" in done.stderr
    assert "passed over" in done.stderr
    assert (home / shelf.POINTER).read_text() == "latest\nspoilt\n"


def test_two_trainings_of_one_day_do_not_take_one_name(newcomer, small):
    """Each is named as it is put in its place, one after the other: hours may lie before that."""
    home = newcomer.home / "made"
    with lock.awaited(home / shelf.LOCK):
        process = newcomer.start("train", "--corpus", small / "training_data", "--output", home)
        until(lambda: process.poll() is not None or is_open(process.pid, shelf.LOCK), 100)
        assert process.poll() is None, "it did not wait for its turn"
        other = training.new_folder(home)
        other.mkdir()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    (path,) = home.glob("*/model.json")
    assert path.parent != other
    assert json.loads(path.read_text())["version"] == path.parent.name


def test_a_model_of_another_encoder_is_not_compared_through_the_new_one(program, tmp_path):
    """After an update the shipped model takes its place in the comparison, and that is said."""
    copy = workshop.build(tmp_path / "copy")
    program.environment["PYTHONPATH"] = str(copy)
    own = workshop.write(tmp_path / "mine.jsonl", workshop.strangers(60))
    done = program.run("train", "--force", "--add", own)
    assert done.returncode == 0, done.stderr
    assert "compared with the shipped model" not in done.stderr
    (copy / "models").unlink()
    shutil.copytree(workshop.ROOT / "models", copy / "models")
    _with_another_encoder(copy / "models")
    done = program.run("train", "--force", "--add", own)
    assert done.returncode == 0, done.stderr
    assert "compared with the shipped model: " in done.stderr
    assert "was made with the encoder of another version of unflub" in done.stderr


def _with_another_encoder(models: Path) -> None:
    """Add to the encoder of the model in use a field that no reader knows, so that it differs."""
    folder = shelf.current(models)
    with (folder / "encoder.onnx").open("ab") as encoder:
        encoder.write(b"\xa2\x06\x01x")  # Protocol Buffers: field 100, one byte
    record = json.loads((folder / "model.json").read_text())
    record["files"]["encoder.onnx"] = on_demand.sha256((folder / "encoder.onnx").read_bytes())
    artifact.write_metadata(folder, record)


MARKERS = ("zebulon", "quixotrix", "marker-id", "secret-client", "z@quixotrix.example", "blorpwerk")


def test_nothing_of_ones_own_can_be_read_in_the_model(program, tmp_path):
    """No word, name, address, id or file name, whichever file of the folder is looked into."""
    text = (
        "Dear Zebulon Quixotrix,\n\nthank you for the interview about the post at Blorpwerk. "
        "Write to z@quixotrix.example at any time.\n\nZebulon"
    )
    planted = dataclasses.replace(
        workshop.strangers(2)[0], id="marker-id", subject="Blorpwerk", text=text, labels=(),
        severity="none",
    )  # fmt: skip
    own = workshop.write(tmp_path / "secret-client.jsonl", [planted, *workshop.strangers(60)])
    box = mbox(tmp_path / "secret-client.mbox")
    box.add(f"From: z@quixotrix.example\nSubject: Blorpwerk\n\n{text}\n")
    box.close()
    path = tmp_path / "secret-client.mbox"
    done = program.run("train", "--force", "--add", own, "--background", path, "--ordinary", path)
    assert done.returncode == 0, done.stderr
    (folder,) = (path.parent for path in models(program).glob("*/model.json"))
    kept = [*folder.iterdir(), *held_out(program).iterdir()]
    for path in kept:
        for name, content in _unpacked(path.name, path.read_bytes()):
            for marker in (*MARKERS, str(tmp_path)):
                for words in (marker.encode(), marker.encode("utf-16-le")):
                    assert words not in content.lower(), f"{marker} in {name}"


def _unpacked(name: str, content: bytes) -> list[tuple[str, bytes]]:
    if not zipfile.is_zipfile(BytesIO(content)):
        return [(name, content)]
    with zipfile.ZipFile(BytesIO(content)) as packed:
        inside = [(f"{name}/{one}", packed.read(one)) for one in packed.namelist()]
    return [(name, content), *inside]


def test_too_few_and_contradictory_labels_are_said_by_number_and_id(program, tmp_path):
    """Numbers and ids, and never a word of a note."""
    one, two, *_ = (note for note in workshop.strangers() if note.labels)
    again = dataclasses.replace(workshop.forgiven(one), id="again")
    same = dataclasses.replace(two, id="twin")
    own = workshop.write(tmp_path / "mine.jsonl", [one, two, again, same])
    done = program.run("train", "--add", own)
    assert f"your mine {one.id} (line 1) and your mine again (line 3)" in done.stderr
    assert f"your mine {two.id} (line 2) and your mine twin (line 4)" in done.stderr
    assert "2 messages of your own, of which 1 notes with a flub, 1 clean notes" in done.stderr
    assert not any(label.text in done.stderr + done.stdout for label in one.labels)


def test_work_mail_labelled_by_mistake_is_named_as_unread(program, tmp_path):
    """The gate is not opened for it, since much mail like it would be read, too."""
    text = "The contract is attached. Please send the signed pages to legal, and call me at noon."
    label = Label(0, 25, text[:25], "excuse")
    mine = Example("m1", "thank_you", "Re: contract", text, (label,), "flub", "mine")
    own = workshop.write(tmp_path / "mine.jsonl", [mine, *workshop.strangers(60)])
    done = program.run("train", "--force", "--add", own)
    assert done.returncode == 0, done.stderr
    assert "1 of your notes with a flub will be turned away unread" in done.stderr


def test_what_is_wrong_is_told_before_scikit_learn_is_loaded(program):
    """That takes a second or two, and only who fits heads needs it."""
    done = program.python("import scanner.retraining, sys; print('sklearn' in sys.modules)")
    assert done.stdout == "False\n", done.stderr


def test_without_labels_there_is_nothing_to_train_on(program):
    """It says so, and what to do."""
    done = program.run("train")
    assert done.returncode == 5
    assert "no labelled notes of your own yet" in done.stderr
    assert not models(program).exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
@pytest.mark.parametrize("moment", ["learning", "writing"])
def test_interrupted_training_leaves_the_model_in_use(
    newcomer, rehearsed, tmp_path, number, moment
):
    """Whenever that is; and the next training finds nothing in its way."""
    program = newcomer
    if moment == "writing":
        shutil.copytree(rehearsed, held_out(program))
    own = workshop.write(tmp_path / "mine.jsonl", workshop.strangers(60))
    process = program.start("train", "--add", own)
    seen: dict[str, Callable[[], object]] = {
        "learning": lambda: list(held_out(program).glob("*.npz")),
        "writing": lambda: list(models(program).glob(".saving-*")),
    }
    until(lambda: process.poll() is not None or seen[moment](), 100)
    assert process.poll() is None, "it ended before it could be interrupted"
    process.send_signal(number)
    process.communicate(timeout=60)
    name = in_use(program)
    if process.returncode != 0:
        assert name == "shipped"
    assert program.run("check", stdin=FLUBBED).returncode == 1
    done = program.run("train", "--add", own)
    assert done.returncode == 0, done.stderr
    assert not list(models(program).glob(".saving-*"))
    record = json.loads((models(program) / in_use(program) / "model.json").read_text())
    assert record["base"]


def test_the_corpus_is_trained_from_nothing_by_one_command(newcomer, small, tmp_path_factory):
    """As `make model` does it; nothing of the user's has a part in it, nor names of files."""
    mail = tmp_path_factory.mktemp("mail") / "secret-client.eml"
    mail.write_bytes(b"Subject: Lunch\r\n\r\nAre we still on for lunch?\r\n")
    corpus, home = small / "training_data", newcomer.home / "made"
    done = newcomer.run("train", "--corpus", corpus, "--output", home, "--ordinary", mail)
    assert done.returncode == 0, done.stderr
    (path,) = home.glob("*/model.json")
    record = json.loads(path.read_text())
    assert record["messages"] == 60 * len(workshop.WRITERS)
    assert "yours" not in record
    assert [*record["measured"]["alarms"]] == ["mail 1"]
    assert "secret-client.eml: of 1 ordinary messages it warns about 0 at cautious" in done.stdout
    assert "secret-client" not in path.read_text() + path.with_name("README.md").read_text()
    assert [path.name for path in newcomer.home.iterdir()] == ["made"]


def test_what_is_trained_from_nothing_has_to_be_chosen(newcomer, small):
    """It met no gate, so it waits among the user's models, and a line says how to use it."""
    done = newcomer.run("train", "--corpus", small / "training_data")
    assert done.returncode == 0, done.stderr
    assert in_use(newcomer) == "shipped"
    (path,) = models(newcomer).glob("*/model.json")
    name = path.parent.name
    assert f"`unflub model use {name}` puts it in use" in done.stdout
    assert newcomer.run("model", "use", name).returncode == 0
    assert in_use(newcomer) == name
