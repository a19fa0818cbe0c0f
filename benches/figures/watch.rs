//! The daemon: what it costs while nothing happens, how fast it acts on a changed file, and 200 targets at once.

use std::{
    fs,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use portcullis::sandbox::{Sandbox, System, World};

use crate::support::{Account, Limit, TARGET, median, process, tell};

const ENTRIES: usize = 100_000;
/// How long nothing may happen.
const IDLE: Duration = Duration::from_secs(30);
/// Removals by a changed file, one after the other.
const EDITS: usize = 9;
const TARGETS: usize = 200;
const TOKENS_EACH: usize = 100;
const PATIENCE: Duration = Duration::from_secs(120);

fn daemon(world: &Account) -> process::Running {
    process::start(process::binary(), &["watch", "--no-listen", "--new-journal"], world.dir.path())
}

fn until(what: &str, mut met: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !met() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Processor time and memory between two looks.
pub fn idle() {
    let world = Account::new(ENTRIES, ENTRIES, false, "    interval: 1h\n");
    let daemon = daemon(&world);
    let pages = ENTRIES.div_ceil(1_000);
    until("the first look", || world.sandbox.record().requests().len() >= pages);
    // Let the plan end and the journal settle.
    std::thread::sleep(Duration::from_secs(5));
    let before = daemon.looked_at();
    std::thread::sleep(IDLE);
    let after = daemon.looked_at();
    let share = 100.0 * (after.processor - before.processor) / IDLE.as_secs_f64();
    let name = format!("watch, idle, {ENTRIES} entries");
    let details = format!("processor time over {} s, counted in hundredths of a second", IDLE.as_secs());
    tell(&name, share, " % of a processor", Limit::AtMost(0.1), &details);
    let megabytes = after.resident_mib * 1.048_576;
    tell(&name, megabytes, " MB", Limit::AtMost(150.0), &format!("resident; at most {:.0} MiB so far", after.peak_mib));
}

/// From the change of a policy file to the removal as the server saw it.
pub fn edits() {
    let world = Account::new(100, 100, false, "    interval: 1h\n");
    let daemon = daemon(&world);
    until("the first look", || !world.sandbox.record().requests().is_empty());
    std::thread::sleep(Duration::from_secs(2));
    let file = world.dir.path().join("policies/service-0000.yaml");
    let mut lags = Vec::new();
    for number in 0..EDITS {
        let text = fs::read_to_string(&file).unwrap();
        let id = format!("service/{number:08}");
        let begin = text.find(&format!("  - id: {id}\n")).unwrap();
        let end = text[begin + 4..].find("  - id: ").map_or(text.len(), |at| begin + 4 + at);
        let changed_at = Timestamp::now();
        fs::write(&file, format!("{}{}", &text[..begin], &text[end..])).unwrap();
        let removal = || world.sandbox.record().writes().get(number).map(|request| request.at);
        until("the removal", || removal().is_some());
        lags.push(removal().unwrap().duration_since(changed_at).as_secs_f64());
        // What follows the removal is not part of the next one.
        std::thread::sleep(Duration::from_secs(1));
    }
    drop(daemon);
    let most = lags.iter().copied().fold(0.0, f64::max);
    let name = "watch, from a changed file to the removal sent";
    tell(name, median(lags), " s", Limit::AtMost(1.0), &format!("median of {EDITS}, the slowest {most:.2} s"));
}

/// All of them are looked at at once when the daemon starts; `plan` over the same is what there is to compare with.
pub fn targets() {
    let world = Account::new(0, 0, false, "");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandboxes: Vec<Sandbox> =
        (0..TARGETS).map(|_| runtime.block_on(Sandbox::start(World::s2_tokens(TOKENS_EACH))).unwrap()).collect();
    let mut configuration = "version: 1\npolicies: policies/\npeople: people.yaml\njournal: journal.db\nwatch: { interval: 1h }\ntargets:\n".to_owned();
    for (number, sandbox) in sandboxes.iter().enumerate() {
        configuration.push_str(&format!(
            "  {TARGET}-{number:03}:\n    system: s2\n    base_url: {}\n    allow_host: true\n    account: account-{number}\n    \
             credential: {{ file: credentials/s2 }}\n    own: {{ access_tokens: unlisted }}\n",
            sandbox.url(System::S2)
        ));
    }
    fs::write(world.dir.path().join("portcullis.yaml"), configuration).unwrap();
    let read = || sandboxes.iter().filter(|sandbox| !sandbox.record().requests().is_empty()).count();
    let one = process::run(process::binary(), &["plan"], world.dir.path(), "out", &[0]).seconds;
    assert_eq!(read(), TARGETS, "a plan of all of them");
    for sandbox in &sandboxes {
        sandbox.record().clear();
    }
    let begun = Instant::now();
    let daemon = daemon(&world);
    until("the first look at every target", || read() == TARGETS);
    let all = begun.elapsed().as_secs_f64();
    drop(daemon);
    let details = format!("{all:.2} s after the start, a `plan` of the same takes {one:.2} s");
    tell(&format!("watch, {TARGETS} targets at once"), all / one, " times a plan", Limit::AtMost(2.0), &details);
}
