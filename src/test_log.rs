//! What is logged on a test's own thread, down to every detail.
//!
//! One subscriber for the whole process: those that come and go with tests make others miss what they asked for.

use std::{
    cell::RefCell,
    io::Write,
    sync::{Arc, Mutex, Once},
};

thread_local! {
    static HERE: RefCell<Option<Log>> = const { RefCell::new(None) };
}

/// The log of this thread, as long as it lives.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

/// Ends the listening.
pub(crate) struct Listening;

impl Log {
    /// Begins to listen on this thread.
    pub(crate) fn begin(&self) -> Listening {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_ansi(false)
                .with_writer(|| Here(HERE.with_borrow(Clone::clone)))
                .finish();
            tracing::subscriber::set_global_default(subscriber).expect("no other subscriber in the library's tests");
        });
        HERE.set(Some(self.clone()));
        Listening
    }

    /// All that was logged so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        HERE.set(None);
    }
}

struct Here(Option<Log>);

impl Write for Here {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &self.0 {
            Some(log) => log.0.lock().unwrap().write(bytes),
            None => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
