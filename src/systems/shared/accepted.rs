//! Whose hand it was: a removal that the system confirmed is told apart from an entry that is merely gone.

use serde_json::Value;

use crate::wire::{Note, Settled};

/// The note with a mark that the system confirmed the removal in its answer.
pub fn accepted(mut note: Note) -> Note {
    if !note.is_object() {
        note = Value::Object(serde_json::Map::new());
    }
    if let Some(map) = note.as_object_mut() {
        map.insert("accepted".to_owned(), Value::Bool(true));
    }
    note
}

/// Whether the system confirmed the removal.
fn was_accepted(note: &Note) -> bool {
    note.get("accepted").and_then(Value::as_bool) == Some(true)
}

/// What absence in a complete reading means: ours where the system had confirmed it, anybody's otherwise.
pub fn absent(note: &Note, remark: Option<String>) -> Settled {
    if was_accepted(note) { Settled::Done(remark) } else { Settled::Gone }
}
