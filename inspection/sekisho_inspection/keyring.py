"""The keyring of one reading: passwords that it is given, and those that the mail states. They are secrets."""

from __future__ import annotations

from collections.abc import Sequence

from sekisho_core.passwords import NO_KEYS, NONE, Keys, Passwords

# Of these words one stands in every text that states a password, in one width or the other. To look for them costs a
# twentieth of what it takes to find the passwords, and most mail has none.
_HINTS = (
    "pass", "pw", "pin", "kennwort", "mot de", "ｐ", "Ｐ", "パス", "ﾊﾟｽ", "暗", "合言葉", "合い言葉", "キー", "ｷｰ", "鍵",
    "コード", "ｺｰﾄﾞ", "復号", "解凍", "開封", "認証", "文字", "数字", "番号", "密码", "密碼", "口令", "암호", "비밀번호",
)  # fmt: skip
# A text that is longer is no notice of a password.
_MOST_TEXT = 1 << 16


class Keyring:
    """Holds the keys of one mail's reading; what shows it shows none of them."""

    def __init__(self, keys: Keys = NO_KEYS) -> None:
        self._keys = keys
        self.stated = NONE

    @property
    def wanted(self) -> bool:
        """Whether the passwords that the mail states are asked for."""
        return self._keys.wanted

    def ordered(self, own: Sequence[str]) -> list[str]:
        """What is to be tried: a person's words, the mail's own, those from elsewhere."""
        return list(dict.fromkeys([*self._keys.first.words, *own, *self._keys.more.words]))

    def tell(self, own: Sequence[str]) -> None:
        """Keep what the mail states for whoever asked for it."""
        self.stated = Passwords.of(own)


def may_state_one(texts: Sequence[str]) -> bool:
    """Whether a look for passwords in these texts is worth its time."""
    if sum(map(len, texts)) > _MOST_TEXT:
        return False
    lowered = [text.lower() for text in texts]
    return any(hint in text for text in lowered for hint in _HINTS)
