//! The layers hold: arrows only run down, only the journal proves that an intent is on disk, only apply holds a writer.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// What each place may import of ours, besides itself. What is not listed here may import everything below it.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("access", &[]),
    ("yaml", &[]),
    ("wire", &["access"]),
    ("policy", &["yaml", "access"]),
    ("config", &["yaml", "access"]),
    ("plan", &["policy", "access"]),
    ("systems", &["wire", "access"]),
    ("sandbox", &["access"]),
    ("transport", &["wire", "config", "access"]),
    ("journal", &["wire", "access"]),
    ("apply", &["plan", "journal", "transport", "systems", "wire", "access"]),
    ("serve", &["journal", "plan", "access"]),
    (
        "watch",
        &[
            "serve",
            "run",
            "apply",
            "journal",
            "transport",
            "systems",
            "wire",
            "plan",
            "policy",
            "config",
            "yaml",
            "access",
        ],
    ),
    ("run", &["apply", "journal", "transport", "systems", "wire", "plan", "policy", "config", "yaml", "access"]),
];

/// Modules that do no I/O and read no clock, environment or randomness, besides those whose prose says `Pure`.
const PURE: &[&str] = &["access", "yaml", "wire", "policy", "plan", "systems", "watch/schedule"];
/// Words that would give them away: modules of the standard library and of tokio...
const IMPURE_MODULES: &[&str] = &["fs", "env", "io", "net", "process", "thread"];
/// ...and other text.
const IMPURE: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "reqwest",
    "tokio::",
    "sqlx",
    "fastrand",
    "Uuid::new",
];
/// What a pure module may have all the same.
const STAYS_PURE: &[(&str, &str)] = &[
    // Files are read by several threads, each as a function of its bytes; what comes out does not depend on how many.
    ("policy/load", "thread"),
];

/// What opens sockets.
const SOCKETS: &[&str] =
    &["reqwest", "TcpStream", "TcpSocket", "UdpSocket", "UnixStream", "UnixDatagram", "UnixSeqpacket"];
/// Those who are given the ones that came to them.
const ACCEPT: &[(&str, &str)] = &[("serve/listener", "TcpStream"), ("sandbox/listener", "TcpStream")];

/// Outside of the systems and their twins, these may name a vendor.
const KNOWS_A_VENDOR: &[&str] = &[
    // What the sandbox begins with is chosen by a name.
    "cli/sandbox",
    "cli/world",
];

/// Places whose digests journals and saved plans keep.
const KEEPS_DIGESTS: &[&str] = &["access", "policy", "plan", "journal"];

struct Source {
    place: String,
    path: PathBuf,
    /// The module's path below `src`, with slashes.
    module: String,
    /// Whether its prose says that it is pure.
    is_said_pure: bool,
    /// Without comments and without what only tests see.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 50, "the sources were found");
    found
}

fn collect(root: &Path, directory: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if name != "tests" {
                collect(root, &path, found);
            }
            continue;
        }
        let is_test = name == "tests" || name.ends_with("_tests") || name == "transcript";
        if path.extension().is_none_or(|extension| extension != "rs") || is_test {
            continue;
        }
        let below = path.strip_prefix(root).unwrap();
        let place = below.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let module = below.with_extension("").to_str().unwrap().replace('\\', "/");
        let module = module.strip_suffix("/mod").map(str::to_owned).unwrap_or(module);
        let text = fs::read_to_string(&path).unwrap();
        let mut prose = text.lines().map_while(|line| line.strip_prefix("//!"));
        let is_said_pure = prose.any(|line| line.contains("Pure.") || line.contains("Pure:"));
        found.push(Source { place, module, is_said_pure, code: code(&text), path });
    }
}

impl Source {
    /// Whether it is one of these modules or lies in one.
    fn is_in<'m>(&self, mut modules: impl Iterator<Item = &'m str>) -> bool {
        modules
            .any(|module| self.module.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}

/// The text up to the module's tests, without line comments.
fn code(text: &str) -> String {
    let mut lines = Vec::new();
    let mut rest = text.lines().peekable();
    while let Some(line) = rest.next() {
        let opens_tests = line.trim() == "#[cfg(test)]"
            && rest.peek().is_some_and(|next| next.trim_start().starts_with("mod tests {"));
        if opens_tests {
            break;
        }
        if !line.trim_start().starts_with("//") {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Places named after `crate::`, in nested `use crate::{...}` too.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        match part.strip_prefix('{') {
            Some(list) => found.extend(names_of_list(list)),
            None => found.extend(first_word(part)),
        }
    }
    found
}

fn names_of_list(list: &str) -> Vec<String> {
    let (mut depth, mut names, mut at_name) = (0_usize, Vec::new(), true);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_name = true,
            c if at_name && depth == 0 && !c.is_whitespace() => {
                names.extend(first_word(&list[at..]));
                at_name = false;
            }
            _ => {}
        }
    }
    names
}

fn first_word(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// Whether a word stands in a text, not as a part of another one.
fn has_word(text: &str, wanted: &str) -> bool {
    text.match_indices(wanted).any(|(at, _)| {
        let part_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let before = text[..at].chars().next_back().is_some_and(part_of_word);
        let after = text[at + wanted.len()..].chars().next().is_some_and(part_of_word);
        !(before || after && wanted.ends_with(part_of_word))
    })
}

/// Whether the code goes through a module of this name, or imports it from the standard library or tokio.
fn uses_module(code: &str, module: &str) -> bool {
    let passes = has_word(code, &format!("{module}::"));
    let takes = ["std", "tokio"].iter().any(|root| {
        code.split(&format!("{root}::")).skip(1).any(|part| match part.strip_prefix('{') {
            Some(list) => names_of_list(list).iter().any(|name| name == module),
            None => first_word(part).is_some_and(|name| name == module),
        })
    });
    passes || takes
}

/// The code without the attributes that make `--help`.
fn without_help(code: &str) -> String {
    let mut is_help = false;
    let mut lines = Vec::new();
    for line in code.lines() {
        is_help |= ["#[command(", "#[arg("].iter().any(|opening| line.trim_start().starts_with(opening));
        if is_help {
            is_help = !line.ends_with(")]");
        } else {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Whether the code names a vendor: as a word, or at the beginning of one that is made of several. `s2-production` names a
/// target of somebody's.
fn names_vendor(code: &str, vendor: &str) -> bool {
    let code = code.to_ascii_lowercase();
    code.match_indices(vendor).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric());
        let after = &code[at + vendor.len()..];
        !before && !after.starts_with(|c: char| c.is_ascii_digit() || c == '-')
    })
}

#[test]
fn arrows_only_run_down() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(place, _)| *place == source.place) else { continue };
        for name in imports(&source.code) {
            let is_place = MAY_IMPORT.iter().any(|(place, _)| *place == name) || name == "cli";
            if is_place && name != source.place && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{} imports {name}", source.path.display()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_pure_middle_does_no_io_and_reads_no_clock() {
    let (sources, mut wrong) = (sources(), Vec::new());
    let said: Vec<&str> = sources.iter().filter(|one| one.is_said_pure).map(|one| one.module.as_str()).collect();
    assert!(said.len() > 8, "the prose was found: {said:?}");
    for source in sources.iter().filter(|source| source.is_in(PURE.iter().chain(&said).copied())) {
        let modules = IMPURE_MODULES.iter().filter(|module| uses_module(&source.code, module));
        for word in modules.chain(IMPURE.iter().filter(|word| source.code.contains(**word))) {
            if !STAYS_PURE.contains(&(source.module.as_str(), word)) {
                wrong.push(format!("{} has {word}", source.path.display()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn only_systems_and_their_twins_know_a_vendor() {
    let mut wrong = Vec::new();
    for source in sources() {
        if ["systems", "sandbox"].contains(&source.place.as_str()) || source.is_in(KNOWS_A_VENDOR.iter().copied()) {
            continue;
        }
        let code = without_help(&source.code);
        for system in portcullis::systems::ALL {
            if names_vendor(&code, system.describe().system) {
                wrong.push(format!("{} knows {}", source.path.display(), system.describe().title));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// A `{:?}` follows the names of fields and the derives of a version; a digest that is kept must not.
#[test]
fn no_digest_that_is_kept_is_made_of_debug_text() {
    let mut hashing = 0;
    for source in sources().iter().filter(|source| KEEPS_DIGESTS.contains(&source.place.as_str())) {
        for statement in source.code.split(';').filter(|statement| statement.contains("hasher")) {
            hashing += 1;
            assert!(!statement.contains(":?}"), "{}: {}", source.path.display(), statement.trim());
        }
    }
    assert!(hashing > 50, "the hashing was found");
}

#[test]
fn only_the_journal_proves_that_an_intent_is_on_disk() {
    for source in sources() {
        let makes = source.code.contains("Durable::synced") || source.code.contains("Receipt::seal");
        assert!(!makes || source.place == "journal", "{} makes a receipt", source.path.display());
    }
}

#[test]
fn only_apply_holds_a_writer_and_only_transport_opens_sockets() {
    for source in sources() {
        let names_writer = has_word(&source.code, "Writer") && source.code.contains("transport");
        let gets_writer = has_word(&source.code, "read_and_write");
        assert!(
            !(names_writer || gets_writer) || matches!(source.place.as_str(), "transport" | "apply"),
            "{} reaches for the writer",
            source.path.display()
        );
        for word in SOCKETS.iter().filter(|word| has_word(&source.code, word)) {
            let may = source.place == "transport" || ACCEPT.contains(&(source.module.as_str(), word));
            assert!(may, "{} opens sockets: {word}", source.path.display());
        }
    }
}

#[test]
fn the_reader_of_imports_sees_nested_lists() {
    let seen = imports("use crate::{\n    access::{A, B},\n    plan,\n};\nfn f() { crate::wire::x() }\n");
    assert_eq!(seen, ["access", "plan", "wire"].map(str::to_owned).into());
}

/// Who reads the machine's clock, and what for. Whatever decides by the time is handed the clock of the first.
const READS_THE_CLOCK: &[(&str, &str)] = &[
    ("run/clock.rs", "hands it on"),
    ("journal/chain.rs", "when a record was made"),
    ("journal/lock.rs", "since when a lock is held, for people"),
    ("transport/courier.rs", "when a receiver's answer came"),
    ("transport/exchange.rs", "when an answer came, to hold it against the vendor's `Date`"),
    ("transport/reader.rs", "when to come back, for people"),
    ("serve/board.rs", "when the daemon began"),
    ("serve/late.rs", "what is asked before the daemon is there"),
];

#[test]
fn the_wall_clock_is_read_where_it_is_said_and_nowhere_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let reads = |code: &str| ["Timestamp::now", "SystemTime::now", "Zoned::now"].iter().any(|word| code.contains(word));
    let found: BTreeSet<String> = sources()
        .iter()
        .filter(|source| source.place != "sandbox" && reads(&source.code))
        .map(|source| source.path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned())
        .collect();
    let said: BTreeSet<String> = READS_THE_CLOCK.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(found, said);
}

#[test]
fn the_reader_of_modules_sees_every_way_to_reach_one() {
    for code in ["use std::{fmt, fs};", "use std::fs;", "use tokio::{io, fs::File};", "std::fs::read(x)", "x(fs::read)"]
    {
        assert!(uses_module(code, "fs"), "{code}");
    }
    for code in ["use std::fmt;", "let fs = 1;", "buffs::x()", "use crate::{fs_like, plan};"] {
        assert!(!uses_module(code, "fs"), "{code}");
    }
}

#[test]
fn the_reader_of_names_sees_a_vendor_in_code_and_in_text() {
    for code in ["systems::s2::X", "\"s2\" =>", "S2Tokens", "\"https://api.s2.example\"", "s2_like"] {
        assert!(names_vendor(&without_help(code), "s2"), "{code}");
    }
    for code in ["\"TARGET=NUMBER: s2-production=28\"", "blas2", "#[command(after_help = \"\n  --system s2\")]"] {
        assert!(!names_vendor(&without_help(code), "s2"), "{code}");
    }
}
