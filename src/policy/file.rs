//! One policy file, as a pure function of its bytes, the people and the known targets.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    access::{Cause, Description, Hasher, Kind, Text},
    yaml::{self, Bounds, Document, Fields, Node, NodeValue, Problem, Reporter, did_you_mean, get, quoted},
};

use super::{
    Absent, Allow, Blocked, Hold, KnownTarget, ManagedSet, Place, PolicyFile, Source,
    expansion::{AllFiles, Expansion},
    items::Declared,
    people::People,
    reading::Reading,
    selectors::{self, Whom},
};

/// What a file says of the targets of one system.
#[derive(Debug, Default)]
pub struct Part {
    /// The targets.
    pub targets: Vec<Text>,
    /// Declarations in the order of the file.
    pub declarations: Vec<Declared>,
    /// Managed sets.
    pub sets: Vec<ManagedSet>,
    /// `allow` items.
    pub allows: Vec<Allow>,
    /// `absent` items.
    pub absents: Vec<Absent>,
    /// `holds` items.
    pub holds: Vec<Hold>,
}

/// What one file says.
#[derive(Debug)]
pub struct Parsed {
    /// The file itself.
    pub file: PolicyFile,
    /// What it says, by system.
    pub parts: Vec<Part>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// Which targets that blocks.
    pub blocked: Blocked,
    /// Whether it may say more than could be read of it.
    pub is_cut_short: bool,
    /// How many more problems it has than are kept.
    pub unkept: usize,
    /// How many items people, groups and several targets added.
    pub added: u64,
}

const TOP: [&str; 9] = ["version", "target", "targets", "team", "manage", "allow", "absent", "holds", "reason"];

/// The placeholders of a reason.
const PLACEHOLDERS: [&str; 4] = ["cause", "file", "team", "justification"];

/// Reads one file.
pub fn read(source: Source<'_>, people: &People, targets: &[KnownTarget], all: &AllFiles) -> Parsed {
    let Document { root, mut reporter, whole } = yaml::parse(source.name, source.bytes, &Bounds::POLICY);
    let mut file =
        PolicyFile { name: source.name.into(), digest: digest(source.bytes), team: None, reasons: BTreeMap::new() };
    let mut parts = Vec::new();
    let expansion = Expansion::new(all);
    if let Some(root) = &root {
        if root.as_map().is_some() {
            parts = top(root, &mut file, people, targets, &expansion, &mut reporter);
        } else {
            get::wrong::<()>(root, "a policy file", "a mapping", &mut reporter);
        }
    }
    let mut problems = reporter.into_problems();
    // Two systems may have reported the same place in the same words.
    problems.dedup();
    let blocked =
        if problems.is_empty() { Blocked::default() } else { blocked(root.as_ref(), whole, source.bytes, targets) };
    let is_cut_short = !problems.is_empty() && (!whole || parts.is_empty());
    Parsed { file, parts, problems, blocked, is_cut_short, unkept: 0, added: expansion.added() }
}

/// SHA-256 of a file's bytes.
pub fn digest(bytes: &[u8]) -> Text {
    let mut hasher = Hasher::new("policy file");
    hasher.bytes(bytes);
    hasher.finish_hex().into()
}

/// Which targets a broken file blocks: those that it names, if that is certain and they are known, else all.
fn blocked(root: Option<&Node<'_>>, whole: bool, bytes: &[u8], targets: &[KnownTarget]) -> Blocked {
    // A file that could not be read to its end may name a target in what was not read.
    let unread = !whole && {
        let named = |line: &[u8]| {
            let line = line.trim_ascii_start();
            line.starts_with(b"target") || line.starts_with(b"\"target") || line.starts_with(b"'target")
        };
        bytes.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| named(line)).count() != 1
    };
    let Some(entries) = root.and_then(Node::as_map).filter(|_| !unread) else {
        return Blocked::All;
    };
    let mut named = BTreeSet::new();
    for (key, node) in entries {
        if !matches!(&*key.text, "target" | "targets") {
            continue;
        }
        let nodes = match &node.value {
            NodeValue::List(nodes) => nodes,
            _ => std::slice::from_ref(node),
        };
        for node in nodes {
            match node.as_scalar().and_then(|scalar| targets.iter().find(|target| *target.name == *scalar.text)) {
                Some(target) => named.insert(Text::from(target.name.as_str())),
                None => return Blocked::All,
            };
        }
    }
    if named.is_empty() { Blocked::All } else { Blocked::Some(named) }
}

/// The version that every file has to state.
pub(super) fn version(fields: &Fields<'_, '_>, reporter: &mut Reporter<'_>) {
    if let Some(node) = fields.required("version", reporter) {
        get::integer(node, "`version`", 1, 1, reporter);
    }
}

fn top(
    root: &Node<'_>,
    file: &mut PolicyFile,
    people: &People,
    targets: &[KnownTarget],
    expansion: &Expansion<'_>,
    reporter: &mut Reporter<'_>,
) -> Vec<Part> {
    let named = named_targets(root, targets, reporter);
    let known = known_lists(&named, targets);
    let mut names: Vec<&str> = TOP.to_vec();
    names.extend(&known);
    let Some(fields) = Fields::of(root, "a policy file", &names, reporter) else {
        return Vec::new();
    };
    version(&fields, reporter);
    file.team = fields.get("team").and_then(|node| get::text(node, "`team`", reporter)).map(Text::from);
    if let Some(node) = fields.get("reason") {
        file.reasons = reasons(node, reporter);
    }
    for name in ["manage", "allow", "absent", "holds"] {
        if let Some(node) = fields.get(name) {
            // Unknown lists, null and empty mappings are reported once, not once a system.
            match Fields::of(node, &quoted(name), &known, reporter) {
                Some(fields) if fields.is_empty() => {
                    reporter.report_with(node, format!("{} is empty", quoted(name)), "leave it out, or name a list");
                }
                _ => {}
            }
        }
    }
    let mut parts: Vec<(&'static Description, Part)> = Vec::new();
    for target in named {
        let name = Text::from(target.name.as_str());
        match parts.iter_mut().find(|(description, _)| description.system == target.description.system) {
            Some((_, part)) => part.targets.push(name),
            None => parts.push((target.description, Part { targets: vec![name], ..Part::default() })),
        }
    }
    for (description, part) in &mut parts {
        expansion.for_targets(part.targets.len());
        let whom = Whom { system: description.system, people, expansion };
        fill(part, &fields, description, Reading::new(whom, file.team.clone()), reporter);
    }
    parts.into_iter().map(|(_, part)| part).collect()
}

/// The targets that the file names and that are known.
fn named_targets<'t>(root: &Node<'_>, targets: &'t [KnownTarget], reporter: &mut Reporter<'_>) -> Vec<&'t KnownTarget> {
    let texts = match (root.get("target"), root.get("targets")) {
        (Some(_), Some(node)) => {
            reporter.report_with(node, "`target` and `targets` are both given", "put all of them into `targets`");
            return Vec::new();
        }
        (Some(node), None) => get::text(node, "`target`", reporter).map(|text| vec![(text, node)]),
        (None, Some(node)) => get::texts(node, "`targets`", reporter),
        (None, None) => {
            reporter.report_with(root, "`target` is missing", "name a target of the operator's file");
            None
        }
    };
    let mut found: Vec<&KnownTarget> = Vec::new();
    for (text, node) in texts.unwrap_or_default() {
        match targets.iter().find(|target| target.name == text) {
            Some(target) if found.iter().any(|known| known.name == target.name) => {
                reporter.report(node, format!("the target {} is named twice", quoted(text)));
            }
            Some(target) => found.push(target),
            None => {
                let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
                let hint = match did_you_mean(text, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if names.is_empty() => "the operator's file has no target at all".to_owned(),
                    None => format!("known are {}", names.join(", ")),
                };
                reporter.report_with(node, format!("{} is not a known target", quoted(text)), hint);
            }
        }
    }
    found
}

/// The lists that every named target has; where none is known, the lists of any.
fn known_lists(named: &[&KnownTarget], targets: &[KnownTarget]) -> Vec<&'static str> {
    let lists =
        |target: &KnownTarget| -> Vec<&'static str> { target.description.kinds.iter().map(|kind| kind.list).collect() };
    let mut known: Vec<&'static str> = match named {
        [] => targets.iter().flat_map(lists).collect(),
        [first, rest @ ..] => lists(first)
            .into_iter()
            .filter(|list| rest.iter().all(|target| target.description.kind_by_list(list).is_some()))
            .collect(),
    };
    known.sort_unstable();
    known.dedup();
    known
}

fn fill(
    part: &mut Part,
    fields: &Fields<'_, '_>,
    description: &'static Description,
    mut reading: Reading<'_>,
    reporter: &mut Reporter<'_>,
) {
    let below = |name: &str, kind: &Kind| fields.get(name).and_then(|node| node.get(kind.list));
    for kind in description.kinds {
        if let Some(node) = below("manage", kind) {
            part.sets.extend(managed(node, kind, reading.whom, reporter));
        }
        if let Some(node) = fields.get(kind.list) {
            part.declarations.extend(reading.declarations(node, kind, reporter));
        }
        if let Some(node) = below("allow", kind) {
            if below("manage", kind).is_none() {
                let message = format!("this file manages no {}, so it can allow none", quoted(kind.list));
                reporter.report_with(node, message, "an `allow` speaks of entries in its own file's managed set only");
            }
            part.allows.extend(reading.allows(node, kind, reporter));
        }
        if let Some(node) = below("absent", kind) {
            part.absents.extend(reading.absents(node, kind, reporter));
        }
        if let Some(node) = below("holds", kind) {
            part.holds.extend(reading.holds(node, kind, reporter));
        }
    }
}

fn managed(node: &Node<'_>, kind: &'static Kind, whom: Whom<'_>, reporter: &mut Reporter<'_>) -> Option<ManagedSet> {
    let place = Place { file: 0, line: node.at.line };
    let what = format!("the managed set of {}", quoted(kind.list));
    if node.as_map().is_none() {
        let select = selectors::selectors(node, &what, kind, whom, reporter)?;
        return Some(ManagedSet { kind, select, except: Vec::new(), allow_empty: false, place });
    }
    let fields = Fields::of(node, &what, &["select", "except", "allow_empty"], reporter)?;
    let select = fields
        .required("select", reporter)
        .and_then(|node| selectors::selectors(node, "`select`", kind, whom, reporter));
    let except = match fields.get("except") {
        Some(node) => selectors::list(node, "`except`", kind, whom, reporter),
        None => Some(Vec::new()),
    };
    let allow_empty = match fields.get("allow_empty") {
        Some(node) => get::boolean(node, "`allow_empty`", reporter),
        None => Some(false),
    };
    Some(ManagedSet { kind, select: select?, except: except?, allow_empty: allow_empty?, place })
}

/// Reason templates by cause. `ordered` has none: its reason is what the person says.
fn reasons(node: &Node<'_>, reporter: &mut Reporter<'_>) -> BTreeMap<Cause, Text> {
    let causes: Vec<Cause> = Cause::ALL.into_iter().filter(|cause| *cause != Cause::Ordered).collect();
    let names: Vec<&str> = causes.iter().map(|cause| cause.name()).collect();
    let Some(fields) = Fields::of(node, "`reason`", &names, reporter) else {
        return BTreeMap::new();
    };
    let mut reasons = BTreeMap::new();
    for cause in causes {
        let Some(node) = fields.get(cause.name()) else { continue };
        let Some(text) = get::prose(node, "a reason", reporter) else { continue };
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let tail = rest.get(at..).unwrap_or("");
            let inner = tail.strip_prefix('{').and_then(|tail| tail.split_once('}'));
            match inner {
                Some((name, after)) if PLACEHOLDERS.contains(&name) => rest = after,
                Some((name, after)) => {
                    let hint = match did_you_mean(name, PLACEHOLDERS) {
                        Some(near) => format!("did you mean `{{{near}}}`?"),
                        None => "known are {cause}, {file}, {team} and {justification}".to_owned(),
                    };
                    reporter.report_with(node, format!("{} is no placeholder", quoted(&format!("{{{name}}}"))), hint);
                    rest = after;
                }
                None => {
                    reporter.report(node, "a brace in a reason begins or ends no placeholder");
                    break;
                }
            }
        }
        reasons.insert(cause, Text::from(text));
    }
    reasons
}
