//! The listener of the daemon over a board that is filled by hand, on a free port, with a clock that stands still.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use portcullis::{
    access::{Action, Cause, Evidence, Fingerprint, Reversibility, Text},
    journal::{Filter, JournalError, Outcome, OutcomeKind, Record, RecordBody, RunInfo},
    plan::{
        Counts, FindingKind, Guard, GuardRefusal, Hold, HoldName, Origin, OriginKind, ReadingSummary, Row, Status,
        TargetPlan, TargetState, Upcoming, UpcomingKind,
    },
    serve::{
        Board, Control, ControlError, Door, Health, Options, Pause, Records, SourceView, TargetView, bind, serve,
        webhook::Hook,
    },
};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// The token of stages that have one.
pub const TOKEN: &str = "a token that nobody guesses";

/// The time on every stage.
pub fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// So long ago.
pub fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// A listener that serves.
pub struct Stage {
    pub board: Arc<Board>,
    pub loop_: Arc<Loop>,
    pub address: SocketAddr,
    pub door: Arc<Door>,
    pub stop: CancellationToken,
    pub client: Client,
}

impl Stage {
    /// Over this board, with default options.
    pub async fn of(board: Board) -> Self {
        Self::with(board, Options::default(), records()).await
    }

    pub async fn with(board: Board, options: Options, records: Vec<Record>) -> Self {
        Self::over(board, options, Arc::new(Told(records))).await
    }

    pub async fn over(board: Board, options: Options, records: Arc<dyn Records>) -> Self {
        let bound = bind(SocketAddr::from(([127, 0, 0, 1], 0)), options.token.as_ref()).await.unwrap();
        let (address, board, stop) = (bound.address(), Arc::new(board), CancellationToken::new());
        let loop_ = Arc::new(Loop { board: Arc::clone(&board), asked: Mutex::default(), failing: Mutex::default() });
        let door = Arc::new(Door::new(options));
        tokio::spawn(serve(
            bound,
            Arc::clone(&door),
            Arc::clone(&board),
            records,
            Arc::clone(&loop_) as _,
            stop.clone(),
        ));
        let client = Client::builder().no_proxy().build().unwrap();
        Self { board, loop_, address, door, stop, client }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// The JSON of an answer with this status.
    pub async fn json(&self, status: u16, path: &str) -> Value {
        told(status, self.get(path).await).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The JSON of an answer, which has to have this status.
pub async fn told(status: u16, response: Response) -> Value {
    let (found, text) = (response.status().as_u16(), response.text().await.unwrap());
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// A loop that notes what it is asked for.
pub struct Loop {
    board: Arc<Board>,
    pub asked: Mutex<Vec<String>>,
    /// What the journal says, where it cannot record.
    pub failing: Mutex<Option<String>>,
}

impl Loop {
    fn recorded(&self) -> Result<(), ControlError> {
        self.failing.lock().unwrap().clone().map_or(Ok(()), |what| Err(ControlError::Journal(what)))
    }
}

#[async_trait]
impl Control for Loop {
    fn reconcile(&self, targets: &[Text]) -> Result<Vec<Text>, ControlError> {
        let known = self.board.targets();
        if let Some(unknown) = targets.iter().find(|name| !known.contains_key(*name)) {
            return Err(ControlError::UnknownTarget(unknown.clone()));
        }
        let targets = if targets.is_empty() { known.into_keys().collect() } else { targets.to_vec() };
        self.asked.lock().unwrap().push(format!("reconcile {}", targets.join(" ")));
        Ok(targets)
    }

    fn pushed(&self, hook: &Hook) -> Result<Vec<Text>, ControlError> {
        if matches!(hook, Hook::Push(_)) { self.reconcile(&[]) } else { Ok(Vec::new()) }
    }

    async fn pause(&self, because: String, until: Option<Timestamp>) -> Result<(), ControlError> {
        self.asked.lock().unwrap().push(format!("pause {because}"));
        self.board.set_pause(Some(Pause { since: Some(now()), until, because }));
        self.recorded()
    }

    async fn resume(&self) -> Result<(), ControlError> {
        self.recorded()?;
        self.asked.lock().unwrap().push("resume".to_owned());
        self.board.set_pause(None);
        Ok(())
    }

    fn now(&self) -> Timestamp {
        now()
    }
}

/// Records in memory.
struct Told(Vec<Record>);

#[async_trait]
impl Records for Told {
    async fn records(&self, filter: &Filter) -> Result<Vec<Record>, JournalError> {
        let fits =
            |record: &&Record| filter.target.is_none() || record.target == filter.target || record.target.is_none();
        let mut all: Vec<Record> = self.0.iter().filter(fits).cloned().collect();
        let surplus = all.len().saturating_sub(filter.limit.unwrap_or(u32::MAX) as usize);
        all.drain(..surplus);
        Ok(all)
    }
}

/// A row of a plan.
pub fn row(status: Status, kind: &str, id: &str, title: &str) -> Row {
    let finding = status == Status::Finding;
    Row {
        status,
        kind: kind.into(),
        id: id.into(),
        title: title.to_owned(),
        principal: None,
        action: (!finding).then_some(Action::Revoke),
        cause: (!finding).then_some(Cause::Undeclared),
        finding: finding.then_some(FindingKind::Missing),
        reason: "undeclared: policies/data/s2.yaml, ask data@example.com".to_owned(),
        why: "nothing declares it, and it lies in the managed set `service/*`".to_owned(),
        origin: Some(Origin { file: "policies/data/s2.yaml".to_owned(), line: 4, what: OriginKind::ManagedSet }),
        holds: Vec::new(),
        reversibility: Reversibility::Irreversible,
        overdue: false,
        due_at: None,
        weight: 1,
        fingerprint: Fingerprint::parse(&"0".repeat(64)),
        natural_key: id.into(),
        files: vec!["policies/data/s2.yaml".into()],
        said: "said".into(),
        remarks: Vec::new(),
        live: String::new(),
        declared: String::new(),
    }
}

pub fn held(kind: &str, id: &str, title: &str, by: HoldName, why: &str, way_on: Option<&str>) -> Row {
    let hold = Hold { name: by, why: why.to_owned(), way_on: way_on.map(str::to_owned) };
    Row { holds: vec![hold], ..row(Status::Held, kind, id, title) }
}

pub fn finding(what: FindingKind, kind: &str, id: &str, title: &str) -> Row {
    Row {
        finding: Some(what),
        why: "under way at the system since yesterday".into(),
        ..row(Status::Finding, kind, id, title)
    }
}

pub fn plan(target: &str, system: &str, rows: Vec<Row>) -> TargetPlan {
    let count = |status| rows.iter().filter(|row: &&Row| row.status == status).count() as u32;
    TargetPlan {
        target: target.into(),
        system: system.into(),
        state: TargetState::Planned,
        account: Some("acme".into()),
        reading: Some(ReadingSummary {
            started_at: ago(130),
            finished_at: ago(125),
            from_file: None,
            evidence: Evidence {
                requests: 3,
                pages: 2,
                proofs: vec!["access_tokens: 2 pages, `has_more` is false, 214 tokens".to_owned()],
                remarks: Vec::new(),
            },
        }),
        policy_digest: "aa".into(),
        snapshot_digest: "bb".into(),
        digest: "cc".into(),
        counts: Counts {
            live: 214,
            declarations: 190,
            declared: 189,
            allowed: 20,
            managed: 212,
            unmanaged: 2,
            changes: count(Status::Change),
            meant: count(Status::Change),
            held: count(Status::Held),
            findings: count(Status::Finding),
            dead: 0,
        },
        rows,
        refusals: Vec::new(),
        remarks: Vec::new(),
        past_unread: false,
    }
}

/// A target that was looked at.
pub fn view(target: &str, system: &str, health: Health, rows: Vec<Row>) -> TargetView {
    let mut view = TargetView::starting(target.into(), system.into());
    view.health = health;
    view.show(plan(target, system, rows), ago(121), None);
    view.looked_at = Some(ago(120));
    view.read_at = Some(ago(125));
    view.in_sync_at = Some(if health == Health::InSync { ago(125) } else { ago(7_500) });
    view.next_look = Some(now() + SignedDuration::from_secs(180));
    view.enforced = vec!["access_tokens".into()];
    view.calls = 3;
    view.calls_left = Some(4_990);
    view
}

/// A board with one target in each state, and what comes with them.
pub fn board() -> Board {
    let board = Board::new(ago(86_400));
    board.set_source(SourceView {
        place: "https://git.example.com/acme/access.git".to_owned(),
        commit: Some("4f1c2d9a8b7e6f5041322314253647586970a1b2".into()),
        git_ref: Some("refs/heads/main".into()),
        loaded_at: Some(ago(600)),
        ..SourceView::default()
    });
    board.set_journal(portcullis::serve::JournalView {
        place: "/var/lib/portcullis/journal.db".to_owned(),
        failing: None,
    });
    for view in [
        drifting(),
        refusing(),
        unreadable(),
        blocked(),
        calm("aitronos-acme", "aitronos"),
        calm("pinata-media", "pinata"),
    ] {
        board.set_target(view);
    }
    board.set_target(TargetView::starting("s2-staging".into(), "s2".into()));
    board
}

pub fn calm(target: &str, system: &str) -> TargetView {
    let mut view = view(target, system, Health::InSync, Vec::new());
    view.upcoming = vec![Upcoming {
        at: now() + SignedDuration::from_hours(71),
        what: UpcomingKind::Due(Cause::Expired),
        kind: "grant".into(),
        id: "grant_77".into(),
        title: "Ben: assistant/helpdesk".to_owned(),
        principal: Some("ben@agency.example".into()),
        origin: Some(Origin { file: "people.yaml".to_owned(), line: 4, what: OriginKind::Declaration }),
    }];
    view
}

fn drifting() -> TargetView {
    let mut tokens = vec![row(Status::Change, "access_token", "service/old-export", "service/old-export")];
    tokens.push(Row {
        cause: Some(Cause::Expired),
        principal: Some("deploy@example.com".into()),
        why: "its `expires` was 2026-11-20, 14 hours ago".to_owned(),
        ..row(Status::Change, "access_token", "service/report-2025", "service/report-2025")
    });
    tokens.push(held(
        "access_token",
        "service/unknown-7",
        "service/unknown-7",
        HoldName::Notice,
        "its notice of 20 hours ends in 6 hours",
        Some("wait, or confirm it as a person: `portcullis apply`"),
    ));
    tokens.push(finding(FindingKind::InFlight, "access_token", "service/leaving", "service/leaving"));
    tokens.push(Row {
        live: "id: service/wide\nscope: read, write\n".to_owned(),
        declared: "id: service/wide\nscope: read\n".to_owned(),
        why: "it holds `write`, and the declaration does not".to_owned(),
        ..finding(FindingKind::OverScoped, "access_token", "service/wide", "service/wide")
    });
    tokens.push(finding(FindingKind::Missing, "access_token", "service/not-yet", "service/not-yet"));
    let mut view = view("s2-production", "s2", Health::OutOfSync, tokens);
    view.running_since = Some(ago(3));
    view.upcoming = vec![Upcoming {
        at: now() + SignedDuration::from_hours(6),
        what: UpcomingKind::NoticeEnds,
        kind: "access_token".into(),
        id: "service/unknown-7".into(),
        title: "service/unknown-7".to_owned(),
        principal: None,
        origin: None,
    }];
    view.ended = vec![portcullis::serve::Ended {
        at: ago(3_600),
        kind: "access_token".into(),
        id: "service/tmp-1".into(),
        title: "service/tmp-1".to_owned(),
        cause: Cause::Undeclared,
        end: "done".into(),
        detail: "a complete reading does not hold it any more".to_owned(),
    }];
    view
}

fn refusing() -> TargetView {
    let rows = (0..9).map(|number| {
        let (id, title) = (format!("state_{number}"), format!("Person {number}: GitHub, member"));
        let principal = Some(format!("person{number}@example.com").into());
        let why = "the guard share refused the undeclared rows";
        Row { principal, ..held("access", &id, &title, HoldName::Ceiling, why, None) }
    });
    let mut view = view("accessowl-northlight", "accessowl", Health::Refused, rows.collect());
    let mut plan = view.plan.as_ref().unwrap().part.clone();
    plan.refusals = vec![GuardRefusal {
        guard: Guard::Share,
        over: "undeclared rows of policies/platform/github.yaml".to_owned(),
        figure: "9 of 21 entries (42 %)".to_owned(),
        limit: "25 %, which is 5".to_owned(),
        way_on: "if they are meant, say so: `portcullis expect accessowl-northlight 9 --until 2026-11-21T18:00:00Z`"
            .to_owned(),
        counts: true,
    }];
    view.show(plan, ago(121), None);
    view
}

fn unreadable() -> TargetView {
    let mut view = view("buildkite-acme", "buildkite", Health::Unreadable, Vec::new());
    view.why = Some("its reading failed: the GraphQL API answered 401".to_owned());
    view.advice = Some("look at the credential that `BUILDKITE_API_TOKEN` holds: it may have been revoked".to_owned());
    view.failures = 4;
    view.read_at = Some(ago(5_400));
    view
}

fn blocked() -> TargetView {
    let mut view = view("pinata-archive", "pinata", Health::Blocked, Vec::new());
    view.why = Some("`policies/media/pinata.yaml` is broken, and it bears on this target".to_owned());
    view.advice = Some("mend the file; the problem is listed above".to_owned());
    view
}

/// What the journal holds.
pub fn records() -> Vec<Record> {
    let mut all = vec![record(
        1,
        ago(90_000),
        None,
        RecordBody::RunStarted(RunInfo { command: "watch".into(), ..RunInfo::default() }),
    )];
    let told = [
        ("service/tmp-1", Cause::Undeclared, Some(OutcomeKind::Done), "confirmed by a complete reading"),
        ("service/ci-9", Cause::TooOld, Some(OutcomeKind::Refused), "the system answered 403: not allowed"),
        ("service/leaving", Cause::Absent, Some(OutcomeKind::InFlight), "processing_access"),
        ("service/lost", Cause::Expired, Some(OutcomeKind::Unknown), "the answer did not come"),
        ("service/just-now", Cause::Idle, None, ""),
    ];
    for (number, (id, cause, outcome, detail)) in (1..).zip(told) {
        let at = ago(4_000 - 600 * number);
        all.push(record(all.len() as u64 + 1, at, Some("s2-production"), intent(id, cause)));
        if let Some(kind) = outcome {
            let outcome = Outcome { kind, detail: detail.to_owned(), status: Some(200), request_id: None };
            let body = RecordBody::Outcome { intent: format!("intent {id}").into(), outcome, note: Value::Null };
            all.push(record(all.len() as u64 + 1, at, Some("s2-production"), body));
        }
    }
    all
}

pub fn intent(id: &str, cause: Cause) -> RecordBody {
    RecordBody::Intent {
        intent: format!("intent {id}").into(),
        kind: "access_token".into(),
        id: id.into(),
        title: id.into(),
        cause,
        reason: format!("{}: policies/data/s2.yaml, ask data@example.com", cause.name()),
        key: "key".into(),
        generation: 0,
        fingerprint: Fingerprint::parse(&"0".repeat(64)).unwrap(),
        request: format!("DELETE /access-tokens/{id}"),
        request_body: None,
        note: Value::Null,
        natural_key: id.into(),
        weight: 1,
        files: vec!["policies/data/s2.yaml".into()],
        said: "said".into(),
        principal: None,
        entry: serde_json::json!({ "id": id }),
    }
}

pub fn record(seq: u64, at: Timestamp, target: Option<&str>, body: RecordBody) -> Record {
    Record { seq, at, run: "0193".into(), target: target.map(Into::into), body, hash: "00".into() }
}
