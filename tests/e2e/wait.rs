//! Waiting for what a test cannot be told of: by looking again and again, with a rest in between that leaves the processors to
//! whom it waits for.

use std::{
    process::Child,
    time::{Duration, Instant},
};

use crate::house::Run;

/// Far beyond what anything takes; a condition that is not met by then never will be.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// The shortest and the longest rest between two looks.
const REST: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(10));

/// How long something was waited for.
pub struct Wait(Instant);

impl Wait {
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// Rests before the next look. False once it is in vain.
    pub fn goes_on(&self) -> bool {
        // A small part of what it took till here: who looks for a moment in the middle of a run does not come much too late.
        std::thread::park_timeout((self.0.elapsed() / 32).clamp(REST.0, REST.1));
        self.0.elapsed() < PATIENCE
    }
}

/// Waits for something that a process does. False when it ended before.
pub fn until(child: &mut Child, mut met: impl FnMut() -> bool) -> bool {
    let wait = Wait::begin();
    while !met() {
        if child.try_wait().unwrap().is_some() {
            return met();
        }
        assert!(wait.goes_on(), "the process neither did it nor ended");
    }
    true
}

/// Waits for the end. It has to come while servers still keep silent.
pub fn ended(mut child: Child) -> Run {
    let wait = Wait::begin();
    while child.try_wait().unwrap().is_none() {
        if !wait.goes_on() {
            child.kill().unwrap();
            panic!("it does not end");
        }
    }
    Run::of(child.wait_with_output().unwrap())
}
