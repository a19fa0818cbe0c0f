//! A running `portcullis watch`: started, waited for by what it logs and by what the servers see, and ended.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::house::House;

/// Far beyond what anything takes; a condition that is not met by then never will be.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon. Killed when dropped.
pub struct Daemon {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
}

impl Daemon {
    /// Starts it, with a journal.
    pub fn start(house: &House) -> Self {
        Self::of(house.command(&["watch", "--new-journal", "--listen", "127.0.0.1:0", "-v", "--log-format", "json"]))
    }

    /// Starts it with this command.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (taken, err) = (Arc::clone(&lines), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or_else(|_| serde_json::json!({ "message": line }));
                taken.lock().unwrap().push(line);
            }
        });
        Self { child, lines }
    }

    /// Everything it logged so far.
    pub fn lines(&self) -> Vec<Value> {
        self.lines.lock().unwrap().clone()
    }

    /// The log lines with this message.
    pub fn said(&self, message: &str) -> Vec<Value> {
        let mut lines = self.lines();
        lines.retain(|line| line["message"] == message);
        lines
    }

    /// The looks at a target that ended, each as it was logged.
    pub fn looks(&self, target: &str) -> Vec<Value> {
        let ended = |line: &Value| line["message"] == "looked" || line["message"] == "the look failed";
        let mut lines = self.lines();
        lines.retain(|line| line["target"] == target && ended(line));
        lines
    }

    /// Why the looks at a target began.
    pub fn triggers(&self, target: &str) -> Vec<String> {
        let mut lines = self.said("looking");
        lines.retain(|line| line["target"] == target);
        lines.iter().map(|line| line["trigger"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits for something.
    pub fn until(&mut self, what: &str, mut met: impl FnMut(&Self) -> bool) {
        let begin = Instant::now();
        while !met(self) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended with {ended:?} before {what}\n{}", self.log());
            assert!(begin.elapsed() < PATIENCE, "in vain: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until a target was looked at so many times more. A look that was under way is no new one: one more is waited for.
    pub fn looked_again(&mut self, target: &str, times: usize) {
        let before = self.looks(target).len();
        self.until(&format!("{times} more looks at {target}"), |daemon| daemon.looks(target).len() > before + times);
    }

    /// Waits for the first look at a target to end.
    pub fn first_look(&mut self, target: &str) -> Value {
        self.until(&format!("the first look at {target}"), |daemon| !daemon.looks(target).is_empty());
        self.looks(target).remove(0)
    }

    /// Waits until the last look at a target came to this.
    pub fn until_health(&mut self, target: &str, health: &str) {
        self.until(&format!("{target} {health}"), |daemon| {
            daemon.looks(target).last().is_some_and(|look| look["health"] == health)
        });
    }

    /// Asks it to stop, as a service manager does, and returns its exit code and how long it took.
    pub fn stop(mut self) -> (i32, Duration) {
        let begin = Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        while self.child.try_wait().unwrap().is_none() {
            assert!(begin.elapsed() < PATIENCE, "it does not end\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        (self.child.wait().unwrap().code().unwrap_or(-1), begin.elapsed())
    }

    /// Ends it without a word.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it logged, for a failed assertion.
    pub fn log(&self) -> String {
        self.lines().iter().map(|line| format!("{line}\n")).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sets how often the daemon of this house looks.
pub fn every(house: &House, interval: &str) {
    house.edit("portcullis.yaml", "targets:\n", &format!("watch: {{ interval: {interval} }}\ntargets:\n"));
}
