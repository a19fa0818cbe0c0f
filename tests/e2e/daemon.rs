//! A running `portcullis watch`: started, asked over HTTP, waited for by what it says and by what the servers see, and ended.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    house::House,
    wait::{PATIENCE, Wait},
};

/// What daemons wrote to standard error, line by line. Clones share it.
pub type Log = Arc<Mutex<Vec<Value>>>;

/// A daemon. Killed when dropped.
pub struct Daemon {
    child: Child,
    lines: Log,
    runtime: Runtime,
    client: Client,
    /// What its listener asks for, where it does.
    token: Option<String>,
}

/// An answer of its listener.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub media: String,
    pub text: String,
}

impl Answer {
    /// Its body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Listens on a free port, makes a journal, tells everything.
const USUAL: [&str; 7] = ["watch", "--new-journal", "--listen", "127.0.0.1:0", "-v", "--log-format", "json"];

impl Daemon {
    /// Starts it, with a journal and a listener.
    pub fn start(house: &House) -> Self {
        Self::with(house, &[])
    }

    /// Starts it so, with these arguments besides.
    pub fn with(house: &House, more: &[&str]) -> Self {
        Self::of(Self::command(house, more))
    }

    /// How it is started, for who has more to say to it.
    pub fn command(house: &House, more: &[&str]) -> Command {
        house.command(&[&USUAL, more].concat())
    }

    /// Starts it with this command.
    pub fn of(command: Command) -> Self {
        Self::logging(command, Log::default())
    }

    /// Starts it with this command; what it says is added to a log that outlives it.
    pub fn logging(mut command: Command, lines: Log) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (taken, err) = (Arc::clone(&lines), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or_else(|_| serde_json::json!({ "message": line }));
                taken.lock().unwrap().push(line);
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(PATIENCE).build().unwrap();
        Self { child, lines, runtime, client, token: None }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens, once it does.
    pub fn address(&mut self) -> SocketAddr {
        let said = |daemon: &Self| {
            daemon.lines().iter().rev().find_map(|line| {
                let rest = line["message"].as_str()?.strip_prefix("Serving http://")?;
                rest.trim_end_matches('/').parse().ok()
            })
        };
        self.until("it listens", |daemon| said(daemon).is_some());
        said(self).unwrap()
    }

    /// Asks its listener.
    pub fn ask(&mut self, build: impl FnOnce(&Client, &str) -> RequestBuilder) -> Answer {
        let base = format!("http://{}", self.address());
        let request = build(&self.client, &base);
        let answer = self.runtime.block_on(async {
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let media =
                headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
            Ok::<_, reqwest::Error>(Answer { status, media, text: response.text().await? })
        });
        answer.unwrap_or_else(|error| panic!("{error:?}\n{}", self.log()))
    }

    /// Has the token that its listener asks for.
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    fn bear(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// What stands at an address.
    pub fn get(&mut self, path: &str) -> Answer {
        let address = self.address();
        let request = self.client.get(format!("http://{address}{path}"));
        let request = self.bear(request);
        self.ask(|_, _| request)
    }

    /// Sends a document to an address.
    pub fn post(&mut self, path: &str, body: &Value) -> Answer {
        let address = self.address();
        let request = self.client.post(format!("http://{address}{path}")).json(body);
        let request = self.bear(request);
        self.ask(|_, _| request)
    }

    /// `GET /v1/state`.
    pub fn state(&mut self) -> Value {
        self.get("/v1/state").json()
    }

    /// A target in `GET /v1/state`; null where there is none.
    pub fn brief(&mut self, target: &str) -> Value {
        let state = self.state();
        let found = state["targets"].as_array().unwrap().iter().find(|brief| brief["target"] == target);
        found.cloned().unwrap_or_default()
    }

    /// Waits until a document is so, and returns it.
    pub fn until_document(&mut self, path: &str, what: &str, met: impl Fn(&Value) -> bool) -> Value {
        let wait = Wait::begin();
        loop {
            let document = self.get(path).json();
            if met(&document) {
                return document;
            }
            self.is_alive(what);
            assert!(wait.goes_on(), "in vain: {what}\n{document:#}\n{}", self.log());
        }
    }

    /// Waits until `GET /v1/state` is so, and returns it.
    pub fn until_state(&mut self, what: &str, met: impl Fn(&Value) -> bool) -> Value {
        self.until_document("/v1/state", what, met)
    }

    /// Waits until a target in `GET /v1/state` is so, and returns it.
    pub fn until_brief(&mut self, target: &str, what: &str, met: impl Fn(&Value) -> bool) -> Value {
        let of = |state: &Value| {
            state["targets"].as_array().unwrap().iter().find(|brief| brief["target"] == target).cloned()
        };
        of(&self.until_state(what, |state| of(state).is_some_and(|brief| met(&brief)))).unwrap()
    }

    /// Asks for two looks, one after the other: the second began after this was called, whatever was under way. Returns what
    /// the state says of the target then.
    pub fn looked_anew(&mut self, target: &str) -> Value {
        for _ in 0..2 {
            let before = self.brief(target)["looked_at"].clone();
            let asked = self.post("/v1/reconcile", &json!({ "targets": [target] }));
            assert_eq!(asked.status, 202, "{asked:?}");
            self.until_brief(target, "it is looked at again", |brief| {
                brief["looked_at"] != before && brief["running_since"].is_null()
            });
        }
        self.brief(target)
    }

    /// The value of a sample of `/metrics`, by its name with labels.
    pub fn metric(&mut self, sample: &str) -> Option<f64> {
        let text = self.get("/metrics").text;
        text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ')?.trim().parse().ok())
    }

    /// A line of what the system tells of the process, in KiB: `VmRSS`, `VmHWM`.
    pub fn memory(&self, line: &str) -> Option<u64> {
        self.told_by_system(line)
    }

    /// How many threads it has, where the system tells it.
    pub fn threads(&self) -> Option<u64> {
        self.told_by_system("Threads")
    }

    fn told_by_system(&self, line: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// Checks that it did not end by itself.
    pub fn is_alive(&mut self, what: &str) {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended with {ended:?} before {what}\n{}", self.log());
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
        let wait = Wait::begin();
        while !met(self) {
            self.is_alive(what);
            assert!(wait.goes_on(), "in vain: {what}\n{}", self.log());
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
    pub fn stop(self) -> (i32, Duration) {
        self.terminate();
        self.ends()
    }

    /// Waits until it has ended; returns its exit code and how long that took.
    pub fn ends(mut self) -> (i32, Duration) {
        let begin = Instant::now();
        let wait = Wait::begin();
        while self.child.try_wait().unwrap().is_none() {
            assert!(wait.goes_on(), "it does not end\n{}", self.log());
        }
        (self.child.wait().unwrap().code().unwrap_or(-1), begin.elapsed())
    }

    /// Asks it to stop, and does not wait.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
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

/// The last thing that a daemon said which has ended.
pub fn last_word(log: &Log) -> String {
    let wait = Wait::begin();
    loop {
        let last = log.lock().unwrap().last().and_then(|line| line["message"].as_str().map(str::to_owned));
        let last = last.unwrap_or_default();
        // What it wrote is read beside.
        if last.starts_with("Stopped") || !wait.goes_on() {
            return last;
        }
    }
}

/// Sets how often the daemon of this house looks.
pub fn every(house: &House, interval: &str) {
    watching(house, &format!("interval: {interval}"));
}

/// Sets what the configuration says under `watch:`, as the fields of a flow mapping.
pub fn watching(house: &House, fields: &str) {
    house.edit("portcullis.yaml", "targets:\n", &format!("watch: {{ {fields} }}\ntargets:\n"));
}
