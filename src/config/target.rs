//! One target of the operator's file.

use std::{collections::BTreeMap, path::Path};

use jiff::SignedDuration;

use super::{bounds, credential::credential, freeze, hosts, names, scalar, select};
use crate::{
    access::{AuthStyle, Description, Kind, TargetField, TargetShape, Text},
    config::{Guards, OwnList, RequestLimits, Target},
    yaml::{Fields, Mark, Node, Reporter, did_you_mean, get, quoted},
};

const SETTLE: SignedDuration = SignedDuration::from_mins(2);
const IN_FLIGHT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A target with the places of what two targets may not share.
pub(super) struct Placed {
    pub target: Target,
    pub at: Mark,
    pub credential_at: Mark,
}

/// Reads a target as far as it can be read, so that all its problems are told at once.
pub(super) fn target(
    name: &Text,
    node: &Node<'_>,
    directory: &Path,
    descriptions: &[&'static Description],
    reporter: &mut Reporter<'_>,
) -> Option<Placed> {
    let description = node.get("system").and_then(|node| system(node, descriptions, reporter));
    // Without its system nobody can say which further fields it may have.
    let known: Vec<&str> = match description {
        Some(description) => names::target_fields(description),
        None => descriptions.iter().flat_map(|description| names::target_fields(description)).collect(),
    };
    let what = format!("the target `{name}`");
    let fields = Fields::of(node, &what, &known, reporter)?;
    fields.required("system", reporter);
    let before = reporter.count();

    let credential_node = fields.required("credential", reporter);
    let from = credential_node.and_then(|node| credential(node, directory, reporter));
    let given = |name: &str| fields.get(name);
    let ca_file = given("ca_file").map(|node| scalar::path(node, "`ca_file`", directory, reporter));
    let account = given("account").map(|node| scalar::text(node, "`account`", reporter));
    let guards = guards(&fields, reporter);
    let may_open = given("may_open").map(|node| scalar::texts(node, "`may_open`", reporter));
    let settle = scalar::duration(&fields, "settle", bounds::SETTLE, SETTLE, reporter);
    let max_in_flight = scalar::duration(&fields, "max_in_flight", bounds::IN_FLIGHT, IN_FLIGHT, reporter);
    let freeze = given("freeze").map(|node| freeze::windows(node, reporter));
    let interval = given("interval").map(|node| scalar::bounded_duration(node, "interval", bounds::INTERVAL, reporter));
    let limits = limits(&fields, description, reporter);

    let description = description?;
    let (own_fields, auth) = own_fields(&fields, description, reporter);
    let hosts = hosts::hosts(&fields, description, reporter);
    let own = given("own").map(|node| {
        select::by_kind(node, "`own`", description, reporter, |kind, node, reporter| {
            if node.is_word(names::UNLISTED) {
                return Some(OwnList::Unlisted);
            }
            select::selectors(kind, node, select::Takes::Named, reporter).map(OwnList::Listed)
        })
    });
    let must_see = given("must_see").map(|node| {
        select::by_kind(node, "`must_see`", description, reporter, |kind, node, reporter| {
            select::selectors(kind, node, select::Takes::Named, reporter)
        })
    });
    let protected = given("protected").map(|node| {
        select::by_kind(node, "`protected`", description, reporter, |kind, node, reporter| {
            select::selectors(kind, node, select::Takes::All, reporter)
        })
    });
    let enforce = given("enforce").map(|node| enforce(node, description, reporter));

    if reporter.count() != before {
        return None;
    }
    // Each of these was reported where it could not be read, so that nothing is missing from here on.
    let target = Target {
        name: name.clone(),
        description,
        fields: own_fields,
        hosts: hosts?,
        auth,
        credential: from?,
        ca_file: ca_file.flatten(),
        account: account.flatten(),
        own: own.flatten().unwrap_or_default(),
        must_see: must_see.flatten().unwrap_or_default(),
        protected: protected.flatten().unwrap_or_default(),
        enforce: enforce.flatten().unwrap_or_default(),
        guards: guards?,
        may_open: may_open.flatten().unwrap_or_default(),
        settle: settle?,
        max_in_flight: max_in_flight?,
        limits: limits?,
        freeze: freeze.flatten().unwrap_or_default(),
        interval: interval.flatten(),
    };
    Some(Placed { target, at: node.at, credential_at: credential_node?.at })
}

fn system(
    node: &Node<'_>,
    descriptions: &[&'static Description],
    reporter: &mut Reporter<'_>,
) -> Option<&'static Description> {
    let word = get::text(node, "`system`", reporter)?;
    let found = descriptions.iter().find(|description| description.system == word);
    if found.is_none() {
        let known: Vec<&str> = descriptions.iter().map(|description| description.system).collect();
        one_of(node, "`system`", word, &known, reporter);
    }
    found.copied()
}

fn one_of(node: &Node<'_>, what: &str, word: &str, known: &[&str], reporter: &mut Reporter<'_>) {
    let hint = match did_you_mean(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", known.join(", ")),
    };
    reporter.report_with(node, format!("{what} cannot be {}", quoted(word)), hint);
}

fn guards(fields: &Fields<'_, '_>, reporter: &mut Reporter<'_>) -> Option<Guards> {
    let default = Guards::default();
    let Some(node) = fields.get("guards") else {
        return Some(default);
    };
    let fields = Fields::of(node, "the guards of a target", names::GUARDS, reporter)?;
    let share = match fields.get("max_share") {
        None => Some(default.max_share_percent),
        Some(node) => scalar::percent(node, "max_share", reporter),
    };
    let max_count = scalar::number(&fields, "max_count", bounds::COUNT, default.max_count, reporter);
    let keep = scalar::number(&fields, "keep_at_least", bounds::COUNT, default.keep_at_least, reporter);
    let notice = scalar::duration(&fields, "notice", bounds::NOTICE, default.notice, reporter);
    let skew = scalar::duration(&fields, "max_clock_skew", bounds::CLOCK_SKEW, default.max_clock_skew, reporter);
    Some(Guards {
        max_share_percent: share?,
        max_count: max_count?,
        keep_at_least: keep?,
        notice: notice?,
        max_clock_skew: skew?,
    })
}

// A target whose system is not known has no default; then only what is given is checked.
fn limits(
    fields: &Fields<'_, '_>,
    description: Option<&'static Description>,
    reporter: &mut Reporter<'_>,
) -> Option<RequestLimits> {
    let default = description.map(|description| (description.requests, description.concurrency));
    let (mut requests, mut concurrency) = default.unzip();
    if let Some(node) = fields.get("limits") {
        let fields = Fields::of(node, "`limits`", names::LIMITS, reporter)?;
        if let Some(node) = fields.get("requests") {
            requests = scalar::rate(node, "requests", reporter);
        }
        if let Some(node) = fields.get("concurrency") {
            let (least, most) = bounds::CONCURRENCY;
            concurrency = get::integer(node, "`concurrency`", least, most, reporter);
        }
    }
    Some(RequestLimits { requests: requests?, concurrency: concurrency? })
}

fn own_fields(
    fields: &Fields<'_, '_>,
    description: &'static Description,
    reporter: &mut Reporter<'_>,
) -> (BTreeMap<&'static str, Vec<Text>>, AuthStyle) {
    let mut auth = description.auth;
    let mut found = BTreeMap::new();
    for field in description.target_fields {
        let Some(node) = fields.get(field.name) else {
            if field.required {
                let message = format!("{} is missing, and {} needs it", quoted(field.name), description.title);
                reporter.report_with(*fields, message, field.doc);
            }
            found.extend(default(field).map(|word| (field.name, vec![word])));
            continue;
        };
        let texts = own_field(field, node, reporter);
        if let (TargetShape::Auth(styles), Some([word])) = (field.shape, texts.as_deref()) {
            auth = styles.iter().find(|(style, _)| word == style).map_or(auth, |(_, style)| *style);
        }
        found.extend(texts.map(|texts| (field.name, texts)));
    }
    (found, auth)
}

fn default(field: &TargetField) -> Option<Text> {
    match field.shape {
        TargetShape::OneOf(words) => words.first().map(|word| Text::from(*word)),
        TargetShape::Auth(styles) => styles.first().map(|(word, _)| Text::from(*word)),
        TargetShape::Text | TargetShape::ManyOf(_) | TargetShape::AllOrTexts => None,
    }
}

fn own_field(field: &TargetField, node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<Vec<Text>> {
    let what = quoted(field.name);
    let among = |texts: Vec<Text>, words: &[&str], reporter: &mut Reporter<'_>| {
        let strange = texts.iter().find(|text| !words.contains(&text.as_str()));
        if let Some(strange) = strange {
            one_of(node, &what, strange, words, reporter);
            return None;
        }
        Some(texts)
    };
    match field.shape {
        TargetShape::Text => scalar::text(node, &what, reporter).map(|text| vec![text]),
        TargetShape::OneOf(words) => {
            let text = scalar::text(node, &what, reporter)?;
            among(vec![text], words, reporter)
        }
        TargetShape::Auth(styles) => {
            let words: Vec<&str> = styles.iter().map(|(word, _)| *word).collect();
            let text = scalar::text(node, &what, reporter)?;
            among(vec![text], &words, reporter)
        }
        TargetShape::ManyOf(words) => {
            let texts = scalar::texts(node, &what, reporter)?;
            among(texts, words, reporter)
        }
        TargetShape::AllOrTexts if node.is_word(names::ALL) => Some(vec![names::ALL.into()]),
        TargetShape::AllOrTexts => {
            get::list(node, &what, reporter)?;
            let texts = scalar::texts(node, &what, reporter)?;
            if texts.iter().any(|text| text == names::ALL) {
                reporter.report_with(node, format!("{what} lists `all`"), "write the word `all` alone, without a list");
                return None;
            }
            Some(texts)
        }
    }
}

fn enforce(
    node: &Node<'_>,
    description: &'static Description,
    reporter: &mut Reporter<'_>,
) -> Option<Vec<&'static Kind>> {
    let items = get::list(node, "`enforce`", reporter)?;
    let lists: Vec<&str> = description.kinds.iter().map(|kind| kind.list).collect();
    let mut kinds: Vec<&'static Kind> = Vec::new();
    for item in items {
        let Some(word) = get::text(item, "an item of `enforce`", reporter) else { continue };
        match description.kind_by_list(word) {
            Some(kind) if kinds.contains(&kind) => {
                reporter.report(item, format!("`enforce` names {} twice", quoted(word)));
            }
            Some(kind) => kinds.push(kind),
            None => one_of(item, "`enforce`", word, &lists, reporter),
        }
    }
    Some(kinds)
}
