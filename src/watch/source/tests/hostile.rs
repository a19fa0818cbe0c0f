//! Repositories that mean no good.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

#[tokio::test]
async fn nothing_in_a_repository_has_a_say_in_its_export() {
    let Some(world) = World::new() else { return };
    let touched = world.at("touched");
    let evil = format!("touch {}", touched.display());
    world.write(".gitattributes", "*.yaml text eol=crlf filter=evil export-ignore export-subst ident\n");
    world.write("policies/.gitattributes", "*.yaml filter=evil\n");
    world.write("policies/b.yaml", "a: $Id$ $Format:%H$\nb: \r\n");
    world.write(".gitmodules", "[submodule \"x\"]\n\tpath = policies/x\n\turl = ext::sh -c id\n");
    let hook = world.at("origin/.git/hooks/post-checkout");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    fs::write(&hook, format!("#!/bin/sh\n{evil}\n")).unwrap();
    for (name, value) in
        [("filter.evil.smudge", evil.as_str()), ("uploadpack.packObjectsHook", &evil), ("core.fsmonitor", &evil)]
    {
        world.git(&["config", name, value]);
    }
    world.git(&["-c", "filter.evil.smudge=", "-c", "core.fsmonitor=", "add", "--all"]);
    world.git(&["-c", "core.fsmonitor=", "commit", "--quiet", "--message", "x"]);
    let _ = fs::remove_file(&touched);
    let stored = world.git(&["-c", "core.fsmonitor=", "cat-file", "blob", "HEAD:policies/b.yaml"]);
    let checkout = world.source().fetch().await.unwrap();
    let exported = fs::read_to_string(policies(&checkout).join("b.yaml")).unwrap();
    assert_eq!(exported.trim(), stored);
    assert!(exported.contains("$Id$ $Format:%H$"));
    assert!(!touched.exists(), "no program of the repository ran");
}

#[tokio::test]
async fn hostile_trees_lead_nowhere() {
    let Some(world) = World::new() else { return };
    let outside = world.at("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret.yaml"), "secret").unwrap();
    world.write("policies/a b\n\u{1b}[2J.yaml", "odd");
    world.write("policies/good.yaml", "good");
    symlink(outside.join("secret.yaml"), world.at("origin/policies/out.yaml")).unwrap();
    symlink("../../../../../../etc/passwd", world.at("origin/policies/up.yaml")).unwrap();
    symlink("good.yaml", world.at("origin/policies/in.yaml")).unwrap();
    world.commit();
    let checkout = world.source().fetch().await.unwrap();
    let (files, problems) = read_tree(&policies(&checkout));
    let mut names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a b\n\u{1b}[2J.yaml", "good.yaml", "in.yaml"], "links that lead out are refused by the reader");
    assert_eq!(problems.len(), 2, "{problems:?}");

    // Trees that git itself would never write.
    let blob = world.git_with(&["hash-object", "-w", "--stdin"], b"evil");
    let link = world.git_with(&["hash-object", "-w", "--stdin"], outside.to_str().unwrap().as_bytes());
    let raw = |id: &str| -> Vec<u8> {
        (0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()).collect()
    };
    let entry = |mode: &str, name: &str, id: &str| [format!("{mode} {name}\0").into_bytes(), raw(id)].concat();
    let tree = |entries: Vec<Vec<u8>>| {
        world.git_with(&["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], &entries.concat())
    };
    let inner = tree(vec![entry("100644", "evil.yaml", &blob)]);
    let up = tree(vec![entry("40000", "..", &inner)]);
    let absolute = tree(vec![entry("100644", "/evil.yaml", &blob)]);
    let twice = tree(vec![entry("120000", "a", &link), entry("40000", "a", &inner)]);
    let odd = tree(vec![entry("100644", "", &blob)]);
    let submodule = tree(vec![entry("160000", "module", &world.git(&["rev-parse", "HEAD"]))]);
    for (what, hostile) in
        [("up", up), ("absolute", absolute), ("twice", twice), ("odd", odd), ("submodule", submodule)]
    {
        let root = tree(vec![entry("40000", "policies", &hostile)]);
        let commit = world.git(&["commit-tree", &root, "-p", "HEAD", "-m", what]);
        world.git(&["update-ref", &format!("refs/heads/{what}"), &commit]);
        let options = GitOptions {
            git_ref: what.into(),
            checkout: Some(world.at(&format!("checkout-{what}"))),
            ..world.options()
        };
        let told = world.source_with(options).fetch().await.unwrap_err();
        let is_refused = matches!(
            &told,
            SourceError::Unusable { .. } | SourceError::Checkout { .. } | SourceError::NotFetched { .. }
        );
        assert!(is_refused, "{what}: {told}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1, "{what}: nothing was written elsewhere");
        assert!(!world.at("evil.yaml").exists() && !Path::new("/evil.yaml").exists());
        let left = fs::read_dir(world.at(&format!("checkout-{what}/trees"))).unwrap().count();
        assert_eq!(left, 0, "{what}: nothing half is left");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let Some(world) = World::new() else { return };
    world.policy("1");
    let mut source = world.followed().await;
    let large = usize::try_from(crate::run::files::MAX_FILE_BYTES).unwrap() + 1;
    world.write("policies/large.yaml", vec![b'x'; large]);
    world.commit();
    let told = source.fetch().await.unwrap_err();
    assert!(matches!(&told, SourceError::TooLarge { what, .. } if what.contains("large.yaml")), "{told}");
    assert_eq!(text_of(&source.last().await.unwrap().unwrap()), "1");
    drop(source);

    let limits = Limits { repository: 4 * 1024, ..Limits::default() };
    let options = GitOptions { checkout: Some(world.at("small")), ..world.options() };
    let told = world.source_within(options, limits).fetch().await.unwrap_err();
    assert!(matches!(&told, SourceError::TooLarge { what, .. } if what == "the repository"), "{told}");
}

#[tokio::test]
async fn a_tree_that_never_ends_is_left_at_its_limit_and_not_walked_again() {
    let Some(world) = World::new() else { return };
    world.policy("1");
    let (program, log) = (world.at("git"), world.at("log"));
    fs::write(&program, format!("#!/bin/sh\necho \"$@\" >> '{}'\nexec git \"$@\"\n", log.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let walks = || fs::read_to_string(&log).unwrap().matches(" ls-tree ").count();
    let mut source = world.source().with_program(&program);
    let good = source.fetch().await.unwrap();

    // Each level twice the one below: forty objects, a million million directories, not one file.
    let mut tree = world.git_with(&["hash-object", "-t", "tree", "-w", "--stdin"], b"");
    for _ in 0..40 {
        let lines = format!("040000 tree {tree}\ta\n040000 tree {tree}\tb\n");
        tree = world.git_with(&["mktree"], lines.as_bytes());
    }
    let root = world.git_with(&["mktree"], format!("040000 tree {tree}\tpolicies\n").as_bytes());
    let bomb = world.git(&["commit-tree", &root, "-p", "HEAD", "-m", "bomb"]);
    world.git(&["update-ref", "refs/heads/main", &bomb]);
    let told = source.fetch().await.unwrap_err();
    let is_it =
        matches!(&told, SourceError::TooLarge { what, limit } if what.contains(&bomb) && limit.contains("20000"));
    assert!(is_it && told.advice().contains("new commit"), "{told}");
    let before = walks();
    assert_eq!(source.fetch().await.unwrap_err(), told);
    assert_eq!(walks(), before, "what it holds does not change");
    assert_eq!(source.last().await.unwrap().unwrap(), good);

    world.git(&["reset", "--quiet", "--hard", commit_of(&good)]);
    let next = world.policy("2");
    assert_eq!(commit_of(&source.fetch().await.unwrap()), next, "the head has moved");
}
