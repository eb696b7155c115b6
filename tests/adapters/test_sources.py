"""Messages from files, folders, mbox, Maildir and standard input."""

import io
import os
import tracemalloc

import pytest

from scanner.adapters.sources import single, walk
from scanner.errors import UnreadableError

NOTE = b"Subject: Hi\n\nHello.\n"
MBOX = (
    b"From ines@example.org Tue Mar  4 10:12:00 2025\nSubject: one\n\nHello.\n>From here.\n\n"
    b"From there we went on.\n\n"
    b"From - Tue Mar  4 10:13:00 2025\nSubject: two\n\nNo newline at the end"
)


def rows(*paths):
    return [(message.source, message.raw, message.error) for message in walk(map(str, paths))]


def test_file_is_one_message(tmp_path):
    """A file is one message under its path."""
    path = tmp_path / "note.eml"
    path.write_bytes(NOTE)
    assert rows(path) == [(str(path), NOTE, None)]


def test_folder_is_read_recursively_in_order(tmp_path):
    """Every file below a folder is read, in the order of names."""
    for name in ("b.eml", "a.eml", "sub/c.eml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(NOTE)
    assert [source for source, _, _ in rows(tmp_path)] == [
        str(tmp_path / name) for name in ("a.eml", "b.eml", "sub/c.eml")
    ]


def test_mbox_is_split_into_numbered_messages(tmp_path):
    """An mbox is recognised by its first line; sentences that begin "From" part nothing."""
    path = tmp_path / "sent"
    path.write_bytes(MBOX)
    assert rows(path) == [
        (f"{path}#1", b"Subject: one\n\nHello.\nFrom here.\n\nFrom there we went on.\n", None),
        (f"{path}#2", b"Subject: two\n\nNo newline at the end", None),
    ]


def test_note_that_begins_with_from_is_no_mbox(tmp_path):
    """A plain note whose first word is "From" is one message."""
    path = tmp_path / "note.txt"
    path.write_bytes(b"From the bottom of my heart, thank you.\n")
    assert [source for source, _, _ in rows(path)] == [str(path)]


def test_empty_mbox_has_no_message(tmp_path):
    """An empty mbox holds nothing, which is no error."""
    path = tmp_path / "empty.mbox"
    path.touch()
    assert rows(path) == []


def test_mbox_is_read_one_message_at_a_time(tmp_path):
    """Memory stays at the size of a message, not of the mailbox."""
    path = tmp_path / "big.mbox"
    entry = (
        b"From a@example.org Tue Mar  4 10:12:00 2025\nSubject: x\n\n" + b"word " * 2_000 + b"\n\n"
    )
    path.write_bytes(entry * 2_000)
    tracemalloc.start()
    count = sum(1 for _ in walk([str(path)]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 2_000
    assert peak < 2_000_000


def test_maildir_is_read_with_its_subfolders(tmp_path):
    """Messages lie in cur and new, also of subfolders; a server's own files are none."""
    for folder in ("", ".Sent/"):
        for name in ("cur", "new", "tmp"):
            (tmp_path / folder / name).mkdir(parents=True)
    for name in ("cur/1:2,S", "new/2", "tmp/3", ".Sent/cur/4", "dovecot-uidlist"):
        (tmp_path / name).write_bytes(NOTE)
    (tmp_path / ".Sent/maildirfolder").touch()
    assert sorted(os.path.relpath(source, tmp_path) for source, _, _ in rows(tmp_path)) == [
        ".Sent/cur/4",
        "cur/1:2,S",
        "new/2",
    ]


def test_loop_of_links_ends(tmp_path):
    """A link to a folder above is followed once at most."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "note.eml").write_bytes(NOTE)
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert len(rows(tmp_path)) == 1


def test_pipe_in_a_folder_is_reported_not_read(tmp_path):
    """A FIFO in a folder would block for ever; it is one row with an error."""
    os.mkfifo(tmp_path / "pipe")
    ((source, raw, error),) = rows(tmp_path)
    assert (source, raw) == (str(tmp_path / "pipe"), b"")
    assert str(error).startswith("broken")


def test_dangling_link_is_one_row_with_an_error(tmp_path):
    """What vanished or points nowhere is reported, and the rest is read."""
    (tmp_path / "a").symlink_to(tmp_path / "nowhere")
    (tmp_path / "b").write_bytes(NOTE)
    assert [error is None for _, _, error in rows(tmp_path)] == [False, True]


def test_file_that_vanishes_during_the_scan_is_one_row(tmp_path):
    """A file deleted after the folder was listed is a row with an error."""
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(NOTE)
    found = walk([str(tmp_path)])
    assert next(found).error is None
    (tmp_path / "b").unlink()
    assert isinstance(next(found).error, UnreadableError)


@pytest.mark.parametrize("read", [single, lambda path: walk([path])], ids=["single", "walk"])
def test_named_path_that_does_not_exist_raises(tmp_path, read):
    """A path the user named and mistyped is an error at once."""
    with pytest.raises(UnreadableError, match="no file or folder"):
        read(str(tmp_path / "typo"))


def test_standard_input_may_be_an_mbox(monkeypatch):
    """ "-" reads standard input, a message or an mbox."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(MBOX)))
    assert [source for source, _, _ in rows("-")] == ["-#1", "-#2"]


def test_single_takes_a_file_whole(tmp_path):
    """A file that begins like an mbox is one message to whoever asks for one."""
    path = tmp_path / "note"
    path.write_bytes(MBOX)
    assert single(str(path)).raw == MBOX


def test_single_of_a_folder_is_an_error_row(tmp_path):
    """A folder is no message."""
    assert isinstance(single(str(tmp_path)).error, UnreadableError)
