//! Where the daemon's policies come from: a repository that is pinned to a commit, and directories behind links that are swapped.
//! What cannot be read or must not be taken never causes a revocation.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    process::{Child, Command, Stdio},
};

use jiff::{SignedDuration, Timestamp};
use notify::{EventKind, RecursiveMode, Watcher as _, event::AccessKind};

use crate::{
    house::House,
    needs::has,
    service::{AT_ONCE, appears, declaring, house, kept},
    wait::Wait,
};

/// A running daemon, killed when dropped.
struct Watch<'a> {
    house: &'a House,
    child: Child,
    log: String,
}

impl<'a> Watch<'a> {
    fn start(house: &'a House, arguments: &[&str]) -> Self {
        let number = fs::read_dir(house.path(".")).unwrap().count();
        let log = format!("watch-{number}.log");
        let arguments = [&["watch", "--new-journal", "--no-listen", "-v", "--log-format", "json"], arguments].concat();
        let mut command = house.command(&arguments);
        let child = command.stdout(Stdio::null()).stderr(File::create(house.path(&log)).unwrap()).spawn().unwrap();
        Self { house, child, log }
    }

    fn log(&self) -> String {
        self.house.read(&self.log)
    }

    fn until(&mut self, what: &str, met: impl Fn(&Self) -> bool) {
        let wait = Wait::begin();
        while !met(self) {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended before {what}\n{}", self.log());
            assert!(wait.goes_on(), "in vain: {what}\n{}", self.log());
        }
    }

    fn looks(&self) -> usize {
        self.log().matches("\"looked\"").count()
    }

    /// Waits for two looks that begin from now on, and so see what is now.
    fn looks_again(&mut self) {
        let before = self.looks();
        self.until("two more looks", |watch| watch.looks() >= before + 2);
    }

    fn says(&mut self, text: &str) {
        self.until(text, |watch| watch.log().contains(text));
    }

    fn revokes(&mut self, ids: &[&str]) {
        self.until(&format!("{ids:?} to go"), |watch| watch.house.removed_tokens() == ids);
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn git(house: &House, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(house.path("origin")).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", house.path(".")).env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Anna").env(format!("GIT_{who}_EMAIL"), "anna@example.com");
    }
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Commits a tree that declares so many tokens.
fn commit(house: &House, declared: usize) -> String {
    house.write("origin/policies/s2.yaml", &declaring(&kept(declared)));
    git(house, &["add", "--all"]);
    git(house, &["commit", "--quiet", "--message", "a change"]);
    git(house, &["rev-parse", "HEAD"])
}

/// Eight tokens, a repository that declares them, and no policies beside it; looked at every second. None without git.
fn with_repository() -> Option<House> {
    if !has("git") {
        return None;
    }
    let house = house(8, 0, AT_ONCE);
    house.edit("portcullis.yaml", "targets:\n", "watch: { interval: 1s }\ntargets:\n");
    fs::remove_dir_all(house.path("policies")).unwrap();
    fs::create_dir(house.path("origin")).unwrap();
    git(&house, &["init", "--quiet", "--initial-branch=main"]);
    commit(&house, 8);
    Some(house)
}

const GIT: [&str; 2] = ["--git", "origin"];

/// A file that ends one token so many seconds from now.
fn ending(seconds: i64) -> (Timestamp, String) {
    let end = Timestamp::now().checked_add(SignedDuration::from_secs(seconds)).unwrap();
    let text =
        format!("version: 1\ntarget: s2\naccess_tokens:\n  - {{ id: temp/a, justification: OPS-1, expires: {end} }}\n");
    (end, text)
}

/// The same with more time.
const EXTENDED: &str =
    "version: 1\ntarget: s2\naccess_tokens:\n  - { id: temp/a, justification: OPS-1, expires: 2099-01-01 }\n";

const BROKEN: &str = "version: 1\ntargets: 7\n";

#[test]
fn an_end_that_a_new_commit_put_off_does_not_come_by_the_old_one() {
    let Some(house) = with_repository() else { return };
    appears(&house, "temp/a");
    let (end, text) = ending(8);
    house.write("origin/policies/temp.yaml", &text);
    commit(&house, 8);
    let mut watch = Watch::start(&house, &GIT);
    watch.looks_again();
    house.write("portcullis.yaml", BROKEN);
    house.write("origin/policies/temp.yaml", EXTENDED);
    commit(&house, 7);
    watch.says("portcullis.yaml cannot be used");
    watch.until("the old end", |_| Timestamp::now() > end);
    watch.looks_again();
    assert_eq!(house.removed_tokens(), [] as [&str; 0]);
}

#[test]
fn an_end_that_was_put_off_before_it_came_is_seen_however_seldom_the_repository_is_read() {
    let Some(house) = with_repository() else { return };
    house.edit("portcullis.yaml", "interval: 1s", "interval: 1h");
    for id in ["temp/a", "temp/b"] {
        appears(&house, id);
    }
    // Beyond the age at which files are read anew.
    let (end, text) = ending(34);
    let more = text.replace("version: 1\ntarget: s2\naccess_tokens:\n", "").replace("temp/a", "temp/b");
    house.write("origin/policies/temp.yaml", &format!("{text}{more}"));
    commit(&house, 8);
    let mut watch = Watch::start(&house, &GIT);
    watch.until("the first look", |watch| watch.looks() > 0);
    house.write("origin/policies/temp.yaml", &format!("{EXTENDED}{more}"));
    commit(&house, 8);
    watch.until("the end that was left as it was", |watch| !watch.house.removed_tokens().is_empty());
    assert!(Timestamp::now() >= end);
    watch.until("the look after it", |watch| watch.log().matches("\"looking\"").count() == watch.looks());
    assert_eq!(house.removed_tokens(), ["temp/b"]);
}

/// A tree behind a link, whose end comes in so many seconds; another one gives it more time.
fn linked(seconds: i64) -> (House, Timestamp) {
    let house = house(8, 0, AT_ONCE);
    appears(&house, "temp/a");
    let (end, text) = ending(seconds);
    fs::remove_dir_all(house.path("policies")).unwrap();
    for (side, temp) in [("one", text.as_str()), ("two", EXTENDED)] {
        house.write(&format!("{side}/policies/s2.yaml"), &declaring(&kept(8)));
        house.write(&format!("{side}/policies/temp.yaml"), temp);
    }
    symlink("one", house.path("current")).unwrap();
    house.edit("portcullis.yaml", "policies: policies/", "policies: current/policies");
    house.edit("portcullis.yaml", "targets:\n", "watch: { interval: 1s }\ntargets:\n");
    (house, end)
}

#[test]
fn an_end_does_not_come_by_the_old_side_of_a_link_that_was_swapped_or_removed() {
    for swapped in [true, false] {
        let (house, end) = linked(6);
        let mut watch = Watch::start(&house, &[]);
        watch.looks_again();
        if swapped {
            house.write("portcullis.yaml", BROKEN);
            watch.says("portcullis.yaml cannot be used");
            symlink("two", house.path("swapped-in")).unwrap();
            fs::rename(house.path("swapped-in"), house.path("current")).unwrap();
        } else {
            fs::remove_file(house.path("current")).unwrap();
            watch.says("the policy directory");
        }
        watch.until("the old end", |_| Timestamp::now() > end);
        watch.looks_again();
        assert_eq!(house.removed_tokens(), [] as [&str; 0], "swapped: {swapped}");
    }
}

#[test]
fn what_a_commit_takes_out_goes_and_the_journal_knows_the_commit() {
    let Some(house) = with_repository() else { return };
    let mut watch = Watch::start(&house, &GIT);
    watch.looks_again();
    assert!(house.removed_tokens().is_empty());
    let head = commit(&house, 7);
    watch.revokes(&["service/keep-07"]);
    drop(watch);
    let told = house.expect(0, &["history"]).out;
    assert!(told.contains(&format!("policies of commit {head}")), "{told}");
}

#[test]
fn a_force_pushed_ref_takes_nothing_away_until_it_is_accepted() {
    let Some(house) = with_repository() else { return };
    let base = git(&house, &["rev-parse", "HEAD"]);
    let mut watch = Watch::start(&house, &GIT);
    watch.looks_again();
    git(&house, &["commit", "--quiet", "--amend", "--message", "rewritten"]);
    let head = commit(&house, 6);
    watch.says("was rewritten");
    watch.looks_again();
    drop(watch);
    let mut watch = Watch::start(&house, &GIT);
    watch.says(&base);
    watch.looks_again();
    assert!(house.removed_tokens().is_empty(), "neither before a restart nor after it");
    drop(watch);
    let mut watch = Watch::start(&house, &["--git", "origin", "--accept-rewrite", &head]);
    watch.revokes(&["service/keep-06", "service/keep-07"]);
}

#[test]
fn an_end_does_not_come_while_the_commit_that_may_have_put_it_off_is_refused() {
    let Some(house) = with_repository() else { return };
    appears(&house, "temp/a");
    let (end, text) = ending(8);
    house.write("origin/policies/temp.yaml", &text);
    commit(&house, 8);
    let mut watch = Watch::start(&house, &GIT);
    watch.looks_again();
    git(&house, &["commit", "--quiet", "--amend", "--message", "rewritten"]);
    house.write("origin/policies/temp.yaml", EXTENDED);
    commit(&house, 7);
    watch.says("was rewritten");
    watch.until("the old end", |_| Timestamp::now() > end);
    watch.looks_again();
    assert_eq!(house.removed_tokens(), [] as [&str; 0]);
}

#[test]
fn a_repository_that_is_gone_takes_nothing_away_and_is_found_again() {
    let Some(house) = with_repository() else { return };
    let mut watch = Watch::start(&house, &GIT);
    watch.looks_again();
    fs::rename(house.path("origin"), house.path("away")).unwrap();
    watch.says("cannot be read");
    watch.looks_again();
    drop(watch);
    // It starts by the commit that was in force.
    let mut watch = Watch::start(&house, &GIT);
    watch.says("cannot be read");
    watch.looks_again();
    assert!(house.removed_tokens().is_empty());
    fs::rename(house.path("away"), house.path("origin")).unwrap();
    commit(&house, 7);
    watch.revokes(&["service/keep-07"]);
}

#[test]
fn an_unsigned_commit_takes_nothing_away_where_signatures_are_asked_for() {
    let Some(house) = with_repository() else { return };
    if !has("ssh-keygen") {
        return;
    }
    let key = house.path("key").display().to_string();
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &key]).status().unwrap();
    assert!(made.success());
    house.write("signers", &format!("anna@example.com {}", house.read("key.pub")));
    for (name, value) in [("gpg.format", "ssh"), ("user.signingKey", key.as_str()), ("commit.gpgSign", "true")] {
        git(&house, &["config", name, value]);
    }
    commit(&house, 9);
    let mut watch = Watch::start(&house, &["--git", "origin", "--allowed-signers", "signers"]);
    watch.looks_again();
    git(&house, &["config", "commit.gpgSign", "false"]);
    commit(&house, 5);
    watch.says("it is not signed");
    watch.looks_again();
    assert!(house.removed_tokens().is_empty());
    git(&house, &["config", "commit.gpgSign", "true"]);
    commit(&house, 7);
    watch.revokes(&["service/keep-07"]);
}

#[test]
fn a_repository_that_cannot_be_used_is_an_error_at_the_start() {
    let house = house(1, 0, AT_ONCE);
    for (arguments, said) in [
        (vec!["--git", "nowhere"], "cannot be read"),
        (vec!["--git", "ext::sh -c id"], "other transports are refused"),
        (vec!["--git", "http://git.example.com/x.git"], "plain HTTP is refused"),
        (vec!["--git", "https://anna:secret-word@git.example.com/x?y"], "has a query"),
        (vec!["--git", "nowhere", "--ref", "a..b"], "--ref takes"),
        (vec!["--git", "nowhere", "--path", "../policies"], "--path"),
    ] {
        let run = house.expect(1, &[&["watch", "--new-journal", "--no-listen"], arguments.as_slice()].concat());
        assert!(run.err.contains(said) && run.err.contains("way on: "), "{arguments:?}: {}", run.err);
        assert!(!run.all().contains("secret-word"), "{}", run.all());
    }
    assert_eq!(house.writes(), 0);
}

#[test]
fn a_deleted_policy_directory_takes_nothing_away() {
    let house = house(8, 0, AT_ONCE);
    house.edit("portcullis.yaml", "targets:\n", "watch: { interval: 1s }\ntargets:\n");
    let mut watch = Watch::start(&house, &[]);
    watch.looks_again();
    fs::rename(house.path("policies"), house.path("away")).unwrap();
    watch.says("the policy directory");
    watch.looks_again();
    assert!(house.removed_tokens().is_empty());
    fs::rename(house.path("away"), house.path("policies")).unwrap();
    house.write("policies/s2.yaml", &declaring(&kept(7)));
    watch.revokes(&["service/keep-07"]);
}

#[test]
fn swapped_links_are_acted_on_before_the_interval_is_over() {
    // Kubernetes swaps `..data` in the directory, git-sync a link on the way to it.
    let swap = |house: &House, to: &str, link: &str| {
        symlink(to, house.path("swapped-in")).unwrap();
        fs::rename(house.path("swapped-in"), house.path(link)).unwrap();
    };
    let config_map = house(8, 0, AT_ONCE);
    config_map.clear_policies();
    config_map.write("policies/..1/s2.yaml", &declaring(&kept(8)));
    config_map.write("policies/..2/s2.yaml", &declaring(&kept(7)));
    swap(&config_map, "..1", "policies/..data");
    swap(&config_map, "..data/s2.yaml", "policies/s2.yaml");
    let git_sync = house(8, 0, AT_ONCE);
    fs::remove_dir_all(git_sync.path("policies")).unwrap();
    git_sync.write("git/.worktrees/1/policies/s2.yaml", &declaring(&kept(8)));
    git_sync.write("git/.worktrees/2/policies/s2.yaml", &declaring(&kept(7)));
    swap(&git_sync, ".worktrees/1", "git/current");
    git_sync.edit("portcullis.yaml", "policies: policies/", "policies: git/current/policies");
    for (house, to, link) in [(&config_map, "..2", "policies/..data"), (&git_sync, ".worktrees/2", "git/current")] {
        house.edit("portcullis.yaml", "targets:\n", "watch: { interval: 1h }\ntargets:\n");
        let mut watch = Watch::start(house, &[]);
        watch.until("the first look", |watch| watch.looks() > 0);
        swap(house, to, link);
        watch.revokes(&["service/keep-07"]);
    }
}

/// A second token that ends at the same time, for a file of [`ending`] or [`EXTENDED`].
fn and_another(text: &str) -> String {
    text.replace("version: 1\ntarget: s2\naccess_tokens:\n", "").replace("temp/a", "temp/b")
}

#[test]
fn an_end_does_not_come_by_a_commit_whose_ref_was_rewritten_however_the_repository_is_gone_then() {
    std::thread::scope(|scope| {
        for is_restarted in [false, true] {
            scope.spawn(move || the_repository_goes_after_a_rewrite(is_restarted));
        }
    });
}

fn the_repository_goes_after_a_rewrite(is_restarted: bool) {
    let Some(house) = with_repository() else { return };
    appears(&house, "temp/a");
    let (end, text) = ending(24);
    house.write("origin/policies/temp.yaml", &text);
    let in_force = commit(&house, 8);
    let mut watch = Watch::start(&house, &GIT);
    watch.looks_again();
    house.write("origin/policies/temp.yaml", EXTENDED);
    git(&house, &["add", "--all"]);
    git(&house, &["commit", "--quiet", "--amend", "--message", "rewritten"]);
    watch.says("was rewritten");
    if is_restarted {
        drop(watch);
        fs::rename(house.path("origin"), house.path("away")).unwrap();
        watch = Watch::start(&house, &GIT);
    } else {
        fs::rename(house.path("origin"), house.path("away")).unwrap();
    }
    watch.says("cannot be read");
    watch.until("the old end", |_| Timestamp::now() > end);
    watch.looks_again();
    assert_eq!(house.removed_tokens(), [] as [&str; 0], "restarted: {is_restarted}");
    // Once the ref is on the commit in force again, that one counts again.
    fs::rename(house.path("away"), house.path("origin")).unwrap();
    git(&house, &["reset", "--quiet", "--hard", &in_force]);
    watch.revokes(&["temp/a"]);
}

#[test]
fn an_end_does_not_come_by_the_commit_before_one_that_is_listed_and_cannot_be_fetched() {
    let Some(house) = with_repository() else { return };
    appears(&house, "temp/a");
    let (end, text) = ending(16);
    house.write("origin/policies/temp.yaml", &text);
    commit(&house, 8);
    let mut watch = Watch::start(&house, &GIT);
    watch.looks_again();
    // Not with the commit: it must not be had whole for a moment.
    house.write("origin/policies/temp.yaml", EXTENDED);
    git(&house, &["add", "--all"]);
    let tree = git(&house, &["write-tree"]);
    let object = house.path("origin/.git/objects").join(&tree[..2]).join(&tree[2..]);
    let head = git(&house, &["commit-tree", &tree, "-p", "HEAD", "-m", "extended"]);
    fs::rename(&object, house.path("object")).unwrap();
    house.write("origin/.git/refs/heads/main", &format!("{head}\n"));
    watch.says("it cannot be fetched");
    watch.until("the old end", |_| Timestamp::now() > end);
    watch.looks_again();
    assert_eq!(house.removed_tokens(), [] as [&str; 0]);
    fs::rename(house.path("object"), &object).unwrap();
    commit(&house, 7);
    watch.revokes(&["service/keep-07"]);
}

#[test]
fn a_hold_of_a_commit_that_is_broken_elsewhere_counts_when_the_repository_is_gone() {
    let Some(house) = with_repository() else { return };
    for id in ["temp/a", "temp/b"] {
        appears(&house, id);
    }
    let (end, text) = ending(20);
    house.write("origin/policies/temp.yaml", &format!("{text}{}", and_another(&text)));
    commit(&house, 8);
    let mut watch = Watch::start(&house, &GIT);
    watch.looks_again();
    house.write("origin/policies/b.yaml", "version: 1\ntarget: s2\nacess_tokens: []\n");
    let until = end.checked_add(SignedDuration::from_hours(24)).unwrap();
    house.write(
        "origin/policies/c.yaml",
        &format!(
            "version: 1\ntarget: s2\nholds:\n  access_tokens:\n    - {{ id: temp/a, until: {until}, justification: OPS-3 }}\n"
        ),
    );
    commit(&house, 8);
    watch.says("acess_tokens");
    fs::rename(house.path("origin"), house.path("away")).unwrap();
    watch.says("cannot be read");
    watch.until("the end of what nobody holds", |watch| !watch.house.removed_tokens().is_empty());
    watch.looks_again();
    assert_eq!(house.removed_tokens(), ["temp/b"]);
}

#[test]
fn a_directory_that_is_swapped_further_up_is_seen_before_the_interval_is_over() {
    let house = house(8, 0, AT_ONCE);
    fs::remove_dir_all(house.path("policies")).unwrap();
    for (site, declared) in [("site", 8), ("site.new", 7)] {
        house.write(&format!("srv/{site}/conf/policies/s2.yaml"), &declaring(&kept(declared)));
    }
    house.edit("portcullis.yaml", "policies: policies/", "policies: srv/site/conf/policies");
    house.edit("portcullis.yaml", "targets:\n", "watch: { interval: 1h }\ntargets:\n");
    let mut watch = Watch::start(&house, &[]);
    watch.until("the first look", |watch| watch.looks() > 0);
    fs::rename(house.path("srv/site"), house.path("srv/site.old")).unwrap();
    fs::rename(house.path("srv/site.new"), house.path("srv/site")).unwrap();
    watch.revokes(&["service/keep-07"]);
    house.write("srv/site/conf/policies/s2.yaml", &declaring(&kept(6)));
    watch.revokes(&["service/keep-06", "service/keep-07"]);
}

#[test]
fn an_end_that_was_put_off_is_seen_though_nobody_told_of_the_change() {
    let house = house(8, 0, AT_ONCE);
    for id in ["temp/a", "temp/b"] {
        appears(&house, id);
    }
    house.edit("portcullis.yaml", "targets:\n", "watch: { interval: 1h }\ntargets:\n");
    let (_, text) = ending(14);
    house.write("policies/temp.yaml", &format!("{text}{}", and_another(&text)));
    // What is written under another name of the file is not told, like what another host writes on a network file system.
    fs::create_dir(house.path("elsewhere")).unwrap();
    fs::hard_link(house.path("policies/temp.yaml"), house.path("elsewhere/temp.yaml")).unwrap();
    let mut watch = Watch::start(&house, &[]);
    watch.until("the first look", |watch| watch.looks() > 0);
    house.write("elsewhere/temp.yaml", &format!("{EXTENDED}{}", and_another(&text)));
    watch.until("the end that was left as it was", |watch| !watch.house.removed_tokens().is_empty());
    watch.until("the look after it", |watch| watch.log().matches("\"looking\"").count() == watch.looks());
    assert_eq!(house.removed_tokens(), ["temp/b"]);
}

/// Changes a file each time that somebody else begins to read another one, until it is dropped.
fn changing_while_read(read: std::path::PathBuf, changed: std::path::PathBuf) -> notify::RecommendedWatcher {
    let mut number = 0_u64;
    let watched = read.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let event = event.unwrap();
        if matches!(event.kind, EventKind::Access(AccessKind::Open(_))) && event.paths.contains(&read) {
            number += 1;
            fs::write(&changed, format!("version: 1\ntarget: s2\nteam: team-{number}@example.com\n")).unwrap();
        }
    })
    .unwrap();
    watcher.watch(watched.parent().unwrap(), RecursiveMode::NonRecursive).unwrap();
    watcher
}

#[test]
fn an_end_does_not_come_by_a_tree_that_was_superseded_while_the_files_keep_changing() {
    let house = house(8, 0, AT_ONCE);
    house.edit("portcullis.yaml", "targets:\n", "watch: { interval: 1s }\ntargets:\n");
    appears(&house, "temp/a");
    // So many that the reading is still under way when the last one changes.
    for number in 0..3_000 {
        house.write(&format!("policies/many/{number}.yaml"), "version: 1\ntarget: s2\n");
    }
    house.write("policies/a.yaml", "version: 1\ntarget: s2\n");
    house.write("policies/z.yaml", "version: 1\ntarget: s2\n");
    let mut watch = Watch::start(&house, &[]);
    watch.until("the first look", |watch| watch.looks() > 0);
    let taken = |watch: &Watch| watch.log().matches("the files were taken").count();
    let before = taken(&watch);
    let (end, text) = ending(10);
    house.write("policies/temp.yaml", &text);
    watch.until("the end to be in force", |watch| taken(watch) > before);
    let writer = changing_while_read(house.path("policies/a.yaml"), house.path("policies/z.yaml"));
    house.write("policies/temp.yaml", EXTENDED);
    watch.until("the old end", |_| Timestamp::now() > end);
    watch.looks_again();
    assert_eq!(house.removed_tokens(), [] as [&str; 0], "{}", watch.log());
    watch.says("they change while they are read");
    let before = taken(&watch);
    drop(writer);
    watch.until("the files at rest to be taken", |watch| taken(watch) > before);
    watch.looks_again();
    assert_eq!(house.removed_tokens(), [] as [&str; 0]);
}
