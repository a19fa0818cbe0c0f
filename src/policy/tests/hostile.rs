//! Files that are made to be slow, or to become more than fits. Where the work grew with the square of these, the tests
//! would not end.

use std::fmt::Write as _;

use super::{PEOPLE, load_all, people_file, problems, targets};
use crate::{
    access::shown,
    policy::{Blocked, Policies, Source, load},
};

const MANY: usize = 30_000;

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        writeln!(text, "  - {}", line(number)).unwrap();
        text
    })
}

fn club(items: &str) -> String {
    format!("version: 1\ntarget: club\ngrants:\n{items}")
}

/// So many people, and a group of all of them.
fn crowd(count: usize) -> String {
    let mut people = String::from("version: 1\npeople:\n");
    (0..count).for_each(|number| writeln!(people, "  p{number:05}: {{ email: p{number:05}@example.com }}").unwrap());
    people.push_str("groups:\n  all:\n");
    (0..count).for_each(|number| writeln!(people, "    - p{number:05}").unwrap());
    people
}

fn load_with(people: &str, files: &[(&str, &str)]) -> Policies {
    let files: Vec<Source<'_>> = files.iter().map(|(name, text)| Source { name, bytes: text.as_bytes() }).collect();
    load(&files, people_file(Source { name: "people.yaml", bytes: people.as_bytes() }), &targets(), &[])
}

#[test]
fn one_entry_declared_very_often_is_one_declaration() {
    let file = club(&lines(MANY, |number| format!("{{ user: anna, application: G, justification: why-{number} }}")));
    let policies = load_all(&[("a", &file)]);
    let [one] = policies.targets["club"].declarations.as_slice() else { panic!("merged") };
    assert_eq!((one.justifications.len(), one.places.len()), (MANY, MANY));
    assert_eq!((one.justifications[0].as_str(), one.places[0].line), ("why-0", 4));
}

#[test]
fn a_union_of_very_many_sets_is_made_once() {
    let sets = lines(MANY, |number| format!("{{ groups: platform, application: G, permissions: [p{number}] }}"));
    let policies = load_all(&[("a", &club(&sets))]);
    let [one, _] = policies.targets["club"].declarations.as_slice() else { panic!("two members") };
    assert_eq!(shown(one.value("permissions")).matches(',').count(), MANY - 1);
}

#[test]
fn of_very_many_conflicts_some_are_told_and_all_are_counted() {
    let levels = ["read", "write"];
    let file = club(&lines(MANY, |number| format!("{{ user: anna, application: G, level: {} }}", levels[number % 2])));
    let policies = load_all(&[("a", &file)]);
    let told = problems(&policies);
    assert_eq!(told.len(), 1_001);
    assert!(
        told[0].starts_with("a:5:3 `user=anna application=G` is declared twice with different `level`"),
        "{}",
        told[0]
    );
    assert!(told[1_000].contains(&format!("{} further problems", MANY / 2 - 1_000)), "{}", told[1_000]);
    assert_eq!(policies.blocked, Blocked::Some(["club".into()].into()));
}

#[test]
fn very_many_users_are_each_named_once() {
    let users: Vec<String> = (0..MANY).map(|number| format!("u{number}@example.com")).collect();
    let users = format!("{}, {}", users.join(", "), users.join(", "));
    let policies = load_all(&[("a", &club(&format!("  - {{ users: [{users}], application: G }}\n")))]);
    assert_eq!(problems(&policies), Vec::<String>::new());
    assert_eq!(policies.targets["club"].declarations.len(), MANY);
    assert_eq!(policies.targets["club"].declarations[1].key, "user=u1@example.com application=G");
}

#[test]
fn a_group_that_is_named_again_and_again_is_looked_through_once() {
    let groups = vec!["all"; MANY].join(", ");
    let file = club(&format!("  - {{ groups: [{groups}], application: G }}\n"));
    let set = format!("version: 1\ntarget: club\nmanage: {{ grants: [{{ groups: [{groups}] }}] }}\n");
    let policies = load_with(&crowd(5_000), &[("a", &file), ("b", &set)]);
    assert_eq!(problems(&policies), Vec::<String>::new());
    assert_eq!(policies.targets["club"].declarations.len(), 5_000);
}

#[test]
fn what_groups_make_of_a_file_has_an_end_and_blocks_its_own_target_only() {
    let file = club(&lines(1_000, |number| format!("{{ groups: all, application: a{number} }}")));
    let other = "version: 1\ntarget: store-a\ntokens: [{ id: x }]\n";
    let policies = load_with(&crowd(5_000), &[("a", &file), ("b", other)]);
    let told = problems(&policies);
    let [told] = told.as_slice() else { panic!("one problem: {told:?}") };
    assert!(told.starts_with("a:104:") && told.contains("add more than 500000 items"), "{told}");
    assert_eq!(policies.blocked, Blocked::Some(["club".into()].into()));
    assert!(policies.targets["club"].declarations.len() <= 500_000);

    let selectors = vec!["{ groups: all }"; 1_000].join(", ");
    let sets = format!("version: 1\ntarget: club\nmanage: {{ grants: [{selectors}] }}\n");
    assert!(problems(&load_with(&crowd(5_000), &[("a", &sets)]))[0].contains("more than 500000 items"));
}

#[test]
fn long_names_count_for_more_than_one_item() {
    let file = club(&lines(10, |number| format!("{{ groups: all, application: {}{number} }}", "x".repeat(100_000))));
    assert!(problems(&load_with(&crowd(1_000), &[("a", &file)]))[0].contains("more than 500000 items"));
}

#[test]
fn of_very_many_problems_the_first_are_kept_and_all_are_counted() {
    let texts: Vec<String> =
        (0..20).map(|_| club(&lines(500, |number| format!("{{ user: nobody-{number} }}")))).collect();
    let names: Vec<String> = (0..20).map(|number| format!("f{number:02}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    let policies = load_all(&files);
    let told = problems(&policies);
    assert_eq!(told.len(), 5_001);
    let last = told.last().unwrap();
    assert!(last.starts_with("f04:") && last.contains("15000 further problems"), "two problems a line: {last}");
    let mut turned = files.clone();
    turned.reverse();
    assert_eq!(load_all(&turned).problems, policies.problems);
    // The people file's own are kept besides: others have to know that it is not whole.
    let broken = format!("{PEOPLE}  zoe: 7\n");
    let policies = load_with(&broken, &files);
    assert!(policies.problems.iter().any(|problem| problem.file == "people.yaml"));
}

#[test]
fn nobody_is_compared_with_everybody_for_each_wrong_name() {
    let file = club(&lines(MANY, |number| format!("{{ user: q{number:05}, application: G }}")));
    let policies = load_with(&crowd(20_000), &[("a", &file)]);
    assert!(policies.problems.len() <= 1_001);
    assert!(policies.problems[0].hint.as_ref().unwrap().contains("did you mean `p"), "{:?}", policies.problems[0]);
}
