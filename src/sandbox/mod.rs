//! The five APIs imitated over real HTTP, on loopback: for `demo`, for tests, for benchmarks and for playing.
//!
//! A [`Sandbox`] serves a [`World`]. It is the judge of every test, so it is stricter than its clients and keeps its own
//! [`Record`] of every request and effect. It deliberately knows nothing of plans, policies or the client's code, speaks
//! no TLS, keeps nothing on disk and accepts made-up credentials only.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub mod accessowl;
pub mod aitronos;
pub mod buildkite;
mod call;
mod company;
mod control;
mod fault;
mod listener;
pub mod pinata;
mod record;
pub mod s2;
mod serve;
mod server;
#[cfg(test)]
mod tests;
mod world;

pub use call::{Call, Credential, Deed, Effect, Mutation, Reply, Right, Store};
pub use company::{POLICIES, configuration, people};
pub use fault::{Active, Fault, Faults, On, Trouble};
pub use record::{Changed, Line, Record, Request, SYSTEM, WORLD};
pub use serve::{Options, Seed, Served, serve, write_files};
pub use world::World;

/// The imitated systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// AccessOwl.
    AccessOwl,
    /// Aitronos.
    Aitronos,
    /// Buildkite.
    Buildkite,
    /// Pinata.
    Pinata,
    /// S2.
    S2,
}

impl System {
    /// All five.
    pub const ALL: [Self; 5] = [Self::AccessOwl, Self::Aitronos, Self::Buildkite, Self::Pinata, Self::S2];

    /// Its name in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessOwl => "accessowl",
            Self::Aitronos => "aitronos",
            Self::Buildkite => "buildkite",
            Self::Pinata => "pinata",
            Self::S2 => "s2",
        }
    }

    /// What follows the host in its base address.
    fn base_path(self) -> &'static str {
        match self {
            Self::AccessOwl => "/api/v1",
            Self::Aitronos | Self::S2 => "/v1",
            Self::Buildkite => "",
            Self::Pinata => "/v3",
        }
    }
}

/// Where to listen; 0 takes any free port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ports {
    /// AccessOwl.
    pub accessowl: u16,
    /// Aitronos.
    pub aitronos: u16,
    /// Buildkite, GraphQL and REST.
    pub buildkite: u16,
    /// Pinata.
    pub pinata: u16,
    /// S2.
    pub s2: u16,
    /// The control interface.
    pub control: u16,
}

impl Ports {
    /// Six ports in a row.
    pub fn from(first: u16) -> Self {
        let port = |offset: u16| first.saturating_add(offset);
        Self { accessowl: first, aitronos: port(1), buildkite: port(2), pinata: port(3), s2: port(4), control: port(5) }
    }

    fn of(self, system: System) -> u16 {
        match system {
            System::AccessOwl => self.accessowl,
            System::Aitronos => self.aitronos,
            System::Buildkite => self.buildkite,
            System::Pinata => self.pinata,
            System::S2 => self.s2,
        }
    }
}

/// The base addresses as a configuration needs them, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Urls {
    /// `base_url` of AccessOwl.
    pub accessowl: String,
    /// `base_url` of Aitronos.
    pub aitronos: String,
    /// `graphql_url` of Buildkite.
    pub buildkite_graphql: String,
    /// `rest_url` of Buildkite.
    pub buildkite_rest: String,
    /// `base_url` of Pinata.
    pub pinata: String,
    /// `base_url` of S2.
    pub s2: String,
    /// The control interface.
    pub control: String,
}

/// What all servers share.
struct Shared {
    world: Mutex<World>,
    faults: Mutex<Faults>,
    record: Record,
    stop: CancellationToken,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mutate(&self, system: System, mutation: &Mutation) -> Result<(), String> {
        let at = Timestamp::now();
        let effects = self.world().store(system).mutate(mutation, at)?;
        self.record.effects(system, at, effects);
        Ok(())
    }
}

/// The five servers and their control interface. Dropping it stops them.
pub struct Sandbox {
    shared: Arc<Shared>,
    urls: Urls,
    _stop: DropGuard,
}

impl Sandbox {
    /// Starts on free ports of 127.0.0.1, within the running tokio runtime.
    ///
    /// # Errors
    /// No port could be bound.
    pub async fn start(world: World) -> io::Result<Self> {
        Self::start_on(world, Ports::default()).await
    }

    /// Starts on these ports.
    ///
    /// # Errors
    /// A port could not be bound.
    pub async fn start_on(world: World, ports: Ports) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            world: Mutex::new(world),
            faults: Mutex::default(),
            record: Record::default(),
            stop: stop.clone(),
        });
        let mut hosts = Vec::new();
        for system in System::ALL {
            let listener = bind(system.name(), ports.of(system)).await?;
            hosts.push(format!("http://{}", listener.local_addr()?));
            let service = server::router(system, Arc::clone(&shared));
            let stopped = stop.clone().cancelled_owned();
            let service = service.into_make_service_with_connect_info::<listener::Scissors>();
            tokio::spawn(async move {
                let serving = axum::serve(listener::Cuttable(listener), service);
                tokio::select! { _ = serving => {}, () = stopped => {} }
            });
        }
        let listener = bind("control", ports.control).await?;
        let control = format!("http://{}/control", listener.local_addr()?);
        let host = |system: System| {
            let host = hosts.get(system as usize).map(String::as_str).unwrap_or_default();
            format!("{host}{}", system.base_path())
        };
        let urls = Urls {
            accessowl: host(System::AccessOwl),
            aitronos: host(System::Aitronos),
            buildkite_graphql: host(System::Buildkite) + "/graphql",
            buildkite_rest: host(System::Buildkite) + "/v2",
            pinata: host(System::Pinata),
            s2: host(System::S2),
            control,
        };
        let service = control::router(Arc::clone(&shared), urls.clone());
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            let serving = axum::serve(listener, service);
            tokio::select! { _ = serving => {}, () = stopped => {} }
        });
        Ok(Self { shared, urls, _stop: stop.drop_guard() })
    }

    /// The address of a system as its `base_url` (Buildkite: its `graphql_url`).
    pub fn url(&self, system: System) -> &str {
        match system {
            System::AccessOwl => &self.urls.accessowl,
            System::Aitronos => &self.urls.aitronos,
            System::Buildkite => &self.urls.buildkite_graphql,
            System::Pinata => &self.urls.pinata,
            System::S2 => &self.urls.s2,
        }
    }

    /// All addresses.
    pub fn urls(&self) -> &Urls {
        &self.urls
    }

    /// The record; it goes on being written.
    pub fn record(&self) -> Record {
        self.shared.record.clone()
    }

    /// Sets a fault; returns its number.
    pub fn fault(&self, fault: Fault) -> u64 {
        self.shared.faults().add(fault)
    }

    /// The faults that are set, with how often each was met.
    pub fn faults(&self) -> Vec<Active> {
        self.shared.faults().active().to_vec()
    }

    /// Clears all faults.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// Changes the world from outside of the imitated APIs.
    ///
    /// # Errors
    /// A sentence, where the system has no such entry or setting.
    pub fn mutate(&self, system: System, mutation: &Mutation) -> Result<(), String> {
        self.shared.mutate(system, mutation)
    }

    /// Looks at the world, or changes it freely.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.shared.world())
    }

    /// Waits until the control interface is asked to stop.
    pub async fn stopped(&self) {
        self.shared.stop.cancelled().await;
    }

    /// Stops the servers: ports are closed, answers under way are dropped.
    pub fn stop(self) {}
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Sandbox").field("urls", &self.urls).finish_non_exhaustive()
    }
}

async fn bind(name: &str, port: u16) -> io::Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address} for {name}: {error}")))
}
