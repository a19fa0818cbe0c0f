//! Switchable faults: what goes wrong, for which requests, how often.

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    System,
    call::{Body, Call, Mutation, Reply},
    server::bytes_of,
};

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Trouble {
    /// 429 in the vendor's own form; nothing happens to the world.
    RateLimit {
        /// After how many milliseconds it may be tried again.
        after_ms: u64,
    },
    /// A status code with the vendor's error body.
    Status {
        /// The code.
        status: u16,
        /// Whether the request takes effect all the same.
        #[serde(default)]
        after_effect: bool,
    },
    /// The connection is cut before anything happens.
    DropBefore,
    /// The request takes effect, then the connection is cut: the answer is lost.
    DropAfter,
    /// The answer comes late; what it does happens first, where it says so.
    Delay {
        /// How late.
        ms: u64,
        /// Whether the effect comes before the delay.
        #[serde(default)]
        after_effect: bool,
    },
    /// No answer ever; the connection stays open.
    Hang {
        /// Whether the request takes effect all the same.
        #[serde(default)]
        after_effect: bool,
    },
    /// The connection is cut in the middle of the body.
    Truncate,
    /// The body ends in the middle, and its length says so: broken JSON.
    BrokenJson,
    /// The body is blown up with blanks to this many bytes (256 MiB at most).
    Oversize {
        /// How long it becomes.
        bytes: usize,
    },
    /// A page of HTML, with status 200, instead of JSON.
    Html,
    /// The last row of a list is left out; end mark and total stay.
    ShortPage,
    /// The first row of a list comes twice.
    RepeatRow,
    /// A list's body comes again for every further request: the same rows, the same cursor.
    RepeatPage,
    /// The total of a list is off by so many.
    WrongTotal {
        /// By how many.
        by: i64,
    },
    /// Every field with this name is left out, at any depth.
    MissingField {
        /// Its name.
        field: String,
    },
    /// Every field with this name has this value, at any depth: another type, null, a hostile name.
    SetField {
        /// Its name.
        field: String,
        /// The value.
        value: Value,
    },
    /// A JSON object ends in one more member.
    Beside {
        /// The member as it travels, each character as one byte (Latin-1): nobody looks whether it is JSON.
        member: String,
    },
    /// The `Date` header is off.
    ClockSkew {
        /// By so many seconds.
        seconds: i64,
    },
    /// A redirect to another place.
    Redirect {
        /// Where to.
        location: String,
    },
    /// The world changes right after the answer: an entry vanishes or appears between two pages.
    Then {
        /// What changes.
        mutation: Mutation,
    },
}

impl Trouble {
    /// Its name in the record.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RateLimit { .. } => "rate_limit",
            Self::Status { .. } => "status",
            Self::DropBefore => "drop_before",
            Self::DropAfter => "drop_after",
            Self::Delay { .. } => "delay",
            Self::Hang { .. } => "hang",
            Self::Truncate => "truncate",
            Self::BrokenJson => "broken_json",
            Self::Oversize { .. } => "oversize",
            Self::Html => "html",
            Self::ShortPage => "short_page",
            Self::RepeatRow => "repeat_row",
            Self::RepeatPage => "repeat_page",
            Self::WrongTotal { .. } => "wrong_total",
            Self::MissingField { .. } => "missing_field",
            Self::SetField { .. } => "set_field",
            Self::Beside { .. } => "beside",
            Self::ClockSkew { .. } => "clock_skew",
            Self::Redirect { .. } => "redirect",
            Self::Then { .. } => "then",
        }
    }
}

/// A fault: what, where, how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The system it happens at; every system where left out.
    #[serde(default)]
    pub system: Option<System>,
    /// What goes wrong.
    pub trouble: Trouble,
    /// Which requests.
    #[serde(default)]
    pub on: On,
    /// Only paths that begin so, as they travel.
    #[serde(default)]
    pub path: String,
    /// So many matching requests go through first.
    #[serde(default)]
    pub skip: u32,
    /// Of the rest every so-manieth is hit.
    #[serde(default = "one")]
    pub every: u32,
    /// So many hits, then it is over; no end where left out.
    #[serde(default)]
    pub times: Option<u32>,
}

fn one() -> u32 {
    1
}

/// Which requests a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// All.
    #[default]
    All,
    /// Those that change nothing.
    Reads,
    /// Those that could.
    Writes,
}

impl Fault {
    /// A fault of one system that hits every request until it is cleared.
    pub fn new(system: System, trouble: Trouble) -> Self {
        let path = String::new();
        Self { system: Some(system), trouble, on: On::All, path, skip: 0, every: 1, times: None }
    }

    /// For reads only.
    #[must_use]
    pub fn on_reads(self) -> Self {
        Self { on: On::Reads, ..self }
    }

    /// For writes only.
    #[must_use]
    pub fn on_writes(self) -> Self {
        Self { on: On::Writes, ..self }
    }

    /// For paths that begin so.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// For so many requests.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// After so many requests went through.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// For every so-manieth request.
    #[must_use]
    pub fn every(self, every: u32) -> Self {
        Self { every, ..self }
    }
}

/// A fault that is set, and how often it was met.
#[derive(Debug, Clone, Serialize)]
pub struct Active {
    /// Its number.
    pub id: u64,
    /// The fault.
    pub fault: Fault,
    /// Matching requests so far.
    pub seen: u32,
    /// Of these, hit.
    pub hits: u32,
    #[serde(skip)]
    first_body: Option<Bytes>,
}

/// The faults that are set.
#[derive(Debug, Default)]
pub struct Faults {
    next: u64,
    active: Vec<Active>,
}

/// A fault that hits a request.
#[derive(Debug, Clone)]
pub(super) struct Hit {
    pub id: u64,
    pub trouble: Trouble,
}

impl Faults {
    /// Sets one; returns its number.
    pub fn add(&mut self, fault: Fault) -> u64 {
        self.next += 1;
        self.active.push(Active { id: self.next, fault, seen: 0, hits: 0, first_body: None });
        self.next
    }

    /// Clears all.
    pub fn clear(&mut self) {
        self.active.clear();
    }

    /// Those that are set, used up ones too.
    pub fn active(&self) -> &[Active] {
        &self.active
    }

    /// Which faults hit this request, in the order they were set. Counts.
    pub(super) fn hits(&mut self, system: System, call: &Call, write: bool) -> Vec<Hit> {
        let mut hits = Vec::new();
        for Active { id, fault, seen, hits: count, .. } in &mut self.active {
            let wanted = match fault.on {
                On::All => true,
                On::Reads => !write,
                On::Writes => write,
            };
            let here = fault.system.is_none_or(|wanted| wanted == system) && call.path.starts_with(&fault.path);
            if !wanted || !here {
                continue;
            }
            *seen = seen.saturating_add(1);
            let Some(nth) = seen.checked_sub(fault.skip).filter(|&nth| nth > 0) else { continue };
            if nth % fault.every.max(1) == 0 && fault.times.is_none_or(|times| *count < times) {
                *count += 1;
                hits.push(Hit { id: *id, trouble: fault.trouble.clone() });
            }
        }
        hits
    }

    /// The body that a repeating fault sent first, which is this one where there was none yet.
    pub(super) fn first_body(&mut self, id: u64, body: Bytes) -> Bytes {
        match self.active.iter_mut().find(|active| active.id == id) {
            Some(active) => active.first_body.get_or_insert(body).clone(),
            None => body,
        }
    }
}

/// Spoils an answer as far as that can be done in its body.
pub(super) fn spoil(reply: &mut Reply, trouble: &Trouble) {
    let (rows, total) = (reply.rows, reply.total);
    match trouble {
        Trouble::ShortPage => edit_rows(reply, rows, |rows| {
            rows.pop();
        }),
        Trouble::RepeatRow => edit_rows(reply, rows, |rows| rows.extend(rows.first().cloned())),
        Trouble::WrongTotal { by } => edit(reply, |value| {
            if let Some(total) = total.and_then(|total| value.pointer_mut(total)) {
                *total = (total.as_i64().unwrap_or(0) + by).into();
            }
        }),
        Trouble::MissingField { field } => edit(reply, |value| each_map(value, &mut |map| drop(map.remove(field)))),
        Trouble::SetField { field, value: new } => edit(reply, |value| {
            each_map(value, &mut |map| {
                if let Some(old) = map.get_mut(field) {
                    *old = new.clone();
                }
            });
        }),
        Trouble::Beside { member } => {
            let mut bytes = bytes_of(&reply.body).to_vec();
            if bytes.pop_if(|last| *last == b'}').is_some() {
                bytes.push(b',');
                bytes.extend(member.chars().map(|character| u8::try_from(character).unwrap_or(b'?')));
                bytes.push(b'}');
                reply.body = Body::Text(Bytes::from(bytes));
            }
        }
        _ => {}
    }
}

fn edit_rows(reply: &mut Reply, rows: Option<&str>, change: impl FnOnce(&mut Vec<Value>)) {
    edit(reply, |value| {
        if let Some(Value::Array(rows)) = rows.and_then(|rows| value.pointer_mut(rows)) {
            change(rows);
        }
    });
}

fn edit(reply: &mut Reply, change: impl FnOnce(&mut Value)) {
    if let Body::Text(text) = &reply.body
        && let Ok(value) = serde_json::from_slice(text)
    {
        reply.body = Body::Json(value);
    }
    if let Body::Json(value) = &mut reply.body {
        change(value);
    }
}

fn each_map(value: &mut Value, change: &mut dyn FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            change(map);
            map.values_mut().for_each(|inner| each_map(inner, change));
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| each_map(inner, change)),
        _ => {}
    }
}
