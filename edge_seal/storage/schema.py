"""The tables, as numbered migrations that are only ever added to.

Invariants that the database itself holds: a row of the ledger is never changed or deleted; at most one update is
active; a number once used for a row is never used again (so `m3` always means the same memory); the word index is in
step with the memories.

Identifiers are stored as numbers; the letter (`t12`, `u2`) is put before them when they leave the storage layer.
Times are text from `clock.timestamp`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge_seal.storage.vector_tables import SEVERAL_EMBEDDERS, TURNS_FOUND, VECTORS_WITH_BITS

# "EdSl", so that a file of another program is told apart before anything in it is believed.
APPLICATION_ID: Final = 0x4564536C

# Dimension of the vectors of the default embedder; vec0 fixes it when the table is made.
EMBEDDING_DIMENSION: Final = 384


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: its statements run in one transaction, together with the record that they ran."""

    number: int
    name: str
    statements: tuple[str, ...]


_CONVERSATIONS = (
    """
    CREATE TABLE conversations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        created_at TEXT NOT NULL,
        title TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    """
    CREATE TABLE turns (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        created_at TEXT NOT NULL,
        prompt TEXT NOT NULL,
        origin TEXT NOT NULL,
        answer TEXT NOT NULL,
        update_id INTEGER REFERENCES updates (id),
        base_sha256 TEXT NOT NULL,
        memories TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(memories)),
        timing TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(timing)),
        seed INTEGER NOT NULL DEFAULT 1
    ) STRICT
    """,
    "CREATE INDEX turns_conversation ON turns (conversation_id)",
    """
    CREATE TABLE signals (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        created_at TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('taught', 'correction', 'good', 'bad')),
        prompt TEXT NOT NULL,
        answer TEXT NOT NULL,
        origin TEXT NOT NULL,
        source TEXT,
        turn_id INTEGER REFERENCES turns (id) ON DELETE SET NULL,
        state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'learned', 'dropped', 'refused'))
    ) STRICT
    """,
    "CREATE INDEX signals_state ON signals (state)",
)

_MEMORIES = (
    # `digest` is salted, so that the ledger, which keeps it for ever, cannot be searched for a forgotten text.
    """
    CREATE TABLE memories (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        created_at TEXT NOT NULL,
        text TEXT NOT NULL,
        origin TEXT NOT NULL,
        source TEXT,
        valid_from TEXT NOT NULL,
        valid_to TEXT,
        digest TEXT NOT NULL,
        salt TEXT NOT NULL DEFAULT ''
    ) STRICT
    """,
    """
    CREATE VIRTUAL TABLE memories_fts USING fts5 (
        text, content='memories', content_rowid='id', tokenize='porter unicode61 remove_diacritics 2'
    )
    """,
    # Without it the words of a forgotten memory stay in the index until its segments happen to be merged.
    "INSERT INTO memories_fts (memories_fts, rank) VALUES ('secure-delete', 1)",
    """
    CREATE TRIGGER memories_fts_insert AFTER INSERT ON memories BEGIN
        INSERT INTO memories_fts (rowid, text) VALUES (new.id, new.text);
    END
    """,
    """
    CREATE TRIGGER memories_fts_delete AFTER DELETE ON memories BEGIN
        INSERT INTO memories_fts (memories_fts, rowid, text) VALUES ('delete', old.id, old.text);
    END
    """,
    """
    CREATE TRIGGER memories_fts_update AFTER UPDATE OF text ON memories BEGIN
        INSERT INTO memories_fts (memories_fts, rowid, text) VALUES ('delete', old.id, old.text);
        INSERT INTO memories_fts (rowid, text) VALUES (new.id, new.text);
    END
    """,
    f"""
    CREATE VIRTUAL TABLE memory_vectors USING vec0 (
        embedding float[{EMBEDDING_DIMENSION}] distance_metric=cosine
    )
    """,
    # vec0 does not notice changed bytes in its chunks, so each vector's own digest is kept beside it.
    """
    CREATE TABLE memory_embeddings (
        memory_id INTEGER PRIMARY KEY REFERENCES memories (id) ON DELETE CASCADE,
        embedder_sha256 TEXT NOT NULL,
        vector_sha256 TEXT NOT NULL
    ) STRICT
    """,
)

_UPDATES = (
    """
    CREATE TABLE updates (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        created_at TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN (
            'proposed', 'scored', 'cleared', 'trained', 'gated', 'awaiting_approval',
            'canary', 'active', 'retired', 'rejected', 'rolled_back', 'abandoned'
        )),
        parent_id INTEGER REFERENCES updates (id),
        base_sha256 TEXT NOT NULL,
        adapter_sha256 TEXT,
        manifest_sha256 TEXT,
        examples_salt TEXT,
        reason TEXT NOT NULL DEFAULT '',
        CHECK ((adapter_sha256 IS NULL) = (manifest_sha256 IS NULL))
    ) STRICT
    """,
    "CREATE UNIQUE INDEX updates_one_active ON updates (state) WHERE state = 'active'",
    """
    CREATE TABLE examples (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        update_id INTEGER NOT NULL REFERENCES updates (id),
        role TEXT NOT NULL,
        prompt TEXT NOT NULL,
        answer TEXT NOT NULL,
        origin TEXT NOT NULL,
        signal_id INTEGER REFERENCES signals (id),
        derived_by TEXT NOT NULL,
        weight REAL NOT NULL,
        closed INTEGER NOT NULL CHECK (closed IN (0, 1))
    ) STRICT
    """,
    "CREATE INDEX examples_update ON examples (update_id)",
)

_LEDGER = (
    """
    CREATE TABLE ledger (
        seq INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        actor TEXT NOT NULL,
        event TEXT NOT NULL,
        subject TEXT NOT NULL,
        body TEXT NOT NULL,
        previous_hash TEXT NOT NULL,
        entry_hash TEXT NOT NULL UNIQUE
    ) STRICT
    """,
    "CREATE INDEX ledger_event ON ledger (event)",
    # Against our own mistakes; whoever edits the file with another program is found out by the hashes.
    """
    CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger BEGIN
        SELECT RAISE(ABORT, 'the ledger is append-only');
    END
    """,
    """
    CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger BEGIN
        SELECT RAISE(ABORT, 'the ledger is append-only');
    END
    """,
)

_SETTINGS = (
    """
    CREATE TABLE settings (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)

# Forgetting a memory has to find what was learned from it, and every example of a lesson.
_LESSONS_OF_MEMORIES = (
    "ALTER TABLE signals ADD COLUMN memory_id INTEGER REFERENCES memories (id) ON DELETE SET NULL",
    "CREATE INDEX signals_memory ON signals (memory_id)",
    "CREATE INDEX signals_turn ON signals (turn_id)",
    "CREATE INDEX examples_signal ON examples (signal_id)",
)

_FACTS = (
    # What the rules read in a memory's text: derived, so it goes with the memory and can be read anew. A fact ends by
    # itself where its memory says other things too. `holds` 0: "I no longer ...".
    """
    CREATE TABLE facts (
        memory_id INTEGER NOT NULL REFERENCES memories (id) ON DELETE CASCADE,
        subject TEXT NOT NULL,
        attribute TEXT NOT NULL,
        value TEXT NOT NULL,
        holds INTEGER NOT NULL CHECK (holds IN (0, 1)),
        valid_to TEXT,
        ended_by INTEGER REFERENCES memories (id) ON DELETE SET NULL,
        PRIMARY KEY (memory_id, subject, attribute, value)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX facts_of ON facts (subject, attribute)",
    "CREATE INDEX facts_ended_by ON facts (ended_by) WHERE ended_by IS NOT NULL",
    # The second clock of an end: when it was learned, and from which memory (NULL: a person's decision, or forgotten).
    """
    CREATE TABLE memory_ends (
        memory_id INTEGER PRIMARY KEY REFERENCES memories (id) ON DELETE CASCADE,
        learned_at TEXT NOT NULL,
        ended_by INTEGER REFERENCES memories (id) ON DELETE SET NULL
    ) STRICT
    """,
    "CREATE INDEX memory_ends_ended_by ON memory_ends (ended_by) WHERE ended_by IS NOT NULL",
    """
    CREATE TABLE contradictions (
        first_id INTEGER NOT NULL REFERENCES memories (id) ON DELETE CASCADE,
        second_id INTEGER NOT NULL REFERENCES memories (id) ON DELETE CASCADE,
        found_at TEXT NOT NULL,
        similarity REAL,
        state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'resolved')),
        PRIMARY KEY (first_id, second_id),
        CHECK (first_id < second_id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX contradictions_second ON contradictions (second_id)",
    # What was said in passing and waits for a yes. It goes with the conversation that it was said in.
    """
    CREATE TABLE proposals (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        created_at TEXT NOT NULL,
        text TEXT NOT NULL,
        turn_id INTEGER REFERENCES turns (id) ON DELETE CASCADE,
        found_by TEXT NOT NULL,
        digest TEXT NOT NULL,
        salt TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX proposals_turn ON proposals (turn_id)",
    # The facts of memories from before are read by the program when it first needs them.
    "CREATE TABLE facts_unread (memory_id INTEGER PRIMARY KEY REFERENCES memories (id) ON DELETE CASCADE) STRICT",
    "INSERT INTO facts_unread SELECT id FROM memories",
)

_CANARIES = (
    # What a canary was started with. `drawn` counts the conversations that were given an arm; with `key` it says which.
    """
    CREATE TABLE canaries (
        update_id INTEGER PRIMARY KEY REFERENCES updates (id),
        started_at TEXT NOT NULL,
        key TEXT NOT NULL,
        drawn INTEGER NOT NULL DEFAULT 0,
        share REAL NOT NULL,
        false_rollback REAL NOT NULL,
        false_promotion REAL NOT NULL,
        least_pairs INTEGER NOT NULL,
        most_conversations INTEGER NOT NULL
    ) STRICT
    """,
    # In the order in which they began. Without a conversation: a first answer that did not come about.
    """
    CREATE TABLE canary_conversations (
        place INTEGER PRIMARY KEY AUTOINCREMENT,
        update_id INTEGER NOT NULL REFERENCES canaries (update_id),
        conversation_id INTEGER UNIQUE REFERENCES conversations (id) ON DELETE CASCADE,
        arm TEXT NOT NULL CHECK (arm IN ('candidate', 'incumbent')),
        errors INTEGER NOT NULL DEFAULT 0
    ) STRICT
    """,
    "CREATE INDEX canary_conversations_update ON canary_conversations (update_id)",
    # What the incumbent and the candidate said to the same prompt: texts, which go with what they were made from.
    """
    CREATE TABLE comparisons (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        update_id INTEGER NOT NULL REFERENCES updates (id),
        kind TEXT NOT NULL CHECK (kind IN ('held_back', 'past')),
        turn_id INTEGER REFERENCES turns (id) ON DELETE CASCADE,
        prompt TEXT NOT NULL,
        before TEXT NOT NULL,
        after TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX comparisons_update ON comparisons (update_id)",
    "CREATE INDEX comparisons_turn ON comparisons (turn_id) WHERE turn_id IS NOT NULL",
)

_LIMITS_AND_MONITORING = (
    # One row for each stretch of one start of the machine in which the home was used: the seconds from `first_s` to
    # `last_s` have passed for sure. The time of a counted update lies in one of them.
    """
    CREATE TABLE clock_marks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        boot TEXT NOT NULL,
        first_s REAL NOT NULL,
        last_s REAL NOT NULL,
        last_at TEXT NOT NULL,
        CHECK (first_s <= last_s)
    ) STRICT
    """,
    # What each cycle used, whatever became of it. A row that is `running` when nobody works was left by a crash.
    """
    CREATE TABLE learning_runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        boot TEXT NOT NULL,
        uptime_s REAL NOT NULL,
        actor TEXT NOT NULL,
        update_id INTEGER REFERENCES updates (id),
        outcome TEXT NOT NULL,
        wall_s REAL NOT NULL DEFAULT 0,
        cpu_s REAL NOT NULL DEFAULT 0,
        energy_j REAL NOT NULL DEFAULT 0,
        energy_measured INTEGER NOT NULL DEFAULT 0 CHECK (energy_measured IN (0, 1))
    ) STRICT
    """,
    # What cannot be derived from other rows later on. It goes with the turn that it is about.
    """
    CREATE TABLE samples (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        metric TEXT NOT NULL,
        value REAL NOT NULL,
        turn_id INTEGER REFERENCES turns (id) ON DELETE CASCADE
    ) STRICT
    """,
    "CREATE INDEX samples_metric ON samples (metric, id)",
    "CREATE INDEX samples_turn ON samples (turn_id) WHERE turn_id IS NOT NULL",
    """
    CREATE TABLE alerts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        metric TEXT NOT NULL,
        value REAL NOT NULL,
        n INTEGER NOT NULL,
        usual REAL NOT NULL,
        bound REAL NOT NULL,
        acknowledged_at TEXT
    ) STRICT
    """,
    # How far each metric was looked at: no observation is judged twice.
    "CREATE TABLE control_marks (metric TEXT PRIMARY KEY, through INTEGER NOT NULL) STRICT, WITHOUT ROWID",
)

# What is derived from texts of several origins: the least trusted one stays in `origin`, the others, with commas
# between them, here.
_SEVERAL_ORIGINS = tuple(
    f"ALTER TABLE {table} ADD COLUMN also_from TEXT NOT NULL DEFAULT ''" for table in ("turns", "signals", "examples")
)
# A turn that another one has taken the place of is kept, because what was said of its answer goes back to it.
_TURNS_ASKED_AGAIN = (
    "ALTER TABLE turns ADD COLUMN set_aside INTEGER NOT NULL DEFAULT 0 CHECK (set_aside IN (0, 1))",
    "ALTER TABLE turns ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0 CHECK (stopped IN (0, 1))",
    "ALTER TABLE conversations ADD COLUMN system_prompt TEXT NOT NULL DEFAULT ''",
)
# The version of the tables from which on the ledger is counted.
COUNTED_SINCE: Final = 10

_LEDGER_COUNT = (
    # How many entries the ledger has and the frontier of the tree over them (32 bytes a peak, largest first). It only
    # goes up. The program makes the row with the first entry that it writes.
    """
    CREATE TABLE ledger_count (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        entries INTEGER NOT NULL,
        entry_hash TEXT NOT NULL,
        peaks BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TRIGGER ledger_count_goes_up BEFORE UPDATE ON ledger_count WHEN new.entries <= old.entries BEGIN
        SELECT RAISE(ABORT, 'the count of the ledger only goes up');
    END
    """,
    """
    CREATE TRIGGER ledger_count_stays BEFORE DELETE ON ledger_count BEGIN
        SELECT RAISE(ABORT, 'the count of the ledger stays');
    END
    """,
)


_SCOPE = (
    # Vectors of how a lesson may be asked: as private as the lesson, so they go with it.
    """
    CREATE TABLE scope_vectors (
        example_id INTEGER PRIMARY KEY REFERENCES examples (id) ON DELETE CASCADE,
        embedder_sha256 TEXT NOT NULL,
        vectors BLOB NOT NULL
    ) STRICT
    """,
)

_LESSON_APPROVALS = (
    # What a person let in that the guardian had put aside; the salt of the ledger's hash goes with the lesson.
    """
    CREATE TABLE lesson_approvals (
        signal_id INTEGER PRIMARY KEY REFERENCES signals (id) ON DELETE CASCADE,
        approved_at TEXT NOT NULL,
        salt TEXT NOT NULL,
        rules TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TRIGGER lesson_approvals_of_words AFTER UPDATE OF prompt, answer ON signals BEGIN
        DELETE FROM lesson_approvals WHERE signal_id = old.id;
    END
    """,
)

_CANARIES_BY_SCOPE = (
    # In which order conversations came to a question that the candidate would answer otherwise; NULL: they never did.
    "ALTER TABLE canary_conversations ADD COLUMN counted INTEGER",
    "UPDATE canary_conversations SET counted = place",
)


_LESSONS_RECORDED = (
    # The salt of the ledger's hash of a lesson goes with it. Lessons of versions before have no entry.
    "ALTER TABLE signals ADD COLUMN salt TEXT",
    """
    INSERT OR REPLACE INTO settings (key, value)
        SELECT 'lessons_recorded_after', CAST(max(id) AS TEXT) FROM signals HAVING count(*) > 0
    """,
)


MIGRATIONS: Final[tuple[Migration, ...]] = (
    Migration(1, "first tables", (*_UPDATES, *_CONVERSATIONS, *_MEMORIES, *_LEDGER, *_SETTINGS)),
    Migration(2, "lessons name the memory they come from", _LESSONS_OF_MEMORIES),
    Migration(3, "facts with two clocks, contradictions, proposals", _FACTS),
    Migration(4, "vectors with sign bits", VECTORS_WITH_BITS),
    Migration(5, "past turns are found", TURNS_FOUND),
    Migration(6, "vectors of several embedders", SEVERAL_EMBEDDERS),
    Migration(7, "texts of several origins", _SEVERAL_ORIGINS),
    Migration(8, "turns asked again, stopped answers, system prompts", _TURNS_ASKED_AGAIN),
    Migration(9, "limits and monitoring", _LIMITS_AND_MONITORING),
    Migration(COUNTED_SINCE, "the ledger is counted, with the frontier of its tree", _LEDGER_COUNT),
    Migration(11, "canaries, and what was said before and after", _CANARIES),
    Migration(12, "what lessons bear on", _SCOPE),
    Migration(13, "lessons that a person let in", _LESSON_APPROVALS),
    Migration(14, "canaries count what their candidate bears on", _CANARIES_BY_SCOPE),
    Migration(15, "lessons are in the audit trail", _LESSONS_RECORDED),
)
