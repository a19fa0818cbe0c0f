//! Which files count, from where, and what becomes of what a file said once it is gone.

use crate::{
    house::{House, Run, ids, rows},
    service::{AT_ONCE, appears, declaring, house, kept, strays},
};

#[test]
fn yml_counts_like_yaml_and_what_is_hidden_or_for_people_is_skipped() {
    let house = house(7, 1, AT_ONCE);
    let text = house.read("policies/s2.yaml");
    std::fs::remove_file(house.path("policies/s2.yaml")).unwrap();
    house.write("policies/data/s2.yml", &text);
    let noise = "version: 1\ntarget: s2\naccess_tokens: [\n";
    for skipped in [".hidden.yaml", "data/.s2.yaml.swp", ".git/config", "README.md", "data/notes.md", "CODEOWNERS"] {
        house.write(&format!("policies/{skipped}"), noise);
    }
    house.apply(0);
    assert_eq!(house.removed_tokens(), strays(1));
    for other in ["notes.txt", "data/s2.yaml.bak", "data/s2.json", "codeowners"] {
        house.write(&format!("policies/{other}"), &text);
        let run = house.apply(1);
        assert!(run.err.contains(other), "{other}: {}", run.err);
        std::fs::remove_file(house.path(&format!("policies/{other}"))).unwrap();
    }
}

#[test]
fn the_plan_says_which_declaration_vanished_with_a_file() {
    let house = house(7, 0, AT_ONCE);
    house.write(
        "policies/team/extra.yaml",
        "version: 1\ntarget: s2\n# their own\naccess_tokens:\n  - { id: service/theirs }\n",
    );
    appears(&house, "service/theirs");
    house.apply(0);
    std::fs::remove_file(house.path("policies/team/extra.yaml")).unwrap();
    let plan = house.plan(&[]);
    assert_eq!(ids(&plan, "s2", "change"), ["service/theirs"]);
    let row = rows(&plan, "s2").iter().find(|row| row["id"] == "service/theirs").unwrap();
    assert_eq!(row["cause"], "undeclared");
    let told = house.expect(0, &["plan"]).out;
    assert!(told.contains("team/extra.yaml:5"), "{told}");
    // Its managed set went with the other file: then nobody is in charge of it.
    house.write("policies/s2.yaml", "version: 1\ntarget: s2\naccess_tokens: [{ id: service/keep-00 }]\n");
    assert_eq!(ids(&house.plan(&[]), "s2", "change"), [""; 0]);
}

#[test]
fn a_branch_gives_policies_and_people_and_the_protected_file_all_else() {
    let house = house(4, 1, AT_ONCE);
    house.edit(
        "portcullis.yaml",
        "people: people.yaml\n",
        "people: people.yaml\ndelegate:\n  - { path: \"s2.yaml\", target: s2, within: { access_tokens: all } }\n",
    );
    // What the branch says of hosts and credentials is nobody's business.
    house.write("branch/portcullis.yaml", "version: 1\ntargets: {}\n");
    house.write("branch/policies/s2.yaml", &declaring(&[kept(3), strays(1)].concat()));
    house.write("branch/people.yaml", "version: 1\npeople:\n  nobody: { email: nobody@example.com }\n");
    std::fs::create_dir_all(house.path("elsewhere")).unwrap();
    let main = house.path("portcullis.yaml");
    let at = |args: &[&str]| {
        let mut command =
            house.command(&[&["plan", "--format", "json", "--config", main.to_str().unwrap()], args].concat());
        Run::of(command.current_dir(house.path("elsewhere")).output().unwrap())
    };
    // Paths in the file are relative to the file, those of the command line to where it is given.
    assert_eq!(ids(&at(&[]).json(), "s2", "change"), strays(1));
    let branch = ["--policies", "../branch/policies", "--people", "../branch/people.yaml"];
    assert_eq!(ids(&at(&branch).json(), "s2", "change"), ["service/keep-03"]);
    house.edit("branch/people.yaml", "email", "emial");
    let broken = at(&branch);
    assert!(broken.code == 1 && broken.err.contains("people.yaml:3"), "{}", broken.err);
    assert_eq!(ids(&at(&branch[..2]).json(), "s2", "change"), ["service/keep-03"]);
    // The delegation of the protected file binds the branch.
    house.write("branch/policies/more.yaml", "version: 1\ntarget: s2\naccess_tokens: [{ id: service/keep-03 }]\n");
    let outside = at(&branch[..2]);
    assert!(outside.code == 1 && outside.err.contains("more.yaml"), "{}", outside.err);
}

#[test]
fn a_policy_file_cannot_say_what_is_the_operators() {
    for theirs in [
        "targets_: x",
        "guards: { notice: 0h }",
        "credential: { env: X }",
        "base_url: https://evil.example",
        "enforce: [access_tokens]",
        "protected: {}",
        "own: {}",
        "delegate: []",
        "journal: ephemeral",
        "watch: {}",
        "freeze: []",
        "stop_file: x",
        "may_open: [x]",
    ] {
        let house = house(1, 1, AT_ONCE);
        house.edit("policies/s2.yaml", "team: data@example.com\n", &format!("team: data@example.com\n{theirs}\n"));
        let run = house.apply(1);
        let field = theirs.split(':').next().unwrap();
        assert!(run.err.contains(&format!("`{field}` is not a field of a policy file")), "{theirs}: {}", run.err);
        assert_eq!(house.sandbox.record().requests().len(), 0);
    }
}

/// A house whose credential comes from a command that writes down what it sees.
fn commanded() -> House {
    let house = house(7, 1, AT_ONCE);
    house.write("give", "#!/bin/sh\nenv > seen\ncat credentials/s2\n");
    std::os::unix::fs::symlink("give", house.path("linked")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(house.path("give"), mode).unwrap();
    house.edit("portcullis.yaml", "{ file: credentials/s2 }", "{ command: [./give, argument] }");
    house
}

#[test]
fn a_command_that_gives_a_credential_sees_nothing_of_the_environment_but_its_path_and_home() {
    let house = commanded();
    let mut command = house.command(&["apply", "--yes", "--new-journal"]);
    command.env("OTHER_SECRET", "hush").env("LD_LIBRARY_PATH", "/nowhere").env("BASH_ENV", "/nowhere/at/all");
    let run = Run::of(command.output().unwrap());
    assert_eq!(run.code, 0, "{}", run.all());
    assert_eq!(house.removed_tokens(), strays(1));
    let seen = house.read("seen");
    let names: Vec<&str> = seen.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    let own = ["PATH", "HOME", "PWD", "SHLVL", "_", "OLDPWD"];
    assert!(names.contains(&"PATH") && names.iter().all(|name| own.contains(name)), "{seen}");
}

/// Every file below a directory, with what it holds.
fn all_files(directory: &std::path::Path, found: &mut Vec<(std::path::PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all_files(&path, found);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
}

#[test]
fn a_plan_writes_the_file_that_was_asked_for_and_nothing_else() {
    let house = house(7, 1, "    enforce: [access_tokens]");
    let look = || {
        let mut found = Vec::new();
        all_files(&house.path("."), &mut found);
        found
    };
    for with_journal in [false, true] {
        if with_journal {
            house.apply(0);
        }
        let before = look();
        house.expect(0, &["plan"]);
        house.expect(2, &["plan", "--detailed-exitcode", "--format", "markdown"]);
        assert!(before == look(), "with a journal: {with_journal}");
        house.expect(0, &["plan", "--out", "plan.json"]);
        let after = look();
        let new: Vec<_> = after.iter().filter(|file| !before.contains(file)).map(|(path, _)| path).collect();
        assert_eq!(new, [&house.path(".").join("plan.json")]);
        std::fs::remove_file(house.path("plan.json")).unwrap();
    }
    assert_eq!(house.writes(), 0);
}
