//! What every system does alike: asking with a tally, the meaning of statuses, bounded decoding, page bookkeeping.
//!
//! No vendor is known here. What a status or a field means beyond HTTP's own words stays with each system.

mod accepted;
mod conversation;
mod decode;
mod heard;
mod pages;
mod rereads;
mod status;
#[cfg(test)]
pub mod transcript;

pub use accepted::{absent, accepted};
pub use conversation::{Conversation, required};
pub use decode::{Str, decode, moment, present};
pub use heard::Heard;
pub use pages::Pages;
pub use rereads::Rereads;
pub use status::{read_judge, redirect, said, unreadable, write_judge};
