//! The tables, by version.
//!
//! Ids are text and times integer milliseconds since 1970, so that the same statements run on another engine.

use super::past::intents;

/// Marks the file as a Portcullis journal in SQLite's header: the letters "PtCj".
pub(super) const APPLICATION_ID: i64 = 0x5074_436a;

/// One script a version; a file at version n has had the first n.
pub(super) const MIGRATIONS: &[&str] = &[FIRST, TREES, LISTS, ACCOUNTS];

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

/// The intents that are open by the chain: without an outcome, or whose last one is not final.
macro_rules! open_by_chain {
    () => {
        intents!(
            "i.subject AS subject, i.target AS target",
            "(o.outcome IS NULL OR o.outcome IN ('unknown', 'in_flight'))"
        )
    };
}

/// What every intent weighs and whether it counts as sent: unknown outcomes do, verified failures, rejections and what never left
/// do not.
macro_rules! sent_by_chain {
    () => {
        intents!(
            "i.subject AS subject, i.target AS target, i.at AS at,
             CASE WHEN json_valid(i.body) THEN COALESCE(json_extract(i.body, '$.weight'), 1) ELSE 1 END AS weight,
             o.outcome IS NULL OR o.outcome NOT IN ('failed', 'refused', 'not_sent') AS counts",
            "1 = 1"
        )
    };
}

/// `open_intents` lists what is open, so that a look costs what is open and not what ever was; `sent_intents` what each intent
/// weighs, so that what was sent in a day is a sum; the new indexes do the same for
/// what was refused, for the removals of one entry, and for the newest records of a target. The chain is the truth: a reader
/// asks it for the last outcome of what is listed, and verification compares the two.
///
/// Triggers keep the lists and not the program, so that a daemon of an earlier version keeps it too: one that has the file open
/// while another process brings it up to date.
const LISTS: &str = concat!(
    "
CREATE TABLE open_intents (subject TEXT PRIMARY KEY NOT NULL, target TEXT);
CREATE INDEX open_intents_target ON open_intents (target);
INSERT INTO open_intents (subject, target) ",
    open_by_chain!(),
    ";
CREATE TABLE sent_intents (
    subject TEXT PRIMARY KEY NOT NULL, target TEXT, at BIGINT NOT NULL, weight BIGINT NOT NULL, counts BIGINT NOT NULL
);
CREATE INDEX sent_intents_at ON sent_intents (at, counts, target, weight);
CREATE INDEX sent_intents_target ON sent_intents (target, at);
INSERT INTO sent_intents (subject, target, at, weight, counts) ",
    sent_by_chain!(),
    ";
CREATE TRIGGER intent_opens AFTER INSERT ON records WHEN NEW.type = 'intent'
BEGIN
    INSERT INTO open_intents (subject, target) VALUES (NEW.subject, NEW.target) ON CONFLICT (subject) DO NOTHING;
    INSERT INTO sent_intents (subject, target, at, weight, counts)
    VALUES (NEW.subject, NEW.target, NEW.at, COALESCE(json_extract(NEW.body, '$.weight'), 1), 1)
    ON CONFLICT (subject) DO NOTHING;
END;
CREATE TRIGGER outcome_counts AFTER INSERT ON records WHEN NEW.type = 'outcome'
BEGIN
    UPDATE sent_intents SET counts = NEW.outcome NOT IN ('failed', 'refused', 'not_sent') WHERE subject = NEW.subject;
END;
CREATE TRIGGER outcome_opens_again AFTER INSERT ON records
WHEN NEW.type = 'outcome' AND NEW.outcome IN ('unknown', 'in_flight')
BEGIN
    INSERT INTO open_intents (subject, target)
    SELECT subject, target FROM records WHERE subject = NEW.subject AND type = 'intent' ON CONFLICT (subject) DO NOTHING;
END;
CREATE TRIGGER outcome_closes AFTER INSERT ON records
WHEN NEW.type = 'outcome' AND NEW.outcome NOT IN ('unknown', 'in_flight')
BEGIN
    DELETE FROM open_intents WHERE subject = NEW.subject;
END;
DROP INDEX records_entry;
CREATE INDEX records_entry ON records (target, type, kind, entry, seq);
CREATE INDEX records_target ON records (target, seq);
CREATE INDEX records_refused ON records (target, subject) WHERE outcome = 'refused';
"
);

/// The version from which on a file has the lists.
pub(super) const HAS_LISTS: usize = 3;

/// Stand for the lists in a file of an earlier version, for a reader, which brings nothing up to date.
pub(super) const LISTS_FOR_READERS: &str = concat!(
    "PRAGMA temp_store = MEMORY; CREATE TEMP VIEW open_intents AS ",
    open_by_chain!(),
    "; CREATE TEMP VIEW sent_intents AS ",
    sent_by_chain!()
);

/// What the list of sent intents has otherwise than the chain, either way round.
pub(super) const SENT_OTHERWISE: &str = concat!(
    "WITH chain AS (",
    sent_by_chain!(),
    ")
     SELECT subject FROM (SELECT subject, target, at, weight, counts FROM chain EXCEPT SELECT subject, target, at, weight, counts FROM sent_intents)
     UNION ALL
     SELECT subject FROM (SELECT subject, target, at, weight, counts FROM sent_intents EXCEPT SELECT subject, target, at, weight, counts FROM chain)
     LIMIT 1"
);

/// Which account each target was, from which record on: a digest of what the operator says of it. What was seen, sent or
/// announced at one account says nothing of another one under the same name.
const ACCOUNTS: &str = "
CREATE TABLE accounts (
    target TEXT NOT NULL, since BIGINT NOT NULL, account TEXT NOT NULL, PRIMARY KEY (target, since)
);
";

/// Stands for the accounts in a file of an earlier version, for a reader.
pub(super) const ACCOUNTS_FOR_READERS: &str = "PRAGMA temp_store = MEMORY;
CREATE TEMP VIEW accounts AS SELECT '' AS target, 0 AS since, '' AS account WHERE 0";
