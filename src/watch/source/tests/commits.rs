//! Which commit is in force, and what of it becomes files.

use std::os::unix::fs::symlink;

use super::*;

#[tokio::test]
async fn runs_are_pinned_to_a_commit_and_a_tree_never_changes() {
    let Some(world) = World::new() else { return };
    let one = world.policy("1");
    let mut source = world.source();
    let first = source.fetch().await.unwrap();
    assert_eq!((commit_of(&first), text_of(&first).as_str()), (one.as_str(), "1"));
    assert_eq!(first.revision.as_ref().unwrap().git_ref, "main");
    assert_eq!(source.fetch().await.unwrap(), first, "nothing new is the same tree");
    let two = world.policy("2");
    let second = source.fetch().await.unwrap();
    assert_eq!((commit_of(&second), text_of(&second).as_str()), (two.as_str(), "2"));
    assert_eq!(text_of(&first), "1", "a run that still reads the one before is not disturbed");
    world.policy("3");
    let third = source.fetch().await.unwrap();
    assert_eq!((text_of(&third).as_str(), text_of(&second).as_str()), ("3", "2"));
    assert!(!policies(&first).exists(), "old exports are removed");
    drop(source);
    let mut again = world.source();
    let fetched = again.fetch().await.unwrap();
    assert_eq!(text_of(&fetched), "3");
    assert!(!policies(&third).exists(), "and those of an earlier process");
}

#[tokio::test]
async fn a_rewritten_ref_is_refused_until_a_person_accepts_it_once() {
    let Some(world) = World::new() else { return };
    let base = world.policy("1");
    let good = world.policy("2");
    let mut source = world.followed().await;
    world.git(&["reset", "--quiet", "--hard", &base]);
    let evil = world.policy("evil");
    let refused =
        SourceError::Rewritten { git_ref: "main".into(), pinned: good.as_str().into(), head: evil.as_str().into() };
    assert_eq!(source.fetch().await.unwrap_err(), refused);
    assert!(refused.advice().contains(&format!("--accept-rewrite {evil}")));
    let last = source.last().await.unwrap().unwrap();
    assert_eq!((commit_of(&last), text_of(&last).as_str()), (good.as_str(), "2"));
    drop(source);

    // A restart forgets nothing, not even with a checkout whose objects were lost.
    fs::remove_dir_all(world.at("checkout/repository.git")).unwrap();
    let mut source = world.source();
    let told = source.last().await.unwrap_err();
    assert!(matches!(&told, SourceError::Checkout { why, .. } if why.contains(&good)), "{told}");
    assert_eq!(source.fetch().await.unwrap_err(), refused);
    drop(source);
    let mut source = world.source_with(GitOptions { accept_rewrite: Some(good.clone()), ..world.options() });
    assert_eq!(source.fetch().await.unwrap_err(), refused, "another commit was accepted");
    drop(source);

    let accepting = || world.source_with(GitOptions { accept_rewrite: Some(evil.clone()), ..world.options() });
    let mut source = accepting();
    assert_eq!(commit_of(&source.fetch().await.unwrap()), evil);
    drop(source);
    assert_eq!(commit_of(&world.source().fetch().await.unwrap()), evil, "accepted for good");

    // The option stays in a unit file; it is not good for a second time.
    let mut source = accepting();
    let later = world.policy("later");
    assert_eq!(commit_of(&source.fetch().await.unwrap()), later);
    world.git(&["reset", "--quiet", "--hard", &evil]);
    assert!(matches!(source.fetch().await, Err(SourceError::Rewritten { .. })), "a step back is a rewrite, too");
}

#[tokio::test]
async fn another_ref_begins_anew() {
    let Some(world) = World::new() else { return };
    world.policy("1");
    world.source().fetch().await.unwrap();
    world.git(&["checkout", "--quiet", "--orphan", "live"]);
    let live = world.policy("live");
    let mut source = world.source_with(GitOptions { git_ref: "live".into(), ..world.options() });
    assert_eq!(source.last().await.unwrap(), None, "the commit in force is of another ref");
    assert_eq!(commit_of(&source.fetch().await.unwrap()), live);
    drop(source);
    world.git(&["tag", "--annotate", "--message", "x", "v1"]);
    let mut source = world.source_with(GitOptions { git_ref: "refs/tags/v1".into(), ..world.options() });
    assert_eq!(commit_of(&source.fetch().await.unwrap()), live, "a tag leads to its commit");
}

#[tokio::test]
async fn policies_and_people_come_from_one_commit() {
    let Some(world) = World::new() else { return };
    world.write("access/people.yaml", "people 1");
    world.write("access/policies/team/b.yaml", "1");
    world.write("top.yaml", "1");
    world.commit();
    let options = || GitOptions {
        path: "access/policies".into(),
        people_path: Some("access/people.yaml".into()),
        ..world.options()
    };
    let checkout = world.source_with(options()).fetch().await.unwrap();
    let (files, problems) = read_tree(&policies(&checkout));
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["team/b.yaml"]);
    assert_eq!(fs::read_to_string(checkout.sources.people.unwrap()).unwrap(), "people 1");
    let whole = world.source_with(GitOptions { path: ".".into(), ..options() }).fetch().await.unwrap();
    assert!(policies(&whole).join("access/policies/team/b.yaml").is_file());

    for (path, people) in [
        ("nowhere", None),
        ("top.yaml", None),
        ("access/policies", Some("nowhere.yaml")),
        ("access/policies", Some("access")),
    ] {
        let people_path = people.map(str::to_owned);
        let told = world.source_with(GitOptions { path: path.into(), people_path, ..options() }).fetch().await;
        assert!(matches!(told, Err(SourceError::NoSuchPath { .. })), "{path} {people:?}: {told:?}");
    }
    // A link could name any file of this machine.
    symlink("/etc/passwd", world.at("origin/linked.yaml")).unwrap();
    symlink("access", world.at("origin/linked")).unwrap();
    world.commit();
    let told = world.source_with(GitOptions { people_path: Some("linked.yaml".into()), ..options() }).fetch().await;
    assert!(matches!(told, Err(SourceError::NoSuchPath { .. })), "{told:?}");
    let told = world.source_with(GitOptions { path: "linked/policies".into(), ..options() }).fetch().await;
    assert!(matches!(told, Err(SourceError::NoSuchPath { .. })), "{told:?}");
}

#[tokio::test]
async fn a_missing_path_leaves_the_commit_before_in_force() {
    let Some(world) = World::new() else { return };
    let one = world.policy("1");
    let mut source = world.followed().await;
    world.git(&["rm", "--quiet", "-r", "policies"]);
    world.commit();
    let told = source.fetch().await.unwrap_err();
    assert!(matches!(&told, SourceError::NoSuchPath { path, .. } if path == "policies"), "{told}");
    assert_eq!(commit_of(&source.last().await.unwrap().unwrap()), one);
}

#[tokio::test]
async fn a_checkout_is_of_one_process_and_mends_itself() {
    let Some(world) = World::new() else { return };
    world.policy("1");
    let mut source = world.followed().await;
    assert!(matches!(world.source().fetch().await, Err(SourceError::Busy { .. })));
    // What a git that was killed leaves behind.
    for left in ["refs/portcullis/fetched.lock", "packed-refs.lock", "objects/pack/tmp_pack_x"] {
        fs::write(world.at("checkout/repository.git").join(left), "").unwrap();
    }
    world.policy("2");
    assert_eq!(text_of(&source.fetch().await.unwrap()), "2");
    assert!(!world.at("checkout/repository.git/objects/pack/tmp_pack_x").exists());
    // An exported tree that somebody removed is written anew.
    fs::remove_dir_all(world.at("checkout/trees")).unwrap();
    assert_eq!(text_of(&source.fetch().await.unwrap()), "2");
    drop(source);
    // A repository that is none is made anew.
    fs::remove_dir_all(world.at("checkout/repository.git/objects")).unwrap();
    let mut source = world.source();
    assert_eq!(text_of(&source.fetch().await.unwrap()), "2");
    drop(source);
    // What was in force is not guessed.
    fs::write(world.at("checkout/pinned.json"), "{").unwrap();
    let told = world.source().fetch().await.unwrap_err();
    assert!(matches!(told, SourceError::Checkout { .. }), "{told}");
}

#[tokio::test]
async fn a_repository_of_the_longer_hash_is_followed_too() {
    let Some(world) = World::new() else { return };
    world.policy("1");
    world.source().fetch().await.unwrap();
    fs::remove_dir_all(world.at("origin/.git")).unwrap();
    world.git(&["init", "--quiet", "--initial-branch=main", "--object-format=sha256"]);
    let longer = world.policy("2");
    assert_eq!(longer.len(), 64);
    let mut source = world.source_with(GitOptions { accept_rewrite: Some(longer.clone()), ..world.options() });
    let fetched = source.fetch().await.unwrap();
    assert_eq!((commit_of(&fetched), text_of(&fetched).as_str()), (longer.as_str(), "2"));
}

#[tokio::test]
async fn the_operators_files_are_watched_and_read_at_rest_beside_a_commit() {
    let Some(world) = World::new() else { return };
    world.policy("1");
    let config = world.at("portcullis.yaml");
    fs::write(&config, "version: 1").unwrap();
    let mut source = world.followed().await;
    assert_eq!(source.watched().files, [config.as_path()]);
    assert!(source.is_as_fetched().await);
    fs::write(&config, "version: 1 # changed").unwrap();
    assert!(!source.is_as_fetched().await, "what was loaded meanwhile is thrown away");
    source.fetch().await.unwrap();
    assert!(source.is_as_fetched().await);
}

#[tokio::test]
async fn another_repository_begins_anew_and_is_warned_of() {
    let log = crate::test_log::Log::default();
    let _listening = log.begin();
    let Some(world) = World::new() else { return };
    let one = world.policy("1");
    world.source().fetch().await.unwrap();
    world.source().fetch().await.unwrap();
    assert!(!log.text().contains("another repository"));
    fs::rename(world.at("origin"), world.at("elsewhere")).unwrap();
    let address = world.at("elsewhere").to_str().unwrap().into();
    let mut source = world.source_with(GitOptions { address, ..world.options() });
    source.fetch().await.unwrap();
    let told = log.text();
    assert!(told.contains("WARN") && told.contains("another repository") && told.contains(&one), "{told}");
}
