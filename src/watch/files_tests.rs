//! Real files, real events. Each wait has a deadline and ends with its condition.
#![cfg(unix)]

use std::{fs, os::unix::fs::symlink, sync::mpsc};

use tempfile::TempDir;

use super::*;

const DEADLINE: Duration = Duration::from_secs(20);

struct Place {
    dir: TempDir,
    told: Receiver<()>,
    watcher: FileWatcher,
}

impl Place {
    /// Watches `policies`, `people.yaml` and `stop` of a directory that this prepares.
    fn watching(prepare: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path());
        let at = |name: &str| dir.path().join(name);
        let watched = Watched { files: vec![at("people.yaml"), at("stop")], trees: vec![at("policies")] };
        let (tell, told) = mpsc::channel();
        let watcher = FileWatcher::start(watched, false, move || {
            let _ = tell.send(());
        })
        .unwrap();
        told.recv_timeout(DEADLINE).expect("told once that everything is watched");
        Self { dir, told, watcher }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Waits until it is told, then until nothing more is.
    fn is_told(&self, what: &str) {
        self.told.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("not told: {what}"));
        while self.told.recv_timeout(3 * QUIET).is_ok() {}
    }

    /// Does something that does not count, and waits whether it is told of all the same.
    fn is_silent_about(&self, what: &str, act: impl FnOnce()) {
        act();
        // Longer than a burst, and than the wait for its end.
        assert!(self.told.recv_timeout(5 * QUIET).is_err(), "told of what does not count: {what}");
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn swap(to: &str, link: &Path) {
    let new = link.with_file_name("..swapped_in");
    symlink(to, &new).unwrap();
    fs::rename(new, link).unwrap();
}

fn plain(dir: &Path) {
    write(&dir.join("policies/a.yaml"), "1");
    write(&dir.join("people.yaml"), "1");
}

#[test]
fn edits_of_every_kind_are_told() {
    let place = Place::watching(plain);
    assert_eq!(place.watcher.watching(), Watching::Events);
    write(&place.at("policies/a.yaml"), "2");
    place.is_told("written in place");
    write(&place.at("policies/a.yaml~"), "3");
    fs::rename(place.at("policies/a.yaml~"), place.at("policies/a.yaml")).unwrap();
    place.is_told("an editor's rename");
    write(&place.at("policies/new/deep/b.yaml"), "1");
    place.is_told("a new directory");
    write(&place.at("policies/new/deep/b.yaml"), "2");
    place.is_told("a file in a directory that came later");
    fs::remove_dir_all(place.at("policies/new")).unwrap();
    place.is_told("a directory went");
    fs::remove_file(place.at("people.yaml")).unwrap();
    place.is_told("the people file went");
    write(&place.at("people.yaml"), "2");
    place.is_told("the people file came back");
    write(&place.at("stop"), "");
    place.is_told("the stop file came");
    fs::remove_file(place.at("stop")).unwrap();
    place.is_told("the stop file went");
}

#[test]
fn a_root_that_goes_comes_back_or_is_replaced_is_watched_again() {
    let place = Place::watching(plain);
    fs::remove_dir_all(place.at("policies")).unwrap();
    place.is_told("the root went");
    write(&place.at("policies/a.yaml"), "1");
    place.is_told("it came back");
    write(&place.at("policies/a.yaml"), "2");
    place.is_told("and is watched");
    fs::rename(place.at("policies"), place.at("old")).unwrap();
    write(&place.at("policies/a.yaml"), "3");
    place.is_told("replaced");
    write(&place.at("policies/a.yaml"), "4");
    place.is_told("the new one is watched");
    fs::remove_dir_all(place.at("policies")).unwrap();
    place.is_told("went again");
    fs::rename(place.at("old"), place.at("policies")).unwrap();
    place.is_told("the old one moved back");
    write(&place.at("policies/a.yaml"), "5");
    place.is_told("and is watched like a new one");
}

#[test]
fn what_lies_beside_is_not_told() {
    let place = Place::watching(plain);
    place.is_silent_about("files beside the watched ones", || {
        for name in [".portcullis/journal.db", "journal.db-wal", "people.yaml.swp", "x"] {
            write(&place.at(name), "1");
        }
    });
    place.is_silent_about("reading", || {
        for name in ["policies/a.yaml", "people.yaml"] {
            fs::read(place.at(name)).unwrap();
        }
    });
    write(&place.at("policies/a.yaml"), "2");
    place.is_told("and still what counts");
}

#[test]
fn swapped_links_are_told() {
    // Kubernetes: every file is a link through `..data`, which is swapped.
    let place = Place::watching(|dir| {
        write(&dir.join("policies/..1/a.yaml"), "1");
        symlink("..1", dir.join("policies/..data")).unwrap();
        symlink("..data/a.yaml", dir.join("policies/a.yaml")).unwrap();
    });
    write(&place.at("policies/..2/a.yaml"), "2");
    swap("..2", &place.at("policies/..data"));
    fs::remove_dir_all(place.at("policies/..1")).unwrap();
    place.is_told("a ConfigMap");
    write(&place.at("policies/..3/a.yaml"), "3");
    swap("..3", &place.at("policies/..data"));
    place.is_told("a ConfigMap again");
    // git-sync: the root lies behind a link to a work tree, which is swapped.
    let place = Place::watching(|dir| {
        write(&dir.join("git/.worktrees/1/policies/a.yaml"), "1");
        symlink(".worktrees/1", dir.join("git/current")).unwrap();
        symlink("git/current/policies", dir.join("policies")).unwrap();
    });
    write(&place.at("git/.worktrees/2/policies/a.yaml"), "2");
    swap(".worktrees/2", &place.at("git/current"));
    fs::remove_dir_all(place.at("git/.worktrees/1")).unwrap();
    place.is_told("git-sync");
    write(&place.at("git/.worktrees/2/policies/a.yaml"), "3");
    place.is_told("the new side is watched");
}

#[test]
fn many_files_at_once_are_told_about_once_they_are_all_there() {
    let place = Place::watching(plain);
    let before = survey(&place.watcher.shared.wanted.lock().unwrap().watched).stamp;
    for number in 0..300 {
        write(&place.at(&format!("policies/{number}/p.yaml")), "1");
    }
    place.is_told("a checkout");
    assert_ne!(survey(&place.watcher.shared.wanted.lock().unwrap().watched).stamp, before);
    write(&place.at("policies/299/p.yaml"), "2");
    place.is_told("the last of them is watched");
}

#[test]
fn other_files_are_followed() {
    let place = Place::watching(plain);
    write(&place.at("other/b.yaml"), "1");
    place.watcher.follow(Watched { files: Vec::new(), trees: vec![place.at("other")] }, false);
    place.is_told("others from now on");
    place.is_silent_about("the same again", || {
        place.watcher.follow(Watched { files: Vec::new(), trees: vec![place.at("other")] }, false);
    });
    place.is_silent_about("those before", || write(&place.at("policies/a.yaml"), "2"));
    write(&place.at("other/b.yaml"), "2");
    place.is_told("the others");
}

#[test]
fn a_watcher_that_is_dropped_ends() {
    let place = Place::watching(plain);
    let Place { told, watcher, dir: _dir } = place;
    drop(watcher);
    // The thread ends and with it the last sender.
    let deadline = Instant::now() + DEADLINE;
    while told.recv_timeout(DEADLINE) != Err(mpsc::RecvTimeoutError::Disconnected) {
        assert!(Instant::now() < deadline, "the thread goes on");
    }
}

#[test]
fn a_directory_that_cannot_be_watched_is_looked_at_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    plain(dir.path());
    let shared = Shared {
        wanted: Mutex::new(Wanted {
            watched: Watched { files: Vec::new(), trees: vec![dir.path().join("policies")] },
            poll: false,
            is_over: false,
        }),
        state: Mutex::new(Watching::Events),
    };
    let (wake, woken) = sync_channel(1);
    let mut looking = Looking {
        shared: Arc::new(shared),
        wake,
        woken,
        interest: Arc::default(),
        watcher: None,
        armed: BTreeMap::new(),
        before: None,
        polling: Some(("no more watches".into(), 2)),
    };
    let watched = looking.shared.wanted.lock().unwrap().watched.clone();
    let one = looking.look(&watched, false).stamp;
    looking.tell();
    assert_eq!(*looking.shared.state.lock().unwrap(), Watching::Polling("no more watches".into()));
    write(&dir.path().join("policies/b.yaml"), "1");
    assert_ne!(looking.look(&watched, false).stamp, one, "seen without an event");
    looking.look(&watched, false);
    looking.tell();
    assert_eq!(*looking.shared.state.lock().unwrap(), Watching::Events, "after a while watching is tried again");
}
