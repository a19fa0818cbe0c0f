//! The daemon under everything at once: policies that change, break and are mended, tokens that appear, servers that fail in every
//! way, and a process that is killed and stopped. In the end every target is as its policy says, and the servers' own record
//! shows that nothing else was touched and nothing twice.
//!
//! `cargo test` runs a short form. The long one: `PORTCULLIS_SOAK=200x30m cargo test --release --test e2e -- soak --nocapture`.

pub mod account;
mod trouble;

use std::time::{Duration, Instant};

use fastrand::Rng;
use portcullis::sandbox::{Deed, Mutation, Sandbox, System, World};

use crate::{
    daemon::{Daemon, Log},
    house::{House, ids},
};
use account::Account;

/// How many accounts, and for how long.
struct Extent {
    accounts: usize,
    lasts: Duration,
    long: bool,
}

/// How long the end may take: back-offs have to run out.
const PATIENCE: Duration = Duration::from_secs(180);
/// What the process may grow by between the middle and the end of its last life, over a tenth of what it had.
const GROWTH_KIB: u64 = 8 * 1024;

impl Extent {
    fn asked() -> Self {
        let Ok(text) = std::env::var("PORTCULLIS_SOAK") else {
            return Self { accounts: 12, lasts: Duration::from_secs(12), long: false };
        };
        let (accounts, minutes) =
            text.trim_end_matches('m').split_once('x').expect("PORTCULLIS_SOAK is ACCOUNTSxMINUTESm");
        let minutes: f64 = minutes.parse().unwrap();
        Self { accounts: accounts.parse().unwrap(), lasts: Duration::from_secs_f64(minutes * 60.0), long: true }
    }
}

fn start(house: &House, log: &Log) -> Daemon {
    Daemon::logging(house.command(&["watch", "--no-listen", "--new-journal"]), Log::clone(log))
}

/// What a calm run takes from the company, as `system, id`.
fn calm() -> Vec<(System, String)> {
    let house = House::company();
    configure(&house, &[]);
    house.apply(0);
    taken(&house)
}

fn taken(house: &House) -> Vec<(System, String)> {
    let mut taken: Vec<_> = house
        .sandbox
        .record()
        .changes()
        .into_iter()
        .filter(|changed| {
            let asked = if changed.system == System::AccessOwl { Deed::Requested } else { Deed::Removed };
            changed.effect.action == asked
        })
        .map(|changed| (changed.system, changed.effect.id))
        .collect();
    taken.sort();
    taken
}

fn configure(house: &House, accounts: &[Account]) {
    // What was sent and not answered counts twice, so that limits would be a matter of luck.
    let company = house.read("portcullis.yaml").replace(
        "guards: { notice: 0h }",
        "settle: 2s\n    guards: { notice: 0h, max_share: 100%, max_count: 100000 }",
    );
    let mut text = company.replacen(
        "targets:\n",
        "guards: { max_count_total: 1000000 }\nwatch: { interval: 2s, max_backoff: 4s, grace: 10s }\ntargets:\n",
        1,
    );
    for account in accounts {
        text.push_str(&account.configuration());
    }
    house.write("portcullis.yaml", &text);
}

fn act(account: &mut Account, random: &mut Rng) {
    match random.u8(0..12) {
        0 | 1 => account.undeclare(random),
        2 | 3 => account.appear_stray(),
        4 => account.appear_outside(),
        5 => account.leak(),
        6 => account.end_soon(random),
        7 => account.break_file(),
        8 => account.write(),
        _ => account.trouble(random),
    }
}

#[test]
fn in_the_end_every_target_is_as_its_policy_says_and_nothing_else_was_touched() {
    let extent = Extent::asked();
    let seed =
        std::env::var("PORTCULLIS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    eprintln!("soak: {} accounts for {:?}, PORTCULLIS_SEED={seed}", extent.accounts, extent.lasts);
    let mut random = Rng::with_seed(seed);
    let expected = calm();
    let house = House::of(World::company());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut accounts: Vec<Account> = (0..extent.accounts)
        .map(|number| {
            let sandbox = runtime.block_on(Sandbox::start(account::world(number))).unwrap();
            Account::new(number, sandbox, &house.path(""))
        })
        .collect();
    configure(&house, &accounts);
    // The company has most to lose while the first life removes what nobody declared.
    for system in System::ALL.into_iter().cycle().take(2 * System::ALL.len()) {
        house.sandbox.fault(trouble::any(&mut random, system));
    }
    let log = Log::default();
    let mut daemon = start(&house, &log);
    let begun = Instant::now();
    let mut lives = 1;
    // A step for each account about every second, but over the whole time not more than there are tokens.
    let step = Duration::from_secs(1).max(extent.lasts.div_f64(account::STANDING as f64));
    let pause = step.div_f64(extent.accounts.max(1) as f64);
    while begun.elapsed() < extent.lasts {
        let at = random.usize(0..accounts.len());
        act(&mut accounts[at], &mut random);
        if random.u8(0..8) == 0 {
            let system = System::ALL[random.usize(0..System::ALL.len())];
            house.sandbox.fault(trouble::any(&mut random, system));
        }
        std::thread::park_timeout(pause);
        // Five lives, whatever the extent.
        if begun.elapsed() > extent.lasts.mul_f64(f64::from(lives) / 5.0) {
            if lives % 2 == 1 {
                daemon.kill();
            } else {
                assert_eq!(daemon.stop().0, 0, "asked to stop");
            }
            for account in &mut accounts {
                account.declare();
            }
            daemon = start(&house, &log);
            lives += 1;
        } else {
            daemon.is_alive("the end of the soak");
        }
    }
    for account in &accounts {
        account.sandbox.clear_faults();
        account.write();
    }
    house.sandbox.clear_faults();
    house.sandbox.mutate(System::AccessOwl, &Mutation::Approve { id: None }).unwrap();
    let begun = Instant::now();
    loop {
        let differing: Vec<String> =
            accounts.iter().filter_map(|account| account.comes().or(account.differs())).collect();
        if differing.is_empty() && taken(&house) == expected {
            break;
        }
        daemon.is_alive("the end of the soak");
        assert!(
            begun.elapsed() < PATIENCE,
            "not converged: {differing:#?}\ncompany: {:?}\nexpected {expected:?}\n{}",
            taken(&house),
            tail(&log)
        );
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let removed: usize = accounts.iter().map(Account::judge).sum();
    eprintln!("soak: converged after {:?}, {removed} tokens removed", begun.elapsed());
    if extent.long {
        steady(&daemon);
    }
    assert_eq!(daemon.stop().0, 0, "asked to stop");
    for account in &accounts {
        assert_eq!(account.differs(), None, "it stays so");
        account.judge();
    }
    let plan = house.plan(&[]);
    for account in &accounts {
        assert_eq!(ids(&plan, &account.name, "change"), [""; 0]);
    }
    house.expect(0, &["history", "--verify"]);
    assert!(!told(&log, usize::MAX).contains("panicked"), "{}", tail(&log));
}

/// Many quiet looks do not make it grow.
fn steady(daemon: &Daemon) {
    let measure = |seconds: u64| {
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut most = 0;
        while Instant::now() < until {
            most = most.max(daemon.memory("VmRSS").unwrap_or(0));
            std::thread::park_timeout(Duration::from_millis(200));
        }
        most
    };
    let (before, after) = (measure(60), measure(60));
    eprintln!("soak: {before} KiB, then {after} KiB");
    assert!(after < before + before / 10 + GROWTH_KIB, "it grew from {before} to {after} KiB");
}

fn tail(log: &Log) -> String {
    told(log, 60)
}

/// The last lines of a log.
fn told(log: &Log, most: usize) -> String {
    let lines = log.lock().unwrap();
    let from = lines.len().saturating_sub(most);
    lines[from..].iter().map(|line| format!("{}\n", line["message"].as_str().unwrap_or_default())).collect()
}
