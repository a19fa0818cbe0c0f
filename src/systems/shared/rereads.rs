//! A list that shifted while it was read is read again, a few times.

use crate::wire::{Fault, Unreadable};

/// How often a list that shifts is read again.
pub const REREADS: u32 = 3;

/// How often one list was read again so far.
#[derive(Debug, Default)]
pub struct Rereads(u32);

impl Rereads {
    /// Whether the list that ended so is worth another reading.
    ///
    /// # Errors
    /// It did not shift, or it shifted in every reading.
    pub fn again(&mut self, error: Unreadable) -> Result<(), Unreadable> {
        if error.fault != Fault::Shifted {
            return Err(error);
        }
        if self.0 == REREADS {
            let what = format!("{}; so it was in each of {} readings", error.what, REREADS + 1);
            return Err(Unreadable { what, ..error }
                .advise("the list kept changing while it was read: run again when it is quiet"));
        }
        self.0 += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_shifted_is_read_again_and_not_for_ever() {
        let error = |fault| Unreadable::new(fault, "the id came twice");
        let mut rereads = Rereads::default();
        assert_eq!(rereads.again(error(Fault::Incomplete)), Err(error(Fault::Incomplete)));
        assert!((0..REREADS).all(|_| rereads.again(error(Fault::Shifted)).is_ok()));
        let last = rereads.again(error(Fault::Shifted)).unwrap_err();
        assert!(last.fault == Fault::Shifted && last.what.contains("each of 4 readings"), "{last}");
        assert!(last.advice.is_some());
    }
}
