//! The question at the terminal, while a bar may be drawn and Ctrl-C may come.

use std::time::Duration;

use async_trait::async_trait;

use super::{output, progress::Talk, resolve::Context, terminal};
use crate::{
    plan::{
        Plan,
        render::{self, Diffs},
    },
    run::{Answer, Prompt},
    transport::Stop,
};

/// How long a question waits for its answer: as long as a reading is good for. Meanwhile the targets are this process's own, and
/// a daemon sends nothing there.
pub const ANSWER_WAIT: Duration = Duration::from_mins(5);

/// Asks whoever sits at the terminal.
pub struct AtTerminal<'a> {
    /// How the plan is shown.
    pub context: &'a Context,
    /// The bar, which makes room for the question.
    pub talk: &'a Talk,
    /// Ctrl-C is a no.
    pub stop: &'a Stop,
    /// How long it waits for the answer.
    pub within: Duration,
    /// Which diffs are shown.
    pub diffs: Diffs,
}

#[async_trait]
impl Prompt for AtTerminal<'_> {
    async fn ask(&self, plan: &Plan) -> Answer {
        self.talk.make_room();
        // The plan stands on standard error with the question, so that standard output keeps the report alone.
        let options = output::text_options(self.context, self.context.talk_colour, self.diffs);
        let question = format!("{}\n{}", render::text(plan, &options), terminal::question(plan));
        let (reply, answer) = tokio::sync::oneshot::channel();
        // A thread of its own: a read of the terminal cannot be called off, and must not hold up the end of the process.
        std::thread::spawn(move || {
            // Standard error is locked to write only: what Ctrl-C has to say must not wait for an answer.
            let said = terminal::confirmed(&question, &mut std::io::stdin().lock(), &mut std::io::stderr());
            let _ = reply.send(said);
        });
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Answer::No,
            () = tokio::time::sleep(self.within) => {
                let waited = self.within.as_secs();
                terminal::say_lines(&format!(
                    "\nNo answer within {waited} seconds: the reading is too old by now, and others wait for these targets. \
                     Nothing was sent; plan again."
                ));
                Answer::No
            }
            said = answer => match said {
                Ok(Ok(true)) => Answer::Yes,
                Ok(Ok(false)) | Err(_) => Answer::No,
                Ok(Err(failure)) => {
                    terminal::say_lines(&failure.to_string());
                    Answer::No
                }
            },
        }
    }
}
