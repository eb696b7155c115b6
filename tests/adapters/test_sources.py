"""Messages from files, folders, mbox, Maildir and standard input."""

import gzip
import io
import os
import tarfile
import tempfile
import tracemalloc
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.adapters.mbox import lone, pieces, split
from scanner.adapters.single import Message, single
from scanner.adapters.sources import holds_mail, size, walk
from scanner.errors import UnreadableError

NOTE = b"Subject: Hi\n\nHello.\n"
BOX = b"From a@example.org Tue Mar  4 10:12:00 2025\n" + NOTE + b"\n"
MBOX = (
    b"From ines@example.org Tue Mar  4 10:12:00 2025\nSubject: one\n\nHello.\n>From here.\n\n"
    b"From there we went on.\n\n"
    b"From - Tue Mar  4 10:13:00 2025\nSubject: two\n\nNo newline at the end"
)


def rows(*paths):
    return [(message.source, message.raw, message.error) for message in walk(map(str, paths))]


def lay(top, *names, raw=NOTE):
    """Put a file under each name."""
    for name in names:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)


def read_below(top, kind="auto"):
    """What was read, by names relative to the folder, and how many errors there were."""
    found = list(walk([str(top)], kind))
    assert all(m.raw in (NOTE, b"Subject: Hi\n\nHello.") or m.error for m in found)
    return [os.path.relpath(m.source, top) for m in found if not m.error]


def errors(top, kind="auto"):
    return [(m.source, str(m.error)) for m in walk([str(top)], kind) if m.error]


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


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [b"\n", b"\r\n", b" \n", b"\x0b\r\n", b"\r", b"From ", b">From here\n", b">>From ",
                 b"> \n", b"From - Tue Mar  4 10:12:00 2025\n", b"From a@b.example\r\n",
                 b"\nFrom a@b.example Tue Mar  4 10:12:00 2025\nSubject: x\n\n", b"Fine.\n",
                 b"Content-Length: 14\n\n", b"Subject: x\n", b"Hello there.\n\n", b"x"]
            ),
            st.binary(max_size=6),
        ),
        max_size=20,
    ).map(b"".join)
)  # fmt: skip
def test_an_mbox_has_the_messages_that_it_has_line_by_line(raw):
    """Several lines taken together hold nothing that parts, ends or escapes."""
    assert b"".join(pieces(raw)) == raw
    assert list(split(pieces(raw))) == list(split(io.BytesIO(raw)))


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


def test_maildirs_are_found_below_a_folder_that_is_none(tmp_path):
    """Dovecot and mbsync leave no cur in a folder without mail; a server's own folders stay out."""
    lay(tmp_path, "cur/1:2,S", "tmp/2", "Archive/2019/cur/3:2,S", "Archive/2019/tmp/4")
    lay(tmp_path, "sieve/main.sieve", "courierimapkeywords/:list", ".notmuch/xapian/flintlock")
    assert read_below(tmp_path) == ["cur/1:2,S", "Archive/2019/cur/3:2,S"]


@pytest.mark.parametrize("named", [".", "cur"])
def test_what_is_deleted_in_a_maildir_is_passed_over(tmp_path, named):
    """Flag T says so, until the mail client removes the file; a name with a dot is no message."""
    lay(tmp_path, "cur/1:2,RS", "cur/2:2,ST", "new/2", "cur/.DS_Store", "cur/T3:2,", "tmp/4")
    found = [Path(m.source).name for m in walk([str(tmp_path / named)], "maildir")]
    assert found == ["1:2,RS", "T3:2,"]


@pytest.mark.parametrize("named", [".", "cur", "new"])
def test_one_folder_of_a_maildir_can_be_named(tmp_path, monkeypatch, named):
    """What lies in it are its messages."""
    lay(tmp_path, "cur/1:2,S", "new/1")
    monkeypatch.chdir(tmp_path / "cur" if named == "." else tmp_path)
    assert [m.raw for m in walk([named], "maildir")] == [NOTE]


@pytest.mark.parametrize(
    "named",
    [("x", "x/note.eml", "./x"), ("x/note.eml", "x"), ("x", "link", "x/../x"), ("x", "-", "-")],
)
def test_what_several_paths_lead_to_is_read_once(tmp_path, monkeypatch, named):
    """Under the first of its names, and its size is counted once; so with standard input."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(NOTE)))
    lay(tmp_path, "x/note.eml", "x/other.eml")
    (tmp_path / "link").symlink_to("x")
    sources = [os.path.normpath(source) for source, _, _ in rows(*named)]
    assert sorted(sources) == ["-"] * ("-" in named) + ["x/note.eml", "x/other.eml"]
    assert size(named) == 2 * len(NOTE)


@pytest.mark.parametrize("named", [("x", "x/cur"), ("x/cur", "x")])
def test_a_maildir_and_a_folder_of_it_are_read_once(tmp_path, monkeypatch, named):
    """In whichever order they are named."""
    monkeypatch.chdir(tmp_path)
    lay(tmp_path, "x/cur/1:2,S", "x/new/2")
    assert sorted(source for source, _, _ in rows(*named)) == ["x/cur/1:2,S", "x/new/2"]


def test_where_files_have_no_numbers_none_is_left_out(tmp_path, monkeypatch):
    """Some file systems of Windows number every file and folder 0."""
    lay(tmp_path, "a/1.eml", "a/b/2.eml", "c/3.eml")
    real = Path.stat

    def unnumbered(path, **options):
        mode, _, *rest = real(path, **options)
        return os.stat_result((mode, 0, *rest))

    monkeypatch.setattr(Path, "stat", unnumbered)
    found = rows(tmp_path / "a", tmp_path / "c", tmp_path / "a" / "b")
    assert [Path(source).name for source, _, _ in found] == ["1.eml", "2.eml", "3.eml"]


def test_loop_of_links_ends_with_a_row(tmp_path):
    """A link back to a folder above is reported; another that leads there is not."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "note.eml").write_bytes(NOTE)
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (source, raw, _), (link, _, error) = rows(tmp_path)
    assert (Path(source).name, raw, Path(link).name) == ("note.eml", NOTE, "up")
    assert "a link back to a folder that it lies in" in str(error)


def test_a_named_path_that_leads_nowhere_is_a_row(tmp_path):
    """A pattern of the shell names such links, too; the rest is read, and each says why."""
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "note").write_bytes(NOTE)
    found = rows(tmp_path / "self", tmp_path / "gone", tmp_path / "note")
    assert [raw for _, raw, _ in found] == [b"", b"", NOTE]
    assert "too many levels of symbolic links" in str(found[0][2])
    assert "no such file" in str(found[1][2])


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


def test_named_path_that_does_not_exist_raises(tmp_path):
    """A path the user named and mistyped is an error at once."""
    with pytest.raises(UnreadableError, match="no file or folder"):
        walk([str(tmp_path / "typo")])


def test_a_single_message_that_does_not_exist_has_its_error(tmp_path):
    """The others that were named with it are read all the same."""
    error = single(str(tmp_path / "typo")).error
    assert str(error) == "there is no such file; check the path."


def test_standard_input_may_be_an_mbox(monkeypatch):
    """ "-" reads standard input, a message or an mbox."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(MBOX)))
    assert [source for source, _, _ in rows("-")] == ["-#1", "-#2"]


def test_a_message_begins_with_its_header(tmp_path):
    """What an editor left before it hides neither the day nor the folder."""
    lay(tmp_path, "a.eml", raw=b"\xef\xbb\xbf\n" + NOTE)
    assert [m.raw for m in walk([str(tmp_path)])] == [NOTE]


def test_single_takes_a_file_whole(tmp_path):
    """A file that begins like an mbox is not taken apart for whoever asks for one message."""
    path = tmp_path / "note"
    path.write_bytes(MBOX)
    assert single(str(path)).raw == MBOX


@pytest.mark.parametrize("before", [b"", b"\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_mailbox_of_several_is_no_lone_message(before, end):
    """It is an error in the place of the message, so that the others are not taken for clean."""
    found = lone(Message("x", before + MBOX.replace(b"\n", end)))
    assert (found.source, found.raw) == ("x", b"")
    assert "mailbox of several messages" in str(found.error)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        NOTE,
        BOX,
        BOX + b"\n>From a@example.org Tue Mar  4 10:12:00 2025\nSubject: escaped\n",
        BOX + b"\nFrom 9:00 to 10:00 we talked about pumps.\nNote: I like pumps.\n",
        b"From the bottom of my heart, thank you.\n\n" + BOX,
        NOTE + b"\n" + BOX + b"\n" + BOX,
    ],
)
def test_a_lone_message_is_given_back(raw):
    """So it is where it comes from an mbox, or quotes lines of one."""
    message = Message("x", raw)
    assert lone(message) is message


def test_single_of_a_folder_is_an_error_row(tmp_path):
    """A folder is no message; it is said what reads folders."""
    error = single(str(tmp_path)).error
    assert isinstance(error, UnreadableError)
    assert str(error) == "it is a folder; `unflub scan FOLDER` reads folders."


def test_compressed_mbox_is_read_like_any_other(tmp_path):
    """What gzip packed is told by its first bytes, not by its name."""
    for name in ("sent.mbox.gz", "old"):
        (tmp_path / name).write_bytes(gzip.compress(MBOX))
    plain = [raw for _, raw, _ in rows_of(MBOX, tmp_path / "plain")]
    for name in ("sent.mbox.gz", "old"):
        assert [raw for _, raw, _ in rows(tmp_path / name)] == plain


def rows_of(raw, path):
    path.write_bytes(raw)
    found = rows(path)
    path.unlink()
    return found


@pytest.mark.parametrize(
    "separator",
    [
        b"From a@example.org Tue Mar  4 10:12:00 2025\n",
        b"From 1234567890@xxx Tue Mar 04 10:12:00 +0000 2025\r\n",
        b"From - Tue Mar 04 10:12:00 2025\r\n",
        b"From MAILER-DAEMON Tue Mar  4 10:12 2025\n",
        b"From a@example.org\n",
        b"From \r\n",
    ],
)
def test_mail_programs_write_the_separator_in_their_own_ways(tmp_path, separator):
    """Takeout's, Thunderbird's old and new one, and one without a time part messages."""
    found = rows_of((separator + NOTE + b"\n") * 2, tmp_path / "box")
    assert [raw for _, raw, _ in found] == [NOTE, NOTE]


def test_a_separator_with_a_whole_date_needs_no_blank_line(tmp_path):
    """Some programs leave it out; the header behind shows that a message begins."""
    unparted = [BOX[:-1], BOX[:-1].replace(b"a@example.org", b"-")]
    found = rows_of(b"".join(unparted) * 2, tmp_path / "box")
    assert [raw for _, raw, _ in found] == [NOTE] * 4


@pytest.mark.parametrize(
    "lines",
    [
        b"From a@example.org Tue Mar  4 10:12:00 2025\nI heard nothing.\n",
        b"From a@example.org Tue Mar  4 10:12:00 2025\n",
        b"From 10:15 on I was lost.\nNote: I never said so.\n",
        b"From a@example.org\nSubject: Hi\n",
    ],
    ids=["no header behind", "nothing behind", "no date", "only a sender"],
)
def test_text_that_begins_with_from_parts_nothing_without_a_blank_line(tmp_path, lines):
    """Less than a whole date and a field behind it is a line of the note."""
    ((_, raw, _),) = rows_of(BOX[:-1] + lines, tmp_path / "box")
    assert raw == NOTE + lines


@pytest.mark.parametrize("kind", ["auto", "mbox"])
@pytest.mark.parametrize("before", [b"\n", b"\r\n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_an_mbox_may_begin_with_blank_lines_or_a_mark(tmp_path, before, kind):
    """What an editor or a script left there does not make it one message."""
    path = tmp_path / "box"
    path.write_bytes(before + BOX * 2)
    assert [(m.source, m.raw) for m in walk([str(path)], kind)] == [
        (f"{path}#1", NOTE), (f"{path}#2", NOTE),
    ]  # fmt: skip
    assert [raw for _, raw, _ in rows_of(gzip.compress(before + BOX), path)] == [NOTE]


@pytest.mark.parametrize(
    ("written", "meant"),
    [(b">From me", b"From me"), (b">>From me", b">From me"), (b"> From me", b"> From me")],
    ids=["mboxo", "mboxrd", "a quote"],
)
def test_escaped_from_lines_are_read_as_meant(tmp_path, written, meant):
    """One ">" is taken away before a From, whatever comes before it."""
    ((_, raw, _),) = rows_of(BOX.replace(b"Hello.", written), tmp_path / "box")
    assert raw == NOTE.replace(b"Hello.", meant)


LONG = b"".join(BOX.replace(b"Hello.", os.urandom(200).hex().encode()) for _ in range(200))
MULTIPART = b'Subject: x\nContent-Type: multipart/mixed;\n boundary="b"\n\n--b\n\nHello.\n--b--\n'
ENCODED = b"Subject: x\nContent-Transfer-Encoding: %b\n\n%b"


@pytest.mark.parametrize(
    "raw",
    [
        BOX + BOX[:53],
        BOX + BOX[:44] + MULTIPART[:-6],
        BOX + BOX[:44] + b"Content-Length: 20\n\nHello, this i",
        BOX + BOX[:44] + ENCODED % (b"base64", b"SGVsbG8sIHRoa"),
        BOX + BOX[:44] + ENCODED % (b"Quoted-Printable", b"Caf=C3="),
        BOX * 11 + BOX[:-4],
        gzip.compress(BOX + LONG)[:-12],
        gzip.compress(BOX + LONG)[:-8] + b"\0" * 8,
    ],
    ids=["header", "part", "length", "base64", "printable", "line", "compressed", "damaged"],
)
def test_mbox_that_was_cut_short_says_so_after_what_it_holds(tmp_path, raw):
    """What is whole is read; then one row says that there was more."""
    path = tmp_path / "cut.mbox"
    *read, (source, _, error) = rows_of(raw, path)
    assert source == str(path)
    assert str(error).startswith("broken: ")
    assert str(error).endswith("only what comes before was read.")
    assert read[0] == (f"{path}#1", NOTE, None)


def test_of_what_was_cut_short_all_but_the_last_block_is_read(tmp_path):
    """What is packed comes in blocks, and the one at which it breaks off is lost."""
    path = tmp_path / "cut.mbox.gz"
    path.write_bytes(gzip.compress(BOX + LONG)[:-12])
    lines = []
    with gzip.open(path) as file, suppress(EOFError):
        lines += file
    *read, _ = rows_of(path.read_bytes(), path)
    there = sum(line.startswith(b"From ") for line in lines)
    assert len(read) > there - io.DEFAULT_BUFFER_SIZE / len(LONG) * 200 - 2 > 100


@pytest.mark.parametrize(
    "raw",
    [
        MBOX,
        BOX * 11,
        BOX * 9 + BOX[:-4],
        BOX + BOX[:44] + MULTIPART,
        BOX + BOX[:44] + b"Content-Length: 6\n\nHello.",
        (BOX + BOX[:44] + b"Content-Length: 19\n\nHello,\nthis is it.").replace(b"\n", b"\r\n"),
        BOX + BOX[:44] + b"Content-Length: 15\n\nHello,\n>From me",
        BOX + BOX[:44] + ENCODED % (b"base64", b"SGVsbG8sIHRo"),
        BOX + BOX[:44] + ENCODED % (b"quoted-printable", b"Caf=C3=A9"),
    ],
    ids=["few", "many", "line", "part", "length", "crlf", "escaped", "base64", "printable"],
)
def test_mbox_that_is_whole_has_no_error(tmp_path, raw):
    """A last message with all its parts is whole, and one of a few without a line end."""
    assert all(error is None for _, _, error in rows_of(raw, tmp_path / "box"))


def measured(raw: bytes, length: int | None = None) -> bytes:
    """Write a message as mboxcl2 does: with its length, and nothing escaped."""
    header, _, body = raw.partition(b"\n\n")
    length = len(body) if length is None else length
    return BOX[:44] + header + b"\nContent-Length: %d\n\n" % length + body + b"\n"


TRICKY = NOTE + b"\nFrom a@example.org Tue Mar  4 10:12:00 2025\n\n>From him: yes.\n"


def test_a_length_that_is_right_is_believed(tmp_path):
    """With Content-Length, what looks like a separator is text, and nothing was escaped."""
    path = tmp_path / "box"
    found = rows_of(measured(TRICKY) * 2 + measured(NOTE) + BOX, path)
    bodies = [raw.partition(b"\n\n")[2] for _, raw, _ in found]
    assert bodies == [TRICKY.partition(b"\n\n")[2]] * 2 + [b"Hello.\n"] * 2
    assert [error for _, _, error in found] == [None] * 4


@pytest.mark.parametrize("length", [0, 1, 5, 8, 60, 10**8, 10**9 - 1])
def test_a_length_that_is_wrong_loses_no_message(tmp_path, length):
    """It is measured in vain, and messages are parted as without it."""
    found = rows_of(measured(NOTE, length) * 3 + BOX, tmp_path / "box")
    assert [raw.partition(b"\n\n")[2] for _, raw, _ in found] == [b"Hello.\n"] * 4


@pytest.mark.parametrize(("wrong", "messages"), [(2, 3), (3, 5)])
def test_after_three_lengths_that_are_wrong_none_is_believed(tmp_path, wrong, messages):
    """Each of them costs a look through the rest of the file, which a big one cannot bear."""
    raw = measured(NOTE, 10**7) * wrong + measured(TRICKY)
    assert len(rows_of(raw, tmp_path / "box")) == messages


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)
    return packed.getvalue()


def taped(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, raw in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return packed.getvalue()


TAKEOUT = {
    "Takeout/archive_browser.html": b"<html>",
    "Takeout/Mail/All mail.mbox": BOX * 2,
    "Takeout/Mail/Sent.mbox": BOX,
    "Takeout/Mail/User Settings/Filters.json": b"{}",
}


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("takeout.zip", zipped(TAKEOUT)),
        ("takeout.tgz", taped(TAKEOUT)),
        ("takeout.tar", taped(TAKEOUT, "w")),
        ("no suffix", zipped(TAKEOUT)),
        ("no suffix", taped(TAKEOUT)),
        ("no suffix", taped(TAKEOUT, "w")),
    ],
)
def test_mailboxes_are_read_inside_of_an_archive(tmp_path, name, raw):
    """Google's Takeout need not be unpacked first."""
    path = tmp_path / name
    assert rows_of(raw, path) == [
        (f"{path}/Takeout/Mail/All mail.mbox#1", NOTE, None),
        (f"{path}/Takeout/Mail/All mail.mbox#2", NOTE, None),
        (f"{path}/Takeout/Mail/Sent.mbox#1", NOTE, None),
    ]
    path.write_bytes(raw)
    assert sum(message.read for message in walk([str(path)])) <= len(raw)


@pytest.mark.parametrize("pack", [zipped, taped])
def test_what_macos_packs_beside_a_mailbox_is_no_mailbox(tmp_path, pack):
    """A Takeout that was unpacked there and packed again is read as before."""
    beside = {
        "__MACOSX/Takeout/Mail/._All mail.mbox": b"\0\5\x16\7",  # by the Finder
        "Takeout/Mail/._Sent.mbox": b"\0\5\x16\7",  # by tar
    }
    assert rows_of(pack(beside | TAKEOUT), tmp_path / "a") == rows_of(pack(TAKEOUT), tmp_path / "a")


@pytest.mark.parametrize(
    ("name", "raw", "words"),
    [
        ("a.zip", zipped(TAKEOUT)[:-30], "damaged"),
        ("a.tgz", taped(TAKEOUT)[:-60], "damaged"),
        ("a.tgz", b"no archive", "damaged"),
        ("a.zip", zipped({"letter.docx": b"x"}), "no .mbox"),
    ],
)
def test_an_archive_that_is_damaged_or_empty_is_a_row_with_an_error(tmp_path, name, raw, words):
    """It is never taken for clean."""
    assert words in str(rows_of(raw, tmp_path / name)[-1][2])


TWO = {"a.mbox": BOX, "b.mbox": BOX}
DEFLATE64 = bytearray(zipped(TWO))
for place in (8, DEFLATE64.index(b"PK\1\2") + 10):  # the method, in both places
    DEFLATE64[place] = 9
LZMA = bytearray(zipped(TWO, zipfile.ZIP_LZMA))
LZMA[60:70] = b"\xff" * 10


@pytest.mark.parametrize(
    ("raw", "words"),
    [(bytes(DEFLATE64), "unpack it yourself"), (bytes(LZMA), "damaged")],
    ids=["Deflate64", "damaged"],
)
def test_a_mailbox_in_a_zip_that_cannot_be_unpacked_costs_no_other(tmp_path, raw, words):
    """It is a row with an error, and the next one is read."""
    (_, _, error), rest = rows_of(raw, tmp_path / "a.zip")
    assert words in str(error)
    assert rest == (f"{tmp_path}/a.zip/b.mbox#1", NOTE, None)


@pytest.mark.parametrize("raw", [zipped({"a.mbox": BOX}), taped({"a.mbox": BOX}, "w")])
def test_no_byte_of_an_archive_ends_a_scan(tmp_path, raw):
    """Whatever the libraries raise on a damaged one, there are rows."""
    raw = raw[:1024]  # of a tar the rest is nothing
    for place in range(len(raw)):
        changed = raw[:place] + b"\xff" + raw[place + 1 :]
        assert rows_of(changed, tmp_path / "a.tar"), place


def test_a_link_in_a_tar_is_passed_over(tmp_path):
    """It holds nothing; the mailboxes behind it are read."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, kind in (("l.mbox", tarfile.SYMTYPE), ("z.mbox", tarfile.REGTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "z.mbox"
            member.size = len(BOX) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(BOX))
    found = rows_of(packed.getvalue(), tmp_path / "a.tgz")
    assert found == [(f"{tmp_path}/a.tgz/z.mbox#1", NOTE, None)]


@contextmanager
def piped(monkeypatch, raw):
    """Standard input as `cat file | unflub scan -` has it."""
    reading, writing = os.pipe()
    with open(reading) as pipe:  # noqa: PTH123
        with open(writing, "wb") as file:  # noqa: PTH123
            file.write(raw)
        monkeypatch.setattr("sys.stdin", pipe)
        yield


def test_an_archive_in_a_pipe_is_read_or_asked_for_by_name(monkeypatch):
    """A tar is read as it comes; what a zip holds is told at its end, so no pipe will do."""
    with piped(monkeypatch, taped(TWO)):
        assert [source for source, _, _ in rows("-")] == ["-/a.mbox#1", "-/b.mbox#1"]
    with piped(monkeypatch, zipped(TWO)):
        ((_, _, error),) = rows("-")
    assert "name the file" in str(error)


def test_what_is_written_is_not_read(tmp_path):
    """A report in the folder that is scanned is no message."""
    lay(tmp_path, "1.eml", "report.html", "x/report.html")
    found = walk([str(tmp_path)], besides=tmp_path / "x" / ".." / "report.html")
    assert [m.source for m in found] == [str(tmp_path / n) for n in ("1.eml", "x/report.html")]


def test_mh_folder_is_read_by_number(tmp_path):
    """Numbers are messages, in their order; other files and removed messages are none."""
    lay(tmp_path, "10", "9", ",3", ".mh_sequences", "context", "sent/1", "sent/.mh_sequences")
    assert read_below(tmp_path) == ["9", "10", "sent/1"]


EMLX = b"%d\n" % len(NOTE) + NOTE + b'<?xml version="1.0"?><plist></plist>\n'


def test_apple_mail_folder_is_read(tmp_path):
    """The message is taken out of each .emlx; attachments and lists beside are no mail."""
    box = tmp_path / "V10/UUID/Sent Messages.mbox"
    lay(box, "Data/Messages/1.emlx", "Data/Messages/2.partial.emlx", raw=EMLX)
    lay(box, "Info.plist", "Data/Attachments/1/2/cv.pdf", "Data/Messages/1.2.emlxpart")
    lay(tmp_path, "Exported.mbox/mbox", raw=BOX)
    lay(tmp_path, "Exported.mbox/table_of_contents", raw=b"\0\1\0\6")
    found = [Path(m.source).name for m in walk([str(tmp_path)]) if m.raw == NOTE]
    assert found == ["mbox#1", "1.emlx", "2.partial.emlx"]
    assert not errors(tmp_path)


@pytest.mark.parametrize("kind", ["auto", "emlx"])
@pytest.mark.parametrize("named", [".", "V10"])
def test_what_apple_mail_keeps_beside_the_mail_is_no_mail(tmp_path, named, kind):
    """Its databases, caches and settings have no row, named from the top or from below."""
    lay(tmp_path, "V10/UUID/INBOX.mbox/Data/Messages/1.emlx", raw=EMLX)
    lay(
        tmp_path, "PersistenceInfo.plist", ".DS_Store", "V10/UUID/.mboxCache.plist",
        "V10/MailData/Envelope Index", "V10/MailData/Envelope Index-wal",
        "V10/MailData/Signatures/1.mailsignature", raw=b"SQLite format 3\0",
    )  # fmt: skip
    ((source, raw),) = [(Path(m.source).name, m.raw) for m in walk([str(tmp_path / named)], kind)]
    assert (source, raw) == ("1.emlx", NOTE)


def test_messages_saved_from_apple_mail_are_read_beside_others(tmp_path):
    """Where one is dragged out, everything else that lies there or below is still mail."""
    lay(tmp_path, "1.emlx", raw=EMLX)
    lay(tmp_path, "2.eml", "letters/3.txt")
    assert read_below(tmp_path) == ["1.emlx", "2.eml", "letters/3.txt"]


@pytest.mark.parametrize(
    "sign", ["Info.plist", "archive_browser.html", ".mh_sequences", "Old.msf", "cur/.", "new/."]
)
def test_an_mbox_is_mail_whatever_lies_beside_it(tmp_path, sign):
    """A name that shows the layout of a mail program costs nobody an archive."""
    lay(tmp_path, "Archive", "below/Sent", raw=BOX)
    (tmp_path / sign).parent.mkdir(exist_ok=True)
    (tmp_path / "new").mkdir(exist_ok=True)
    if not sign.endswith("."):
        (tmp_path / sign).touch()
    assert {"Archive#1", "below/Sent#1"} <= set(read_below(tmp_path))


@pytest.mark.parametrize("raw", [EMLX[:20], b"Subject: x\n\nHello.\n"])
def test_emlx_that_is_not_whole_is_one_row_with_an_error(tmp_path, raw):
    """A message that was cut, or has no length before it, is reported."""
    lay(tmp_path, "1.emlx", raw=raw)
    ((source, error),) = errors(tmp_path)
    assert source.endswith("1.emlx")
    assert error.startswith("broken: ")


def test_thunderbird_profile_gives_its_local_folders(tmp_path):
    """Mailboxes and subfolders are read; indexes, filters and settings are not."""
    local = tmp_path / "Mail/Local Folders"
    lay(local, "Sent", "Inbox", "Archives.sbd/2024", raw=BOX)
    lay(local, "Empty", raw=b"")
    lay(local, *(f"{name}.msf" for name in ("Sent", "Inbox", "Empty", "Archives.sbd/2024")))
    lay(local, "msgFilterRules.dat", "filterlog.html")
    lay(tmp_path / "ImapMail/imap.example.org", "INBOX", raw=BOX)
    lay(tmp_path / "ImapMail/imap.example.org", "INBOX.msf")
    lay(tmp_path, "prefs.js", "places.sqlite", "storage/default/x")
    assert read_below(tmp_path) == [
        "ImapMail/imap.example.org/INBOX#1",
        "Mail/Local Folders/Inbox#1",
        "Mail/Local Folders/Sent#1",
        "Mail/Local Folders/Archives.sbd/2024#1",
    ]


def test_thunderbird_may_keep_one_message_a_file(tmp_path):
    """What lies in tmp is not delivered yet; a mailbox of that name is one."""
    local = tmp_path / "Mail/Local Folders"
    lay(local, "Inbox/cur/1.eml", "Inbox/tmp/2.eml", "tmp/cur/3.eml")
    lay(local, "Inbox.msf", "tmp.msf")
    lay(tmp_path, "prefs.js")
    assert read_below(tmp_path) == [
        "Mail/Local Folders/Inbox/cur/1.eml",
        "Mail/Local Folders/tmp/cur/3.eml",
    ]


def test_what_thunderbird_deleted_is_passed_over(tmp_path):
    """An older copy of a draft stays in the file, marked, until the folder is compacted."""
    marked = [BOX.replace(b"\nSub", b"\nX-Mozilla-Status: %s\nSub" % s) for s in (b"0009", b"0001")]
    found = rows_of(b"".join(marked), tmp_path / "Drafts")
    assert [source for source, _, _ in found] == [f"{tmp_path}/Drafts#2"]


def test_what_only_quotes_the_mark_of_thunderbird_is_read(tmp_path):
    """The mark counts in the header alone, also where lines end in CRLF or no header is."""
    quoting = BOX.replace(b"Hello.", b"Hello.\nX-Mozilla-Status: 0009").replace(b"\n", b"\r\n")
    bare = b"From a@example.org Sat Mar  1 10:00:00 2025\n\nX-Mozilla-Status: 0009\n\nHello.\n"
    found = rows_of(bare + quoting, tmp_path / "Drafts")
    assert [source for source, _, _ in found] == [f"{tmp_path}/Drafts#{n}" for n in (1, 2)]


def test_takeout_folder_gives_its_mail(tmp_path):
    """An unpacked Takeout holds settings and an overview beside the mail."""
    lay(tmp_path, "archive_browser.html")
    lay(tmp_path, "Mail/All mail Including Spam and Trash.mbox", raw=BOX)
    lay(tmp_path, "Mail/User Settings/Filters.json")
    assert read_below(tmp_path, "takeout") == ["Mail/All mail Including Spam and Trash.mbox#1"]


def test_kind_can_be_named(tmp_path):
    """Named, a kind is not guessed: one message a file, or mailboxes only."""
    lay(tmp_path, "box", raw=BOX)
    assert [m.raw for m in walk([str(tmp_path)], "eml")] == [BOX]
    assert read_below(tmp_path, "mbox") == ["box#1"]
    lay(tmp_path, "note", "3")
    ((_, error), _) = errors(tmp_path, "mbox")
    assert 'does not begin with a "From " line' in error
    assert read_below(tmp_path, "mh") == ["3"]


@pytest.mark.parametrize("kind", ["mh", "maildir", "takeout", "emlx"])
def test_a_folder_without_mail_of_the_kind_named_is_a_row_with_an_error(tmp_path, kind):
    """Nothing was read there, so nothing is called clean; a folder that is empty may be."""
    lay(tmp_path, "m/note", "m/x/note")
    (tmp_path / "empty").mkdir()
    said = f"no mail of the kind {kind} lies in it; leave out --as {kind}."
    assert errors(tmp_path / "m", kind) == [(str(tmp_path / "m"), said)]
    assert not errors(tmp_path / "empty", kind)


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("mh", [".mh_sequences", "context"]), ("maildir", ["cur/.x", "new/.x", "dovecot.index"]),
     ("takeout", ["archive_browser.html"]), ("emlx", ["Info.plist"]), ("thunderbird", ["a.msf"])],
)  # fmt: skip
def test_a_folder_of_the_kind_named_may_hold_no_mail(tmp_path, kind, kept):
    """What the mail program keeps there shows that it is one."""
    lay(tmp_path, *kept)
    assert not list(walk([str(tmp_path)], kind))


def test_message_of_a_maildir_is_found_under_its_new_name(tmp_path):
    """A mail client that flags a message renames it; it is read all the same."""
    lay(tmp_path, "cur/1:2,", "cur/2:2,", "new/3", "tmp/4")
    found = walk([str(tmp_path)])
    assert next(found).error is None
    (tmp_path / "cur/2:2,").rename(tmp_path / "cur/2:2,S")
    (tmp_path / "new/3").rename(tmp_path / "cur/3:2,S")
    assert [m.error for m in found] == [None, None]


@contextmanager
def nobody():
    """A folder, and nobody's eyes to look at it: root may read everything."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        before = os.geteuid()
        try:
            yield Path(name), lambda: os.seteuid(65534) if before == 0 else None
        finally:
            os.seteuid(before)


def test_folder_and_file_one_may_not_read_are_rows_with_an_error():
    """What is locked is reported, and the rest is read."""
    with nobody() as (top, become_nobody):
        lay(top, "locked/1.eml", "open/2.eml", "open/3.eml")
        (top / "locked").chmod(0)
        (top / "open/2.eml").chmod(0)
        become_nobody()
        found = list(walk([str(top)]))
    assert [m.error and str(m.error)[:26] for m in found] == ["broken: permission denied;"] * 2 + [
        None
    ]


def test_a_folder_of_a_maildir_one_may_not_read_costs_no_other():
    """It is one row, and the rest of the tree is read."""
    with nobody() as (top, become_nobody):
        lay(top, "cur/1:2,S", "new/2", "tmp/3", ".Locked/cur/4", ".Sent/cur/5")
        for name in ("new", ".Locked"):
            (top / name).chmod(0)
        become_nobody()
        read, failed = read_below(top), errors(top)
    assert read == ["cur/1:2,S", ".Sent/cur/5"]
    assert [Path(source).name for source, _ in failed] == [".Locked", "new"]


def test_size_is_what_there_is_to_read(tmp_path):
    """The bytes of all files, and as many are said to be read in the end."""
    lay(tmp_path, "a.eml", "b/c.eml")
    lay(tmp_path, "box", raw=BOX * 3)
    total = size([str(tmp_path), "-"])
    assert total == len(NOTE) * 2 + len(BOX) * 3
    assert sum(m.read for m in walk([str(tmp_path)])) == total


def test_what_may_be_written_over_is_told_from_mail(tmp_path):
    """Mail is told in every way it is read: bare, packed or numbered. A report is none."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("Takeout/Mail/Sent.mbox", MBOX)
    for name, raw in (
        ("note.eml", NOTE), ("sent", MBOX),
        ("saved.eml", b"\xef\xbb\xbf" + NOTE), ("edited", b"\xef\xbb\xbf\n" + MBOX),
        ("sent.gz", gzip.compress(MBOX)),
        ("1.emlx", b"%d\n%s<plist/>" % (len(NOTE), NOTE)), ("takeout", packed.getvalue()),
        ("takeout.tgz", gzip.compress(b"")), ("takeout.tar", b"Takeout"),
    ):  # fmt: skip
        lay(tmp_path, name, raw=raw)
        assert holds_mail(tmp_path / name), name
    for name, raw in (
        ("report.txt", b"note.eml: flub: one passage\n"), ("rows.jsonl", b'{"source": "a"}\n'),
        ("report.html", b"<!DOCTYPE html>\n"), ("empty", b""),
    ):  # fmt: skip
        lay(tmp_path, name, raw=raw)
        assert not holds_mail(tmp_path / name), name
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "nowhere", "."):
        assert not holds_mail(tmp_path / name), name
