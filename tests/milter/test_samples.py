"""The trial's sample mails."""

from __future__ import annotations

import email
import io
import zipfile

import pytest
from sekisho_milter.samples import LISTED_URL, Sample, samples
from sekisho_rules.packs import SAMPLE_PAYLOAD


@pytest.fixture(params=samples(), ids=lambda sample: sample.recipient)
def sample(request: pytest.FixtureRequest) -> Sample:
    """Each sample in turn."""
    chosen = request.param
    assert isinstance(chosen, Sample)
    return chosen


def attached(sample: Sample) -> bytes:
    """The decoded content of the one attachment."""
    part = list(email.message_from_bytes(sample.content).walk())[-1]
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def by_name(key: str) -> Sample:
    """The sample whose recipient's local part is `key`."""
    return next(sample for sample in samples() if sample.recipient.startswith(f"{key}@"))


def test_there_are_six_with_a_recipient_each() -> None:
    """One sample is delivered, five are stopped; a recipient tells them apart."""
    made = samples()
    assert len({sample.recipient for sample in made}) == 6
    assert [sample.expected for sample in made].count("delivered") == 1


def test_sample_is_plain_mail(sample: Sample) -> None:
    """Every sample is 7-bit with CRLF line ends, lines that SMTP carries, and no defect that a parser sees."""
    assert sample.content.isascii()
    assert b"\n" not in sample.content.replace(b"\r\n", b"")
    assert max(map(len, sample.content.split(b"\r\n"))) <= 998
    parsed = email.message_from_bytes(sample.content)
    assert all(part.defects == [] for part in parsed.walk())
    assert sample.sender in str(parsed["From"])


def test_subject_of_the_lure() -> None:
    """The lure bears the subject of the public case, in ISO-2022-JP."""
    ((raw, charset),) = email.header.decode_header(email.message_from_bytes(by_name("lure").content)["Subject"])
    assert isinstance(raw, bytes)
    assert charset == "iso-2022-jp"
    assert raw.decode("iso-2022-jp") == "対北朝鮮措置の延長について"


def test_locked_zip_opens_with_the_password_in_the_text() -> None:
    """Another implementation opens the ZIP with the password that stands in the text and finds the listed file."""
    sample = by_name("opened")
    _, text, _ = email.message_from_bytes(sample.content).walk()
    shown = text.get_payload(decode=True)
    assert isinstance(shown, bytes)
    password = shown.decode("iso-2022-jp").partition("パスワード：")[2].split()[0]
    with zipfile.ZipFile(io.BytesIO(attached(sample))) as archive:
        assert archive.read("estimate.txt", password.encode()) == SAMPLE_PAYLOAD


def test_other_locked_zip_stays_locked() -> None:
    """No word of its own text opens the second ZIP, and its password differs from run to run."""
    with zipfile.ZipFile(io.BytesIO(attached(by_name("locked")))) as archive:
        assert archive.infolist()[0].flag_bits & 1
        with pytest.raises(RuntimeError, match="password required"):
            archive.read("drawing.txt")
    assert attached(by_name("locked")) != attached(by_name("locked"))


def test_decoy_acts_when_it_is_opened() -> None:
    """The decoy is a PDF with a script at opening; the clean mail's PDF has none."""
    assert b"/OpenAction << /S /JavaScript" in attached(by_name("decoy"))
    assert b"/JavaScript" not in attached(by_name("clean"))


def test_call_home_url_stands_in_the_text() -> None:
    """The listed URL is readable text of its mail."""
    assert LISTED_URL.encode() in by_name("callhome").content
