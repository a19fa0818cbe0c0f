//! What one receiver was told, is being told and will be told. Pure: no clock, no sending.

use std::collections::{BTreeMap, VecDeque};

use super::QUEUE;
use crate::{
    access::Text,
    config::NotifyOn,
    watch::{News, news::MAX_LINES},
};

/// Subjects whose state is remembered; of more the longest unchanged are forgotten.
const SUBJECTS: usize = 8_192;
/// Events that are remembered.
const EVENTS: usize = 1_024;
/// Characters of a title that are kept.
pub(super) const TITLE: usize = 300;
/// Characters of a further line that are kept.
const LINE: usize = 1_000;

/// The news of one receiver.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    waiting: VecDeque<News>,
    sending: Vec<News>,
    told: Told,
    dropped: usize,
}

/// What became of news that were offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offered {
    /// They wait to be told.
    Taken,
    /// They were told, or there is nothing to tell any more.
    Known,
    /// They wait, and the oldest that waited, but for revocations, were dropped for them.
    Dropped,
}

impl Inbox {
    /// Takes news in, unless the receiver knows them.
    pub(super) fn offer(&mut self, news: &News) -> Offered {
        if is_event(news) {
            let same = |other: &News| is_event(other) && other.subject == news.subject && other.state == news.state;
            if self.waiting.iter().chain(&self.sending).any(same) || self.told.has_event(news) {
                return Offered::Known;
            }
            return self.push(news);
        }
        // The newest word on a subject counts: one that still waits was not heard, and need not be.
        if let Some(place) = self.waiting.iter().position(|one| !is_event(one) && one.subject == news.subject) {
            if self.waiting.get(place).is_some_and(|one| one.state == news.state && one.on == news.on) {
                return Offered::Known;
            }
            self.waiting.remove(place);
        }
        let sending = self.sending.iter().rfind(|one| !is_event(one) && one.subject == news.subject);
        let heard = match sending {
            Some(one) if one.on == NotifyOn::Recoveries => None,
            Some(one) => Some(&one.state),
            None => self.told.state(&news.subject),
        };
        let is_new = match (heard, news.on) {
            (heard, NotifyOn::Recoveries) => heard.is_some(),
            (heard, _) => heard != Some(&news.state),
        };
        if is_new { self.push(news) } else { Offered::Known }
    }

    /// Notes news that the receiver did not ask for: what it was told of their subject does not hold any more, so that it is told
    /// anew when it does again.
    pub(super) fn overhear(&mut self, news: &News) {
        if is_event(news) {
            return;
        }
        let is_of = |one: &News| !is_event(one) && one.subject == news.subject;
        self.waiting.retain(|one| !is_of(one));
        if news.on == NotifyOn::Recoveries {
            self.sending.retain(|one| !is_of(one));
            self.told.states.remove(&news.subject);
            return;
        }
        for one in self.sending.iter_mut().filter(|one| is_of(one)) {
            one.state = news.state.clone();
        }
        if let Some((state, _)) = self.told.states.get_mut(&news.subject) {
            *state = news.state.clone();
        }
    }

    /// Gives away all that was not told, and how many were dropped before.
    pub(super) fn leave(&mut self) -> (Vec<News>, usize) {
        let untold = self.sending.drain(..).chain(self.waiting.drain(..)).collect();
        (untold, std::mem::take(&mut self.dropped))
    }

    /// Counts what another one dropped, to be told with the next message.
    pub(super) fn inherit_dropped(&mut self, dropped: usize) {
        self.dropped = self.dropped.saturating_add(dropped);
    }

    fn push(&mut self, news: &News) -> Offered {
        let is_full = self.waiting.len() >= QUEUE;
        if is_full {
            // A state that lasts is offered again by the next look; what happened is not.
            let place = self.waiting.iter().position(|one| !is_event(one)).unwrap_or_default();
            self.waiting.remove(place);
            self.dropped = self.dropped.saturating_add(1);
        }
        self.waiting.push_back(bounded(news));
        if is_full { Offered::Dropped } else { Offered::Taken }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes what is sent next: the oldest news, or all of them; and how many were dropped before. What is taken counts as
    /// being sent until [`Inbox::settle`].
    pub(super) fn take(&mut self, all: bool) -> Option<(Vec<News>, usize)> {
        let count = if all { self.waiting.len() } else { 1 };
        self.sending = self.waiting.drain(..count.min(self.waiting.len())).collect();
        (!self.sending.is_empty()).then(|| (self.sending.clone(), std::mem::take(&mut self.dropped)))
    }

    /// Ends a sending: only what was delivered counts as told. What was dropped before is told with the next message.
    pub(super) fn settle(&mut self, delivered: bool, dropped: usize) {
        let sent = std::mem::take(&mut self.sending);
        if delivered {
            sent.into_iter().for_each(|news| self.told.add(news));
        } else {
            self.dropped = self.dropped.saturating_add(dropped);
            // Its failure was not heard of.
            let Self { waiting, told, .. } = self;
            waiting.retain(|one| one.on != NotifyOn::Recoveries || told.state(&one.subject).is_some());
        }
    }

    /// How many are told to nobody if it ends now.
    pub(super) fn untold(&self) -> usize {
        self.waiting.len() + self.sending.len()
    }
}

/// Revocations happen; all else is a state that lasts.
fn is_event(news: &News) -> bool {
    news.on == NotifyOn::Revocations
}

/// What is remembered.
#[derive(Debug, Default)]
struct Told {
    states: BTreeMap<Text, (Text, u64)>,
    events: VecDeque<(Text, Text)>,
    /// Counts what was told, so that the oldest can be found.
    count: u64,
}

impl Told {
    fn state(&self, subject: &str) -> Option<&Text> {
        self.states.get(subject).map(|(state, _)| state)
    }

    fn has_event(&self, news: &News) -> bool {
        self.events.iter().any(|(subject, state)| *subject == news.subject && *state == news.state)
    }

    fn add(&mut self, news: News) {
        if is_event(&news) {
            if self.events.len() >= EVENTS {
                self.events.pop_front();
            }
            self.events.push_back((news.subject, news.state));
            return;
        }
        if news.on == NotifyOn::Recoveries {
            self.states.remove(&news.subject);
            return;
        }
        self.count = self.count.saturating_add(1);
        self.states.insert(news.subject, (news.state, self.count));
        if self.states.len() > SUBJECTS {
            let oldest = self.states.iter().min_by_key(|(_, (_, count))| *count).map(|(subject, _)| subject.clone());
            oldest.and_then(|subject| self.states.remove(&subject));
        }
    }
}

/// The news within the bounds of a message.
fn bounded(news: &News) -> News {
    let News { at, on, target, subject, state, title, lines, lines_left_out, commit } = news;
    News {
        at: *at,
        on: *on,
        target: target.clone(),
        subject: subject.clone(),
        state: state.clone(),
        title: cut(title, TITLE),
        lines: lines.iter().take(MAX_LINES).map(|line| cut(line, LINE)).collect(),
        lines_left_out: lines_left_out.saturating_add(lines.len().saturating_sub(MAX_LINES)),
        commit: commit.clone(),
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tell::tests::news;

    fn told(inbox: &mut Inbox) -> Vec<String> {
        let mut all = Vec::new();
        while let Some((news, dropped)) = inbox.take(false) {
            all.extend(news.iter().map(|one| format!("{} {}", one.subject, one.state)));
            inbox.settle(true, dropped);
        }
        all
    }

    #[test]
    fn a_state_is_told_once_and_again_when_it_changes() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.offer(&news(NotifyOn::Failures, "s2", "a")), Offered::Taken);
        assert_eq!(inbox.offer(&news(NotifyOn::Failures, "s2", "a")), Offered::Known, "it waits already");
        assert_eq!(told(&mut inbox), ["s2 a"]);
        assert_eq!(inbox.offer(&news(NotifyOn::Failures, "s2", "a")), Offered::Known);
        assert_eq!(inbox.offer(&news(NotifyOn::Failures, "other", "a")), Offered::Taken);
        assert_eq!(inbox.offer(&news(NotifyOn::Failures, "s2", "b")), Offered::Taken);
        assert_eq!(told(&mut inbox), ["other a", "s2 b"]);
        assert_eq!(inbox.offer(&news(NotifyOn::Failures, "s2", "a")), Offered::Taken, "it came back");
    }

    #[test]
    fn a_recovery_is_told_once_and_only_after_the_failure() {
        let mut inbox = Inbox::default();
        let (failure, recovery) = (news(NotifyOn::Failures, "s2", "a"), news(NotifyOn::Recoveries, "s2", "ok"));
        assert_eq!(inbox.offer(&recovery), Offered::Known, "nothing was told");
        inbox.offer(&failure);
        assert_eq!(inbox.offer(&recovery), Offered::Known, "the failure was not heard yet, and need not be");
        assert!(inbox.is_empty());
        inbox.offer(&failure);
        told(&mut inbox);
        assert_eq!(inbox.offer(&recovery), Offered::Taken);
        assert_eq!(inbox.offer(&recovery), Offered::Known);
        assert_eq!(told(&mut inbox), ["s2 ok"]);
        assert_eq!(inbox.offer(&recovery), Offered::Known);
        assert_eq!(inbox.offer(&failure), Offered::Taken, "it fails anew");
    }

    #[test]
    fn what_comes_and_goes_before_it_is_heard_is_not_told() {
        let mut inbox = Inbox::default();
        inbox.offer(&news(NotifyOn::Refusals, "s2", "a"));
        told(&mut inbox);
        inbox.offer(&news(NotifyOn::Recoveries, "s2", "ok"));
        assert_eq!(inbox.offer(&news(NotifyOn::Refusals, "s2", "a")), Offered::Known, "as it was told");
        assert!(inbox.is_empty());
        inbox.offer(&news(NotifyOn::Refusals, "s2", "b"));
        inbox.offer(&news(NotifyOn::Refusals, "s2", "c"));
        assert_eq!(told(&mut inbox), ["s2 c"]);
    }

    #[test]
    fn while_a_failure_is_being_sent_its_recovery_waits() {
        let mut inbox = Inbox::default();
        let (failure, recovery) = (news(NotifyOn::Failures, "s2", "a"), news(NotifyOn::Recoveries, "s2", "ok"));
        inbox.offer(&failure);
        inbox.take(false).unwrap();
        assert_eq!(inbox.offer(&failure), Offered::Known);
        assert_eq!(inbox.offer(&recovery), Offered::Taken);
        inbox.settle(true, 0);
        inbox.take(false).unwrap();
        assert_eq!(inbox.offer(&recovery), Offered::Known);
        assert_eq!(inbox.offer(&failure), Offered::Taken, "it fails while its recovery is being sent");
    }

    #[test]
    fn what_was_not_delivered_was_not_told() {
        let mut inbox = Inbox::default();
        let failure = news(NotifyOn::Failures, "s2", "a");
        inbox.offer(&failure);
        inbox.take(false).unwrap();
        inbox.offer(&news(NotifyOn::Recoveries, "s2", "ok"));
        inbox.settle(false, 0);
        assert!(inbox.is_empty(), "nor is its recovery");
        assert_eq!(inbox.offer(&failure), Offered::Taken);
    }

    #[test]
    fn what_is_not_asked_for_ends_what_was_told() {
        let (failure, refusal) = (news(NotifyOn::Failures, "s2", "a"), news(NotifyOn::Refusals, "s2", "share"));
        let recovery = news(NotifyOn::Recoveries, "s2", "ok");
        for between in [&recovery, &refusal] {
            let mut inbox = Inbox::default();
            inbox.offer(&failure);
            told(&mut inbox);
            inbox.overhear(between);
            assert_eq!(inbox.offer(&failure), Offered::Taken, "it fails anew, after {}", between.state);
            inbox.take(false).unwrap();
            inbox.overhear(between);
            inbox.settle(true, 0);
            assert_eq!(inbox.offer(&failure), Offered::Taken, "the same while it is being sent, {}", between.state);
            inbox.overhear(between);
            assert!(inbox.is_empty(), "nor need it be heard any more");
        }
        let mut inbox = Inbox::default();
        inbox.overhear(&refusal);
        assert_eq!(inbox.offer(&recovery), Offered::Known, "nothing was told");
        inbox.offer(&failure);
        told(&mut inbox);
        inbox.overhear(&refusal);
        assert_eq!(inbox.offer(&recovery), Offered::Taken, "what was told is over");
    }

    #[test]
    fn revocations_do_not_replace_one_another() {
        let mut inbox = Inbox::default();
        for state in ["run 1", "run 2", "run 1"] {
            inbox.offer(&news(NotifyOn::Revocations, "s2", state));
        }
        assert_eq!(told(&mut inbox), ["s2 run 1", "s2 run 2"]);
        assert_eq!(inbox.offer(&news(NotifyOn::Revocations, "s2", "run 1")), Offered::Known);
    }

    #[test]
    fn too_many_drop_the_oldest_and_are_counted_until_that_was_told() {
        let mut inbox = Inbox::default();
        for index in 0..QUEUE + 3 {
            let offered = inbox.offer(&news(NotifyOn::Changes, &format!("t{index}"), "a"));
            assert_eq!(offered == Offered::Dropped, index >= QUEUE);
        }
        let (news, dropped) = inbox.take(true).unwrap();
        assert_eq!((news.len(), news[0].subject.as_str(), dropped), (QUEUE, "t3", 3));
        inbox.settle(false, dropped);
        inbox.offer(&super::tests::news(NotifyOn::Changes, "late", "a"));
        assert_eq!(inbox.take(true).unwrap().1, 3);
    }

    #[test]
    fn what_happened_is_dropped_last() {
        let mut inbox = Inbox::default();
        inbox.offer(&news(NotifyOn::Revocations, "s2", "a"));
        for index in 0..QUEUE {
            inbox.offer(&news(NotifyOn::Changes, &format!("t{index}"), "a"));
        }
        let (taken, dropped) = inbox.take(true).unwrap();
        assert_eq!((taken[0].on, taken[1].subject.as_str(), dropped), (NotifyOn::Revocations, "t1", 1));
    }

    #[test]
    fn memory_is_bounded_and_forgets_the_oldest() {
        let mut inbox = Inbox::default();
        for index in 0..SUBJECTS + 2 {
            inbox.offer(&news(NotifyOn::Changes, &format!("t{index}"), "a"));
            inbox.offer(&news(NotifyOn::Revocations, &format!("t{index}"), "a"));
            told(&mut inbox);
        }
        assert_eq!((inbox.told.states.len(), inbox.told.events.len()), (SUBJECTS, EVENTS));
        assert_eq!(inbox.offer(&news(NotifyOn::Changes, "t0", "a")), Offered::Taken);
        assert_eq!(inbox.offer(&news(NotifyOn::Changes, "t9", "a")), Offered::Known);
    }

    #[test]
    fn long_news_are_cut() {
        let mut inbox = Inbox::default();
        let long =
            News { title: "ü".repeat(2_000), lines: vec!["x".repeat(5_000); 30], ..news(NotifyOn::Changes, "t", "a") };
        inbox.offer(&long);
        let (taken, _) = inbox.take(true).unwrap();
        assert_eq!((taken[0].title.chars().count(), taken[0].lines.len()), (TITLE + 1, MAX_LINES));
        assert_eq!((taken[0].lines[0].len(), taken[0].lines_left_out), (LINE + "…".len(), 10));
    }
}
