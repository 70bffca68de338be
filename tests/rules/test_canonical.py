"""The canonical indicator: one key for one meaning."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sekisho_rules.canonical import PATTERN, canonical


def key(pattern: str, kind: str = "stix") -> str:
    """The key of a pattern."""
    return canonical(pattern, kind).id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[domain-name:value = 'Evil[.]EXAMPLE.']", "[domain-name:value='evil.example']"),
        ("[domain-name:value = '日本.example.jp']", "[domain-name:value = 'xn--wgv71a.example.jp']"),
        ("[file:hashes.SHA256 = 'AB']", "[file:hashes.'SHA-256' = 'ab']"),
        ("[file:hashes.sha256 = 'ab']", "[file:hashes.'SHA-256' = 'ab']"),
        ("[url:value = 'hxxp://Evil.example:80/a/../b']", "[url:value = 'http://evil.example/b']"),
        ("[email-message:subject = 'Ｒｅ： 取材のご依頼']", "[email:subject = 'Re:取材のご依頼']"),
        ("[email-message:from_ref.value = 'A@Evil.example']", "[email-message:from_ref.value = 'a@evil[.]example']"),
        ("[ipv4-addr:value = '192.0.2.1/32']", "[ipv4-addr:value = '192.0.2.1']"),
        ("[ipv4-addr:value ISSUBSET '192.0.2.9/24']", "[ipv4-addr:value = '192.0.2.0/24']"),
        ("[file:name IN ('a.exe')]", "[file:name = 'a.exe']"),
        ("[file:name NOT != 'a.exe']", "[file:name = 'a.exe']"),
        ("[file:name != 'a.exe']", "[file:name NOT = 'a.exe']"),
        ("[file:name = 'a.exe' OR file:name = 'a.exe']", "[file:name = 'a.exe']"),
        ("[file:name IN ('b', 'a')]", "[file:name = 'a'] OR [file:name = 'b']"),
        ("[file:name = 'a' OR file:name = 'b']", "[file:name = 'b'] OR [file:name = 'a']"),
        ("[file:name = 'a' AND file:size > 5]", "[file:size > 5 AND file:name = 'a']"),
        ("[file:name = 'a'] AND [url:value = 'x.example/']", "([url:value = 'x.example'] AND [file:name = 'a'])"),
        (
            "[file:name = 'a' AND (file:size > 5 AND file:size < 9)]",
            "[file:size < 9 AND file:size > 5 AND file:name = 'a']",
        ),
        ("[email-message:to_refs[*].value = 'a@b.example']", "[email-message:to_refs[0].value = 'a@b.example']"),
        ("[email-message:additional_header_fields.'X-Mailer' = 'q']", "[email-message:x_mailer = 'q']"),
        ("[file:name = 'a'] FOLLOWEDBY [file:name = 'b']", "[file:name='a']  FOLLOWEDBY\n[ file:name = 'b' ]"),
        ("[file:name LIKE 'Ａ%.EXE']", "[file:name LIKE 'a%.exe']"),
    ],
)  # fmt: skip
def test_one_meaning(one: str, other: str) -> None:
    """Spellings of one meaning have one key."""
    assert canonical(one)[:3] == canonical(other)[:3]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[file:name = 'a']", "[file:name = 'b']"),
        ("[file:name = 'a']", "[file:name LIKE 'a']"),
        ("[domain-name:value = 'a.example']", "[network-traffic:dst_ref.value = 'a.example']"),
        ("[domain-name:value = 'a.example']", "[domain-name:value = 'b.a.example']"),
        ("[url:value = 'http://a.example/X']", "[url:value = 'http://a.example/x']"),
        ("[file:name = 'a'] AND [file:name = 'b']", "[file:name = 'a' AND file:name = 'b']"),
        ("[file:name = 'a'] AND [file:name = 'b']", "[file:name = 'a'] OR [file:name = 'b']"),
        ("[file:name = 'a'] FOLLOWEDBY [file:name = 'b']", "[file:name = 'b'] FOLLOWEDBY [file:name = 'a']"),
        ("[file:name = 'a'] REPEATS 2 TIMES", "[file:name = 'a'] REPEATS 3 TIMES"),
        ("[file:name NOT IN ('a', 'b')]", "[file:name NOT = 'a' OR file:name NOT = 'b']"),
        ("[file:name NOT = 'a']", "[file:name = 'a']"),
        ("[file:name = 'a' OR file:name = 'b\\' OR x']", "[file:name = 'a' OR file:name = 'b']"),
        ("[file:name = 'a'] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'", "[file:name = 'a']"),
        ("[not a pattern", "[not another pattern"),
    ],
)
def test_two_meanings(one: str, other: str) -> None:
    """Patterns that mean different things have different keys."""
    assert key(one) != key(other)


def test_what_it_says() -> None:
    """A single equality has its object path, both forms of its value and the part of the mail that it looks at; the
    key is a UUID of version 5."""
    found = canonical("[domain-name:value = 'Evil[.]EXAMPLE.']")
    assert found[1:] == ("domain-name:value", "evil.example", "Evil[.]EXAMPLE.", ("host",))
    assert uuid.UUID(found.id).version == 5
    both = canonical("[email-message:subject = 'x y'] AND [file:name = 'a.exe']")
    assert (both.type, both.match_on) == (PATTERN, ("attachment", "subject"))
    assert both.value == "([email-message:subject = 'xy'] AND [file:name = 'a.exe'])"


YARA = """rule a { // why
  meta: author = "x // y"
  strings: $a = "a  /* b */" wide
    $h = { 4D 5A /* MZ */ [2-4] 90 } $r = /a  b\\/ \\/\\/ c/i
  condition: filesize / 2 > 1 and $a and any of ($r*) }"""


def test_yara_respelt() -> None:
    """Blanks and comments of YARA source change nothing."""
    other = (
        YARA.replace(" // why", "/* another\nword */").replace("\n", "\n\n\t").replace("filesize / 2", "filesize/2 ")
    )
    assert key(YARA, "yara") == key(other.replace(" /* MZ */", ""), "yara")
    assert canonical(YARA, "yara").match_on == ("content",)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a  /* b */", "a /* b */"),
        ("a  /* b */", "a  "),
        ("x // y", "x"),
        ("a  b\\/", "a b\\/"),
        ("\\/\\/ c/i", "\\/\\/ d/i"),
        ("4D 5A", "4D 5B"),
        ("2 > 1", "2 > 2"),
    ],
)
def test_yara_strings_stay(old: str, new: str) -> None:
    """What stands in strings and regular expressions of YARA is never taken for blanks or comments."""
    assert old in YARA
    assert key(YARA, "yara") != key(YARA.replace(old, new), "yara")


def test_a_division_begins_no_expression() -> None:
    """Slashes of two divisions on one line do not hide that a string stands between them."""
    source = 'rule a { condition: filesize / 2 > 1 and "a" == "b" and 8 / 2 == "x  // y" }'
    assert key(source, "yara") != key(source.replace("x  // y", "x // y"), "yara")
    assert key(source, "yara") != key(source.replace("x  // y", "x  // z"), "yara")


def test_other_types() -> None:
    """Other pattern types have the digest of their source; the same text of another type is another indicator."""
    assert key("alert tcp", "snort") == key(" alert tcp\n", "snort") != key("alert tcp", "suricata")


VALUES = st.sampled_from(["a.exe", "b'c\\d", "e f", "日本.pdf", "x] AND [y", "AND", "g//h", "i/*j*/"])
LEAVES = st.tuples(st.sampled_from(["file:name", "file:hashes.'SHA-256'", "file:size"]), VALUES)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.tuples(st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)),
    max_leaves=8,
)


def respelt(tree: tuple, draw: st.DataObject) -> str:  # type: ignore[type-arg]
    """One of the ways to write a tree of comparisons."""
    blank = draw.draw(st.sampled_from([" ", "  ", "\n", "\t "]))
    if tree[0] not in ("AND", "OR"):
        path, value = tree
        if path == "file:hashes.'SHA-256'":
            path = draw.draw(
                st.sampled_from([path, "file:hashes.SHA256", "file:hashes.sha256", "file:hashes.'sha_256'"])
            )
            value = draw.draw(st.sampled_from([value, value.upper()]))
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"{path}{draw.draw(st.sampled_from(['', blank]))}={draw.draw(st.sampled_from(['', blank]))}'{quoted}'"
    operands = [respelt(operand, draw) for operand in draw.draw(st.permutations(tree[1]))]
    operands += operands[:1] * draw.draw(st.integers(0, 1))
    return f"({f'{blank}{tree[0]}{blank}'.join(operands)})"


@given(TREES, st.data())
def test_respelling_keeps_the_key(tree: tuple, data: st.DataObject) -> None:  # type: ignore[type-arg]
    """Blanks, quotes around path steps, the order and number of operands and the spelling of hash names say nothing."""
    assert key(f"[{respelt(tree, data)}]") == key(f"[ {respelt(tree, data)} ]")


@given(st.text(max_size=40).filter(str.strip), st.text(max_size=40).filter(str.strip))
def test_two_values_have_two_keys(one: str, other: str) -> None:
    """Values of a path that folds nothing have one key only where they are the same text but for blanks around it."""
    keys = [
        key(f"[x-a:b = '{text.replace(chr(92), chr(92) * 2).replace(chr(39), chr(92) + chr(39))}']")
        for text in (one, other)
    ]
    assert (keys[0] == keys[1]) == (one.strip() == other.strip())


@given(st.text(max_size=200), st.sampled_from(["stix", "yara", "sigma"]))
def test_anything_has_a_key(text: str, kind: str) -> None:
    """No text raises."""
    assert key(text, kind) == key(text, kind)
