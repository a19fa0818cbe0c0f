//! Bytes of the operator's file to a [`Config`], or to everything that is wrong with it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{bounds, distinct, freeze, hidden, names, scalar, select, target, watch};
use crate::{
    access::{Description, Text},
    config::{Config, Delegation, JournalPlace},
    yaml::{Bounds, Fields, Node, Problem, Reporter, did_you_mean, get, parse, quoted},
};

/// Removals over all targets in 24 hours, by weight, where the file does not say.
pub const MAX_COUNT_TOTAL: u32 = 100;

/// Reads the operator's file. `name` is how the file is shown, `path` where it stands: relative paths in it are joined to its
/// directory. Nothing is opened.
///
/// # Errors
/// Every problem of the file with its place. No problem shows a line that may hold a credential.
pub fn load(
    name: &str,
    path: &Path,
    bytes: &[u8],
    descriptions: &[&'static Description],
) -> Result<Config, Vec<Problem>> {
    let document = parse(name, bytes, &Bounds { show_lines: false, ..Bounds::CONFIG });
    let Some(root) = document.root.filter(|_| document.whole) else {
        return Err(document.reporter.into_problems());
    };
    let mut problems = document.reporter.into_problems();
    let source = std::str::from_utf8(bytes).unwrap_or("");
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut reporter = Reporter::new(name, source, true);
    let config = file(&root, path, descriptions, &mut reporter);
    problems.extend(hidden::without(reporter.into_problems(), &hidden::lines(&root, source, descriptions)));
    problems.sort();
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => {
            debug_assert!(!problems.is_empty(), "what cannot be read is reported");
            Err(problems)
        }
    }
}

fn file(
    root: &Node<'_>,
    path: &Path,
    descriptions: &[&'static Description],
    reporter: &mut Reporter<'_>,
) -> Option<Config> {
    let fields = Fields::of(root, "the configuration", names::FILE, reporter)?;
    let directory = path.parent().unwrap_or(Path::new(""));
    if let Some(node) = fields.required("version", reporter) {
        get::integer(node, "`version`", names::VERSION, names::VERSION, reporter);
    }
    let policies = match fields.get("policies") {
        None => Some(directory.join(names::DEFAULT_POLICIES)),
        Some(node) => scalar::path(node, "`policies`", directory, reporter),
    };
    let people = fields.get("people").map(|node| scalar::path(node, "`people`", directory, reporter));
    let journal = journal(fields.get("journal"), directory, reporter);
    let max_count_total = match fields.get("guards") {
        None => Some(MAX_COUNT_TOTAL),
        Some(node) => Fields::of(node, "the guards of all targets", names::TOTAL_GUARDS, reporter)
            .and_then(|fields| scalar::number(&fields, "max_count_total", bounds::COUNT, MAX_COUNT_TOTAL, reporter)),
    };
    let stop_file = fields.get("stop_file").map(|node| scalar::path(node, "`stop_file`", directory, reporter));
    let freeze = fields.get("freeze").map(|node| freeze::windows(node, reporter));
    let watch = fields.get("watch").map(|node| watch::settings(node, directory, reporter));
    let (targets, systems) = match fields.required("targets", reporter) {
        Some(node) => targets(node, directory, descriptions, reporter),
        None => (Vec::new(), BTreeMap::new()),
    };
    distinct::check(&targets, reporter);
    let delegate = fields.get("delegate").map(|node| delegations(node, &systems, reporter));
    Some(Config {
        path: path.to_owned(),
        policies: policies?,
        people: people.flatten(),
        journal: journal?,
        max_count_total: max_count_total?,
        delegate: delegate.flatten().unwrap_or_default(),
        targets: targets.into_iter().map(|placed| (placed.target.name.clone(), placed.target)).collect(),
        freeze: freeze.flatten().unwrap_or_default(),
        stop_file: stop_file.flatten(),
        watch: watch.flatten().unwrap_or_default(),
    })
}

fn journal(node: Option<&Node<'_>>, directory: &Path, reporter: &mut Reporter<'_>) -> Option<JournalPlace> {
    match node {
        None => Some(JournalPlace::File(directory.join(names::DEFAULT_JOURNAL))),
        Some(node) if node.is_word(names::EPHEMERAL) => Some(JournalPlace::Ephemeral),
        Some(node) => {
            let path: PathBuf = scalar::path(node, "`journal`", directory, reporter)?;
            Some(JournalPlace::File(path))
        }
    }
}

/// The targets that could be read, and the system of every target that could be told.
type Targets = (Vec<target::Placed>, BTreeMap<Text, Option<&'static Description>>);

fn targets(
    node: &Node<'_>,
    directory: &Path,
    descriptions: &[&'static Description],
    reporter: &mut Reporter<'_>,
) -> Targets {
    let mut found: Vec<target::Placed> = Vec::new();
    let mut systems: BTreeMap<Text, Option<&'static Description>> = BTreeMap::new();
    let Some(entries) = node.as_map() else {
        get::wrong::<()>(node, "`targets`", "a mapping from names to targets", reporter);
        return (found, systems);
    };
    if entries.is_empty() || entries.len() > bounds::TARGETS {
        let message = format!("`targets` has to name 1 to {} targets", bounds::TARGETS);
        reporter.report(node, message);
        return (found, systems);
    }
    for (key, value) in entries {
        let name = Text::from(key.text.as_ref());
        if !is_target_name(&name) {
            let message = format!("{} cannot be the name of a target", quoted(&name));
            let hint = format!(
                "letters, digits, `-`, `_` and `.`, beginning with a letter or a digit, at most {} characters",
                bounds::NAME
            );
            reporter.report_with(key, message, hint);
        }
        // The same name twice is told by the parser.
        if let Some(near) = systems.keys().find(|near| **near != name && near.eq_ignore_ascii_case(&name)) {
            let message = format!("the targets {} and {} differ by case only", quoted(near), quoted(&name));
            reporter.report(key, message);
        }
        let system = value.get("system").and_then(|node| node.as_scalar());
        let system = descriptions.iter().find(|one| system.is_some_and(|word| word.text == one.system));
        systems.insert(name.clone(), system.copied());
        found.extend(target::target(&name, value, directory, descriptions, reporter));
    }
    (found, systems)
}

/// Whether a target may be called so.
fn is_target_name(name: &str) -> bool {
    name.len() <= bounds::NAME
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn delegations(
    node: &Node<'_>,
    systems: &BTreeMap<Text, Option<&'static Description>>,
    reporter: &mut Reporter<'_>,
) -> Option<Vec<Delegation>> {
    let items = get::list(node, "`delegate`", reporter)?;
    Some(items.iter().filter_map(|item| delegation(item, systems, reporter)).collect())
}

fn delegation(
    node: &Node<'_>,
    systems: &BTreeMap<Text, Option<&'static Description>>,
    reporter: &mut Reporter<'_>,
) -> Option<Delegation> {
    let fields = Fields::of(node, "a delegation", names::DELEGATION, reporter)?;
    let path = fields.required("path", reporter).and_then(|node| {
        let text = scalar::text(node, "`path`", reporter)?;
        if !is_tree_glob(&text) {
            let hint = "a path below the policy root with `*` and `**`: data/**";
            reporter.report_with(node, format!("{} is no path of the policy tree", quoted(&text)), hint);
            return None;
        }
        Some(text.to_string())
    });
    let named = fields.required("target", reporter).and_then(|node| {
        let name = scalar::text(node, "`target`", reporter)?;
        let found = systems.get(&name);
        if found.is_none() {
            let hint = match did_you_mean(&name, systems.keys().map(Text::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known are {}", systems.keys().map(Text::as_str).collect::<Vec<_>>().join(", ")),
            };
            reporter.report_with(node, format!("no target is called {}", quoted(&name)), hint);
        }
        Some((name, (*found?)?))
    });
    let within = fields.required("within", reporter);
    let (target, description) = named?;
    let within = select::by_kind(within?, "`within`", description, reporter, |kind, node, reporter| {
        select::selectors(kind, node, select::Takes::All, reporter)
    });
    Some(Delegation { path: path?, target, within: within? })
}

/// Whether a text is a glob over paths below a root: no way up, no root, nothing special but `*`.
fn is_tree_glob(text: &str) -> bool {
    !text.contains(['\\', '?', '[', ']', '{', '}'])
        && text
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != ".." && (part == "**" || !part.contains("**")))
}
