//! A made-up system with a state of its own, and a hand that sends to it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::{
    access::{
        Account, AuthStyle, Description, Directory, Entry, Evidence, Facts, Field, FieldRole, HostSpec, Kind, Life,
        RequestRate, Reversibility, Shape, Snapshot, Text, Value,
    },
    apply::{Clock, Send},
    systems::{System, Wanted},
    transport::{Brake, NotSent, SendFailure, Stop},
    wire::{
        Answer, Ask, Draft, Fault, Judgement, Method, Note, Order, Path, Prepared, Read, Receipt, Settled, Unreadable,
        Verdict,
    },
};

pub static KINDS: &[Kind] = &[Kind {
    name: "token",
    list: "tokens",
    noun: "token",
    fields: &[
        Field { name: "id", shape: Shape::Text, role: FieldRole::Exact, compare: None, doc: "" },
        Field {
            name: "level",
            shape: Shape::Level(&["read", "write"]),
            role: FieldRole::Content,
            compare: None,
            doc: "",
        },
    ],
    identities: &[&["id"]],
    limits: &[],
    allow_limits: &[],
    reversibility: Reversibility::Irreversible,
    holds_own: false,
    has_owner: false,
    splits_by: None,
    reissues_ids: false,
    read_alone: false,
}];

pub static MADE_UP: Description = Description {
    system: "made_up",
    title: "Made up",
    hosts: &[HostSpec { name: "main", key: "base_url", default: "https://made-up.example" }],
    auth: AuthStyle::Bearer,
    own_claim: None,
    target_fields: &[],
    kinds: KINDS,
    requests: RequestRate { count: 100, seconds: 1 },
    concurrency: 4,
    knows_account: true,
    by_hand: false,
};

pub fn entry(id: &str) -> Entry {
    Entry {
        kind: &KINDS[0],
        id: id.into(),
        handle: None,
        values: Box::new([Value::Text(id.into()), Value::Text("read".into())]),
        principal: None,
        label: None,
        created_at: None,
        expires_at: None,
        last_used_at: None,
        life: Life::Live,
        facts: None,
    }
}

pub fn controlled(id: &str, control: &str) -> Entry {
    let facts = Facts { control: Some(control.into()), ..Facts::default() };
    Entry { facts: Some(Box::new(facts)), ..entry(id) }
}

/// What the system does with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Removes, and says so.
    Removes,
    /// Removes, and the answer is lost.
    RemovesInSilence,
    /// Nothing, and the answer is lost.
    NothingInSilence,
    /// Says that it did, and did not.
    Lies,
    /// Nothing: conflict.
    Conflict,
    /// Nothing: forbidden.
    Forbids,
    /// Accepts and works on it.
    Accepts,
    /// Cannot be reached.
    Unreachable,
}

/// A conversation that never ends, though each of its requests does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangs {
    Reading,
    Preparing,
    Settling,
    Reaching,
}

#[derive(Debug, Default)]
pub struct State {
    pub entries: Vec<Entry>,
    /// What the next writes do; after them, [`Does::Removes`].
    pub does: VecDeque<Does>,
    pub in_flight: Vec<Text>,
    pub account: Option<Text>,
    pub unreadable: bool,
    /// Which conversation never ends.
    pub hangs: Option<Hangs>,
    /// Nothing lists removals.
    pub untold: bool,
    /// Idempotency keys in the order they were sent, with the entry.
    pub sent: Vec<(Text, String)>,
    pub peers: Vec<Vec<Text>>,
    pub reads: usize,
    /// Asked for once a write has arrived.
    pub stop_after_send: Option<Stop>,
}

/// The made-up system; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct World {
    state: Arc<Mutex<State>>,
    time: Arc<Mutex<Timestamp>>,
    busy: Arc<AtomicUsize>,
    /// Between the look and the answer, how many at once at most.
    pub most_at_once: Arc<AtomicUsize>,
}

impl World {
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let world = Self::default();
        world.state().entries.extend(entries);
        world.state().account = Some("acc_1".into());
        *world.time.lock().unwrap() = Timestamp::now();
        world
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn does(&self, does: impl IntoIterator<Item = Does>) {
        self.state().does.extend(does);
    }

    pub fn leak(&self) -> &'static dyn System {
        Box::leak(Box::new(self.clone()))
    }

    pub fn clock(&self) -> Clock {
        let time = Arc::clone(&self.time);
        Arc::new(move || *time.lock().unwrap())
    }

    pub fn pass(&self, time: SignedDuration) {
        let mut now = self.time.lock().unwrap();
        *now += time;
    }

    pub fn snapshot(&self) -> Snapshot {
        let now = *self.time.lock().unwrap();
        let state = self.state();
        let mut entries = state.entries.clone();
        for entry in &mut entries {
            if state.in_flight.contains(&entry.id) {
                entry.life = Life::InFlight { since: None, what: "being worked on".into() };
            }
        }
        Snapshot {
            system: "made_up",
            account_id: state.account.clone(),
            started_at: now,
            finished_at: now,
            clock_skew: None,
            entries,
            directory: Default::default(),
            own: Vec::new(),
            controls: Vec::new(),
            evidence: Evidence { requests: 1, pages: 1, ..Evidence::default() },
        }
    }

    async fn hang(&self, here: Hangs) {
        let hangs = self.state().hangs == Some(here);
        if hangs {
            std::future::pending::<()>().await;
        }
    }

    fn is_there(&self, id: &str) -> bool {
        self.state().entries.iter().any(|entry| entry.id == id)
    }
}

fn judge(_: &Answer) -> Verdict {
    Verdict::Final
}

#[async_trait]
impl System for World {
    fn describe(&self) -> &'static Description {
        &MADE_UP
    }

    async fn read(&self, _: &dyn Ask, _: &Account, _: &Wanted) -> Result<Snapshot, Unreadable> {
        self.state().reads += 1;
        self.hang(Hangs::Reading).await;
        if self.state().unreadable {
            return Err(Unreadable::new(Fault::Server, "the list answers 500"));
        }
        Ok(self.snapshot())
    }

    async fn prepare(&self, _: &dyn Ask, _: &Account, order: &Order) -> Result<Prepared, Unreadable> {
        self.hang(Hangs::Preparing).await;
        self.state().peers.push(order.peers.clone());
        if !self.is_there(&order.entry.id) {
            return Ok(Prepared::Gone);
        }
        let busy = self.busy.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(busy, Ordering::SeqCst);
        tokio::task::yield_now().await;
        Ok(Prepared::Send(Box::new(Draft {
            host: "main",
            method: Method::Delete,
            path: Path::new(&["tokens", &order.entry.id])?,
            body: None,
            key_header: None,
            generation: None,
            judge,
            note: Note::Null,
        })))
    }

    fn judge(&self, draft: &Draft, answer: &Answer) -> Judgement {
        let settled = match answer.status {
            204 => Settled::Done(None),
            202 => Settled::InFlight("accepted".into()),
            403 => Settled::Refused("forbidden".into()),
            status => Settled::Unknown(format!("HTTP {status}")),
        };
        Judgement { settled, note: draft.note.clone() }
    }

    async fn still_reachable(
        &self,
        _: &dyn Ask,
        _: &Account,
        _: &Entry,
        _: &Directory,
    ) -> Result<Vec<String>, Unreadable> {
        self.hang(Hangs::Reaching).await;
        Ok(Vec::new())
    }

    async fn settle(&self, _: &dyn Ask, _: &Account, order: &Order, _: &Note) -> Result<Settled, Unreadable> {
        self.hang(Hangs::Settling).await;
        if self.state().unreadable {
            return Err(Unreadable::new(Fault::Server, "the list answers 500"));
        }
        if self.state().in_flight.contains(&order.entry.id) {
            return Ok(Settled::InFlight("being worked on".into()));
        }
        Ok(match (self.is_there(&order.entry.id), self.state().untold) {
            (true, true) => Settled::Untold("nobody can tell".into()),
            (true, false) => Settled::Present,
            (false, _) => Settled::Gone,
        })
    }
}

#[async_trait]
impl Send for World {
    async fn send(&self, receipt: &Receipt, stop: &Stop, brake: Brake<'_>) -> Result<Answer, SendFailure> {
        tokio::task::yield_now().await;
        self.busy.fetch_sub(1, Ordering::SeqCst);
        if stop.is_cancelled() {
            return Err(SendFailure::NotSent(NotSent::Stopped));
        }
        if let Some(why) = brake() {
            return Err(SendFailure::NotSent(NotSent::Braked(why)));
        }
        let id: Text = receipt.draft().path.segments().last().unwrap().as_str().into();
        let mut state = self.state();
        state.sent.push((id.clone(), receipt.idempotency_key().to_owned()));
        let does = state.does.pop_front().unwrap_or(Does::Removes);
        if matches!(does, Does::Removes | Does::RemovesInSilence) {
            state.entries.retain(|entry| entry.id != id);
        }
        if let Some(stop) = &state.stop_after_send {
            stop.cancel();
        }
        let status = match does {
            Does::Removes | Does::Lies => 204,
            Does::Conflict => 409,
            Does::Forbids => 403,
            Does::Accepts => {
                state.in_flight.push(id);
                202
            }
            Does::Unreachable => return Err(SendFailure::NotSent(NotSent::Unreachable("no connection".into()))),
            Does::RemovesInSilence | Does::NothingInSilence => {
                return Err(SendFailure::Unknown("the connection broke".into()));
            }
        };
        let received_at = *self.time.lock().unwrap();
        Ok(Answer { status, headers: Vec::new(), body: Vec::new(), received_at })
    }
}

/// Nobody to ask: the made-up system answers out of its own state.
pub struct NoAsk;

#[async_trait]
impl Ask for NoAsk {
    async fn ask(&self, _: Read) -> Result<Answer, Unreadable> {
        Err(Unreadable::new(Fault::Network, "nobody is asked in this test"))
    }
}

pub fn hosts() -> BTreeMap<&'static str, Text> {
    BTreeMap::from([("main", "https://made-up.example".into())])
}
