//! Two made-up systems and a few files, for the tests of this module.

mod hostile;
mod laws;
mod meaning;
mod refused;

use super::{Blocked, KnownTarget, PeopleFile, Policies, Source, load};
use crate::access::{AuthStyle, Description, Field, FieldRole, Kind, Limit, RequestRate, Reversibility, Shape};

const fn field(name: &'static str, shape: Shape, role: FieldRole) -> Field {
    Field { name, shape, role, compare: None, doc: "" }
}

const fn kind(name: &'static str, list: &'static str, fields: &'static [Field]) -> Kind {
    Kind {
        name,
        list,
        noun: name,
        fields,
        identities: &[&["id"]],
        limits: &[Limit::Expires],
        allow_limits: &[Limit::MustExpireWithin],
        reversibility: Reversibility::Irreversible,
        holds_own: false,
        has_owner: false,
        splits_by: None,
        reissues_ids: false,
        read_alone: true,
    }
}

const fn description(system: &'static str, kinds: &'static [Kind]) -> Description {
    Description {
        system,
        title: system,
        hosts: &[],
        auth: AuthStyle::Bearer,
        own_claim: None,
        target_fields: &[],
        kinds,
        requests: RequestRate { count: 1, seconds: 1 },
        concurrency: 1,
        knows_account: false,
        by_hand: false,
    }
}

const FLAGS: &[(&str, &[&str])] = &[("stream", &["read", "write"])];
const SCOPE: &[Field] =
    &[field("streams", Shape::Region, FieldRole::Content), field("op_groups", Shape::Flags(FLAGS), FieldRole::Content)];

/// A store of tokens.
static STORE: Description = description(
    "store",
    &[kind(
        "token",
        "tokens",
        &[
            field("id", Shape::Text, FieldRole::Exact),
            field("scope", Shape::Record(SCOPE), FieldRole::Content),
            field("auto_prefix", Shape::Bool, FieldRole::Content),
        ],
    )],
);

/// A system of grants to people.
static GRANTS: Description = description(
    "club",
    &[Kind {
        identities: &[&["id"], &["user", "application", "resource"], &["entity", "user"]],
        limits: &[Limit::Expires, Limit::MaxAge],
        allow_limits: &[],
        ..kind(
            "grant",
            "grants",
            &[
                field("id", Shape::Text, FieldRole::Exact),
                field("user", Shape::Person, FieldRole::Key),
                field(
                    "application",
                    Shape::Object { class: "application", lookup: true, within: None },
                    FieldRole::Key,
                ),
                field(
                    "resource",
                    Shape::Object { class: "resource", lookup: true, within: Some("application") },
                    FieldRole::OptionalKey,
                ),
                field("entity", Shape::TypedObject { classes: &["assistant", "store"], ids: &[] }, FieldRole::Key),
                field("permissions", Shape::Set { known: &[] }, FieldRole::Content),
                field("level", Shape::Level(&["read", "write", "admin"]), FieldRole::Content),
            ],
        )
    }],
);

fn targets() -> Vec<KnownTarget> {
    let target = |name: &str, description| KnownTarget { name: name.into(), description };
    vec![target("store-a", &STORE), target("store-b", &STORE), target("club", &GRANTS)]
}

/// A people file of the two systems.
fn people_file(source: Source<'_>) -> Option<PeopleFile<'_>> {
    Some(PeopleFile { source, systems: &["store", "club"] })
}

const PEOPLE: &str = "version: 1
people:
  anna: { email: Anna@example.com, aliases: { club: usr_1 } }
  ben: { email: ben@agency.example, until: 2027-03-31 }
  bot: { email: bot@example.com, service: true }
groups:
  platform: [anna, bot]
";

fn load_all(files: &[(&str, &str)]) -> Policies {
    let files: Vec<Source<'_>> = files.iter().map(|(name, text)| Source { name, bytes: text.as_bytes() }).collect();
    load(&files, people_file(Source { name: "people.yaml", bytes: PEOPLE.as_bytes() }), &targets(), &[])
}

fn problems(policies: &Policies) -> Vec<String> {
    let line = |problem: &crate::yaml::Problem| {
        let hint = problem.hint.as_ref().map(|hint| format!(" | {hint}")).unwrap_or_default();
        format!("{}:{}:{} {}{hint}", problem.file, problem.line, problem.column, problem.message)
    };
    policies.problems.iter().map(line).collect()
}

/// A policy without problems.
fn good(files: &[(&str, &str)]) -> Policies {
    let policies = load_all(files);
    assert_eq!(problems(&policies), Vec::<String>::new());
    assert_eq!(policies.blocked, Blocked::default());
    policies
}

const STORE_FILE: &str = "version: 1
target: store-a
team: data@example.com
manage:
  tokens: { select: [{ id: \"service/*\" }, { id: \"ci/*\" }], except: [{ id: \"service/legacy-*\" }] }
tokens:
  - id: service/ingest
    justification: OPS-123, ingest pipeline
    expires: 2027-01-31
    scope: { streams: { prefix: \"ingest/\" }, op_groups: { stream: { write: true, read: false } } }
allow:
  tokens:
    - { select: { id: \"ci/*\" }, must_expire_within: 2d, justification: per-run CI tokens }
absent:
  tokens:
    - { id: service/old-export, justification: 'SEC-9, leaked' }
holds:
  tokens:
    - { id: service/x, until: 2026-12-24, justification: holidays }
reason: { undeclared: \"{cause}: {file}, ask {team}\" }
";
