//! `import`: declarations for what exists, as a policy file, so that the plan after it is empty.
//!
//! Pure: a snapshot and the people file in, YAML text out. An entry is written by its natural key where that names it and
//! nothing else, else by its id. Short-lived tokens get an `allow` with a limit instead of ids that are gone next week.
//! Text of the API only ever appears in quotes with everything unusual escaped, so that it can neither break the file nor
//! fool who reads it.

mod key;
mod text;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use self::{
    key::{Known, key_of},
    text::{content, quoted},
};
use crate::{
    access::{Description, Entry, FieldRole, Kind, Life, Limit, Person, Snapshot, Text, Value},
    plan::{LoneResources, render::count},
    policy::People,
};

/// A token that the vendor ends within this time is short-lived.
pub const SHORT_LIVED: SignedDuration = SignedDuration::from_hours(7 * 24);
const SHORT_LIVED_AS_WRITTEN: &str = "7d";

/// What is imported.
pub struct Import<'a> {
    /// The target.
    pub target: &'a str,
    /// Its system.
    pub description: &'static Description,
    /// What exists.
    pub snapshot: &'a Snapshot,
    /// The people file.
    pub people: &'a BTreeMap<Text, Arc<Person>>,
    /// The time.
    pub now: Timestamp,
}

/// The policy file for what exists.
pub fn import(import: &Import<'_>) -> String {
    let known = Known {
        system: import.description.system,
        snapshot: import.snapshot,
        people: People::of(import.people),
        lone: LoneResources::of(import.snapshot, import.description.kinds),
    };
    let mut file = format!(
        "# What {} held on {}. Read it, say why each entry may exist, and take out what should not.\n\
         version: 1\ntarget: {}\n",
        quoted(import.target),
        import.now.strftime("%Y-%m-%d"),
        quoted(import.target),
    );
    let mut parts: Vec<Part> = import.description.kinds.iter().map(|kind| part(import, &known, kind)).collect();
    let left_out: usize = parts.iter().map(|part| part.left_out).sum();
    let leaving: usize = parts.iter().map(|part| part.of_leavers.len()).sum();
    parts.retain(|part| part.selected > 0);
    if left_out > 0 {
        let lie = count(
            left_out as u64,
            "entry lies outside every selector or is",
            "entries lie outside every selector or are",
        );
        let listed = if left_out == 1 { "is" } else { "are" };
        let _ = writeln!(file, "# {lie} leaving, and {listed} not listed.");
    }
    if leaving > 0 {
        let held = count(leaving as u64, "entry is held by somebody who has", "entries are held by people who have");
        let (they_are, them) = if leaving == 1 { ("it is", "it") } else { ("they are", "them") };
        let _ = writeln!(
            file,
            "# {held} left (`until` in the people file). No declaration can keep {them}:\n\
             # {they_are} commented out, and in `except` until somebody decides. Take {them} out of `except` to have {them} go."
        );
    }
    if parts.is_empty() {
        file.push_str("# No entry was found that a file could be in charge of.\n");
        return file;
    }
    // A set that nothing speaks of would be a wish that nothing exists.
    if parts.iter().any(Part::is_managed) {
        file.push_str("manage:\n");
    }
    for part in parts.iter().filter(|part| part.is_managed()) {
        if part.except.is_empty() {
            let _ = writeln!(file, "  {}: all", part.kind.list);
        } else {
            let _ = writeln!(file, "  {}:\n    select: all\n    except:", part.kind.list);
            file.extend(part.except.iter().map(|selector| format!("      - {selector}\n")));
        }
    }
    for part in &parts {
        if !part.declarations.is_empty() {
            let _ = writeln!(file, "{}:", part.kind.list);
        }
        file.extend(part.declarations.iter().map(String::as_str));
        let lines = part.of_leavers.iter().flat_map(|declaration| declaration.lines());
        file.extend(lines.map(|line| format!("  # {}\n", line.get(2..).unwrap_or(line))));
    }
    if parts.iter().any(|part| !part.allows.is_empty()) {
        file.push_str("allow:\n");
        for part in parts.iter().filter(|part| !part.allows.is_empty()) {
            let _ = writeln!(file, "  {}:", part.kind.list);
            file.extend(part.allows.iter().map(String::as_str));
        }
    }
    file
}

/// One kind's part of the file.
struct Part {
    kind: &'static Kind,
    /// How many entries a file can be in charge of.
    selected: usize,
    left_out: usize,
    declarations: Vec<String>,
    allows: Vec<String>,
    /// What people hold who have left, written as declarations.
    of_leavers: Vec<String>,
    /// The selectors that keep these out of the managed set.
    except: Vec<String>,
}

impl Part {
    fn is_managed(&self) -> bool {
        !self.declarations.is_empty() || !self.allows.is_empty()
    }
}

fn part(import: &Import<'_>, known: &Known<'_>, kind: &'static Kind) -> Part {
    let mut part = Part {
        kind,
        selected: 0,
        left_out: 0,
        declarations: Vec::new(),
        allows: Vec::new(),
        of_leavers: Vec::new(),
        except: Vec::new(),
    };
    let present: Vec<&Entry> = import
        .snapshot
        .entries
        .iter()
        .filter(|entry| entry.kind == kind && !matches!(entry.life, Life::Dead(_)))
        .collect();
    // A natural key is used only where it names exactly one of all that are there.
    let mut keys: HashMap<Vec<(&'static str, String)>, usize> = HashMap::new();
    for entry in &present {
        for key in (1..kind.identities.len()).filter_map(|identity| key_of(known, entry, identity)) {
            *keys.entry(key).or_default() += 1;
        }
    }
    let mut short = BTreeSet::new();
    for entry in present {
        if entry.outside().is_some() || !entry.is_live() {
            part.left_out += 1;
            continue;
        }
        part.selected += 1;
        let key = || {
            let natural = (1..kind.identities.len())
                .filter_map(|identity| key_of(known, entry, identity))
                .find(|key| keys.get(key) == Some(&1));
            natural.or_else(|| key_of(known, entry, 0))
        };
        if has_left(import, entry)
            && let Some((field, pattern)) = by_id(entry)
        {
            part.except.push(format!("{{ {field}: {} }}", quoted(&pattern)));
            part.of_leavers.extend(key().map(|key| declaration(import, entry, &key)));
            continue;
        }
        match short_lived(import.now, entry) {
            Some(select) => {
                short.insert(select);
            }
            None => match key() {
                Some(key) => part.declarations.push(declaration(import, entry, &key)),
                None => part.left_out += 1,
            },
        }
    }
    for (field, pattern) in short {
        part.allows.push(format!(
            "    - select: {{ {field}: {} }}\n      must_expire_within: {SHORT_LIVED_AS_WRITTEN}\n      \
             justification: {}\n",
            quoted(&pattern),
            justification(import.now),
        ));
    }
    part
}

fn justification(now: Timestamp) -> String {
    quoted(&format!("imported {}, say why", now.strftime("%Y-%m-%d")))
}

fn declaration(import: &Import<'_>, entry: &Entry, key: &[(&'static str, String)]) -> String {
    let mut lines: Vec<String> = key.iter().map(|(field, value)| format!("{field}: {}", quoted(value))).collect();
    for (field, value) in entry.kind.fields.iter().zip(&entry.values) {
        if field.role == FieldRole::Content
            && let Some(written) = content(&field.shape, value)
        {
            lines.push(format!("{}: {written}", field.name));
        }
    }
    lines.push(format!("justification: {}", justification(import.now)));
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let _ = writeln!(text, "  {} {line}", if at == 0 { "-" } else { " " });
    }
    text
}

/// Whether the people file says that the holder has left: then all that is declared for them is expired.
fn has_left(import: &Import<'_>, entry: &Entry) -> bool {
    let Some(user) = entry.principal.as_ref().filter(|principal| principal.class == "user") else { return false };
    let left = |person: &&Arc<Person>| person.until.is_some_and(|until| until <= import.now);
    import.people.values().filter(left).any(|person| person.is(import.description.system, user))
}

/// The selector of this entry alone: its exact field and a pattern without a star.
fn by_id(entry: &Entry) -> Option<(&'static str, String)> {
    let at = entry.kind.exact_field()?;
    match entry.values.get(at)? {
        Value::Text(id) => Some((entry.kind.fields.get(at)?.name, literal(id))),
        _ => None,
    }
}

/// A pattern that is this text.
fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('*', "\\*")
}

/// The `allow` selector of a short-lived entry: its field and a pattern over what runs have in common.
fn short_lived(now: Timestamp, entry: &Entry) -> Option<(&'static str, String)> {
    if !entry.kind.allow_limits.contains(&Limit::MustExpireWithin) {
        return None;
    }
    let end = entry.expires_at?;
    if end.duration_since(entry.created_at.unwrap_or(now)) > SHORT_LIVED || end.duration_since(now) > SHORT_LIVED {
        return None;
    }
    let field = entry.kind.exact_field().and_then(|at| entry.kind.fields.get(at))?.name;
    let pattern = match entry.id.rsplit_once('/') {
        Some((family, _)) if !family.is_empty() => format!("{}/*", literal(family)),
        _ => literal(&entry.id),
    };
    Some((field, pattern))
}
