//! The one hold on a writer. What a run gets is a hand that it can pass to [`super::carry_out`] and do nothing else with.

use async_trait::async_trait;

use crate::{
    transport::{self, Brake, Connection, Lasting, Reader, SendFailure, Stop, Writer},
    wire::{Answer, Receipt, Unreadable},
};

/// Sends what the journal has recorded.
#[async_trait]
pub trait Send: std::marker::Send + Sync {
    /// Sends one receipt and waits for its answer. The brake is asked right before each try.
    ///
    /// # Errors
    /// [`SendFailure`]: not sent at all, or sent with an unknown outcome.
    async fn send(&self, receipt: &Receipt, stop: &Stop, brake: Brake<'_>) -> Result<Answer, SendFailure>;
}

#[async_trait]
impl Send for Writer {
    async fn send(&self, receipt: &Receipt, stop: &Stop, brake: Brake<'_>) -> Result<Answer, SendFailure> {
        Writer::send(self, receipt, stop, brake).await
    }
}

/// A writer in hand, out of everybody else's reach.
pub struct Hand(Box<dyn Send>);

impl Hand {
    pub(super) async fn send(&self, receipt: &Receipt, stop: &Stop, brake: Brake<'_>) -> Result<Answer, SendFailure> {
        self.0.send(receipt, stop, brake).await
    }

    /// A hand for tests of this module and of runs.
    #[cfg(test)]
    pub(crate) fn fake(send: impl Send + 'static) -> Self {
        Self(Box::new(send))
    }
}

/// Prepares a connection that may be written to. No request is made.
///
/// # Errors
/// An address or a certificate that cannot be used, see [`transport::read_only`].
pub fn connect(connection: Connection, lasting: Option<&Lasting>) -> Result<(Reader, Hand), Unreadable> {
    let (reader, writer) = transport::read_and_write(connection, lasting)?;
    Ok((reader, Hand(Box::new(writer))))
}
