//! A grant of a group counts as the people it reaches, and what still reaches a thing by other ways is told.

use portcullis::sandbox::System;

use crate::{house::House, service::refused_by};

const AI: &str = "aitronos-northlight";

/// One department's grant would go; seven people are in it, and the assistant's owner is another one.
fn house(guards: &str) -> House {
    let house = House::company();
    house.only(AI);
    house.edit("portcullis.yaml", "guards: { notice: 0h }", &format!("guards: {{ notice: 0h, {guards} }}"));
    house.clear_policies();
    house.write(
        "policies/ai.yaml",
        "version: 1\ntarget: aitronos-northlight\nmanage:\n  grants: { select: [{ entity: assistant/asst_support, grantee: department/dept_support }], allow_empty: true }\n\
         grants: [{ entity: assistant/asst_support, user: fiona, level: admin, justification: looks after it }]\n",
    );
    house.sandbox.world(|world| {
        let users: Vec<String> = world.aitronos.users.iter().take(7).map(|user| user.id.clone()).collect();
        world.aitronos.departments.iter_mut().find(|one| one.id == "dept_support").unwrap().members = users;
    });
    house
}

#[test]
fn a_group_counts_as_its_people() {
    let house = house("max_count: 6, max_share: 100%");
    assert_eq!(refused_by(&house.plan(&[]), AI), ["count"]);
    let run = house.apply(3);
    assert!(run.out.contains("7 people reached; the limit is 6 in 24 h"), "{}", run.out);
    house.edit("portcullis.yaml", "max_count: 6", "max_count: 7");
    house.apply(0);
    assert_eq!(house.removed(System::Aitronos, "grant").len(), 1);
}

#[test]
fn what_still_reaches_it_is_told() {
    let house = house("max_share: 100%");
    let run = house.apply(0);
    assert!(run.out.contains("reaches assistant/Support Desk by other ways"), "{}", run.out);
}
