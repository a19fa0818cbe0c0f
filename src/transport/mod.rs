//! The only place that opens sockets to vendors: limits, retries, deadlines, bounded bodies, redaction, request log.
//!
//! It sends what it is given and says what came back. It knows no vendor: whether an answer may be tried again is the
//! request's own judge's word, on top of the statuses that say "later" by themselves.

mod address;
mod backoff;
mod client;
mod exchange;
mod failure;
mod hints;
mod lasting;
mod limits;
mod pace;
mod reader;
mod types;
mod writer;

#[cfg(test)]
mod tests;

pub use exchange::request_id;
pub use lasting::Lasting;
pub use reader::{Connector, Reader};
pub use types::{Connection, NotSent, SendFailure, Stop, Usage};
pub use writer::Writer;
