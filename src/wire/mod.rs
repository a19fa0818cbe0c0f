//! Requests, answers and conversations as values. Nothing here opens a socket.
//!
//! A [`Read`] can only be made in forms that cannot change anything. A [`Draft`] is a write that is not sent; the journal
//! turns it into a [`Receipt`], and only a receipt can be sent.

mod answer;
mod ask;
mod draft;
mod order;
mod read;
mod unreadable;

pub use answer::{Answer, Judge, Verdict};
pub use ask::Ask;
pub use draft::{Draft, Durable, Method, Note, Receipt};
pub use order::{Change, Judgement, Order, Prepared, Settled};
pub use read::{Path, QueryDoc, Read, ReadMethod};
pub use unreadable::{Fault, Unreadable};
