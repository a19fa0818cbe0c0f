//! When one target is looked at: a state machine over plain times. It reads no clock and rolls no dice.
//!
//! Times between looks and back-off are measured on a time that only runs forward, so that a jump of the wall clock neither
//! stops the looking nor makes it spin. What comes due is a wall-clock time; a jump is noticed, and looked after at once.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Trigger;

/// The longest sleep in one piece: by then a jump of the wall clock is noticed.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// The first pause after a failure; it doubles with each further one.
pub const FIRST_BACKOFF: Duration = Duration::from_secs(10);
/// The shortest pause after a failure, and between a look and what comes due right behind it.
pub const BREATH: Duration = Duration::from_secs(1);
/// How far the wall clock may drift from the running time within one sleep before that counts as a jump.
pub const JUMP: Duration = Duration::from_secs(10);
/// The shortest time from the end of a look that somebody outside asked for to the next such look.
pub const ASKED_APART: Duration = Duration::from_secs(10);
/// How many looks in a row may be made to see that what the one before sent is in sync.
pub const CONFIRMS: u32 = 2;
/// How long after its time something due is looked after, so that the time is past by then.
const PAST: SignedDuration = SignedDuration::from_millis(1);
/// How much the time between looks varies to either side, as a part of it.
const JITTER: f64 = 0.1;

/// A moment: time that only runs forward, and the wall clock beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since the daemon began. Never goes back.
    pub run: Duration,
    /// The wall clock.
    pub wall: Timestamp,
}

/// How often a target is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The time between looks.
    pub interval: Duration,
    /// The longest pause after failures.
    pub max_backoff: Duration,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Look, for this reason.
    Look(Trigger),
    /// Nothing, for at most so long.
    Wait(Duration),
}

/// How a look went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// Well, and nothing was sent.
    Well,
    /// Something was sent, and nothing failed.
    Sent,
    /// Nothing could be learnt or kept.
    Failed,
    /// It was read and planned, but something that was sent failed, or it is not known yet what came of it.
    Partly,
}

/// The schedule of one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pace: Pace,
    /// When the time between looks is over.
    next: Duration,
    /// What asked for a look that did not begin yet.
    wanted: Option<Trigger>,
    /// Who outside asked for one that did not begin yet: somebody by hand, or a Git host.
    asked: Option<Trigger>,
    /// Nobody outside is answered before that.
    asked_not_before: Duration,
    /// What the look under way was begun for.
    running: Option<Trigger>,
    /// When something comes due by itself.
    due: Option<Timestamp>,
    /// Nothing that comes due is looked after before that.
    due_not_before: Duration,
    failures: u32,
    /// Whether the last look failed, so that nothing but a person and changed files passes over its pause.
    backs_off: bool,
    /// Looks in a row, up to the last one, that were made to see what the one before them sent.
    confirms: u32,
    last: Option<Moment>,
}

impl Schedule {
    /// A target that is looked at at once.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            next: Duration::ZERO,
            wanted: Some(Trigger::Start),
            asked: None,
            asked_not_before: Duration::ZERO,
            running: None,
            due: None,
            due_not_before: Duration::ZERO,
            failures: 0,
            backs_off: false,
            confirms: 0,
            last: None,
        }
    }

    /// The pace changed. It holds from the next look on, and a shorter interval at once.
    pub fn set_pace(&mut self, pace: Pace, now: Moment) {
        if pace == self.pace {
            return;
        }
        self.pace = pace;
        if self.failures == 0 {
            self.next = self.next.min(now.run.saturating_add(pace.interval));
        }
    }

    /// Something says "look again". During a look it causes one more, however often it comes.
    pub fn trigger(&mut self, trigger: Trigger) {
        match self.wanted {
            // A person waits for less than a Git host.
            _ if trigger == Trigger::Request => self.asked = Some(trigger),
            _ if trigger == Trigger::Webhook => _ = self.asked.get_or_insert(trigger),
            // What changed is told rather than what the loop itself would have looked for.
            None | Some(Trigger::Retry | Trigger::Confirm | Trigger::Due) => self.wanted = Some(trigger),
            Some(_) => {}
        }
    }

    /// What to do now. While a look is under way, nothing.
    pub fn next(&mut self, now: Moment) -> Next {
        if self.jumped(now) {
            self.wanted.get_or_insert(Trigger::Due);
        }
        if self.running.is_some() {
            return Next::Wait(LONGEST_SLEEP);
        }
        let asked = self.asked.map(|trigger| (trigger, self.asked_at(trigger).saturating_sub(now.run)));
        // Who asks is told rather than what the loop itself would have looked for.
        if let Some((trigger, Duration::ZERO)) = asked {
            return Next::Look(trigger);
        }
        if let Some(trigger) = self.wanted {
            return Next::Look(trigger);
        }
        if now.run >= self.next {
            return Next::Look(if self.failures > 0 { Trigger::Retry } else { Trigger::Interval });
        }
        let mut wait = self.next - now.run;
        if let Some((_, left)) = asked {
            wait = wait.min(left);
        }
        if let Some(due) = self.due {
            let left = until_past(due, now.wall).max(self.due_not_before.saturating_sub(now.run));
            if left.is_zero() {
                return Next::Look(Trigger::Due);
            }
            wait = wait.min(left);
        }
        Next::Wait(wait.min(LONGEST_SLEEP))
    }

    /// A look begins. What asked for one so far is answered by it.
    pub fn begin(&mut self, trigger: Trigger) {
        self.wanted = None;
        self.asked = None;
        self.due = None;
        self.running = Some(trigger);
    }

    /// The look ended. `due`: when something comes due next. `dice`: at least 0 and below 1, for the jitter.
    pub fn end(&mut self, now: Moment, went: Went, due: Option<Timestamp>, dice: f64) {
        let answered = self.running.take();
        let dice = dice.clamp(0.0, 1.0);
        self.due = due;
        self.due_not_before = now.run.saturating_add(BREATH);
        if matches!(answered, Some(Trigger::Request | Trigger::Webhook)) {
            self.asked_not_before = now.run.saturating_add(ASKED_APART);
        }
        let usual = self.pace.interval.mul_f64(1.0 - JITTER + 2.0 * JITTER * dice);
        let pause = match went {
            Went::Failed | Went::Partly => {
                let doublings = self.failures.min(30);
                self.failures = self.failures.saturating_add(1);
                let most = FIRST_BACKOFF.saturating_mul(1 << doublings).min(self.pace.max_backoff);
                // A removal that fails for good makes its target neither rarer nor busier than others.
                match went == Went::Partly && most >= self.pace.interval {
                    true => usual,
                    false => most.mul_f64(dice).max(BREATH.min(self.pace.max_backoff)),
                }
            }
            Went::Well | Went::Sent => {
                self.failures = 0;
                usual
            }
        };
        self.backs_off = went == Went::Failed;
        self.next = now.run.saturating_add(pause);
        if self.backs_off {
            // What came due in a look that failed comes with the next one: it does not go around the back-off. One removal that
            // fails holds up nothing else.
            self.due_not_before = self.next;
        }
        self.confirms = if answered == Some(Trigger::Confirm) { self.confirms.saturating_add(1) } else { 0 };
        // One look more, so that what was sent is seen to be in sync. It may find something new and send it, which is looked
        // at once more, too; never an endless chain of them.
        if went == Went::Sent && self.confirms < CONFIRMS {
            self.wanted.get_or_insert(Trigger::Confirm);
        }
    }

    /// When the next look begins unless something happens, by the wall clock.
    pub fn next_look(&self, now: Moment) -> Timestamp {
        let left = match self.wanted {
            Some(_) => Duration::ZERO,
            None => {
                self.asked.map_or(self.next, |trigger| self.next.min(self.asked_at(trigger))).saturating_sub(now.run)
            }
        };
        let by_time = now.wall.saturating_add(SignedDuration::try_from(left).unwrap_or_default());
        let by_time = by_time.unwrap_or(Timestamp::MAX);
        let breath = self.due_not_before.saturating_sub(now.run);
        let earliest = now.wall.saturating_add(SignedDuration::try_from(breath).unwrap_or_default());
        let earliest = earliest.unwrap_or(Timestamp::MAX);
        self.due.map_or(by_time, |due| due.max(earliest).min(by_time))
    }

    /// When who asked is answered. Only a person passes over a back-off.
    fn asked_at(&self, trigger: Trigger) -> Duration {
        if trigger == Trigger::Webhook && self.backs_off {
            return self.asked_not_before.max(self.next);
        }
        self.asked_not_before
    }

    /// Failed looks in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether the wall clock jumped since the last call: back, or further ahead than the time that ran.
    fn jumped(&mut self, now: Moment) -> bool {
        let Some(last) = self.last.replace(now) else { return false };
        let ran = now.run.saturating_sub(last.run);
        let by_clock = now.wall.duration_since(last.wall);
        let off = by_clock.saturating_sub(SignedDuration::try_from(ran).unwrap_or_default());
        off.unsigned_abs() > JUMP
    }
}

/// How long until a wall-clock time is past; nothing where it is. Most limits are due only after their time.
pub(super) fn until_past(at: Timestamp, now: Timestamp) -> Duration {
    let left = at.duration_since(now).saturating_add(PAST);
    Duration::try_from(left).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
