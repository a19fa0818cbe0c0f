//! The daemon sends nothing that it cannot record, and says so.

use std::{fs, net::TcpListener, process::Stdio, time::Duration};

use jiff::Timestamp;
use portcullis::sandbox::{Fault, Sandbox, System, Trouble};
use serde_json::json;
use sqlx::ConnectOptions as _;

use crate::{
    daemon::{Daemon, every, watching},
    house::House,
    letterbox::Letterbox,
    service::{AT_ONCE, appears, declaring, house, kept, strays},
    soak::account::{self, Account},
    wait::until,
};

#[test]
fn without_a_journal_it_does_not_begin() {
    let house = house(8, 1, AT_ONCE);
    let run = house.expect(1, &["watch"]);
    assert!(run.err.contains("there is no journal") && run.err.contains("`watch --new-journal`"), "{}", run.err);
    assert_eq!(house.sandbox.record().requests().len(), 0);
}

#[test]
fn a_journal_that_is_taken_away_under_it_stops_the_sending_until_it_is_back() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1s");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    fs::rename(house.path(".portcullis/journal.db"), house.path("kept.db")).unwrap();
    appears(&house, "service/stray-00");
    daemon.until("a look that fails", |daemon| {
        daemon.looks("s2").last().unwrap()["why"].as_str().is_some_and(|why| why.contains("removed or replaced"))
    });
    daemon.until("one more", |daemon| daemon.said("the look failed").len() >= 2);
    assert_eq!(house.writes(), 0);
    fs::rename(house.path("kept.db"), house.path(".portcullis/journal.db")).unwrap();
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    daemon.until_health("s2", "in_sync");
    house.expect(0, &["history", "--verify"]);
}

#[test]
fn the_ceiling_of_a_day_works_over_a_restart() {
    let house = house(20, 2, "    enforce: [access_tokens]\n    guards: { notice: 0h, max_count: 2 }");
    every(&house, "1s");
    let mut daemon = Daemon::start(&house);
    daemon.until("the first two to go", |_| house.removed_tokens() == strays(2));
    daemon.kill();
    appears(&house, "service/stray-02");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "refused");
    daemon.looked_again("s2", 2);
    assert_eq!(house.removed_tokens(), strays(2));
    house.expect(0, &["expect", "s2", "1", "--until", "2h"]);
    daemon.until("the announced one to go", |_| house.removed_tokens() == strays(3));
}

#[test]
fn a_pause_outlives_the_journal_that_it_was_recorded_in() {
    let house = house(8, 1, AT_ONCE);
    every(&house, "1s");
    // Another journal, which knows nothing of a pause.
    house.expect(0, &["apply", "--yes", "--new-journal"]);
    assert_eq!(house.removed_tokens(), strays(1));
    fs::copy(house.path(".portcullis/journal.db"), house.path("other.db")).unwrap();
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    assert_eq!(daemon.post("/v1/pause", &json!({ "because": "INC-7" })).status, 200);
    appears(&house, "service/stray-01");
    fs::rename(house.path("other.db"), house.path(".portcullis/journal.db")).unwrap();
    let paused = |daemon: &mut Daemon| daemon.state()["pause"]["because"] == "INC-7";
    daemon.until_document("/v1/journal", "the other journal to know of it", |journal| {
        let records = journal["records"].as_array();
        records.is_some_and(|records| records.iter().any(|record| record.to_string().contains("INC-7")))
    });
    assert!(paused(&mut daemon));
    assert_eq!(daemon.stop().0, 0);
    let mut daemon = Daemon::start(&house);
    daemon.looked_again("s2", 1);
    assert!(paused(&mut daemon), "{}", daemon.log());
    assert_eq!(house.removed_tokens(), strays(1));
    assert_eq!(daemon.post("/v1/resume", &json!({})).status, 200);
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(2));
    house.expect(0, &["history", "--verify"]);
}

#[test]
fn a_first_removal_that_waits_for_another_target_is_shown_meanwhile() {
    let house = house(8, 1, AT_ONCE);
    every(&house, "1h");
    // Another account of the same system, at an address that takes calls and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let alone = house.read("portcullis.yaml");
    let (_, target) = alone.split_once("  s2:\n").unwrap();
    let (begin, rest) = target.split_once("base_url: ").unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    let address = silent.local_addr().unwrap();
    let other = format!("  s2-silent:\n{begin}base_url: http://{address}/\n{rest}");
    let other = other.replace("northlight", "northwind").replace("portcullis/reconciler", "portcullis/other");
    house.write("portcullis.yaml", &format!("{alone}{other}"));
    house.write("policies/other.yaml", &declaring(&kept(8)).replace("target: s2", "target: s2-silent"));
    let mut daemon = Daemon::start(&house);
    let brief = daemon.until_brief("s2", "it to say that it waits", |brief| {
        brief["why"].as_str().is_some_and(|why| why.contains("first reading of `s2-silent`"))
    });
    assert_eq!((house.writes(), &brief["health"]), (0, &json!("out_of_sync")), "{brief:#}");
    assert!(brief["running_since"].is_string() && brief["looked_at"].is_null(), "{brief:#}");
    let plan = daemon.get("/v1/targets/s2/plan").json();
    assert_eq!(plan["targets"][0]["rows"][0]["id"], "service/stray-00", "{plan:#}");
    assert!(daemon.get("/targets/s2").text.contains("service/stray-00"));
    // Who is not configured any more is not waited for.
    fs::remove_file(house.path("policies/other.yaml")).unwrap();
    house.write("portcullis.yaml", &alone);
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    let brief = daemon.until_brief("s2", "it to be in sync", |brief| brief["health"] == "in_sync");
    assert!(brief["why"].is_null(), "{brief:#}");
}

/// A world of two targets on one account.
fn two_on_one_account() -> House {
    let house = house(8, 1, AT_ONCE);
    let text = house.read("portcullis.yaml");
    let (head, target) = text.split_once("  s2:\n").unwrap();
    // The same credential in another file, which nothing but the readings tells.
    fs::copy(house.path("credentials/s2"), house.path("credentials/again")).unwrap();
    let again =
        target.replace("account: northlight", "account: northwind").replace("credentials/s2", "credentials/again");
    house.write("portcullis.yaml", &format!("{head}  s2:\n{target}\n  s2-again:\n{again}\n"));
    house.write("policies/again.yaml", &declaring(&kept(8)).replace("target: s2", "target: s2-again"));
    house
}

#[test]
fn two_targets_on_one_own_entry_are_both_left_alone() {
    let house = two_on_one_account();
    every(&house, "1s");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "unreadable");
    daemon.until_health("s2-again", "unreadable");
    daemon.until("the reason to be told", |daemon| {
        let why = |target: &str| daemon.looks(target).last().unwrap()["why"].as_str().unwrap_or_default().to_owned();
        why("s2").contains("s2-again") && why("s2-again").contains("`s2`")
    });
    assert_eq!(house.writes(), 0);
}

#[test]
fn a_copy_that_is_put_back_over_the_journal_is_told_of_the_pause_again() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1s");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    let journal = house.path(".portcullis/journal.db");
    fs::copy(&journal, house.path("copy.db")).unwrap();
    assert_eq!(daemon.post("/v1/pause", &json!({ "because": "incident 9" })).status, 200);
    // The same file by all that the system tells of it.
    fs::copy(house.path("copy.db"), &journal).unwrap();
    let history = || house.run(&["history", "--format", "json"]).out;
    daemon.until("the pause to be recorded anew", |_| history().contains("incident 9"));
    daemon.kill();
    appears(&house, "service/stray-00");
    let mut daemon = Daemon::start(&house);
    daemon.looked_again("s2", 2);
    assert_eq!(house.writes(), 0);
    house.expect(0, &["history", "--verify"]);
}

/// Has every statement of a sort on a table of the journal fail, as on a full disk, or takes that back.
fn breaks(house: &House, statements: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(house.path(".portcullis/journal.db"));
    runtime.block_on(async {
        let mut connection = options.busy_timeout(Duration::from_secs(30)).connect().await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.unwrap();
    });
}

#[test]
fn a_journal_that_fails_one_target_works_again_when_it_works_for_that_one() {
    let letterbox = Letterbox::open();
    let house = house(8, 0, AT_ONCE);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandbox = runtime.block_on(Sandbox::start(account::world(7))).unwrap();
    let calm = Account::new(7, sandbox, &house.path("."));
    house.write("portcullis.yaml", &format!("{}{}", house.read("portcullis.yaml"), calm.configuration()));
    let to = format!("{{ webhook: \"{}\", secret: {{ env: S }}, about: [failures, recoveries] }}", letterbox.url("/"));
    watching(&house, &format!("interval: 1s, max_backoff: 1s, notify: [{to}]"));
    let mut command = Daemon::command(&house, &[]);
    command.env("S", "the-secret-of-a-receiver");
    let mut daemon = Daemon::of(command);
    daemon.until_health("s2", "in_sync");
    daemon.until_health("s2-007", "in_sync");
    assert_eq!(daemon.get("/readyz").status, 200);
    let full = "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END;";
    breaks(&house, &format!("CREATE TRIGGER full BEFORE INSERT ON records {full}"));
    appears(&house, "service/stray-00");
    let failing = |daemon: &mut Daemon| !daemon.state()["journal"]["failing"].is_null();
    daemon.until_state("the journal to fail", |state| !state["journal"]["failing"].is_null());
    for _ in 0..3 {
        daemon.looked_again("s2-007", 1);
        assert!(failing(&mut daemon), "a target that has nothing to record does not tell\n{}", daemon.log());
        assert_eq!(daemon.get("/readyz").status, 503);
    }
    // It has nothing to record any more either, and still nothing could be.
    breaks(&house, &format!("CREATE TRIGGER fuller BEFORE INSERT ON tree_contents {full}"));
    house.sandbox.world(|world| world.s2.remove("service/stray-00", Timestamp::now()));
    daemon.until_health("s2", "in_sync");
    daemon.looked_again("s2-007", 2);
    assert!(failing(&mut daemon), "{}", daemon.log());
    assert_eq!(daemon.metric("portcullis_journal_failing"), Some(1.0));
    let of_journal = |about: &str| letterbox.news(about).iter().filter(|one| one["subject"] == "journal").count();
    assert_eq!((of_journal("failures"), of_journal("recoveries")), (1, 0));
    breaks(&house, "DROP TRIGGER full; DROP TRIGGER fuller;");
    daemon.until_state("the journal to work again", |state| state["journal"]["failing"].is_null());
    daemon.until("people to be told", |_| of_journal("recoveries") == 1);
    assert_eq!(of_journal("failures"), 1);
    assert_eq!(daemon.get("/readyz").status, 200);
    house.expect(0, &["history", "--verify"]);
}

#[test]
fn one_journal_by_two_names_is_applied_by_one_process_at_a_time() {
    let house = house(8, 1, AT_ONCE);
    house.expect(0, &["init"]);
    std::os::unix::fs::symlink("journal.db", house.path(".portcullis/link.db")).unwrap();
    let text = house.read("portcullis.yaml");
    house.write("linked.yaml", &text.replace(".portcullis/journal.db", ".portcullis/link.db"));
    house.sandbox.fault(Fault::new(System::S2, Trouble::Hang { after_effect: false }).on_writes().times(1));
    let mut first = house.command(&["apply", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(until(&mut first, || house.writes() > 0), "it sends");
    let second = house.run(&["apply", "--yes", "--lock-wait", "0", "--config", "linked.yaml"]);
    assert!(second.all().contains("another process is applying to target s2"), "{}", second.all());
    assert_eq!(house.writes(), 1);
    first.kill().unwrap();
    first.wait().unwrap();
}

/// Points the target at the account of another house, under another label.
fn moves(from: &House, to: &House) {
    let url = |house: &House| house.sandbox.url(System::S2).to_string();
    let text = from.read("portcullis.yaml").replace(&url(from), &url(to));
    fs::copy(to.path("credentials/s2"), from.path("credentials/s2")).unwrap();
    from.write("portcullis.yaml", &text.replace("account: northlight", "account: production"));
}

#[test]
fn the_notice_of_one_account_does_not_run_for_another_one() {
    let notice = "    enforce: [access_tokens]\n    guards: { notice: 1h }";
    let (house, production) = (house(8, 1, notice), house(8, 1, notice));
    house.apply(0);
    let ends = |plan: &serde_json::Value| {
        let row = crate::house::rows(plan, "s2").iter().find(|row| row["id"] == "service/stray-00").unwrap();
        row["holds"][0]["why"].as_str().unwrap().to_owned()
    };
    let recorded = ends(&house.plan(&[]));
    assert!(recorded.contains("it goes from"), "{recorded}");
    assert_eq!(ends(&house.plan(&[])), recorded, "it runs since it was recorded");
    moves(&house, &production);
    assert!(ends(&house.plan(&[])).contains("first records it"), "a plan knows that it is another account");
    house.apply(0);
    assert!(ends(&house.plan(&[])).contains("it goes from"), "it begins anew");
    assert_eq!(production.removed_tokens(), [] as [&str; 0]);
}

#[test]
fn what_is_open_at_one_account_is_not_settled_at_another_one() {
    let absent = |house: &House| {
        let text = house.read("policies/s2.yaml");
        house.write(
            "policies/s2.yaml",
            &format!("{text}absent:\n  access_tokens: [{{ id: old/a, justification: x }}]\n"),
        );
    };
    let (house, other) = (house(8, 0, AT_ONCE), house(8, 0, AT_ONCE));
    appears(&house, "old/a");
    absent(&house);
    let hang = Trouble::Hang { after_effect: false };
    house.sandbox.fault(Fault::new(System::S2, hang).on_writes());
    let mut child = house.command(&["apply", "--yes", "--new-journal"]).stdout(Stdio::null()).spawn().unwrap();
    assert!(until(&mut child, || house.writes() > 0), "it sends");
    child.kill().unwrap();
    child.wait().unwrap();
    house.sandbox.clear_faults();
    let open = || house.expect(0, &["history", "--format", "json"]).out;
    let before = open().matches("\"outcome\"").count();
    moves(&house, &other);
    let applied = house.run(&["apply", "--yes"]);
    assert!(applied.all().contains("old/a") && applied.all().contains("another account"), "{}", applied.all());
    assert!(!open().contains("\"gone\""), "{}", open());
    assert_eq!(open().matches("\"outcome\"").count(), before);
}
