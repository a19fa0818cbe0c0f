//! The process group of a program that we start, so that it is never killed without what it started.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// A program's process group, killed when it is dropped before it is forgotten: at a deadline, when a limit is passed, and when
/// the task is ended. It has to be dropped before its [`Child`]: declare it after.
#[derive(Debug)]
pub struct Group(Option<Pid>);

impl Group {
    /// Makes the command start in a group of its own.
    pub fn lead(command: &mut Command) {
        command.process_group(0);
    }

    /// The group of a child that was started by such a command.
    pub fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    /// The program has ended and its id may be somebody else's soon.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The child is the group's leader and not yet waited for, so that the id is still its own.
        if let Some(id) = self.0 {
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}
