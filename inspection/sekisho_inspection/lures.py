"""What subject and names say together: a file that is called as the mail is, and words of mixed scripts."""

from __future__ import annotations

import re

from sekisho_core.normalise import normalise_subject
from sekisho_core.scripts import mixed_word
from sekisho_core.vocabulary import Subject

from sekisho_inspection.notes import Notes

# A shorter form is a generic word, such as お知らせ.
_LEAST = 4
# Names of one mail that are compared, and the characters of one.
_MOST_NAMES, _MOST_CHARS = 500, 255
_ENDING = re.compile(r"\.[0-9A-Za-z_]{1,5}$")
_NAMES = {
    "email-message:subject": "subject",
    "email-addr:display_name": "display name",
    "file:name": "file name",
}


def note_lures(subject: Subject, notes: Notes) -> None:
    """Note files called as the mail's subject, and mixed scripts in subjects, display names and file names."""
    _note_equal_names(subject, notes)
    for one in notes.observables:
        if one.path in _NAMES and (word := mixed_word(one.value)):
            notes.find("mixed-script", one.where, f"{_NAMES[one.path]}: {word}")


def _note_equal_names(subject: Subject, notes: Notes) -> None:
    if len(subject.normalised) < _LEAST:
        return
    named = [(name, part.id) for part in notes.parts for name in part.names]
    for name, part_id in named[:_MOST_NAMES]:
        if _is_called(name[-_MOST_CHARS:], subject.normalised):
            notes.find("name-equals-subject", f"part:{part_id}", name)


def _is_called(name: str, normalised: str) -> bool:
    last = name.rpartition("/")[2]
    return normalised in (normalise_subject(last), normalise_subject(_ENDING.sub("", last)))
