//! The thin seam between commands and the layers below: what was typed becomes what `run` is asked for, what it answers
//! becomes a [`Report`]. Nothing is decided here.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    apply::ApplyArgs,
    args::Format,
    failure::{Failure, Result},
    files,
    plan::PlanArgs,
    progress::Talk,
    prompt::AtTerminal,
    report::Report,
    resolve::{Context, check_target},
    revoke::RevokeArgs,
    terminal::say,
    validate,
};
use crate::{
    access::Text,
    config::{Config, JournalPlace},
    plan::{
        PLAN_VERSION, Plan,
        render::{Diffs, neutral},
    },
    run::{self, Consent, ExitRules, Live, Loaded, Ordered, Perform, Prompt, RunReport, Show, Sources, Wishes},
    systems,
    transport::Stop,
    yaml::Problem,
};

/// What `validate` found.
pub struct Checked {
    /// Every problem of every file.
    pub problems: Vec<Problem>,
    /// How many declarations there are.
    pub declarations: u64,
    /// In how many policy files.
    pub files: u64,
    /// For how many targets.
    pub targets: u64,
}

/// The operator's file alone, for commands that need no policy.
///
/// # Errors
/// It cannot be read, or every problem of it.
pub fn config(context: &Context) -> Result<Config> {
    let config = config_for_any(context)?;
    context.check_targets(config.targets.keys())?;
    Ok(config)
}

/// The same for what may be asked of targets that are not configured any more.
///
/// # Errors
/// It cannot be read, or every problem of it.
pub fn config_for_any(context: &Context) -> Result<Config> {
    let text = files::read(&context.config, "the configuration")
        .map_err(|failure| failure.hint("`portcullis init` writes one; --config names another place"))?;
    let name = context.config.display().to_string();
    crate::config::load(&name, &context.config, text.as_bytes(), &systems::descriptions())
        .map_err(|problems| validate::problems(&problems))
}

pub(super) fn sources(context: &Context) -> Sources {
    Sources { config: context.config.clone(), policies: context.policies.clone(), people: context.people.clone() }
}

fn load(context: &Context) -> Result<Loaded> {
    let loaded = run::load(&sources(context)).map_err(|problems| validate::problems(&problems))?;
    context.check_targets(loaded.config.targets.keys())?;
    Ok(loaded)
}

/// Every file checked, without any request.
///
/// # Errors
/// `--target` names what is not there.
pub fn validate(context: &Context) -> Result<Checked> {
    let loaded = match run::load(&sources(context)) {
        Ok(loaded) => loaded,
        Err(problems) => return Ok(Checked { problems, declarations: 0, files: 0, targets: 0 }),
    };
    context.check_targets(loaded.config.targets.keys())?;
    let policies = loaded.policies.targets.values();
    let names: BTreeSet<&Text> = policies.clone().flat_map(|policy| &policy.files).map(|file| &file.name).collect();
    Ok(Checked {
        declarations: policies.map(|policy| policy.declarations.len() as u64).sum(),
        files: names.len() as u64,
        targets: loaded.config.targets.len() as u64,
        problems: loaded.problems,
    })
}

/// Reads (or takes a snapshot file) and plans; sends nothing.
///
/// # Errors
/// The operator's file or the snapshot cannot be used.
pub async fn plan(context: &Context, args: &PlanArgs) -> Result<Report> {
    let rules = ExitRules { detailed: args.detailed_exitcode, check_guards: args.check_guards, strict: args.strict };
    let loaded = match run::load(&sources(context)) {
        // A document says so too: who reads it may not see standard error.
        Err(problems) if context.format != Format::Text => {
            let plan = Plan {
                version: PLAN_VERSION,
                made_at: context.now,
                revision: None,
                problems: run::told(&problems),
                targets: Vec::new(),
            };
            let report = RunReport { problems, plan: Some(plan), ..RunReport::default() };
            return Ok(Report::new(report, rules));
        }
        loaded => loaded.map_err(|problems| validate::problems(&problems))?,
    };
    context.check_targets(loaded.config.targets.keys())?;
    let mut readings = Vec::new();
    if let Some(path) = &args.snapshot {
        let text = files::read(path, "the reading")?;
        let name = path.display().to_string();
        // A line a target: what `snapshot` wrote of several.
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let reading = run::snapshot_file::parse(&name, line.as_bytes(), &loaded.config);
            readings.push(reading.map_err(run::RunError::from)?);
        }
        if readings.is_empty() {
            return Err(
                Failure::new(format!("{name} holds no reading")).hint("`portcullis snapshot --out FILE` writes one")
            );
        }
    }
    let wishes = Wishes {
        only: context.targets.clone(),
        stated: args.expect_revocations.iter().cloned().collect(),
        stopped: run::stopped(&loaded.config),
        ..Wishes::default()
    };
    let talk = Talk::new(context);
    let show = Show { loaded: &loaded, wishes: &wishes, files: readings, clock: run::system_clock() };
    let report = run::show(show, &Live, &talk).await?;
    Ok(Report::new(report, rules))
}

/// Plans, asks where somebody has to be asked, and carries out.
///
/// # Errors
/// The operator's file, the journal or the saved plan cannot be used.
pub async fn apply(context: &Context, args: &ApplyArgs, has_to_ask: bool, stop: &Stop) -> Result<Report> {
    let loaded = load(context)?;
    let saved = match &args.plan {
        Some(path) => {
            let text = files::read(path, "the saved plan")?;
            Some(Arc::new(run::saved::parse(text.as_bytes()).map_err(run::RunError::from)?))
        }
        None => None,
    };
    let wishes = Wishes {
        only: context.targets.clone(),
        stated: args.expect_revocations.iter().cloned().collect(),
        saved,
        retry_refused: args.retry_refused,
        past_pause: args.past_pause,
        stopped: run::stopped(&loaded.config),
        ..Wishes::default()
    };
    let talk = Talk::new(context);
    let within = Duration::from_secs(args.answer_within);
    let prompt = AtTerminal { context, talk: &talk, stop, within, diffs: Diffs::Compared };
    let consent = match &args.reviewed_by {
        _ if has_to_ask => Consent::Ask(&prompt),
        Some(who) => Consent::Reviewed(who.as_str().into()),
        None => Consent::Unattended,
    };
    let perform = Perform {
        command: "apply",
        loaded: &loaded,
        wishes,
        consent,
        new_journal: args.new_journal,
        lock_wait: Duration::from_secs(args.lock_wait),
        clock: run::system_clock(),
        stop: stop.clone(),
        next_run: None,
        fleet: None,
        brake: None,
        revision: None,
        before_sending: None,
    };
    let report = run::perform(perform, &Live, &talk).await?;
    Ok(Report::new(report, ExitRules::default()))
}

/// Looks at one entry, asks where somebody has to be asked, and carries its removal out.
///
/// # Errors
/// The target or the entry is not known, or a guard that no order passes holds it.
pub async fn revoke(context: &Context, args: &RevokeArgs, has_to_ask: bool, stop: &Stop) -> Result<Report> {
    let loaded = load(context)?;
    check_target(&args.at, loaded.config.targets.keys(), &context.config)?;
    let talk = Talk::new(context);
    let within = Duration::from_secs(args.answer_within);
    let prompt = AtTerminal { context, talk: &talk, stop, within, diffs: Diffs::All };
    let ordered = Ordered {
        loaded: &loaded,
        target: args.at.as_str().into(),
        kind: args.kind.as_deref(),
        id: &args.entry,
        because: &args.because,
        prompt: has_to_ask.then_some(&prompt as &dyn Prompt),
        new_journal: args.new_journal,
        lock_wait: args.lock_wait.map_or_else(|| run::order_wait(&loaded.config, &args.at), Duration::from_secs),
        stopped: run::stopped(&loaded.config),
        past_pause: args.past_pause,
        clock: run::system_clock(),
        stop: stop.clone(),
    };
    let report = run::order(ordered, &Live, &talk).await?;
    let mut report = Report::new(report, ExitRules::default());
    let lines = super::revoke::lines_for_git(&loaded, &args.at, &args.because, report.plan.as_ref());
    report.remarks.extend(lines);
    Ok(report)
}

/// The readings that a command took.
pub struct Readings {
    /// The text of a file, a line a target.
    pub text: String,
    /// How many targets could be read.
    pub read: usize,
    /// Of how many.
    pub of: usize,
}

/// Reads targets. Which could not be read is said on standard error.
///
/// # Errors
/// The operator's file cannot be used.
pub async fn snapshot(context: &Context) -> Result<Readings> {
    let loaded = load(context)?;
    let wishes = Wishes { only: context.targets.clone(), ..Wishes::default() };
    let talk = Talk::new(context);
    let readings = run::snapshots(&loaded, &wishes, &Live, &talk).await?;
    let mut pasts = run::pasts(&loaded, readings.keys(), &run::system_clock()).await?;
    talk.make_room();
    if let (true, JournalPlace::File(path)) = (pasts.is_empty(), &loaded.config.journal) {
        say(&format!("note: no journal at {}: the reading holds nothing of the past", path.display()));
    }
    let (mut text, mut read, of) = (String::new(), 0, readings.len());
    for (target, reading) in readings {
        match reading {
            Ok(reading) => {
                let bytes = run::snapshot_file::write(&target, &reading.snapshot, pasts.remove(&target))
                    .map_err(|error| Failure::while_doing("the reading cannot be written", &error))?;
                text.push_str(&neutral::json(&String::from_utf8_lossy(&bytes)));
                read += 1;
            }
            Err(unreadable) => {
                say(&format!("{target}: unreadable, so it is not in the file: {unreadable}"));
                say(&format!("  way on: {}", unreadable.way_on()));
            }
        }
    }
    Ok(Readings { text, read, of })
}

/// Reads a target and returns declarations for what exists.
///
/// # Errors
/// The target is not known or cannot be read.
pub async fn import(context: &Context, name: &str) -> Result<String> {
    let loaded = load(context)?;
    check_target(name, loaded.config.targets.keys(), &context.config)?;
    let wishes = Wishes { only: vec![name.into()], ..Wishes::default() };
    let talk = Talk::new(context);
    let mut readings = run::snapshots(&loaded, &wishes, &Live, &talk).await?;
    talk.make_room();
    let (Some(target), Some(reading)) = (loaded.config.targets.get(name), readings.remove(name)) else {
        return Err(Failure::new(format!("target `{name}` was not read")));
    };
    let reading = reading?;
    Ok(run::import::import(&run::import::Import {
        target: name,
        description: target.description,
        snapshot: &reading.snapshot,
        people: &loaded.policies.people,
        now: context.now,
    }))
}
