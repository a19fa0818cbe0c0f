//! No credential and no secret of live data comes out anywhere: output, log, plan, snapshot, import, journal.

use std::{fs, path::Path};

use portcullis::sandbox::{Fault, System, Trouble};

use crate::house::House;

/// What must not come out: every credential, every secret of the imitated world, anything that looks like a JWT.
fn secrets(house: &House) -> Vec<String> {
    let mut secrets: Vec<String> = fs::read_dir(house.path("credentials"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap().trim().to_owned())
        .collect();
    assert_eq!(secrets.len(), 5);
    assert!(secrets.iter().any(|secret| secret.starts_with("eyJ")), "Pinata's is a JWT");
    secrets.extend(["CANARY".to_owned(), "eyJ".to_owned()]);
    secrets
}

fn search(bytes: &[u8], secrets: &[String], where_: &str) {
    for secret in secrets {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{where_} has the secret {:?}…", &secret[..secret.len().min(6)]);
    }
}

/// Every file of the world but the credentials themselves.
fn search_files(directory: &Path, secrets: &[String], searched: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("credentials") {
            continue;
        }
        if path.is_dir() {
            search_files(&path, secrets, searched);
        } else {
            search(&fs::read(&path).unwrap(), secrets, &path.display().to_string());
            searched.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
}

/// Runs a command with the most talkative log there is and searches what it says. Its log has to be there.
fn searched(house: &House, secrets: &[String], logs: bool, codes: &[i32], args: &[&str]) -> String {
    let run = house.run(&[args, &["-vvv", "--log-format", "json"]].concat());
    let what = format!("{args:?}");
    assert!(!run.all().trim().is_empty(), "{what} says something");
    assert!(codes.contains(&run.code), "{what}: {}", run.all());
    search(run.out.as_bytes(), secrets, &what);
    search(run.err.as_bytes(), secrets, &what);
    assert_eq!(logs, run.err.contains("GET /") || run.err.contains("POST /"), "{what} logs its requests: {}", run.err);
    run.out
}

#[test]
fn no_secret_comes_out_anywhere() {
    let house = House::company();
    house.sandbox.world(|world| world.pinata.settings.show_secrets = true);
    let secrets = secrets(&house);
    let see = |logs, args: &[&str]| searched(&house, &secrets, logs, &[0], args);
    see(false, &["validate"]);
    see(true, &["plan", "--out", "plan.json"]);
    see(true, &["plan", "--format", "json"]);
    see(true, &["plan", "--format", "markdown"]);
    for system in System::ALL {
        let target = format!("{}-northlight", system.name());
        let text = see(true, &["import", &target]);
        house.write(&format!("imported/{target}.yaml"), &text);
    }
    see(true, &["snapshot", "pinata-northlight", "--out", "pinata.json"]);
    see(true, &["snapshot", "s2-northlight", "--out", "s2.json"]);
    see(false, &["plan", "--snapshot", "pinata.json", "--target", "pinata-northlight"]);
    see(true, &["apply", "plan.json", "--reviewed-by", "anna", "--new-journal"]);
    see(true, &["apply", "--yes", "--format", "json"]);
    see(true, &["revoke", "s2-northlight", "ci/run-9930", "--because", "leaked", "--yes"]);
    see(false, &["history"]);
    see(false, &["history", "--format", "json"]);
    see(false, &["history", "--verify"]);
    see(false, &["expect", "s2-northlight", "3", "--until", "1h"]);
    see(false, &["schema", "policy"]);
    see(false, &["completions", "bash"]);
    see(false, &["init"]);
    see(true, &["demo"]);
    let mut files = Vec::new();
    search_files(&house.path("."), &secrets, &mut files);
    for wanted in ["plan.json", "pinata.json", "s2.json", "journal.db", "pinata-northlight.yaml"] {
        assert!(files.iter().any(|name| name == wanted), "{wanted} was searched: {files:?}");
    }
}

#[test]
fn no_secret_comes_out_when_things_go_wrong() {
    let troubles = [
        Trouble::Status { status: 401, after_effect: false },
        Trouble::Status { status: 500, after_effect: false },
        Trouble::BrokenJson,
        Trouble::Truncate,
        Trouble::DropAfter,
        Trouble::Redirect { location: "https://elsewhere.example/?token=CANARY-location".to_owned() },
        Trouble::SetField { field: "id".to_owned(), value: 7.into() },
    ];
    let house = House::company();
    house.edit("portcullis.yaml", "guards: { notice: 0h }", "guards: { notice: 0h }\n    settle: 1s");
    house.sandbox.world(|world| world.pinata.settings.show_secrets = true);
    let secrets = secrets(&house);
    for trouble in troubles {
        house.sandbox.clear_faults();
        for system in System::ALL {
            house.sandbox.fault(Fault::new(system, trouble.clone()).after(9));
        }
        searched(&house, &secrets, true, &[1, 4], &["apply", "--yes", "--new-journal"]);
    }
    // A credential that is none: it must not be quoted.
    house.write("credentials/s2", "CANARY-not a credential\n\u{7}");
    searched(&house, &secrets, true, &[1], &["plan"]);
    house.edit("portcullis.yaml", "credential: { file: credentials/s2 }", "credential: CANARY-typed-in");
    searched(&house, &secrets, false, &[1], &["plan"]);
    search_files(&house.path(".portcullis"), &secrets, &mut Vec::new());
}
