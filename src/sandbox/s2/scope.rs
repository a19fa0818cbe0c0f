//! What an S2 token may do: parsing as strict as the vendor's wire types, and the normal form in which it is listed.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Every operation that the imitation knows, in the vendor's order.
pub const OPERATIONS: &[&str] = &[
    "list-basins",
    "create-basin",
    "delete-basin",
    "reconfigure-basin",
    "get-basin-config",
    "issue-access-token",
    "revoke-access-token",
    "list-access-tokens",
    "list-streams",
    "create-stream",
    "delete-stream",
    "get-stream-config",
    "reconfigure-stream",
    "check-tail",
    "append",
    "read",
    "trim",
    "fence",
    "account-metrics",
    "basin-metrics",
    "stream-metrics",
    "list-locations",
    "get-default-location",
    "set-default-location",
];

/// A set of names: exactly one, or all with a beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// Only this name; the empty one is nothing.
    Exact(String),
    /// Every name that begins so.
    Prefix(String),
}

impl Names {
    fn holds(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => !exact.is_empty() && exact == name,
            Self::Prefix(prefix) => name.starts_with(prefix),
        }
    }

    fn listed(names: Option<&Self>) -> Value {
        match names {
            None => Value::Null,
            Some(Self::Exact(exact)) if exact.is_empty() => Value::Null,
            Some(names) => json!(names),
        }
    }
}

/// Read and write of a group of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Both {
    /// Its reading operations.
    pub read: bool,
    /// Its writing operations.
    pub write: bool,
}

/// Whole groups of operations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Groups {
    /// The account.
    pub account: Option<Both>,
    /// Basins.
    pub basin: Option<Both>,
    /// Streams.
    pub stream: Option<Both>,
}

/// A token's rights.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// Basins it may touch.
    pub basins: Option<Names>,
    /// Streams it may touch.
    pub streams: Option<Names>,
    /// Tokens it may issue and revoke.
    pub access_tokens: Option<Names>,
    /// Groups of operations.
    pub op_groups: Option<Groups>,
    /// Single operations.
    pub ops: Option<Vec<String>>,
}

impl Scope {
    /// Reads one as strictly as the vendor does.
    pub fn parse(value: &Value) -> Result<Self, String> {
        let scope: Self = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
        let unknown = scope.ops.iter().flatten().find(|op| !OPERATIONS.contains(&op.as_str()));
        match unknown {
            Some(op) => Err(format!("unknown operation {op}")),
            None => Ok(scope),
        }
    }

    /// Whether it allows any operation.
    pub fn allows_something(&self) -> bool {
        let groups = self.op_groups.clone().unwrap_or_default();
        let group =
            [groups.account, groups.basin, groups.stream].into_iter().flatten().any(|both| both.read || both.write);
        group || self.ops.as_ref().is_some_and(|ops| !ops.is_empty())
    }

    /// Whether it may list tokens.
    pub fn lists_tokens(&self) -> bool {
        self.has("list-access-tokens") || self.account().read
    }

    /// Whether it may revoke the token with this id.
    pub fn revokes(&self, id: &str) -> bool {
        (self.has("revoke-access-token") || self.account().write) && self.reaches(id)
    }

    /// Whether it may issue a token with this id.
    pub fn issues(&self, id: &str) -> bool {
        (self.has("issue-access-token") || self.account().write) && self.reaches(id)
    }

    /// Whether it asks for nothing that `other` has not.
    pub fn lies_in(&self, other: &Self) -> bool {
        let rights = |both: Option<Both>, of: Option<Both>| {
            let (both, of) = (both.unwrap_or_default(), of.unwrap_or_default());
            (of.read || !both.read) && (of.write || !both.write)
        };
        let (groups, of) = (self.op_groups.clone().unwrap_or_default(), other.op_groups.clone().unwrap_or_default());
        rights(groups.account, of.account) && rights(groups.basin, of.basin) && rights(groups.stream, of.stream)
    }

    fn reaches(&self, id: &str) -> bool {
        self.access_tokens.as_ref().is_some_and(|names| names.holds(id))
    }

    fn has(&self, op: &str) -> bool {
        self.ops.iter().flatten().any(|known| known == op)
    }

    fn account(&self) -> Both {
        self.op_groups.as_ref().and_then(|groups| groups.account).unwrap_or_default()
    }

    /// The form in which lists show it: nothing as null, all groups and flags, operations in the vendor's order.
    pub fn listed(&self) -> Value {
        let groups = self.op_groups.clone().unwrap_or_default();
        let ops: Vec<&str> = OPERATIONS.iter().copied().filter(|op| self.has(op)).collect();
        json!({
            "basins": Names::listed(self.basins.as_ref()),
            "streams": Names::listed(self.streams.as_ref()),
            "access_tokens": Names::listed(self.access_tokens.as_ref()),
            "op_groups": {
                "account": groups.account.unwrap_or_default(),
                "basin": groups.basin.unwrap_or_default(),
                "stream": groups.stream.unwrap_or_default(),
            },
            "ops": ops,
        })
    }
}
