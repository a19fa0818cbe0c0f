//! One page of the list, decoded fast: text is borrowed from the body, and equal scopes are decoded once and shared.

use std::{collections::BTreeMap, collections::HashMap, fmt};

use jiff::{Timestamp, civil::DateTime};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::{description::ACCESS_TOKENS, scope};
use crate::{
    access::{Entry, Facts, Life, Region, Text, Value},
    systems::shared::decode,
    wire::{Fault, Unreadable},
};

/// How many scopes are kept at most for sharing; past that the memory starts anew.
const MAX_SHARED: usize = 4096;

/// A page of the list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<'a> {
    /// The tokens, by id.
    #[serde(borrow)]
    pub access_tokens: Vec<Row<'a>>,
    /// Whether the list goes on.
    pub has_more: bool,
}

/// One token.
#[derive(Debug, Deserialize)]
pub(super) struct Row<'a> {
    /// The id.
    pub id: Text,
    // Absent means never, as null does.
    #[serde(default, deserialize_with = "end")]
    expires_at: Option<Timestamp>,
    #[serde(default)]
    auto_prefix_streams: Option<bool>,
    #[serde(borrow)]
    scope: &'a RawValue,
}

#[derive(Deserialize)]
struct Scope<'a> {
    #[serde(default)]
    basins: Option<Names>,
    #[serde(default)]
    streams: Option<Names>,
    #[serde(default)]
    access_tokens: Option<Names>,
    #[serde(default, borrow)]
    op_groups: Option<&'a RawValue>,
    #[serde(default, borrow)]
    ops: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    #[serde(default)]
    exact: Option<Text>,
    #[serde(default)]
    prefix: Option<Text>,
}

type Groups = BTreeMap<Text, Option<BTreeMap<Text, Option<bool>>>>;

/// Turns rows into entries and shares what is equal.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    scopes: HashMap<Box<str>, (Value, bool)>,
    groups: HashMap<Box<str>, Value>,
    ops: HashMap<Box<str>, Value>,
}

impl Scopes {
    /// The entry of a row that arrived at `at`.
    pub(super) fn entry(&mut self, row: &Row<'_>, at: Timestamp) -> Result<Entry, Unreadable> {
        let (scope, revokes_tokens) = self.scope(row.scope.get()).map_err(|error| {
            let Unreadable { fault, what, request, advice } = error;
            Unreadable { fault, what: format!("the scope of the token {:?}: {what}", row.id), request, advice }
        })?;
        let expired = row.expires_at.is_some_and(|end| end <= at);
        Ok(Entry {
            kind: ACCESS_TOKENS,
            id: row.id.clone(),
            handle: None,
            values: Box::new([
                Value::Text(row.id.clone()),
                scope,
                Value::Bool(row.auto_prefix_streams.unwrap_or_default()),
            ]),
            principal: None,
            label: None,
            created_at: None,
            expires_at: row.expires_at,
            last_used_at: None,
            life: if expired { Life::Dead(Text::new_static("expired")) } else { Life::Live },
            facts: revokes_tokens.then(|| Box::new(Facts { revokes_tokens, ..Facts::default() })),
        })
    }

    fn scope(&mut self, raw: &str) -> Result<(Value, bool), Unreadable> {
        if let Some((scope, revokes)) = self.scopes.get(raw) {
            return Ok((scope.clone(), *revokes));
        }
        let Scope { basins, streams, access_tokens, op_groups, ops } = decode(raw.as_bytes())?;
        let scope = Value::Record(
            [
                region(basins)?,
                region(streams)?,
                region(access_tokens)?,
                op_groups.map_or(Ok(Value::Absent), |raw| shared(&mut self.groups, raw.get(), groups))?,
                ops.map_or(Ok(Value::Absent), |raw| shared(&mut self.ops, raw.get(), words))?,
            ]
            .into(),
        );
        let revokes = scope::revokes_tokens(&scope);
        keep(&mut self.scopes, raw, (scope.clone(), revokes));
        Ok((scope, revokes))
    }
}

fn shared(
    known: &mut HashMap<Box<str>, Value>,
    raw: &str,
    make: fn(&str) -> Result<Value, Unreadable>,
) -> Result<Value, Unreadable> {
    if let Some(value) = known.get(raw) {
        return Ok(value.clone());
    }
    let value = make(raw)?;
    keep(known, raw, value.clone());
    Ok(value)
}

fn keep<T>(known: &mut HashMap<Box<str>, T>, raw: &str, value: T) {
    if known.len() >= MAX_SHARED {
        known.clear();
    }
    known.insert(raw.into(), value);
}

/// The exact empty name is the vendor's other way to say none.
fn region(names: Option<Names>) -> Result<Value, Unreadable> {
    match names {
        None => Ok(Value::Absent),
        Some(Names { exact: Some(name), prefix: None }) if name.is_empty() => Ok(Value::Absent),
        Some(Names { exact: Some(name), prefix: None }) => Ok(Value::Region(Region::Exact(name))),
        Some(Names { exact: None, prefix: Some(prefix) }) => Ok(Value::Region(Region::Prefix(prefix))),
        Some(_) => Err(Unreadable::new(Fault::Malformed, "a resource set has not exactly one of `exact` and `prefix`")),
    }
}

fn groups(raw: &str) -> Result<Value, Unreadable> {
    let groups: Option<Groups> = decode(raw.as_bytes())?;
    let mut granted = Vec::new();
    for (group, flags) in groups.iter().flatten() {
        for (flag, _) in flags.iter().flatten().filter(|(_, given)| **given == Some(true)) {
            granted.push(Text::from(format!("{group}.{flag}")));
        }
    }
    Ok(none_if_empty(granted))
}

fn words(raw: &str) -> Result<Value, Unreadable> {
    let words: Option<Vec<Text>> = decode(raw.as_bytes())?;
    Ok(none_if_empty(words.unwrap_or_default()))
}

fn none_if_empty(words: Vec<Text>) -> Value {
    if words.is_empty() { Value::Absent } else { Value::set(words) }
}

/// An end as an instant. Tokens that never end were once listed with a date at the end of time, which may lie past what a
/// timestamp can hold: that is its largest value.
fn end<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    struct End;
    impl<'de> de::Visitor<'de> for End {
        type Value = Option<Timestamp>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an RFC 3339 date and time or null")
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_str(self)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            if let Ok(at) = text.parse() {
                return Ok(Some(at));
            }
            let last_days = text.get(..19).and_then(|civil| civil.parse::<DateTime>().ok());
            match last_days {
                Some(civil) if civil.year() == 9999 && civil.month() == 12 => Ok(Some(Timestamp::MAX)),
                _ => Err(E::invalid_value(de::Unexpected::Other("another text"), &self)),
            }
        }
    }
    deserializer.deserialize_option(End)
}
