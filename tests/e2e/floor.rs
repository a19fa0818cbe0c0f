//! The floor of what has more than a kind: a key for each gateway, an administrator for each thing.

use portcullis::sandbox::System;

use crate::{
    guards::gateway,
    house::{House, holds, ids},
};

const AI: &str = "aitronos-northlight";

#[test]
fn one_key_of_each_gateway_stays_though_others_would_remain_elsewhere() {
    let house = gateway(&["key-1", "key-2"], "    may_open: [gw-1]");
    house.edit("portcullis.yaml", "keep_at_least: 0", "keep_at_least: 1");
    house.sandbox.world(|world| {
        let mut other = world.pinata.gateways[0].clone();
        (other.id, other.domain) = ("gw-2".into(), "northlight-other".into());
        other.keys.iter_mut().for_each(|key| key.id = format!("other-{}", key.id));
        world.pinata.gateways.push(other);
    });
    house.edit("policies/pinata.yaml", "gateway: \"*\"", "gateway: northlight-media");
    let plan = house.plan(&[]);
    for key in ["key-1", "key-2"] {
        assert_eq!(holds(&plan, "pinata", key), ["floor"], "two keys of the kind would remain, none of this gateway");
    }
    house.apply(3);
    house.expect(3, &["apply", "--yes", "--expect-revocations", "pinata=2"]);
    assert_eq!(house.writes(), 0);
    house.edit("portcullis.yaml", "keep_at_least: 1", "keep_at_least: 0");
    house.apply(0);
    assert_eq!(house.removed(System::Pinata, "gateway_key"), ["key-1", "key-2"]);
}

#[test]
fn the_last_administrator_of_a_thing_stays_and_the_others_of_it_go() {
    let house = House::company();
    house.edit("portcullis.yaml", "guards: { notice: 0h }", "guards: { notice: 0h, max_share: 100% }");
    house.only(AI);
    house.clear_policies();
    let managing = "version: 1\ntarget: aitronos-northlight\nmanage: { grants: { select: [{ entity: assistant/asst_support }], allow_empty: true } }\n";
    house.write("policies/ai.yaml", managing);
    let grant = |class: &str| {
        house.sandbox.world(|world| {
            let grants = &world.aitronos.grants;
            let of = grants.iter().find(|one| one.entity_id == "asst_support" && one.grantee_type == class);
            of.unwrap().id.clone()
        })
    };
    let (department, fiona) = (grant("department"), grant("user"));
    let plan = house.plan(&["--target", AI]);
    assert_eq!(holds(&plan, AI, &fiona), ["floor"], "grants remain, and none of them administers this one");
    assert_eq!(ids(&plan, AI, "change"), [department.as_str()]);
    house.expect(3, &["apply", "--yes", "--new-journal", "--target", AI]);
    assert_eq!(house.removed(System::Aitronos, "grant"), [department.as_str()]);
    // Another one administers it: then she may go.
    house.sandbox.world(|world| {
        let mut other = world.aitronos.grants.iter().find(|one| one.id == fiona).unwrap().clone();
        (other.id, other.grantee_id) = ("agrant_other".to_owned(), "usr_lena".to_owned());
        world.aitronos.grants.push(other);
    });
    house.write(
        "policies/ai.yaml",
        &format!("{managing}grants: [{{ entity: assistant/asst_support, user: lena, level: admin, justification: takes over }}]\n"),
    );
    house.expect(0, &["apply", "--yes", "--target", AI]);
    assert_eq!(house.removed(System::Aitronos, "grant").len(), 2);
    assert!(house.removed(System::Aitronos, "grant").contains(&fiona));
}
