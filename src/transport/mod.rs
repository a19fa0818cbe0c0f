//! The only place that opens sockets to vendors: limits, retries, deadlines, bounded bodies, redaction, request log.

mod types;

pub use types::{Connection, Connector, NotSent, Reader, SendFailure, Stop, Usage, Writer};
