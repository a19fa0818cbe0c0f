//! What is shown and told of the source, and of how its changes are seen.

use super::Daemon;
use crate::{
    access::Text,
    config::NotifyOn,
    plan::FileProblem,
    run,
    serve::{Health, SourceView, TreeProblem},
    watch::{FileWatcher, Watching},
};

impl Daemon {
    pub(super) fn show_source(&self) {
        let trees = self.shared.trees();
        let revision = trees.revision();
        let view = SourceView {
            place: self.reloader.place(),
            commit: revision.map(|revision| revision.commit.clone()),
            git_ref: revision.map(|revision| revision.git_ref.clone()),
            loaded_at: trees.loaded_at(),
            failing: trees.failing().map(|(since, error)| TreeProblem {
                since: *since,
                what: error.to_string(),
                advice: error.advice(),
            }),
            problems: run::told(trees.problems()),
            bad_since: trees.bad_since(),
            still_acts: trees.still_acts(),
            polling: self.polling(),
        };
        drop(trees);
        self.shared.board.set_source(view);
    }

    /// Puts up why targets are held that are shown as held: the words may be others where no new look is due.
    pub(super) fn show_held(&self) {
        let trees = self.shared.trees();
        for name in trees.config().targets.keys() {
            let Some(only) = trees.basis(name).and_then(|basis| basis.only_expired.as_ref()) else { continue };
            self.shared.board.change_target(name, |view| {
                if view.health == Health::Blocked {
                    (view.why, view.advice) = (Some(only.told()), Some(only.advice.clone()));
                }
            });
        }
    }

    /// Tells of a target that is not configured any more and has removals of which nobody knows yet how they ended: nobody looks
    /// after them from now on.
    pub(super) async fn tell_gone(&self, name: &Text) {
        let open = match self.shared.fleet.journal().await {
            Ok(journal) => journal.open_intents(name).await.map(|open| open.len()),
            Err(error) => Err(error),
        };
        tracing::warn!(target = %name, open = ?open.as_ref().ok(), "the target is not configured any more");
        let removals = match open {
            Ok(0) => return,
            Ok(1) => "1 removal there did not end".to_owned(),
            Ok(open) => format!("{open} removals there did not end"),
            Err(_) => "the journal could not tell whether removals there ended".to_owned(),
        };
        let title = format!("{name} is not configured any more, and {removals}");
        let advice = "look at the system; or configure it under the same name again until they ended".to_owned();
        let state = format!("{removals} {}", self.shared.now());
        self.shared.announce(NotifyOn::Failures, &format!("{name} gone"), &state, &title, vec![advice]);
    }

    /// Why the system does not tell of changed files, where it does not.
    pub(super) fn polling(&self) -> Option<String> {
        match self.files.as_ref().map(FileWatcher::watching) {
            None => self.unwatched.clone(),
            Some(Watching::Events) => None,
            Some(Watching::Polling(why)) => Some(why),
        }
    }

    pub(super) fn show_watching(&self) {
        let (mut source, polling) = (self.shared.board.source(), self.polling());
        if source.polling != polling {
            source.polling = polling;
            self.shared.board.set_source(source);
        }
    }

    /// Tells that the files are broken or cannot be taken, or are right again.
    pub(super) fn tell_source(&self) {
        let trees = self.shared.trees();
        let failing = trees.failing().map(|(_, error)| error.clone());
        let problems: Vec<String> = run::told(trees.problems()).iter().map(told).collect();
        let still_acts = trees.still_acts();
        drop(trees);
        let before = self.shared.board.source();
        let was_bad = before.failing.is_some() || !before.problems.is_empty();
        for problem in &problems {
            tracing::error!(problem, "the files are broken");
        }
        let mut state = problems.join("\n");
        let (on, title, lines) = match failing {
            Some(error) => {
                let (why, advice) = (error.to_string(), error.advice());
                tracing::error!(why, advice, "the policies cannot be taken");
                // A repository out of reach says so in ever other words.
                state.push_str(if error.is_out_of_reach() { "out of reach" } else { &why });
                let lines = [why, advice].into_iter().chain(problems).collect();
                let title = match still_acts {
                    true => {
                        "The policies cannot be taken: what was taken last stays, with everything held but an `expires` of it"
                    }
                    false => "The policies cannot be taken: what was taken last stays, with everything held",
                };
                (NotifyOn::Failures, title, lines)
            }
            None if !problems.is_empty() => {
                let title = match still_acts {
                    true => {
                        "The policies are broken: nothing goes where they bear on it but an `expires` of the last good tree"
                    }
                    false => "The policies are broken: nothing goes where they bear on it",
                };
                (NotifyOn::Failures, title, problems)
            }
            None if was_bad => (NotifyOn::Recoveries, "The policies load again", problems),
            None => return,
        };
        self.shared.announce(on, "source", &state, title, lines);
    }
}

/// A problem of a file in one line: where, what, and how to mend it.
fn told(problem: &FileProblem) -> String {
    let FileProblem { file, line, message, hint, .. } = problem;
    let place = if matches!(*line, 0 | u32::MAX) { file.clone() } else { format!("{file}:{line}") };
    let hint = hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
    format!("{place}: {message}{hint}")
}
