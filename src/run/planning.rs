//! Plans of all targets of a run from readings, histories and policies: the thin coupling between what was read and the
//! pure middle.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::{checks, load::Loaded, paused, settings::settings};
use crate::{
    access::{History, Observation, SentRow, Snapshot, Text},
    apply::Rules,
    config::Target,
    journal::Paused,
    plan::{
        self, Confirmation, FileProblem, Input, OnlyExpired, PLAN_VERSION, Plan, Planned, Settings, TargetPlan, Total,
        Upcoming,
    },
    policy::TargetPolicy,
    wire::Unreadable,
    yaml::Problem,
};

/// What a caller asks of a plan.
#[derive(Debug, Clone)]
pub struct Wishes {
    /// Only these targets; empty: all.
    pub only: Vec<Text>,
    /// Removals that a person stated, by target.
    pub stated: BTreeMap<Text, u32>,
    /// A saved plan, the upper bound.
    pub saved: Option<Arc<Plan>>,
    /// Who answers for sending.
    pub confirmation: Confirmation,
    /// Whether refused entries are sent again.
    pub retry_refused: bool,
    /// Why all writing is stopped, where it is.
    pub stopped: Option<String>,
    /// The pause that was set last and that nobody took back, be it over or not; none where a person passes it.
    pub last_pause: Option<Paused>,
    /// Whether a person passes the pause that stands in the journal, for this run.
    pub past_pause: bool,
    /// Whether a number that is meant can only be announced, as in the daemon.
    pub announced_only: bool,
    /// Where the files are broken: what may go all the same.
    pub only_expired: Option<Arc<OnlyExpired>>,
    /// Whether it is wanted what time will bring.
    pub upcoming: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            stated: BTreeMap::new(),
            saved: None,
            confirmation: Confirmation::Unattended,
            retry_refused: false,
            stopped: None,
            last_pause: None,
            past_pause: false,
            announced_only: false,
            only_expired: None,
            upcoming: false,
        }
    }
}

/// One target, ready to be planned.
pub struct Ready {
    /// What exists, or why it could not be read.
    pub reading: Result<Arc<Snapshot>, Unreadable>,
    /// What the journal knows.
    pub history: History,
    /// The snapshot file, where the reading is not live.
    pub from_file: Option<String>,
}

/// Everything that stays the same while one target is planned, and planned again on a newer reading.
pub struct Case<'a> {
    /// The target.
    pub target: &'a Target,
    /// What policies say of it.
    pub policy: &'a TargetPolicy,
    /// Everything that was loaded: the people file and the freeze windows of all targets stand there.
    pub loaded: &'a Loaded,
    /// The operator's decisions.
    pub settings: Settings,
    /// What the journal knew.
    pub history: &'a History,
    /// Who answers for sending.
    pub confirmation: &'a Confirmation,
    /// The stated number.
    pub stated: Option<u32>,
    /// The saved plan's part of this target; an empty one where it has none.
    pub saved: Option<Cow<'a, TargetPlan>>,
    /// The snapshot file.
    pub from_file: Option<&'a str>,
}

impl<'a> Case<'a> {
    /// The case of one target at a time.
    pub fn new(loaded: &'a Loaded, target: &'a Target, ready: &'a Ready, wishes: &'a Wishes, now: Timestamp) -> Self {
        static NOTHING: std::sync::LazyLock<TargetPolicy> = std::sync::LazyLock::new(TargetPolicy::default);
        let policy = loaded.policies.targets.get(&target.name).unwrap_or(&NOTHING);
        let saved = wishes.saved.as_ref().map(|plan| {
            let part = plan.targets.iter().find(|saved| saved.target == target.name);
            part.map_or_else(|| Cow::Owned(holds_nothing(target, policy)), Cow::Borrowed)
        });
        // What stops or freezes until a time does so by the vendor's clock, too, where ours is wrong.
        let theirs = ready.reading.as_ref().ok().and_then(|snapshot| their_time(target, snapshot, now));
        let last_pause = wishes.last_pause.as_ref().filter(|paused| theirs.is_some_and(|theirs| paused.stands(theirs)));
        let stopped = wishes.stopped.clone().or_else(|| last_pause.map(paused::why));
        Self {
            target,
            policy,
            loaded,
            settings: Settings {
                announced_only: wishes.announced_only,
                only_expired: wishes.only_expired.clone(),
                ..settings(&loaded.config.freeze, target, stopped, wishes.retry_refused, (now, theirs))
            },
            history: &ready.history,
            confirmation: &wishes.confirmation,
            stated: wishes.stated.get(&target.name).copied(),
            saved,
            from_file: ready.from_file.as_deref(),
        }
    }

    /// The pure middle's input.
    pub fn input<'b>(&'b self, snapshot: &'b Snapshot, now: Timestamp, observe: bool) -> Input<'b> {
        Input {
            description: self.target.description,
            settings: &self.settings,
            policy: self.policy,
            people: &self.loaded.policies.people,
            snapshot,
            history: self.history,
            confirmation: self.confirmation,
            stated: self.stated,
            saved: self.saved.as_deref(),
            now,
            from_file: self.from_file,
            observe,
            upcoming: false,
        }
    }
}

/// How far our clock is ahead of the vendor's, where it is further off than the target allows.
pub(super) fn wrong_by(target: &Target, snapshot: &Snapshot) -> Option<SignedDuration> {
    snapshot.clock_skew.filter(|skew| skew.abs() > target.guards.max_clock_skew)
}

/// The time by the vendor's clock, where ours is wrong.
fn their_time(target: &Target, snapshot: &Snapshot, now: Timestamp) -> Option<Timestamp> {
    now.checked_sub(wrong_by(target, snapshot)?).ok()
}

/// The time at which the journal is asked of a target: where our clock is wrong, the earlier one of both, so that nothing that was
/// sent is forgotten too early.
pub(super) fn earlier<E>(
    loaded: &Loaded,
    target: &Text,
    reading: &Result<Arc<Snapshot>, E>,
    now: Timestamp,
) -> Timestamp {
    let target = loaded.config.targets.get(target).zip(reading.as_ref().ok());
    target.and_then(|(target, snapshot)| their_time(target, snapshot, now)).map_or(now, |theirs| theirs.min(now))
}

impl Rules for Case<'_> {
    fn check(&self, reading: &Snapshot) -> Result<(), Unreadable> {
        checks::check(self.target, self.history.account_id.as_ref(), reading)
    }

    fn plan(&self, reading: &Snapshot, now: Timestamp) -> TargetPlan {
        // Fewer rows are left than were stated: the number was met when the plan was approved.
        let input = Input { stated: None, ..self.input(reading, now, false) };
        plan::plan_target(&input).plan
    }
}

/// The bound of a target that a saved plan does not name: an upper bound that is missing is an empty one, never none.
fn holds_nothing(target: &Target, policy: &TargetPolicy) -> TargetPlan {
    let mut part = plan::blocked(target.name.clone(), target.description.system, "not in the saved plan".to_owned());
    part.policy_digest.clone_from(&policy.digest);
    part
}

/// The plans of a run's targets.
pub struct PlannedAll {
    /// The plan.
    pub plan: Plan,
    /// What to keep beside the journal's chain, by target; empty unless it was wanted.
    pub observations: BTreeMap<Text, Observation>,
    /// What time will bring, by target; empty unless it was wanted.
    pub upcoming: BTreeMap<Text, Vec<Upcoming>>,
}

/// Plans every target by itself.
pub fn plan_all(
    loaded: &Loaded,
    ready: &BTreeMap<Text, Ready>,
    wishes: &Wishes,
    now: Timestamp,
    observe: bool,
) -> PlannedAll {
    let mut targets = Vec::new();
    let mut observations = BTreeMap::new();
    let mut all_upcoming = BTreeMap::new();
    for target in selected(loaded, wishes) {
        let system = target.description.system;
        if let Some(why) = loaded.blocked.get(&target.name) {
            targets.push(plan::blocked(target.name.clone(), system, why.clone()));
            continue;
        }
        let Some(ready) = ready.get(&target.name) else { continue };
        match &ready.reading {
            Err(unreadable) => targets.push(plan::unreadable(
                target.name.clone(),
                system,
                unreadable.to_string(),
                Some(unreadable.way_on().to_owned()),
            )),
            Ok(snapshot) => {
                let case = Case::new(loaded, target, ready, wishes, now);
                let input = Input { upcoming: wishes.upcoming, ..case.input(snapshot, now, observe) };
                let Planned { plan, observation, upcoming } = plan::plan_target(&input);
                targets.push(plan);
                if observe {
                    observations.insert(target.name.clone(), observation);
                }
                if wishes.upcoming {
                    all_upcoming.insert(target.name.clone(), upcoming);
                }
            }
        }
    }
    let problems = told(&loaded.problems);
    let plan = Plan { version: PLAN_VERSION, made_at: now, revision: None, problems, targets };
    PlannedAll { plan, observations, upcoming: all_upcoming }
}

/// Whether a number is stated for every target there is, not only for those that this run is narrowed to.
pub fn is_total_stated(loaded: &Loaded, wishes: &Wishes) -> bool {
    loaded.config.targets.keys().all(|target| wishes.stated.contains_key(target))
}

/// Judges the targets of a plan together, against the ceiling over all targets.
pub fn limit_all(loaded: &Loaded, ready: &BTreeMap<Text, Ready>, wishes: &Wishes, plan: &mut Plan) {
    let total = Total {
        max: loaded.config.max_count_total,
        sent: sent_in_all(ready),
        lifted: is_total_stated(loaded, wishes),
        announced_only: wishes.announced_only,
    };
    plan::limit_total(&mut plan.targets, total);
}

/// Problems of files as a plan tells them.
pub fn told(problems: &[Problem]) -> Vec<FileProblem> {
    let told = |problem: &Problem| FileProblem {
        file: problem.file.clone(),
        line: problem.line,
        column: problem.column,
        message: problem.message.clone(),
        hint: problem.hint.clone(),
    };
    problems.iter().map(told).collect()
}

/// The targets that a caller asks for, in the order of their names.
pub fn selected<'a>(loaded: &'a Loaded, wishes: &'a Wishes) -> impl Iterator<Item = &'a Target> {
    let only: BTreeSet<&Text> = wishes.only.iter().collect();
    loaded.config.targets.values().filter(move |target| only.is_empty() || only.contains(&target.name))
}

/// The weight that was sent in the last 24 hours to all targets: every history tells its own rows and the others' sum.
fn sent_in_all(ready: &BTreeMap<Text, Ready>) -> u32 {
    let sum = |sent: &[SentRow]| sent.iter().map(|row| row.weight).fold(0, u32::saturating_add);
    ready.values().map(|ready| sum(&ready.history.sent).saturating_add(ready.history.sent_elsewhere)).max().unwrap_or(0)
}
