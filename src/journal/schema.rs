//! The tables, by version.
//!
//! Ids are text and times integer milliseconds since 1970, so that the same statements run on another engine.

/// Marks the file as a Portcullis journal in SQLite's header: the letters "PtCj".
pub(super) const APPLICATION_ID: i64 = 0x5074_436a;

/// One script a version; a file at version n has had the first n.
pub(super) const MIGRATIONS: &[&str] = &[FIRST, TREES];

/// `records` is the chain. Its last six columns repeat parts of `body` for look-ups; verification compares them.
/// `subject` is the intent's id, or the digest of a used-up plan. `head` holds one row, the newest record.
const FIRST: &str = "
CREATE TABLE records (
    seq BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    run TEXT NOT NULL,
    target TEXT,
    body TEXT NOT NULL,
    hash TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT,
    kind TEXT,
    entry TEXT,
    principal TEXT,
    outcome TEXT
);
CREATE INDEX records_subject ON records (subject, type, seq);
CREATE INDEX records_entry ON records (target, type, kind, entry);
CREATE INDEX records_type ON records (type, at);
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), seq BIGINT NOT NULL, hash TEXT NOT NULL);
INSERT INTO head (id, seq, hash) VALUES (1, 0, '');
CREATE TABLE matches (
    target TEXT NOT NULL, kind TEXT NOT NULL, entry TEXT NOT NULL,
    declaration TEXT NOT NULL, file TEXT NOT NULL, line BIGINT NOT NULL, fingerprint TEXT NOT NULL,
    in_set BIGINT NOT NULL, objects TEXT NOT NULL,
    PRIMARY KEY (target, kind, entry)
);
CREATE TABLE undeclared (
    target TEXT NOT NULL, kind TEXT NOT NULL, entry TEXT NOT NULL, since BIGINT NOT NULL, fingerprint TEXT NOT NULL,
    PRIMARY KEY (target, kind, entry)
);
CREATE TABLE owners (
    target TEXT NOT NULL, kind TEXT NOT NULL, entry TEXT NOT NULL, owner TEXT NOT NULL,
    PRIMARY KEY (target, kind, entry)
);
CREATE TABLE bases (
    target TEXT NOT NULL, scope TEXT NOT NULL, name TEXT NOT NULL, at BIGINT NOT NULL, number BIGINT NOT NULL
);
CREATE INDEX bases_scope ON bases (target, scope, name);
";

/// The last good tree of files of each target: digests of its people file, of what the operator says of the target and of what
/// its files mean together; its policy files; and the bytes of them all, each once.
const TREES: &str = "
CREATE TABLE trees (
    target TEXT PRIMARY KEY NOT NULL, people TEXT NOT NULL, account TEXT NOT NULL, meaning TEXT NOT NULL
);
CREATE TABLE tree_files (
    target TEXT NOT NULL, file TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (target, file)
);
CREATE TABLE tree_contents (digest TEXT PRIMARY KEY NOT NULL, bytes BLOB NOT NULL);
";
