//! What `portcullis init` writes: a set-up that reads, shows and removes nothing, with the next steps in its comments.
//!
//! Pure: texts by path, in the order in which they should be written. Whoever writes them must not overwrite a file.

use std::{fmt::Write as _, path::PathBuf};

use super::schema::{Which, schema};
use crate::{
    access::{Description, FieldRole, Kind, Shape, TargetField, TargetShape},
    config::names,
};

/// The name of the operator's file.
pub const CONFIG: &str = "portcullis.yaml";
/// The name of the people file.
pub const PEOPLE: &str = "people.yaml";
/// The directory of the JSON Schemas.
pub const SCHEMAS: &str = "schemas";

/// The files of a new set-up with one target for each of these systems, called like the system. With `schemas`, their JSON
/// Schemas too, and in each file the line by which editors find its schema.
pub fn files(descriptions: &[&'static Description], schemas: bool) -> Vec<(PathBuf, String)> {
    let mut files = vec![
        (PathBuf::from(CONFIG), headed(schemas, "", Which::Config, &configuration(descriptions))),
        (PathBuf::from(PEOPLE), headed(schemas, "", Which::People, PEOPLE_TEXT)),
    ];
    for description in descriptions {
        let path = PathBuf::from(names::DEFAULT_POLICIES).join(format!("{}.yaml", description.system));
        files.push((path, headed(schemas, "../", Which::Policy, &policy(description))));
    }
    files.push((PathBuf::from(".gitignore"), GITIGNORE.to_owned()));
    if schemas {
        for which in [Which::Config, Which::People, Which::Policy] {
            let path = PathBuf::from(SCHEMAS).join(schema_file(which));
            files.push((path, format!("{:#}\n", schema(which, descriptions))));
        }
    }
    files
}

fn schema_file(which: Which) -> String {
    format!("{}.schema.json", which.name())
}

fn headed(schemas: bool, up: &str, which: Which, text: &str) -> String {
    if schemas {
        format!("# yaml-language-server: $schema={up}{SCHEMAS}/{}\n{text}", schema_file(which))
    } else {
        text.to_owned()
    }
}

const GITIGNORE: &str = "\
# The journal: a record of what was done, not a state file. It stays where Portcullis runs.
/.portcullis/
# Saved plans and readings hold names of people and of access.
/plan*.json
/reading*.json
/snapshot*.json
";

const PEOPLE_TEXT: &str = "\
# Who is meant by a name in policies. A system that knows people by e-mail address needs no more; one that knows them by an
# id of its own needs an alias: { email: anna@example.com, aliases: { SYSTEM: id } }.
version: 1
people:
  anna: { email: anna@example.com }
  # ben: { email: ben@agency.example, until: 2027-03-31 }       # a contractor; all of his expires then
  # deploy-bot: { email: deploy@example.com, service: true }
# groups:
#   platform: [anna]
";

// Writing to a string cannot fail, so the results of `write!` say nothing.
fn configuration(descriptions: &[&'static Description]) -> String {
    let mut text = format!(
        "\
# What Portcullis may reach and change. Whoever can change this file can change what is guarded: keep it with operators.
# Paths are relative to this file.
version: {}
policies: {}/
people: {PEOPLE}
journal: {}
# Removals in 24 hours over all targets, by the people that they reach.
guards: {{ max_count_total: {} }}

# Nothing is changed until a target's `enforce` names a list. Until then `portcullis plan` shows what would go.
targets:
",
        names::VERSION,
        names::DEFAULT_POLICIES,
        names::DEFAULT_JOURNAL,
        crate::config::MAX_COUNT_TOTAL
    );
    for description in descriptions {
        target(&mut text, description);
    }
    text
}

fn target(text: &mut String, description: &Description) {
    let _ = writeln!(text, "  {0}:\n    system: {0}", description.system);
    for field in description.target_fields {
        for line in wrapped(field.doc) {
            let _ = writeln!(text, "    # {line}");
        }
        let sign = if field.required { "" } else { "# " };
        let _ = writeln!(text, "    {sign}{}: {}", field.name, sample(field));
    }
    let _ = writeln!(
        text,
        "    # By reference only: {{ env: NAME }}, {{ file: path }} or {{ command: [program, argument] }}.\n    \
         credential: {{ env: {} }}",
        variable(description)
    );
    if !description.knows_account {
        let _ = writeln!(
            text,
            "    # A name for this account, since {} does not tell it: a second account gets another.",
            description.title
        );
        let _ = writeln!(text, "    # account: {}-1", description.system);
    }
    for kind in description.kinds.iter().filter(|kind| kind.holds_own) {
        let _ = writeln!(
            text,
            "    # The {} that Portcullis itself uses; without knowing it, the list stays in observe.\n    \
             # own: {{ {}: [{{ {}: … }}] }}        # or `unlisted`, where it is not in the list",
            kind.noun,
            kind.list,
            exact(kind)
        );
    }
    if let Some(kind) = description.kinds.first() {
        let _ =
            writeln!(text, "    # protected: {{ {}: [{{ {}: … }}] }}        # never removed", kind.list, exact(kind));
    }
    let lists: Vec<&str> = description.kinds.iter().map(|kind| kind.list).collect();
    let _ = writeln!(text, "    # enforce: [{}]\n", lists.join(", "));
}

fn exact(kind: &Kind) -> &'static str {
    kind.exact_field().and_then(|index| kind.fields.get(index)).map_or("label", |field| field.name)
}

/// The variable that holds the credential: the system's name, and what it calls a credential of its own.
fn variable(description: &Description) -> String {
    let own = description.kinds.iter().find(|kind| kind.holds_own).filter(|kind| kind.name.ends_with("_token"));
    let what = own.map_or("token", |kind| kind.name);
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("{}_{what}", description.system).chars().map(upper).collect()
}

fn sample(field: &TargetField) -> String {
    match field.shape {
        TargetShape::Text => "CHANGE-ME".to_owned(),
        TargetShape::OneOf(words) => words.first().copied().unwrap_or_default().to_owned(),
        TargetShape::Auth(styles) => styles.first().map_or("", |(word, _)| word).to_owned(),
        TargetShape::ManyOf(words) => format!("[{}]", words.join(", ")),
        TargetShape::AllOrTexts => names::ALL.to_owned(),
    }
}

fn policy(description: &Description) -> String {
    let system = description.system;
    let mut text = format!(
        "\
# What may exist at the target `{system}`. This file manages nothing yet, so nothing can go by it:
# 1. `portcullis import {system}` prints declarations for what exists. Keep those that should exist.
# 2. Name in `manage` what this file is in charge of. What is in there and not declared is then shown as undeclared.
# 3. When the plan is what you mean, an operator names the list in `enforce`.
version: 1
target: {system}
team: security@example.com
"
    );
    for kind in description.kinds {
        let _ = writeln!(text, "\n# manage:\n#   {}: all\n#\n# {}:", kind.list, kind.list);
        let mut sign = "- ";
        let identity = kind.identities.last().copied().unwrap_or_default();
        let mut left_out: Vec<&str> = kind.fields.iter().map(|field| field.name).collect();
        let content = kind.fields.iter().filter(|field| field.role == FieldRole::Content && !is_nested(&field.shape));
        for field in identity.iter().filter_map(|name| kind.field(name)).chain(content) {
            let _ = writeln!(text, "#   {sign}{}: …        # {}", field.name, field.doc);
            left_out.retain(|name| *name != field.name);
            sign = "  ";
        }
        let _ = writeln!(text, "#   {sign}justification: TICKET-1, why it may exist");
        for limit in kind.limits {
            let value = if limit.name() == "expires" { "2027-12-31" } else { "90d" };
            let _ = writeln!(text, "#     {}: {value}", limit.name());
        }
        if !left_out.is_empty() {
            let _ = writeln!(text, "#     # further fields: {}", left_out.join(", "));
        }
    }
    text
}

fn is_nested(shape: &Shape) -> bool {
    matches!(shape, Shape::Region | Shape::Flags(_) | Shape::Record(_))
}

/// The words of a sentence in lines that fit a comment.
fn wrapped(sentence: &str) -> Vec<String> {
    const WIDTH: usize = 110;
    let mut lines: Vec<String> = Vec::new();
    for word in sentence.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        config, policy,
        run::schema::tests::{descriptions, validates},
    };

    #[test]
    fn what_is_written_is_valid_and_changes_nothing() {
        for schemas in [false, true] {
            let files = files(&descriptions(), schemas);
            let text = |name: &str| {
                files.iter().find(|(path, _)| path == Path::new(name)).map(|(_, text)| text.as_str()).unwrap()
            };
            let config = config::load(CONFIG, Path::new(CONFIG), text(CONFIG).as_bytes(), &descriptions()).unwrap();
            assert_eq!(config.targets.len(), descriptions().len());
            assert!(config.targets.values().all(|target| target.enforce.is_empty()), "all kinds are in observe");
            assert!(validates(Which::Config, text(CONFIG)) && validates(Which::People, text(PEOPLE)));

            let known: Vec<policy::KnownTarget> = config
                .targets
                .values()
                .map(|target| policy::KnownTarget { name: target.name.clone(), description: target.description })
                .collect();
            let named: Vec<(String, &str)> = descriptions()
                .iter()
                .map(|one| format!("policies/{}.yaml", one.system))
                .map(|name| (name.clone(), text(&name)))
                .collect();
            let sources: Vec<policy::Source<'_>> =
                named.iter().map(|(name, text)| policy::Source { name, bytes: text.as_bytes() }).collect();
            let people = policy::Source { name: PEOPLE, bytes: text(PEOPLE).as_bytes() };
            let systems: Vec<&str> = descriptions().iter().map(|one| one.system).collect();
            let people = policy::PeopleFile { source: people, systems: &systems };
            let policies = policy::load(&sources, Some(people), &known, &[]);
            assert_eq!(policies.problems, []);
            assert!(policies.targets.values().all(|one| one.sets.is_empty() && one.absents.is_empty()));
            assert!(named.iter().all(|(_, text)| validates(Which::Policy, text)));
            for variable in ["S2_ACCESS_TOKEN", "BUILDKITE_API_TOKEN", "ACCESSOWL_TOKEN", "PINATA_TOKEN"] {
                assert!(text(CONFIG).contains(&format!("{{ env: {variable} }}")), "{variable}");
            }
            assert!(text(".gitignore").contains("/.portcullis/"), "the journal is not committed");
        }
    }

    #[test]
    fn what_stands_in_comments_is_valid_once_it_is_filled_in() {
        let fill = |text: &str, keep: fn(&str) -> bool| -> String {
            let lines = text.lines().map(|line| {
                let bare = line.trim_start();
                match bare.strip_prefix("# ") {
                    Some(code) if keep(code) => format!("{}{code}", &line[..line.len() - bare.len()]),
                    _ => line.to_owned(),
                }
            });
            lines.collect::<Vec<_>>().join("\n").replace('…', "x")
        };
        for description in descriptions() {
            let text = files(&[description], false).swap_remove(0).1;
            let names = names::target_fields(description);
            let filled: String = fill(&text, |code| {
                code.split_once(": ").is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
            });
            let loaded = config::load(CONFIG, Path::new(CONFIG), filled.as_bytes(), &[description]);
            let config = loaded.unwrap_or_else(|problems| panic!("{names:?}\n{filled}\n{problems:#?}"));
            assert_eq!(config.targets[description.system].enforce.len(), description.kinds.len());
        }
    }
}
