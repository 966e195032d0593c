"""The tables of vectors: each vector with its digest, and beside it its sign bits, which are searched first.

A block holds 256 codes: that of row n at place n % 256 of block n / 256, zeros where there is no vector.
`vec_quantize_binary` sets a bit for each component above zero, the lowest bit first.

Invariants, held by triggers whoever changes a row (a cascade, too): the codes are those of the vectors that are there,
so of a deleted vector no bit is left; a change raises the embedder's `version` and marks its block with it. Blocks and
embedders are never taken out, so a version never means two committed states.
"""

# ruff: noqa: S608 - the names that are put into statements are our own

from __future__ import annotations

from typing import Final


def vectors_of(kind: str, table: str) -> tuple[str, ...]:
    """The statements that make the tables and triggers for the vectors of `table`, named by `kind`."""
    state, blocks = f"{kind}_vector_state", f"{kind}_vector_bits"
    return (
        f"""
        CREATE TABLE {state} (
            embedder INTEGER PRIMARY KEY AUTOINCREMENT,
            embedder_sha256 TEXT NOT NULL UNIQUE,
            vectors INTEGER NOT NULL DEFAULT 0,
            version INTEGER NOT NULL DEFAULT 0
        ) STRICT
        """,
        f"""
        CREATE TABLE {kind}_vectors (
            {kind}_id INTEGER PRIMARY KEY REFERENCES {table} (id) ON DELETE CASCADE,
            embedder INTEGER NOT NULL REFERENCES {state} (embedder),
            vector_sha256 TEXT NOT NULL,
            embedding BLOB NOT NULL
        ) STRICT
        """,
        f"CREATE INDEX {kind}_vectors_embedder ON {kind}_vectors (embedder)",
        f"""
        CREATE TABLE {blocks} (
            embedder INTEGER NOT NULL REFERENCES {state} (embedder),
            block INTEGER NOT NULL,
            version INTEGER NOT NULL,
            bits BLOB NOT NULL,
            UNIQUE (embedder, block)
        ) STRICT
        """,
        f"CREATE INDEX {blocks}_version ON {blocks} (embedder, version)",
        *_triggers(kind),
    )


def _triggers(kind: str) -> tuple[str, ...]:
    state, blocks = f"{kind}_vector_state", f"{kind}_vector_bits"

    def code(row: str, bits: str) -> str:
        size = f"(length({row}.embedding) / 32)"
        place = f"(({row}.{kind}_id & 255) * {size})"
        return f"""
            INSERT INTO {blocks} (embedder, block, version, bits)
            VALUES ({row}.embedder, {row}.{kind}_id >> 8, 0, zeroblob(256 * {size}))
            ON CONFLICT (embedder, block) DO NOTHING;
            UPDATE {blocks} SET
                version = (SELECT version FROM {state} WHERE embedder = {row}.embedder),
                bits = CAST(substr(bits, 1, {place}) || {bits} || substr(bits, {place} + {size} + 1) AS BLOB)
            WHERE embedder = {row}.embedder AND block = {row}.{kind}_id >> 8;
        """

    return (
        f"""
        CREATE TRIGGER {kind}_vectors_insert AFTER INSERT ON {kind}_vectors BEGIN
            UPDATE {state} SET vectors = vectors + 1, version = version + 1 WHERE embedder = new.embedder;
            {code("new", "vec_quantize_binary(new.embedding)")}
        END
        """,
        f"""
        CREATE TRIGGER {kind}_vectors_delete AFTER DELETE ON {kind}_vectors BEGIN
            UPDATE {state} SET vectors = vectors - 1, version = version + 1 WHERE embedder = old.embedder;
            {code("old", "zeroblob(length(old.embedding) / 32)")}
        END
        """,
        f"""
        CREATE TRIGGER {kind}_vectors_update BEFORE UPDATE ON {kind}_vectors BEGIN
            SELECT RAISE(ABORT, 'a vector is deleted and inserted, never updated');
        END
        """,
    )


def vectors_by_embedder(kind: str, table: str) -> tuple[str, ...]:
    """The statements after which a row may have a vector of each of several embedders; what there is stays.

    While all is embedded anew, those of the former embedder wait beside the new ones.
    """
    vectors, former = f"{kind}_vectors", f"{kind}_vectors_of_one"
    return (
        *(f"DROP TRIGGER {vectors}_{event}" for event in ("insert", "delete", "update")),
        f"ALTER TABLE {vectors} RENAME TO {former}",
        f"""
        CREATE TABLE {vectors} (
            {kind}_id INTEGER NOT NULL REFERENCES {table} (id) ON DELETE CASCADE,
            embedder INTEGER NOT NULL REFERENCES {kind}_vector_state (embedder),
            vector_sha256 TEXT NOT NULL,
            embedding BLOB NOT NULL,
            UNIQUE ({kind}_id, embedder)
        ) STRICT
        """,
        f"INSERT INTO {vectors} SELECT {kind}_id, embedder, vector_sha256, embedding FROM {former} ORDER BY 1",
        f"DROP TABLE {former}",
        f"CREATE INDEX {vectors}_embedder ON {vectors} (embedder, {kind}_id)",
        *_triggers(kind),
    )


VECTORS_WITH_BITS: Final = (
    "ALTER TABLE memory_embeddings RENAME TO memory_embeddings_of_vec0",
    "CREATE TABLE vectors_of_vec0 (id INTEGER PRIMARY KEY, embedding BLOB)",
    "INSERT INTO vectors_of_vec0 SELECT rowid, embedding FROM memory_vectors",
    "DROP TABLE memory_vectors",
    *vectors_of("memory", "memories"),
    """
    INSERT INTO memory_vector_state (embedder_sha256)
    SELECT DISTINCT embedder_sha256 FROM memory_embeddings_of_vec0 ORDER BY embedder_sha256
    """,
    # A vector without its digest, or without its memory, was damage before; it is embedded anew.
    """
    INSERT INTO memory_vectors (memory_id, embedder, vector_sha256, embedding)
    SELECT memory_id, embedder, vector_sha256, embedding FROM memory_embeddings_of_vec0
    JOIN memory_vector_state USING (embedder_sha256)
    JOIN vectors_of_vec0 ON id = memory_id
    WHERE memory_id IN (SELECT id FROM memories)
    ORDER BY memory_id
    """,
    "DROP TABLE vectors_of_vec0",
    "DROP TABLE memory_embeddings_of_vec0",
    # How many memories there are, so that whether one has no vector yet is known without counting a million rows.
    "CREATE TABLE memory_count (memories INTEGER NOT NULL) STRICT",
    "INSERT INTO memory_count (memories) SELECT count(*) FROM memories",
    """
    CREATE TRIGGER memory_count_insert AFTER INSERT ON memories BEGIN
        UPDATE memory_count SET memories = memories + 1;
    END
    """,
    """
    CREATE TRIGGER memory_count_delete AFTER DELETE ON memories BEGIN
        UPDATE memory_count SET memories = memories - 1;
    END
    """,
)

# Past turns are found by the words of both sides and by the meaning of the user's; deleting a turn takes both out.
TURNS_FOUND: Final = (
    *vectors_of("turn", "turns"),
    """
    CREATE VIRTUAL TABLE turns_fts USING fts5 (
        prompt, answer, content='turns', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
    )
    """,
    "INSERT INTO turns_fts (turns_fts, rank) VALUES ('secure-delete', 1)",
    """
    CREATE TRIGGER turns_fts_insert AFTER INSERT ON turns BEGIN
        INSERT INTO turns_fts (rowid, prompt, answer) VALUES (new.id, new.prompt, new.answer);
    END
    """,
    """
    CREATE TRIGGER turns_fts_delete AFTER DELETE ON turns BEGIN
        INSERT INTO turns_fts (turns_fts, rowid, prompt, answer) VALUES ('delete', old.id, old.prompt, old.answer);
    END
    """,
    """
    CREATE TRIGGER turns_fts_update AFTER UPDATE OF prompt, answer ON turns BEGIN
        INSERT INTO turns_fts (turns_fts, rowid, prompt, answer) VALUES ('delete', old.id, old.prompt, old.answer);
        INSERT INTO turns_fts (rowid, prompt, answer) VALUES (new.id, new.prompt, new.answer);
    END
    """,
    "INSERT INTO turns_fts (turns_fts) VALUES ('rebuild')",
)

SEVERAL_EMBEDDERS: Final = (*vectors_by_embedder("memory", "memories"), *vectors_by_embedder("turn", "turns"))
