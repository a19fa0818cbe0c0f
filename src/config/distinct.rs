//! Two targets of one system must not share an account: each would take the other's entries for undeclared ones. What can be
//! told from the file is told here; a reading finds the rest.

use super::target::Placed;
use crate::{
    access::TargetShape,
    config::Target,
    yaml::{Mark, Reporter},
};

/// Reports targets that share an account or a credential.
pub(super) fn check(targets: &[Placed], reporter: &mut Reporter<'_>) {
    for (index, later) in targets.iter().enumerate() {
        for earlier in targets.iter().take(index) {
            if let Some((at, message)) = shared(&earlier.target, later) {
                let hint = "give each account one target; a file can name several kinds and selectors of it";
                reporter.report_with(at, message, hint);
            }
        }
    }
}

fn shared(earlier: &Target, later: &Placed) -> Option<(Mark, String)> {
    let Placed { target, at, credential_at } = later;
    if earlier.description.system != target.description.system || earlier.hosts != target.hosts {
        return None;
    }
    let (one, other) = (&earlier.name, &target.name);
    // The required texts (an organization) say which account is meant, where a system has any.
    let naming: Vec<&str> = target
        .description
        .target_fields
        .iter()
        .filter(|field| field.required && field.shape == TargetShape::Text)
        .map(|field| field.name)
        .collect();
    let texts = |target: &Target, name: &str| {
        target.fields.get(name).map(|texts| texts.iter().map(|text| text.to_ascii_lowercase()).collect::<Vec<_>>())
    };
    let same_names = naming.iter().all(|name| texts(earlier, name) == texts(target, name));
    if !naming.is_empty() && same_names {
        let fields = naming.join(", ");
        return Some((
            *at,
            format!("the targets `{one}` and `{other}` are the same account: equal system and {fields}"),
        ));
    }
    if earlier.account.is_some() && earlier.account == target.account {
        return Some((*at, format!("the targets `{one}` and `{other}` have the same `account`")));
    }
    let lists_itself = target.description.kinds.iter().any(|kind| kind.holds_own);
    if earlier.credential == target.credential && (naming.is_empty() || lists_itself) {
        return Some((*credential_at, format!("the targets `{one}` and `{other}` have the same credential")));
    }
    None
}
