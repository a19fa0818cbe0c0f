//! What there is to serve: the five systems' states together.

use std::time::Duration;

use super::{System, accessowl, aitronos, buildkite, call::Store, company, pinata, s2};

/// The five systems' states. Every field is open, so that a test can build what it needs.
pub struct World {
    /// AccessOwl.
    pub accessowl: accessowl::State,
    /// Aitronos.
    pub aitronos: aitronos::State,
    /// Buildkite.
    pub buildkite: buildkite::State,
    /// Pinata.
    pub pinata: pinata::State,
    /// S2.
    pub s2: s2::State,
}

impl World {
    /// Nothing but the usual credentials, and the own entries that belong to them.
    pub fn empty() -> Self {
        Self {
            accessowl: accessowl::State::empty(),
            aitronos: aitronos::State::empty("org_northlight"),
            buildkite: buildkite::State::empty("northlight"),
            pinata: pinata::State::empty(),
            s2: s2::State::empty(),
        }
    }

    /// A believable company of 60 people: the one that the sample policies speak of.
    pub fn company() -> Self {
        company::world()
    }

    /// The empty world with `count` more S2 tokens, named `service/00000000` and so on, its pages rendered in advance.
    pub fn s2_tokens(count: usize) -> Self {
        let mut world = Self::empty();
        world.s2.fill(count);
        world
    }

    /// After how long somebody carries out the AccessOwl removals that people have to carry out; never by itself if `None`.
    #[must_use]
    pub fn approving_after(mut self, delay: Option<Duration>) -> Self {
        self.accessowl.settings.approval_delay_ms = delay.map(|delay| delay.as_millis().try_into().unwrap_or(u64::MAX));
        self
    }

    /// One system.
    pub fn store(&mut self, system: System) -> &mut dyn Store {
        match system {
            System::AccessOwl => &mut self.accessowl,
            System::Aitronos => &mut self.aitronos,
            System::Buildkite => &mut self.buildkite,
            System::Pinata => &mut self.pinata,
            System::S2 => &mut self.s2,
        }
    }
}
