//! Northlight, an invented company of 60 people, as the five systems know it; `policies/` and `people.yaml` at the
//! repository's root say what it should look like. The difference is the sample that the README, `demo` and tests use.
//!
//! Ages count from the moment a world is made, ends in the past are fixed dates: so the difference stays the same for years.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

mod accessowl;
mod aitronos;
mod buildkite;
mod files;
mod people;
mod pinata;
mod s2;

pub use files::{POLICIES, configuration, people};

use super::World;
use crate::access::hex;

/// The company's world.
pub(super) fn world() -> World {
    World {
        accessowl: accessowl::state(),
        aitronos: aitronos::state(),
        buildkite: buildkite::state(),
        pinata: pinata::state(),
        s2: s2::state(),
    }
}

/// Somebody who works or worked at Northlight.
struct Employee {
    /// The name in the people file.
    key: String,
    first: &'static str,
    last: &'static str,
    email: String,
    /// The group; empty for those who left and for the contractor.
    group: &'static str,
    left: bool,
}

fn employees() -> Vec<Employee> {
    let employee = |first: &'static str, last: &'static str, group, left| {
        let (key, surname) = (first.to_lowercase(), last.to_lowercase());
        Employee { email: format!("{key}.{surname}@example.com"), key, first, last, group, left }
    };
    let working =
        people::GROUPS.iter().flat_map(|(group, all)| all.iter().map(move |&(f, l)| employee(f, l, *group, false)));
    let left = people::LEAVERS.iter().map(|&(first, last)| employee(first, last, "", true));
    let milo = Employee {
        key: "milo".to_owned(),
        first: "Milo",
        last: "Brandt",
        email: "milo@agency.example".to_owned(),
        group: "",
        left: false,
    };
    working.chain(left).chain([milo]).collect()
}

/// The names in the people file of everybody in these groups.
fn in_groups(groups: &[&str]) -> Vec<String> {
    employees().into_iter().filter(|person| groups.contains(&person.group)).map(|person| person.key).collect()
}

/// The moment so many days before now, to the second.
pub(super) fn days_ago(days: i64) -> Timestamp {
    hours_from_now(-24 * days)
}

/// The moment so many hours from now, to the second.
pub(super) fn hours_from_now(hours: i64) -> Timestamp {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    now.checked_add(SignedDuration::from_hours(hours)).unwrap_or(now)
}

/// A UUID that is always the same for a text.
pub(super) fn uuid_of(text: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(digest.split_at(16).0);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// So many hexadecimal digits (64 at most) that are always the same for a text.
pub(super) fn hex_of(text: &str, digits: usize) -> String {
    let mut hex = hex::of(&Sha256::digest(text.as_bytes()));
    hex.truncate(digits);
    hex
}
