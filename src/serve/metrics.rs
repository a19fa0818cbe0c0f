//! `/metrics`: the meters, and what stands on the board at this moment, as OpenMetrics text.
//!
//! Label values are names that the operator gave and words of ours. Nothing that an API calls its things is ever one: they
//! are hostile, and there can be any number of them.

use std::{fmt, sync::Arc, time::Duration};

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric as _, text},
    metrics::{MetricType, gauge::ConstGauge, info::Info},
    registry::Registry,
};

use super::{Board, Health, TargetView, tally::Sum};

/// The media type of OpenMetrics.
pub(super) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that can be scraped.
///
/// # Errors
/// Never with a text that can grow.
pub(super) fn encode(board: &Arc<Board>, now: Timestamp) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("portcullis");
    let version = env!("CARGO_PKG_VERSION");
    registry.register("build", "This build of Portcullis", Info::new([("version", version)]));
    let meters = board.meters();
    registry.register(
        "run_duration_seconds",
        "How long a look at a target took, with what it sent, by its result",
        meters.runs.clone(),
    );
    registry.register("revocations", "Removals that were sent, by how they ended for good", meters.revocations.clone());
    registry.register("due_lag_seconds", "How long after its time something due was sent", meters.due_lag.clone());
    registry.register("guard_refusals", "Times that a guard began to refuse", meters.refusals.clone());
    registry.register("triggers", "Times that something said to look again", meters.triggers.clone());
    registry.register("calls", "Calls made to a target's system", meters.calls.clone());
    registry.register("notifications", "Notifications by receiver and result", meters.notifications.clone());
    registry.register("listener_denials", "Requests that the listener refused, by reason", meters.denied.clone());
    registry.register_collector(Box::new(Standing { board: Arc::clone(board), now }));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

/// What the board says now.
#[derive(Debug)]
struct Standing {
    board: Arc<Board>,
    now: Timestamp,
}

impl Collector for Standing {
    fn encode(&self, mut out: DescriptorEncoder) -> fmt::Result {
        let mut out = Gauges(&mut out);
        self.daemon(&mut out)?;
        let targets: Vec<Arc<TargetView>> = self.board.targets().into_values().collect();
        self.times(&mut out, &targets)?;
        states(&mut out, &targets)?;
        rows(&mut out, &targets)
    }
}

impl Standing {
    fn daemon(&self, out: &mut Gauges<'_, '_>) -> fmt::Result {
        let (source, journal) = (self.board.source(), self.board.journal());
        let one = |yes: bool| if yes { 1.0 } else { 0.0 };
        out.one("loop_age_seconds", "Time since the loop last said that it lives", seconds(self.board.since_beat()))?;
        out.one("paused", "Whether all writing is stopped", one(self.board.pause().is_some()))?;
        out.one("source_failing", "Whether the policies cannot be read at all", one(source.failing.is_some()))?;
        out.one("policy_problems", "Problems of the policy files as they are now", number(source.problems.len()))?;
        out.one(
            "listener_problems",
            "Parts of the listener's configuration that are not in force",
            number(self.board.listener().problems.len()),
        )?;
        out.one(
            "journal_failing",
            "Whether nothing can be recorded, and so nothing is sent",
            one(journal.failing.is_some()),
        )
    }

    fn times(&self, out: &mut Gauges<'_, '_>, targets: &[Arc<TargetView>]) -> fmt::Result {
        // What never happened is as old as the daemon at least, so that an alert on the age sees it.
        let age = |then: Option<Timestamp>| {
            Some(self.now.duration_since(then.unwrap_or(self.board.started())).as_secs_f64().max(0.0))
        };
        out.each(
            "reading_age_seconds",
            "Time since the last complete reading, or since the start where there was none",
            targets,
            |view| age(view.read_at),
        )?;
        out.each(
            "convergence_age_seconds",
            "Time since the target was last seen in sync, or since the start where it never was",
            targets,
            |view| age(view.in_sync_at),
        )?;
        out.each("failures_in_a_row", "Looks that failed since the last good one", targets, |view| {
            Some(f64::from(view.failures))
        })?;
        out.each("rate_limit_remaining", "Calls left, as the system last told", targets, |view| {
            view.calls_left.map(precise)
        })?;
        let freezes = self.board.freezes();
        out.each("frozen", "Whether a freeze window is open for the target", targets, |view| {
            Some(if freezes.iter().any(|freeze| freeze.bears_on(&view.target)) { 1.0 } else { 0.0 })
        })?;
        out.each("running", "Whether a run is under way", targets, |view| {
            Some(if view.running_since.is_some() { 1.0 } else { 0.0 })
        })
    }
}

fn states(out: &mut Gauges<'_, '_>, targets: &[Arc<TargetView>]) -> fmt::Result {
    let samples = targets.iter().flat_map(|view| {
        Health::ALL.map(|health| {
            let labels = [("target", view.target.as_str()), ("system", &view.system), ("state", health.name())];
            (labels, if view.health == health { 1.0 } else { 0.0 })
        })
    });
    out.family("target_state", "1 for the state that the target is in", samples)
}

/// Some sums of a target.
type Pick = fn(&TargetView) -> &[Sum];

fn rows(out: &mut Gauges<'_, '_>, targets: &[Arc<TargetView>]) -> fmt::Result {
    let all: [(&str, &str, &str, Pick); 2] = [
        ("changes_waiting", "Changes that will be sent, by kind and cause", "cause", |view| &view.tally.changes),
        ("findings", "Findings, by what they tell", "finding", |view| &view.tally.findings),
    ];
    for (name, help, by, sums) in all {
        let samples = targets.iter().flat_map(|view| {
            sums(view).iter().map(move |sum| {
                ([("target", view.target.as_str()), ("kind", &sum.kind), (by, &sum.name)], precise(sum.rows))
            })
        });
        out.family(name, help, samples)?;
    }
    let standing = targets.iter().flat_map(|view| {
        let counts = view.plan.as_ref().map(|plan| &plan.counts);
        let by = counts.map(|counts| {
            [
                ("declared", counts.declared),
                ("allowed", counts.allowed),
                ("managed", counts.managed),
                ("unmanaged", counts.unmanaged),
            ]
        });
        let label = |(standing, count)| ([("target", view.target.as_str()), ("standing", standing)], f64::from(count));
        by.into_iter().flatten().map(label)
    });
    let help =
        "Live entries, by what the policies say of them; one may be both in a managed set and declared or allowed";
    out.family("entries", help, standing)?;
    let held = targets.iter().flat_map(|view| {
        view.tally.held.iter().map(|sum| {
            let cause = sum.cause.as_deref().unwrap_or("none");
            let labels = [("target", view.target.as_str()), ("kind", &sum.kind), ("hold", &sum.name), ("cause", cause)];
            (labels, precise(sum.rows))
        })
    });
    out.family("rows_held", "Rows that something holds, by what holds them first and why they would go", held)?;
    let refusing = targets.iter().flat_map(|view| {
        let mut guards: Vec<&str> = view.refusals().iter().map(|refusal| refusal.guard.name()).collect();
        guards.sort_unstable();
        guards.dedup();
        guards.into_iter().map(|guard| ([("target", view.target.as_str()), ("guard", guard)], 1.0)).collect::<Vec<_>>()
    });
    out.family("guard_refusing", "1 for each guard that refuses now", refusing)
}

/// Writes gauges.
struct Gauges<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Gauges<'_, '_> {
    fn one(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, &format!("{help}."), None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(metric)
    }

    fn each(
        &mut self,
        name: &str,
        help: &str,
        targets: &[Arc<TargetView>],
        value: impl Fn(&TargetView) -> Option<f64>,
    ) -> fmt::Result {
        let samples = targets.iter().filter_map(|view| Some(([("target", view.target.as_str())], value(view)?)));
        self.family(name, help, samples)
    }

    fn family<'v, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl Iterator<Item = ([(&'v str, &'v str); N], f64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, &format!("{help}."), None, MetricType::Gauge)?;
        for (labels, value) in samples {
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "no count of ours comes near 2^53")]
fn precise(count: u64) -> f64 {
    count as f64
}

fn number(count: usize) -> f64 {
    precise(count as u64)
}
