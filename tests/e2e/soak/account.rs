//! One S2 account of the soak: what there is, what its policy says, and what may therefore go. The judge's own model, which knows
//! nothing of plans.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use portcullis::sandbox::{Deed, Line, Mutation, Sandbox, System, World};
use serde_json::json;

use super::trouble;

const KIND: &str = "access_token";
/// Tokens that an account begins with.
pub const STANDING: usize = 100;

/// An account with its server.
pub struct Account {
    pub name: String,
    pub sandbox: Sandbox,
    own: String,
    file: PathBuf,
    declared: BTreeSet<String>,
    absent: BTreeSet<String>,
    /// Declared ones with an end.
    ends: BTreeMap<String, Timestamp>,
    /// Everything that some policy was at some time against.
    may_go: BTreeSet<String>,
    /// Outside of the set, and never named by anything.
    foreign: BTreeSet<String>,
    made: u32,
}

/// The credential's own token is called differently in each account: two targets must not share one.
pub fn world(number: usize) -> World {
    let mut world = World::empty();
    let own = own(number);
    world.s2.remove("portcullis/reconciler", Timestamp::now());
    for credential in &mut world.s2.credentials {
        if credential.label == "portcullis/reconciler" {
            credential.label.clone_from(&own);
        }
    }
    issue(&mut world, &own);
    world
}

fn own(number: usize) -> String {
    format!("portcullis/reconciler-{number}")
}

fn issue(world: &mut World, id: &str) {
    let scope = json!({ "access_tokens": { "prefix": "" }, "ops": ["list-access-tokens", "revoke-access-token"] });
    world.s2.issue(serde_json::from_value(json!({ "id": id, "scope": scope })).unwrap());
}

impl Account {
    /// An account with a few declared tokens, and its policy file below `root`.
    pub fn new(number: usize, sandbox: Sandbox, root: &Path) -> Self {
        let name = format!("s2-{number:03}");
        let mut account = Self {
            file: root.join(format!("policies/{name}.yaml")),
            name,
            sandbox,
            own: own(number),
            declared: BTreeSet::new(),
            absent: BTreeSet::new(),
            ends: BTreeMap::new(),
            may_go: BTreeSet::new(),
            foreign: BTreeSet::new(),
            made: 0,
        };
        // Enough that all that may ever go stays a share of them.
        for _ in 0..STANDING {
            account.declare();
        }
        account.appear_outside();
        account
    }

    /// Its part of the configuration.
    pub fn configuration(&self) -> String {
        format!(
            "  {name}:\n    system: s2\n    base_url: {url}\n    allow_host: true\n    account: {name}\n    credential: {{ file: \
             credentials/s2 }}\n    own: {{ access_tokens: [{{ id: {own} }}] }}\n    enforce: [access_tokens]\n    settle: 2s\n    \
             guards: {{ notice: 0h, max_share: 100%, max_count: 100000, keep_at_least: 0 }}\n    limits: {{ requests: 500/s, \
             concurrency: 4 }}\n",
            name = self.name,
            url = self.sandbox.url(System::S2),
            own = self.own,
        )
    }

    fn policy(&self) -> String {
        let mut text = format!(
            "version: 1\ntarget: {}\nmanage:\n  access_tokens: {{ select: [{{ id: \"service/*\" }}], allow_empty: true }}\naccess_tokens:\n  \
             - {{ id: service/always, justification: never issued }}\n",
            self.name
        );
        for id in &self.declared {
            let end = self.ends.get(id).map(|end| format!(", expires: \"{end}\"")).unwrap_or_default();
            writeln!(text, "  - {{ id: {id}, justification: soak{end} }}").unwrap();
        }
        if !self.absent.is_empty() {
            text.push_str("absent:\n  access_tokens:\n");
            for id in &self.absent {
                writeln!(text, "    - {{ id: {id}, justification: soak }}").unwrap();
            }
        }
        text
    }

    /// Writes its policy as it is meant, as editors do: beside it, then renamed over it.
    pub fn write(&self) {
        let beside = self.file.with_extension("md");
        fs::write(&beside, self.policy()).unwrap();
        fs::rename(beside, &self.file).unwrap();
    }

    /// A file that does not load.
    pub fn break_file(&self) {
        fs::write(&self.file, format!("{}\n  broken: [\n", self.policy())).unwrap();
    }

    fn name_one(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}-{:04}", self.made)
    }

    fn appear(&self, id: &str) {
        let entry = json!({ "id": id, "scope": { "streams": { "prefix": "x/" }, "ops": ["append"] } });
        self.sandbox.mutate(System::S2, &Mutation::Issue { kind: KIND.into(), entry }).unwrap();
    }

    /// A token that is declared before it exists. Only while no daemon runs: one that has read the old policy would be right to
    /// take it for a stray.
    pub fn declare(&mut self) {
        let id = self.name_one("service/kept");
        self.declared.insert(id.clone());
        self.write();
        self.appear(&id);
    }

    /// One declaration less.
    pub fn undeclare(&mut self, random: &mut Rng) {
        if let Some(id) = self.any_declared(random) {
            self.declared.remove(&id);
            self.ends.remove(&id);
            self.may_go.insert(id);
            self.write();
        }
    }

    /// A declaration ends soon.
    pub fn end_soon(&mut self, random: &mut Rng) {
        if let Some(id) = self.any_declared(random).filter(|id| !self.ends.contains_key(id)) {
            let end = Timestamp::now() + SignedDuration::from_millis(random.i64(500..2_500));
            self.ends.insert(id, end);
            self.write();
        }
    }

    fn any_declared(&self, random: &mut Rng) -> Option<String> {
        let at = random.usize(0..self.declared.len().max(1));
        self.declared.iter().nth(at).cloned()
    }

    /// Somebody makes a token that nobody declared.
    pub fn appear_stray(&mut self) {
        let id = self.name_one("service/stray");
        self.may_go.insert(id.clone());
        self.appear(&id);
    }

    /// Somebody makes a token that is nobody's business.
    pub fn appear_outside(&mut self) {
        let id = self.name_one("other/team");
        self.foreign.insert(id.clone());
        self.appear(&id);
    }

    /// A token outside of the set has to go all the same.
    pub fn leak(&mut self) {
        let id = self.name_one("other/leaked");
        self.appear(&id);
        self.absent.insert(id.clone());
        self.may_go.insert(id);
        self.write();
    }

    /// Something goes wrong for the next requests.
    pub fn trouble(&self, random: &mut Rng) {
        self.sandbox.fault(trouble::any(random, System::S2));
    }

    /// What should be there in the end, besides what no policy speaks of.
    fn wanted(&self) -> BTreeSet<String> {
        let now = Timestamp::now();
        let ended = |id: &&String| self.ends.get(*id).is_some_and(|end| *end <= now);
        let kept = self.declared.iter().filter(|id| !ended(id)).cloned();
        let standing = ["portcullis/reader", "portcullis/nothing", "root/owner"].map(str::to_owned);
        kept.chain(self.foreign.iter().cloned()).chain(standing).chain([self.own.clone()]).collect()
    }

    /// What is yet to end. Only after that is what the policy says the same for the daemon that is stopped and the plan after it.
    pub fn comes(&self) -> Option<String> {
        let (id, end) = self.ends.iter().find(|(_, end)| **end > Timestamp::now())?;
        Some(format!("{}: {id} ends at {end} only", self.name))
    }

    /// How it still differs from what is wanted, if it does.
    pub fn differs(&self) -> Option<String> {
        let live: BTreeSet<String> = self.sandbox.world(|world| world.s2.ids().map(str::to_owned).collect());
        let wanted = self.wanted();
        (live != wanted).then(|| {
            let too_many: Vec<_> = live.difference(&wanted).collect();
            let too_few: Vec<_> = wanted.difference(&live).collect();
            format!("{}: too many {too_many:?}, too few {too_few:?}", self.name)
        })
    }

    /// Judges what the server saw: nothing went that was not to go, nothing before its time, nothing twice.
    pub fn judge(&self) -> usize {
        let mut lives: BTreeMap<String, i64> = BTreeMap::new();
        let mut removed = 0;
        for line in self.sandbox.record().lines() {
            let Line::Effect(changed) = line else { continue };
            let id = changed.effect.id;
            match changed.effect.action {
                Deed::Removed => {
                    removed += 1;
                    let end = self.ends.get(&id);
                    let due = end.is_some_and(|end| *end <= changed.at);
                    assert!(
                        due || self.may_go.contains(&id),
                        "{}: {id} went, ends {end:?}, at {}",
                        self.name,
                        changed.at
                    );
                    let lives = lives.entry(id.clone()).or_default();
                    *lives -= 1;
                    assert!(*lives >= 0, "{}: {id} went twice", self.name);
                }
                Deed::Issued => *lives.entry(id).or_default() += 1,
                _ => {}
            }
        }
        removed
    }
}
