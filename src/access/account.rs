//! The account a target stands for, as a system module may know it.

use std::collections::BTreeMap;

use super::Text;

/// What a system module is told of a target. It never sees the credential.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// The target's name in files.
    pub target: Text,
    /// Its target fields, each as a list of texts (one text is a list of one; `all` is the text `all`).
    pub fields: BTreeMap<&'static str, Vec<Text>>,
    /// The operator's `account:` label.
    pub label: Option<Text>,
    /// The claim of the credential that the description names in `own_claim`, where the credential has it.
    pub own_claim: Option<Text>,
}

impl Account {
    /// The only or first text of a target field.
    pub fn field(&self, name: &str) -> Option<&Text> {
        self.fields.get(name).and_then(|texts| texts.first())
    }

    /// Whether a target field lists this word.
    pub fn lists(&self, name: &str, word: &str) -> bool {
        self.fields.get(name).is_some_and(|texts| texts.iter().any(|text| text == word))
    }
}
