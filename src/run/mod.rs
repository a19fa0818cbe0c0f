//! One run from load to report, used alike by plan, apply and watch.
//!
//! Load, read, diff, guard, show, apply, read back, report: the steps stand here, what each of them means stands below.
//! Nothing is printed. Progress goes to an [`crate::apply::Progress`], everything else into a [`RunReport`].

pub mod checks;
mod clock;
pub mod credential;
mod error;
pub mod files;
mod fleet;
mod gather;
mod group;
pub mod import;
pub mod init;
mod keep;
mod load;
pub mod open;
mod operators;
mod order;
mod paused;
mod peers;
mod perform;
mod planning;
pub mod program;
pub mod reach;
mod read;
mod record;
mod report;
pub mod saved;
pub mod schema;
mod session;
mod settings;
mod show;
pub mod snapshot_file;
mod wanted;

#[cfg(test)]
mod tests;

pub use clock::system_clock;
pub use error::RunError;
pub use fleet::{Fleet, Reservation};
pub use gather::{Contents, Digests, Gathered, Sources, digests_at, gather, operators_file};
pub use load::{Loaded, build, load, read_again};
pub use order::{Ordered, order};
pub use peers::{FIRST_READINGS, Peers};
pub use perform::{Answer, BeforeSending, Consent, Perform, Prompt, perform};
pub use planning::{Case, PlannedAll, Ready, Wishes, is_total_stated, limit_all, plan_all, selected, told};
pub use reach::{Connect, Enduring, Live, Reach};
pub use read::{Reading, TARGETS_AT_ONCE, ToRead, read_all};
pub use record::{ExpectError, LOCK_WAIT, expect, order_wait, to_read, to_write};
pub use report::{ExitRules, RunReport, stands_in_the_way};
pub use settings::{OBSERVE_VARIABLE, settings, stopped};
pub use show::{Show, pasts, show, snapshots};
pub use wanted::wanted;

/// This binary's version, for the journal.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
