//! A bad tree never acts, and never makes an old one act. What had come to its end in the last good tree goes on, as long as the
//! files that say so are as they were. It says so loudly, and recovers by itself once the files are mended.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::{
    daemon::{Daemon, every},
    house::House,
    service::{appears, declaring, kept, strays},
};

/// Both temporary tokens of a file go at once.
const TARGET: &str = "    enforce: [access_tokens]\n    guards: { notice: 0h, max_share: 100% }";

const BROKEN: &str = "version: 1\ntarget: s2\nacess_tokens: []\n";

/// A file that holds the first of the two that end.
fn holding() -> String {
    let until = Timestamp::now().checked_add(SignedDuration::from_hours(24)).unwrap();
    format!(
        "version: 1\ntarget: s2\nteam: data@example.com\nholds:\n  access_tokens:\n    - {{ id: temp/a, until: {until}, \
         justification: OPS-3 }}\n"
    )
}

/// Waits until an end has passed and the target was looked at after it.
fn past(daemon: &mut Daemon, end: Timestamp) {
    daemon.until("the end to have passed", |_| Timestamp::now() > end);
    daemon.looked_again("s2", 2);
}

/// Six kept tokens in one file, two that end soon in another; and a stray that is held by notice at first, so that there is
/// something that must not go.
fn ending(house: &House, seconds: i64) -> Timestamp {
    let end = Timestamp::now().checked_add(SignedDuration::from_secs(seconds)).unwrap();
    let text = format!(
        "version: 1\ntarget: s2\naccess_tokens:\n  - {{ id: temp/a, justification: OPS-1, expires: {end} }}\n  - {{ id: \
         temp/b, justification: OPS-2, expires: {end} }}\n"
    );
    house.write("policies/temp.yaml", &text);
    end
}

fn world() -> House {
    let mut live = kept(8);
    live.extend(["temp/a".to_owned(), "temp/b".to_owned()]);
    let live: Vec<&str> = live.iter().map(String::as_str).collect();
    let house = House::s2(&live, TARGET, &declaring(&kept(8)));
    every(&house, "1s");
    house
}

fn blocked(daemon: &mut Daemon) {
    daemon.until_health("s2", "blocked");
}

/// That no end has come yet: what goes from now on goes by the last good tree.
fn none_came(house: &House) {
    assert_eq!(house.writes(), 0, "the machine is too slow for this test: an end came while the files were whole");
}

#[test]
fn a_daemon_that_never_had_a_tree_is_not_ready() {
    let house = world();
    house.write("policies/s2.yaml", BROKEN);
    let mut daemon = Daemon::start(&house);
    let is_loaded =
        |daemon: &mut Daemon| (daemon.get("/readyz").status, daemon.state()["source"]["loaded_at"].is_string());
    blocked(&mut daemon);
    assert_eq!(is_loaded(&mut daemon), (503, false));
    std::fs::remove_dir_all(house.path("policies")).unwrap();
    daemon.until_state("the directory to be missed", |state| !state["source"]["failing"].is_null());
    daemon.looked_anew("s2");
    assert_eq!(is_loaded(&mut daemon), (503, false));
    house.write("policies/s2.yaml", &declaring(&kept(8)));
    daemon.until_state("it to be loaded", |state| state["source"]["loaded_at"].is_string());
    daemon.looked_anew("s2");
    assert_eq!(is_loaded(&mut daemon), (200, true));
    house.write("policies/s2.yaml", BROKEN);
    blocked(&mut daemon);
    assert_eq!(is_loaded(&mut daemon), (200, true), "it was loaded, and `bad_tree` tells the rest");
    assert_eq!(house.writes(), 0);
}

#[test]
fn a_broken_file_stops_all_but_what_came_to_its_end_and_mending_it_goes_on() {
    let house = world();
    ending(&house, 8);
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    house.write("policies/s2.yaml", BROKEN);
    blocked(&mut daemon);
    none_came(&house);
    let told = daemon.said("the files are broken");
    assert!(told.iter().any(|line| line["problem"].as_str().unwrap().contains("s2.yaml")), "{told:?}");
    appears(&house, "service/stray-00");
    daemon.until("the end of the last good tree to come", |_| house.removed_tokens().len() == 2);
    daemon.looked_again("s2", 2);
    assert_eq!(house.removed_tokens(), ["temp/a", "temp/b"], "nothing else goes");
    house.write("policies/s2.yaml", &declaring(&kept(8)));
    daemon.until_health("s2", "in_sync");
    assert_eq!(house.removed_tokens(), ["service/stray-00", "temp/a", "temp/b"], "it goes on by itself");
}

#[test]
fn an_end_does_not_come_where_its_own_file_or_the_people_file_changed() {
    for people in [false, true] {
        let house = world();
        ending(&house, 6);
        let mut daemon = Daemon::start(&house);
        daemon.until_health("s2", "in_sync");
        if people {
            house.write("people.yaml", &format!("{}\n# one more line\n", house.read("people.yaml")));
        } else {
            house.write("policies/temp.yaml", &format!("{}# one more line\n", house.read("policies/temp.yaml")));
        }
        house.write("policies/s2.yaml", BROKEN);
        blocked(&mut daemon);
        daemon
            .until("the end to have passed", |daemon| daemon.looks("s2").last().is_some_and(|look| look["held"] == 2));
        daemon.looked_again("s2", 2);
        assert_eq!(house.writes(), 0, "people: {people}");
    }
}

#[test]
fn a_restart_on_a_broken_tree_acts_on_no_more_than_the_journal_knows_of_the_last_good_one() {
    let house = world();
    ending(&house, 6);
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    assert_eq!(daemon.stop().0, 0);
    none_came(&house);
    // A third token ends as well, in a file that no good tree ever had; and another tree has a later end for one of the two.
    house.write("policies/s2.yaml", BROKEN);
    appears(&house, "temp/c");
    house.write(
        "policies/more.yaml",
        "version: 1\ntarget: s2\naccess_tokens:\n  - { id: temp/c, justification: x, expires: 2026-01-01 }\n  - { id: temp/b, \
         justification: x, expires: 2099-01-01 }\n",
    );
    appears(&house, "service/stray-00");
    let mut daemon = Daemon::start(&house);
    blocked(&mut daemon);
    daemon.until("the end that the journal knows to come", |_| !house.removed_tokens().is_empty());
    daemon.looked_again("s2", 3);
    assert_eq!(house.removed_tokens(), ["temp/a"]);
    house.write("policies/s2.yaml", &declaring(&kept(8)));
    daemon.until_health("s2", "in_sync");
    assert_eq!(house.removed_tokens(), ["service/stray-00", "temp/a", "temp/c"]);
}

/// A file that ends one token at this time and another one a day ago, and one that holds the latter.
fn held(house: &House, end: Timestamp) {
    house.write(
        "policies/temp.yaml",
        &format!(
            "version: 1\ntarget: s2\naccess_tokens:\n  - {{ id: temp/a, justification: OPS-1, expires: {end} }}\n  - {{ id: \
             temp/b, justification: OPS-2, expires: 2026-01-01 }}\n"
        ),
    );
    let until = Timestamp::now().checked_add(SignedDuration::from_hours(24 * 30)).unwrap();
    house.write(
        "policies/b.yaml",
        &format!(
            "version: 1\ntarget: s2\nholds:\n  access_tokens:\n    - {{ id: temp/b, until: {until}, justification: OPS-3 }}\n"
        ),
    );
}

#[test]
fn what_a_broken_file_held_stays_held_over_a_restart() {
    let house = world();
    let end = Timestamp::now().checked_add(SignedDuration::from_secs(6)).unwrap();
    held(&house, end);
    let mut daemon = Daemon::start(&house);
    daemon.until("the row to be held", |daemon| daemon.looks("s2").last().is_some_and(|look| look["held"] == 1));
    assert_eq!(daemon.looks("s2").last().unwrap()["health"], "out_of_sync", "a hold is no refusal");
    assert_eq!(daemon.stop().0, 0);
    none_came(&house);
    house.edit("policies/b.yaml", "holds:", "hodls:");
    let mut daemon = Daemon::start(&house);
    blocked(&mut daemon);
    daemon.until("what nobody held to go", |_| !house.removed_tokens().is_empty());
    daemon.looked_again("s2", 2);
    assert_eq!(house.removed_tokens(), ["temp/a"]);
}

#[test]
fn a_second_declaration_in_a_broken_file_counts_over_a_restart() {
    let house = House::company();
    house.clear_policies();
    let urls = house.sandbox.urls();
    house.write(
        "portcullis.yaml",
        &format!(
            "version: 1\npolicies: policies/\npeople: people.yaml\njournal: .portcullis/journal.db\nwatch: {{ interval: 1s \
             }}\ntargets:\n  bk:\n    system: buildkite\n    graphql_url: {}\n    rest_url: {}\n    allow_host: true\n    \
             organization: northlight\n    credential: {{ file: credentials/buildkite }}\n    enforce: [api_tokens]\n    guards: \
             {{ notice: 0h, max_share: 100% }}\n",
            urls.buildkite_graphql, urls.buildkite_rest
        ),
    );
    let uuid = |description: &str| {
        house.sandbox.world(|world| {
            let named =
                |token: &&portcullis::sandbox::buildkite::Token| token.description.as_deref() == Some(description);
            world.buildkite.tokens.iter().find(named).unwrap().uuid.clone()
        })
    };
    let (kept, ends) = (uuid("graphql experiments"), uuid("my laptop"));
    let end = Timestamp::now().checked_add(SignedDuration::from_secs(8)).unwrap();
    house.write(
        "policies/a.yaml",
        &format!(
            "version: 1\ntarget: bk\napi_tokens:\n  - {{ uuid: {kept}, justification: x, expires: 2026-01-01 }}\n  - {{ uuid: \
             {ends}, justification: x, expires: {end} }}\n"
        ),
    );
    house.write(
        "policies/b.yaml",
        "version: 1\ntarget: bk\napi_tokens:\n  - { user: liam, description: graphql experiments, justification: x }\n",
    );
    let mut daemon = Daemon::start(&house);
    daemon.until_health("bk", "in_sync");
    assert_eq!(daemon.stop().0, 0);
    none_came(&house);
    house.edit("policies/b.yaml", "justification:", "jsutification:");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("bk", "blocked");
    let removed = || house.removed(portcullis::sandbox::System::Buildkite, "api_token");
    daemon.until("what is declared once to go", |_| !removed().is_empty());
    daemon.looked_again("bk", 2);
    assert_eq!(removed(), [ends]);
}

#[test]
fn ends_of_one_account_do_not_come_on_another_one() {
    let house = world();
    ending(&house, 5);
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    house.write("policies/s2.yaml", BROKEN);
    blocked(&mut daemon);
    house.edit("portcullis.yaml", "account: northlight", "account: northwind");
    daemon.until("both to be held", |daemon| daemon.looks("s2").last().unwrap()["held"] == 2);
    daemon.looked_again("s2", 2);
    assert_eq!(house.writes(), 0);
}

#[test]
fn a_journal_that_takes_the_place_of_another_one_keeps_the_trees_too() {
    let house = world();
    ending(&house, 12);
    house.expect(0, &["apply", "--yes", "--new-journal"]);
    std::fs::copy(house.path(".portcullis/journal.db"), house.path("other.db")).unwrap();
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    std::fs::rename(house.path("other.db"), house.path(".portcullis/journal.db")).unwrap();
    daemon.until("the other journal to be used", |daemon| {
        daemon
            .lines()
            .iter()
            .any(|line| line["message"].as_str().is_some_and(|told| told.contains("journal was replaced")))
    });
    daemon.looked_again("s2", 4);
    assert_eq!(daemon.stop().0, 0);
    none_came(&house);
    house.write("policies/s2.yaml", BROKEN);
    let mut daemon = Daemon::start(&house);
    blocked(&mut daemon);
    daemon.until("the end of the last good tree to come", |_| house.removed_tokens() == ["temp/a", "temp/b"]);
}

#[test]
fn a_good_tree_that_could_not_be_kept_is_kept_once_the_journal_is_back() {
    let house = world();
    let mut daemon = Daemon::start(&house);
    daemon.until("the first tree to be kept", |daemon| !daemon.said("the good tree is kept").is_empty());
    std::fs::rename(house.path(".portcullis/journal.db"), house.path("away.db")).unwrap();
    ending(&house, 14);
    daemon.until("the tree not to be kept", |daemon| !daemon.said("the good tree could not be kept").is_empty());
    let kept = daemon.said("the good tree is kept").len();
    std::fs::rename(house.path("away.db"), house.path(".portcullis/journal.db")).unwrap();
    daemon.until("the tree to be kept", |daemon| daemon.said("the good tree is kept").len() > kept);
    assert_eq!(daemon.stop().0, 0);
    none_came(&house);
    house.write("policies/s2.yaml", BROKEN);
    let mut daemon = Daemon::start(&house);
    blocked(&mut daemon);
    daemon.until("the end of the last good tree to come", |_| house.removed_tokens() == ["temp/a", "temp/b"]);
}

#[test]
fn a_first_start_on_a_broken_tree_reports_and_waits() {
    let house = world();
    ending(&house, -60);
    house.write("policies/s2.yaml", BROKEN);
    let mut daemon = Daemon::start(&house);
    blocked(&mut daemon);
    daemon.looked_again("s2", 2);
    assert_eq!(house.writes(), 0, "no good tree is known");
    // What the broken lines declare is not undeclared: of no entry anything is said.
    let state = daemon.state();
    assert_eq!(state["targets"][0]["tally"], json!({ "changes": [], "held": [], "findings": [] }), "{state:#}");
    assert!(state["targets"][0]["why"].as_str().unwrap().contains("nothing can be said"), "{state:#}");
    assert_eq!((&state["source"]["still_acts"], &state["targets"][0]["in_sync_at"]), (&json!(false), &json!(null)));
    let page = daemon.get("/targets/s2").text;
    assert!(!page.contains("service/keep-00") && !page.contains("still acts"), "{page}");
    let plan = house.expect(1, &["plan"]);
    assert!(!plan.out.contains("service/keep-00"), "nor by the command: {}", plan.out);
    house.write("policies/s2.yaml", &declaring(&kept(8)));
    daemon.until_health("s2", "in_sync");
    assert_eq!(house.removed_tokens(), ["temp/a", "temp/b"]);
}

#[test]
fn a_broken_configuration_ends_a_start_and_holds_a_daemon_that_runs() {
    let house = world();
    let whole = house.read("portcullis.yaml");
    house.write("portcullis.yaml", "version: 1\ntargets: 7\n");
    let run = house.expect(1, &["watch", "--new-journal"]);
    assert!(run.err.contains("portcullis.yaml") && run.err.contains("targets"), "{}", run.err);

    house.write("portcullis.yaml", &whole);
    ending(&house, 8);
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    house.write("portcullis.yaml", "version: 1\ntargets: 7\n");
    blocked(&mut daemon);
    none_came(&house);
    appears(&house, "service/stray-00");
    daemon.until("the end of the last good tree to come", |_| house.removed_tokens().len() == 2);
    daemon.looked_again("s2", 2);
    assert_eq!(house.removed_tokens(), ["temp/a", "temp/b"]);
    house.write("portcullis.yaml", &whole);
    daemon.until("the stray to go", |_| house.removed_tokens().contains(&strays(1)[0]));
}

#[test]
fn a_policy_directory_that_is_gone_revokes_nothing() {
    let house = world();
    ending(&house, 5);
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    std::fs::rename(house.path("policies"), house.path("elsewhere")).unwrap();
    blocked(&mut daemon);
    appears(&house, "service/stray-00");
    daemon.until("everything to be held", |daemon| daemon.looks("s2").last().unwrap()["held"] == 3);
    daemon.looked_again("s2", 2);
    assert_eq!(house.writes(), 0, "not even what ended: its file is not as it was");
    std::fs::rename(house.path("elsewhere"), house.path("policies")).unwrap();
    daemon.until_health("s2", "in_sync");
    assert_eq!(house.removed_tokens(), ["service/stray-00", "temp/a", "temp/b"]);
}

#[test]
fn a_file_that_is_taken_away_whole_does_not_block_what_others_say() {
    let house = world();
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    std::fs::remove_file(house.path("policies/s2.yaml")).unwrap();
    blocked(&mut daemon);
    daemon.looked_again("s2", 2);
    assert_eq!(house.writes(), 0, "an enforced target without any file is an error, not a wish");
}

#[test]
fn a_hold_in_a_new_file_counts_while_the_configuration_is_broken() {
    let house = world();
    let end = ending(&house, 14);
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    house.write("portcullis.yaml", "version: 1\ntargets: 7\n");
    blocked(&mut daemon);
    none_came(&house);
    house.write("policies/c.yaml", &holding());
    past(&mut daemon, end);
    assert_eq!(house.writes(), 0, "by this configuration nothing is known of the file but that it is new");
    std::fs::remove_file(house.path("policies/c.yaml")).unwrap();
    daemon
        .until("the ends to come once the files are as they were", |_| house.removed_tokens() == ["temp/a", "temp/b"]);
}

#[test]
fn a_hold_of_a_tree_that_loaded_in_part_counts_while_the_configuration_is_broken() {
    let house = world();
    let end = ending(&house, 16);
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    house.write("policies/c.yaml", &holding());
    house.write("policies/b.yaml", BROKEN);
    blocked(&mut daemon);
    none_came(&house);
    daemon.looked_again("s2", 1);
    house.write("portcullis.yaml", "version: 1\ntargets: 7\n");
    daemon.until("the configuration to be refused", |daemon| {
        daemon
            .said("the files are broken")
            .iter()
            .any(|line| line["problem"].as_str().unwrap().contains("portcullis.yaml"))
    });
    past(&mut daemon, end);
    assert_eq!(house.removed_tokens(), ["temp/b"]);
}

#[test]
fn a_hold_in_a_file_that_is_no_whole_yaml_is_not_lost() {
    // A quote that is not closed, a list that is not, and a target that nobody knows.
    let quote = |text: &str| text.replace("OPS-3 }", "\"OPS-3 }");
    let bracket = |text: &str| text.replace("team: data@example.com", "team: [");
    let target = |text: &str| text.replace("target: s2", "target: s3");
    let spoils: [&(dyn Fn(&str) -> String + Sync); 3] = [&quote, &bracket, &target];
    std::thread::scope(|scope| {
        for spoil in spoils {
            scope.spawn(move || {
                let house = world();
                let end = ending(&house, 14);
                let mut daemon = Daemon::start(&house);
                daemon.until_health("s2", "in_sync");
                house.write("policies/c.yaml", &spoil(&holding()));
                blocked(&mut daemon);
                none_came(&house);
                past(&mut daemon, end);
                assert_eq!(house.writes(), 0, "{}", spoil(&holding()));
                house.write("policies/c.yaml", &holding());
                daemon.until("what nobody holds to go", |_| house.removed_tokens() == ["temp/b"]);
            });
        }
    });
}

#[test]
fn half_a_checkout_that_an_old_lock_tells_of_is_no_tree() {
    let house = world();
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    // Git was ended after it had made the lock and the first of two files.
    house.write(".git/index.lock", "");
    let lock = std::fs::File::options().write(true).open(house.path(".git/index.lock")).unwrap();
    lock.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(3600)).unwrap();
    house.write("policies/s2.yaml", &declaring(&kept(7)));
    blocked(&mut daemon);
    let told = daemon.said("the policies cannot be taken");
    assert!(told.iter().any(|line| line.to_string().contains("remove the lock")), "{told:?}");
    daemon.looked_again("s2", 1);
    assert_eq!(house.writes(), 0);
    house.write(
        "policies/b.yaml",
        "version: 1\ntarget: s2\naccess_tokens:\n  - { id: service/keep-07, justification: x }\n",
    );
    std::fs::remove_file(house.path(".git/index.lock")).unwrap();
    daemon.until_health("s2", "in_sync");
    assert_eq!(house.writes(), 0);
    std::fs::remove_file(house.path("policies/b.yaml")).unwrap();
    daemon.until("what is whole to be acted on", |_| house.removed_tokens() == ["service/keep-07"]);
}
