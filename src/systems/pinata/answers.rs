//! What Pinata's answers mean. Only success is documented; the rest is what was seen, so as little as possible is concluded.

use crate::{
    systems::shared::{Heard, unreadable},
    wire::Unreadable,
};

/// Passes a 200 answer. A missing right comes as 401 or as 403, so the advice speaks of both.
///
/// # Errors
/// Any other status; never taken for "nothing there".
pub(super) fn check(heard: &Heard, right: &str) -> Result<(), Unreadable> {
    let error = match heard.status() {
        200 => return Ok(()),
        401 | 403 => unreadable(&heard.answer).advise(format!(
            "use an API key that is not revoked and has the permission {right}; a key with permissions of the older \
             form (endpoints) is turned away here with 401"
        )),
        _ => unreadable(&heard.answer),
    };
    Err(error.at(&heard.request))
}
