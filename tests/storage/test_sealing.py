from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_seal.errors import ConfigError, IntegrityError
from edge_seal.storage.key_file import KeyFile
from edge_seal.storage.sealing import Cost, DataKey, is_sealed

CHEAP = Cost(memory_kib=8, passes=1, lanes=1)
KEY = DataKey(bytes(range(32)))
CHUNK = 1 << 16


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_was_sealed_comes_back(size: int) -> None:
    plain = bytes(number % 251 for number in range(size))
    sealed = KEY.seal(plain, "adapter")
    assert is_sealed(sealed)
    assert KEY.unseal(sealed, "adapter", "it") == plain
    assert sealed != KEY.seal(plain, "adapter")


SEALED = KEY.seal(b"secret " * 20000, "adapter")  # three chunks
BODY = 16 + 1 + 8 + 16


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_a_changed_byte_anywhere_is_found(place: int, change: int) -> None:
    damaged = bytearray(SEALED)
    damaged[place] ^= change
    with pytest.raises(IntegrityError):
        KEY.unseal(bytes(damaged), "adapter", "it")


@pytest.mark.parametrize(
    "damaged",
    [
        SEALED[: BODY + 2 * (CHUNK + 16)],  # the last chunk is missing
        SEALED[:BODY],
        SEALED[:10],
        b"",
        SEALED + SEALED[-(len(SEALED) - BODY - 2 * (CHUNK + 16)) :],  # the last chunk twice
        SEALED[:BODY] + SEALED[BODY + CHUNK + 16 : BODY + 2 * (CHUNK + 16)] + SEALED[BODY : BODY + CHUNK + 16],
        DataKey(b"o" * 32).seal(b"another key", "adapter"),
        KEY.seal(b"another purpose", "export"),
    ],
    ids=["no end", "no body", "half a header", "nothing", "twice", "swapped", "another key", "another purpose"],
)
def test_chunks_that_are_missing_moved_or_foreign_are_found(damaged: bytes) -> None:
    with pytest.raises(IntegrityError):
        KEY.unseal(damaged, "adapter", "it")


def test_a_key_shows_nothing_of_itself_and_its_parts_differ() -> None:
    assert "secret" not in repr(KEY)
    assert len({KEY.secret, KEY.for_database, bytes.fromhex(KEY.id)}) == 3
    with pytest.raises(ConfigError):
        DataKey(b"short")


def test_a_passphrase_opens_its_key_file_however_its_letters_were_composed(tmp_path: Path) -> None:
    key_file = KeyFile.for_passphrase(KEY, "Schlüsselwörter", CHEAP)
    (tmp_path / "key.json").write_bytes(key_file.content())
    read = KeyFile.read(tmp_path / "key.json")
    assert read is not None
    assert read == key_file
    assert read.opened_with("Schlüsselwörter") == KEY
    with pytest.raises(ConfigError, match="not the right one"):
        read.opened_with("Schlusselworter")
    assert KEY.secret.hex() not in (tmp_path / "key.json").read_text()
    assert KeyFile.for_passphrase(KEY, "Schlüsselwörter", CHEAP) != key_file


@pytest.mark.parametrize("field", ["memory_kib", "passes", "lanes", "salt", "key_id", "wrapped", "holder"])
def test_a_key_file_with_another_value_opens_nothing(field: str) -> None:
    stored = json.loads(KeyFile.for_passphrase(KEY, "eight or more", Cost(64, 2, 2)).content())
    holder = stored["kdf"] if field in stored["kdf"] else stored
    holder[field] = {
        "memory_kib": 128, "passes": 1, "lanes": 1, "salt": "00" * 16, "key_id": "00" * 8,
        "wrapped": "00" * 60, "holder": "somebody",
    }[field]  # fmt: skip
    with pytest.raises((ConfigError, IntegrityError)):
        KeyFile.parsed(json.dumps(stored).encode(), "it").opened_with("eight or more")


@pytest.mark.parametrize(
    "kdf", [{"memory_kib": 1 << 30}, {"passes": 10**6}, {"lanes": 0}, {"name": "md5"}, {"salt": "no digits"}]
)
def test_a_key_file_cannot_ask_for_the_impossible(kdf: dict[str, object]) -> None:
    stored = json.loads(KeyFile.for_passphrase(KEY, "eight or more", CHEAP).content())
    stored["kdf"] |= kdf
    with pytest.raises(IntegrityError, match="damaged"):
        KeyFile.parsed(json.dumps(stored).encode(), "it")
