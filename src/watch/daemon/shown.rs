//! What is shown and told of the source, and of how its changes are seen.

use super::Daemon;
use crate::{
    config::NotifyOn,
    run,
    serve::{SourceView, TreeProblem},
    watch::{FileWatcher, Watching},
    yaml::Problem,
};

impl Daemon {
    pub(super) fn show_source(&self) {
        let trees = self.shared.trees();
        let revision = trees.revision();
        let view = SourceView {
            place: self.reloader.place(),
            commit: revision.map(|revision| revision.commit.clone()),
            git_ref: revision.map(|revision| revision.git_ref.clone()),
            loaded_at: Some(trees.loaded_at()),
            failing: trees.failing().map(|(since, error)| TreeProblem {
                since: *since,
                what: error.to_string(),
                advice: error.advice(),
            }),
            problems: run::told(trees.problems()),
            bad_since: trees.bad_since(),
            polling: self.polling(),
        };
        drop(trees);
        self.shared.board.set_source(view);
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

    /// Tells that the files are broken, or right again.
    pub(super) fn tell_source(&self) {
        let trees = self.shared.trees();
        let mut lines: Vec<String> = trees.failing().map(|(_, error)| error.to_string()).into_iter().collect();
        let told = |problem: &Problem| format!("{}:{}: {}", problem.file, problem.line, problem.message);
        lines.extend(trees.problems().iter().map(told));
        drop(trees);
        let before = self.shared.board.source();
        let was_bad = before.failing.is_some() || !before.problems.is_empty();
        let (on, title) = match (was_bad, lines.is_empty()) {
            (_, false) => (NotifyOn::Failures, "The policies are broken: nothing goes where they bear on it"),
            (true, true) => (NotifyOn::Recoveries, "The policies load again"),
            (false, true) => return,
        };
        for line in &lines {
            tracing::error!(problem = %line, "the files are broken");
        }
        self.shared.announce(on, "source", title, lines);
    }
}
