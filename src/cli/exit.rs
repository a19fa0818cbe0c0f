//! Exit codes, and which one holds when several would. What a plan or a run gives is decided by `run`, for all commands alike.

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; of `plan --detailed-exitcode`: in sync.
    Done,
    /// Bad configuration or policy, an unreadable target, anything that went wrong.
    Error,
    /// Of `plan --detailed-exitcode`: out of sync.
    OutOfSync,
    /// A guard refused.
    Refused,
    /// Some changes failed, are refused by the system, unknown, or too long in flight.
    Partial,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::OutOfSync => 2,
            Self::Refused => 3,
            Self::Partial => 4,
        }
    }

    /// The exit of a number that `run` gave; one that has no meaning here is an error.
    pub fn of(code: u8) -> Self {
        match code {
            0 => Self::Done,
            2 => Self::OutOfSync,
            3 => Self::Refused,
            4 => Self::Partial,
            _ => Self::Error,
        }
    }

    /// The first that holds, in the order 1, 4, 3, 2, 0.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let rank = |exit| match exit {
            Self::Error => 0,
            Self::Partial => 1,
            Self::Refused => 2,
            Self::OutOfSync => 3,
            Self::Done => 4,
        };
        if rank(other) < rank(self) { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_first_that_holds_is_1_4_3_2_0_whatever_came_first() {
        let order = [Exit::Error, Exit::Partial, Exit::Refused, Exit::OutOfSync, Exit::Done];
        for (rank, first) in order.into_iter().enumerate() {
            for second in order.into_iter().skip(rank) {
                assert_eq!(first.and(second), first);
                assert_eq!(second.and(first), first);
            }
        }
        assert_eq!(order.map(Exit::code), [1, 4, 3, 2, 0]);
        assert_eq!(order.map(|exit| Exit::of(exit.code())), order);
    }
}
