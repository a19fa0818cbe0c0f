//! systemd: units read by a strict parser, and by systemd's own where there is one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    process::Command,
};

use super::{can_be_typed, ends_within, listed, path, text, typed, valid};
use crate::{house::House, needs::has};

const DIR: &str = "examples/systemd";
const SERVICES: [&str; 2] = ["portcullis-watch.service", "portcullis-apply.service"];

/// Directives that may stand more than once.
const LISTS: [&str; 2] = ["LoadCredential", "SystemCallFilter"];

/// Everything that our units use, so that a misspelt directive, which systemd only warns of, is found.
const KNOWN: [(&str, &[&str]); 4] = [
    ("Unit", &["Description", "Documentation", "Wants", "After", "Conflicts", "StartLimitIntervalSec"]),
    (
        "Service",
        &[
            "Type",
            "NotifyAccess",
            "ExecStart",
            "Restart",
            "RestartSec",
            "WatchdogSec",
            "TimeoutStartSec",
            "TimeoutStopSec",
            "KillMode",
            "User",
            "Group",
            "StateDirectory",
            "StateDirectoryMode",
            "LoadCredential",
            "NoNewPrivileges",
            "CapabilityBoundingSet",
            "AmbientCapabilities",
            "ProtectSystem",
            "ProtectHome",
            "PrivateTmp",
            "PrivateDevices",
            "DevicePolicy",
            "ProtectKernelTunables",
            "ProtectKernelModules",
            "ProtectKernelLogs",
            "ProtectControlGroups",
            "ProtectClock",
            "ProtectHostname",
            "ProtectProc",
            "ProcSubset",
            "RestrictAddressFamilies",
            "RestrictNamespaces",
            "RestrictRealtime",
            "RestrictSUIDSGID",
            "LockPersonality",
            "MemoryDenyWriteExecute",
            "RemoveIPC",
            "KeyringMode",
            "SystemCallArchitectures",
            "SystemCallFilter",
            "SystemCallErrorNumber",
            "UMask",
            "LimitCORE",
            "MemoryMax",
            "TasksMax",
        ],
    ),
    ("Timer", &["OnCalendar", "RandomizedDelaySec", "Persistent"]),
    ("Install", &["WantedBy"]),
];

/// What shuts a service in.
const SHUT_IN: [(&str, &str); 31] = [
    ("User", "portcullis"),
    ("StateDirectory", "portcullis"),
    ("StateDirectoryMode", "0700"),
    ("NoNewPrivileges", "yes"),
    ("CapabilityBoundingSet", ""),
    ("AmbientCapabilities", ""),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "yes"),
    ("PrivateTmp", "yes"),
    ("PrivateDevices", "yes"),
    ("DevicePolicy", "closed"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectProc", "invisible"),
    ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("LockPersonality", "yes"),
    ("MemoryDenyWriteExecute", "yes"),
    ("KeyringMode", "private"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallErrorNumber", "EPERM"),
    ("UMask", "0077"),
    ("LimitCORE", "0"),
    ("MemoryMax", "1G"),
    ("TasksMax", "128"),
];

type Unit = BTreeMap<(String, String), Vec<String>>;

fn parse(name: &str, text: &str) -> Result<Unit, String> {
    let mut unit = Unit::new();
    let mut section: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let place = format!("{name}:{}", index + 1);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(named) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = Some(named);
            continue;
        }
        let (key, value) = line.split_once('=').ok_or(format!("{place}: no directive"))?;
        let section = section.ok_or(format!("{place}: no section"))?;
        let known = KNOWN.iter().find(|(known, _)| *known == section).ok_or(format!("{place}: unknown section"))?;
        if !known.1.contains(&key) || value != value.trim() || value.ends_with('\\') {
            return Err(format!("{place}: {line}"));
        }
        let values = unit.entry((section.to_owned(), key.to_owned())).or_default();
        values.push(value.to_owned());
        if values.len() > 1 && !LISTS.contains(&key) {
            return Err(format!("{place}: {key} stands there twice"));
        }
    }
    Ok(unit)
}

fn unit(name: &str) -> Unit {
    parse(name, &text(&format!("{DIR}/{name}"))).unwrap()
}

fn one<'a>(unit: &'a Unit, section: &str, key: &str) -> &'a str {
    let values = unit.get(&(section.to_owned(), key.to_owned()));
    let [value] = values.unwrap_or_else(|| panic!("no {key}")).as_slice() else { panic!("{key} is a list") };
    value
}

fn seconds(value: &str) -> u64 {
    let (number, unit) = value.split_at(value.find(|c: char| !c.is_ascii_digit()).unwrap());
    let unit = match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        other => panic!("{other}"),
    };
    number.parse::<u64>().unwrap() * unit
}

#[test]
fn both_services_are_shut_in_alike() {
    for name in SERVICES {
        let unit = unit(name);
        for (key, value) in SHUT_IN {
            assert_eq!(one(&unit, "Service", key), value, "{name}: {key}");
        }
        assert_eq!(
            unit[&("Service".to_owned(), "SystemCallFilter".to_owned())],
            ["@system-service", "~@privileged @resources"]
        );
        let command: Vec<String> = one(&unit, "Service", "ExecStart").split(' ').map(str::to_owned).collect();
        assert_eq!(command[0], "/usr/local/bin/portcullis");
        can_be_typed(name, &command);
        assert!(command.windows(2).any(|pair| pair == ["--config", "/etc/portcullis/portcullis.yaml"]), "{command:?}");
    }
}

#[test]
fn the_daemon_is_watched_and_has_time_to_end() {
    let watch = unit("portcullis-watch.service");
    let of = |key| one(&watch, "Service", key);
    assert_eq!((of("Type"), of("NotifyAccess"), of("Restart")), ("notify", "main", "on-failure"));
    assert!(seconds(of("WatchdogSec")) >= 30);
    assert!(seconds(of("TimeoutStartSec")) >= 600, "a first fetch takes its time");
    assert!(seconds(of("TimeoutStopSec")) > ends_within(&text("examples/systemd/portcullis.yaml")));
    // A configuration that is broken now is put right later.
    assert_eq!(one(&watch, "Unit", "StartLimitIntervalSec"), "0");
    assert_eq!(one(&watch, "Unit", "Conflicts"), "portcullis-apply.timer portcullis-apply.service");

    let apply = unit("portcullis-apply.service");
    assert_eq!(one(&apply, "Service", "Type"), "oneshot");
    assert!(one(&apply, "Service", "ExecStart").contains(" apply --yes "));
    let timer = unit("portcullis-apply.timer");
    assert_eq!((one(&timer, "Timer", "OnCalendar"), one(&timer, "Timer", "Persistent")), ("hourly", "true"));
    assert_eq!(one(&timer, "Install", "WantedBy"), "timers.target");
}

#[test]
fn the_configuration_names_what_the_units_give() {
    let config = text("examples/systemd/portcullis.yaml");
    valid(&path("examples/systemd/portcullis.yaml"), &path("examples/systemd/policies"));
    assert!(config.contains("\njournal: /var/lib/portcullis/"), "in the directory that the service may write");
    for name in SERVICES {
        let unit = unit(name);
        for loaded in &unit[&("Service".to_owned(), "LoadCredential".to_owned())] {
            let (credential, from) = loaded.split_once(':').unwrap();
            assert_eq!(from, format!("/etc/portcullis/credentials/{credential}"));
            assert!(config.contains(&format!("/run/credentials/{name}/{credential}")), "{name}: {credential}");
        }
    }
    let user = text("examples/systemd/portcullis.sysusers.conf");
    assert!(user.lines().any(|line| line.starts_with("u portcullis - ")), "{user}");
}

/// Every command works from the root, where a bare `policies` would be those of the imitated company.
#[test]
fn what_is_installed_comes_from_this_directory_and_is_all_of_it() {
    let mut installed = BTreeSet::new();
    for line in typed(&format!("{DIR}/README.md")) {
        let words: Vec<&str> = line.split(" && ").next().unwrap().split(' ').collect();
        let ["sudo", "install" | "cp", options @ ..] = words.as_slice() else { continue };
        let last = options.len() - 1;
        for source in &options[..last] {
            let value_of_option = ["portcullis", "/dev/stdin"].contains(source) || source.starts_with("0");
            if source.starts_with('-') || value_of_option || *source == "target/release/portcullis" {
                continue;
            }
            let name = source.strip_prefix("examples/systemd/").unwrap_or_else(|| panic!("{source} in {line}"));
            let (begin, end) = name.split_once('*').unwrap_or((name, ""));
            installed.extend(listed(DIR).into_iter().filter(|name| name.starts_with(begin) && name.ends_with(end)));
        }
        assert!(options[last].starts_with('/'), "{line}");
    }
    let all: BTreeSet<String> = listed(DIR).into_iter().filter(|name| name != "README.md").collect();
    assert_eq!(installed, all);
}

/// `LoadCredential=` gives 0400, or 0440 where it uses an access list; Kubernetes 0400, and 0440 with `fsGroup`.
#[test]
fn the_modes_that_supervisors_give_to_secrets_are_accepted() {
    let house = House::s2(
        &["service/a"],
        "    enforce: [access_tokens]",
        "version: 1\ntarget: s2\nteam: x@example.com\naccess_tokens: [{ id: service/a, justification: needed }]\n",
    );
    for (mode, code) in [(0o400, 0), (0o440, 0), (0o444, 1), (0o644, 1)] {
        fs::set_permissions(house.path("credentials/s2"), fs::Permissions::from_mode(mode)).unwrap();
        let run = house.expect(code, &["plan"]);
        assert_eq!(run.all().contains("everyone can read"), code == 1, "{mode:o}\n{}", run.all());
    }
}

#[test]
fn systemd_itself_takes_the_units() {
    let names = listed(DIR).into_iter().filter(|name| name.ends_with(".service") || name.ends_with(".timer"));
    let dir = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for name in names {
        unit(&name);
        let there = dir.path().join(&name);
        let text = text(&format!("{DIR}/{name}"));
        fs::write(&there, text.replace("/usr/local/bin/portcullis", env!("CARGO_BIN_EXE_portcullis"))).unwrap();
        paths.push(there);
    }
    assert_eq!(paths.len(), 3);
    // Where it is not installed, the parser above is all there is.
    if !has("systemd-analyze") {
        return;
    }
    let verified = Command::new("systemd-analyze").arg("verify").args(&paths).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !said.contains("portcullis-"), "{said}");
}

#[test]
fn a_unit_with_a_mistake_is_found() {
    for wrong in ["[Service]\nProtectSytem=strict\n", "User=x\n", "[Service]\nUser=x\nUser=y\n", "[Servce]\nUser=x\n"] {
        assert!(parse("x", wrong).is_err(), "{wrong}");
    }
}
