//! People leave by `until:`: what is declared for them ends, no class covers them, and what nobody is in charge of is told.

use portcullis::sandbox::{System, World};

use crate::house::{House, rows};

const OWL: &str = "accessowl-northlight";

/// Chloe is declared with GitHub, allowed in whatever else there is of it and in Slack, and has an alias at Aitronos.
fn company(until: &str) -> House {
    let house = House::company();
    house.only(OWL);
    house.clear_policies();
    house.write(
        "policies/access.yaml",
        "version: 1\ntarget: accessowl-northlight\nmanage: { access: [{ application: GitHub }] }\naccess:\n  \
         - { user: chloe, application: GitHub, resource: northlight, justification: writes code }\n\
         allow: { access: [{ select: { application: GitHub }, justification: engineers }] }\n",
    );
    house.edit("people.yaml", "chloe.martin@example.com }", &format!("chloe.martin@example.com{until} }}"));
    house.sandbox.world(|world: &mut World| {
        // One more thing of GitHub's, that only the class covers.
        let owl = &mut world.accessowl;
        let chloe = owl.users.iter().find(|user| user.email == "chloe.martin@example.com").unwrap().id.clone();
        let infra = owl.states.iter().find(|state| {
            let of = owl.applications.iter().find(|one| one.id == state.application_id).unwrap();
            let resource = of.resources.iter().find(|one| Some(&one.id) == state.resource_id.as_ref());
            resource.is_some_and(|resource| resource.title.as_deref() == Some("northlight-infra"))
        });
        let mut infra = infra.unwrap().clone();
        infra.id = "00000000-0000-4000-8000-00000000000c".to_owned();
        infra.grantee_user_account_id = "00000000-0000-4000-8000-00000000000d".to_owned();
        infra.grantee_user_id = Some(chloe);
        owl.states.push(infra);
    });
    house
}

fn causes(house: &House) -> Vec<String> {
    let plan = house.plan(&["--target", OWL]);
    let mut causes: Vec<String> = rows(&plan, OWL)
        .iter()
        .filter(|row| row["status"] == "change" && row["principal"] == "chloe.martin@example.com")
        .map(|row| format!("{} {}", row["cause"].as_str().unwrap(), row["title"].as_str().unwrap()))
        .collect();
    causes.sort();
    causes
}

#[test]
fn what_is_declared_for_a_leaver_is_expired_no_class_covers_them_and_the_rest_is_told() {
    let house = company(", until: 2026-01-31");
    assert_eq!(
        causes(&house),
        ["expired GitHub / northlight (Member)", "undeclared GitHub / northlight-infra (Admin)"]
    );
    let told = house.expect(0, &["plan", "--target", OWL]).out;
    let line =
        told.lines().find(|line| line.contains("chloe left and still holds")).unwrap_or_else(|| panic!("{told}"));
    assert!(line.contains("Slack") && line.contains("lies in no managed set"), "{line}");
    house.expect(0, &["apply", "--yes", "--new-journal", "--target", OWL]);
    let mut hers: Vec<String> = house.sandbox.world(|world| {
        let owl = &world.accessowl;
        let chloe = owl.users.iter().find(|user| user.email == "chloe.martin@example.com").unwrap();
        let gone = owl.states.iter().filter(|state| state.effective_end.is_some());
        gone.filter(|state| state.grantee_user_id.as_ref() == Some(&chloe.id)).map(|state| state.id.clone()).collect()
    });
    hers.sort();
    let removed = house.removed(System::AccessOwl, "access");
    assert!(hers.len() == 2 && hers.iter().all(|id| removed.contains(id)), "{hers:?} {removed:?}");
}

#[test]
fn who_leaves_later_or_never_has_not_left() {
    for until in ["", ", until: 2999-01-31"] {
        let house = company(until);
        assert_eq!(causes(&house), [""; 0]);
        let told = house.expect(0, &["plan", "--target", OWL]).out;
        assert!(!told.contains("left and still holds"), "{told}");
    }
}
