//! What a selector names, and what none does: the servers tell what went.

use portcullis::sandbox::{
    System, World,
    buildkite::{Owner, Token},
};

use crate::house::{House, ids};

fn token(world: &mut World, uuid: u32, email: Option<&str>, description: &str) {
    let mut token: Token = world.buildkite.tokens[1].clone();
    token.uuid = uuid_of(uuid);
    token.description = Some(description.to_owned());
    token.owner = email.map(|email| Owner {
        uuid: uuid_of(1000 + uuid),
        email: email.to_owned(),
        name: "Somebody".to_owned(),
        bot: false,
    });
    world.buildkite.tokens.push(token);
}

fn uuid_of(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn house(select: &str, tokens: &[(Option<&str>, &str)]) -> House {
    let house = House::of(World::empty());
    house.sandbox.world(|world| {
        for (number, (email, description)) in (0..).zip(tokens) {
            token(world, number, *email, description);
        }
    });
    house.only("buildkite-northlight");
    house.clear_policies();
    house.write(
        "policies/tokens.yaml",
        &format!(
            "version: 1\ntarget: buildkite-northlight\nmanage: {{ api_tokens: {{ select: {select}, allow_empty: true }} }}\n"
        ),
    );
    house.edit("portcullis.yaml", "guards: { notice: 0h }", "guards: { notice: 0h, max_share: 100% }");
    house
}

fn goes(house: &House, numbers: &[u32]) {
    house.expect(0, &["apply", "--yes", "--new-journal"]);
    let wanted: Vec<String> = numbers.iter().map(|&number| uuid_of(number)).collect();
    assert_eq!(house.removed(System::Buildkite, "api_token"), wanted);
}

#[test]
fn fields_of_one_selector_all_hold_and_a_list_is_any_of_them() {
    let select = "[{ principal: \"*@AGENCY.example\", label: \"bk *\" }, { label: [deploy, \"nightly/*\"] }]";
    let house = house(
        select,
        &[
            (Some("ben@agency.example"), "bk cli"),
            (Some("Ben@Agency.example"), "bk cli"),
            (Some("ben@agency.example"), "terraform"),
            (Some("ben@other.example"), "bk cli"),
            // Only an address is looked at without regard to case.
            (Some("ben@agency.example"), "BK cli"),
            (Some("ben@other.example"), "deploy"),
            (Some("ben@other.example"), "deploys"),
            // A star crosses a slash.
            (Some("ben@other.example"), "nightly/a/b"),
        ],
    );
    goes(&house, &[0, 1, 5, 7]);
}

#[test]
fn an_escaped_star_is_a_star_and_everything_else_is_itself() {
    let house = house(
        "[{ label: \"a\\\\*c\" }, { label: \"[x]?.*z\" }]",
        &[
            (Some("a@x.example"), "a*c"),
            (Some("a@x.example"), "abc"),
            (Some("a@x.example"), "[x]?.z"),
            (Some("a@x.example"), "x.z"),
        ],
    );
    goes(&house, &[0, 2]);
}

#[test]
fn a_token_of_nobody_lies_outside_of_all_unless_the_operator_includes_it() {
    let tokens = [(None, "deploy"), (Some("a@x.example"), "deploy")];
    goes(&house("[{ label: deploy }]", &tokens), &[1]);
    let house = house("[{ label: deploy }]", &tokens);
    house.edit(
        "portcullis.yaml",
        "    organization: northlight\n",
        "    organization: northlight\n    include: [system]\n",
    );
    goes(&house, &[0, 1]);
}

#[test]
fn what_is_unlinked_or_only_discovered_lies_outside_unless_the_operator_includes_it() {
    let planned = |include: &str| {
        let house = House::company();
        house.edit("portcullis.yaml", "    system: accessowl\n", &format!("    system: accessowl\n{include}"));
        house.edit(
            "policies/it/slack.yaml",
            "{ application: Slack }",
            "{ application: Slack }, { application: ChatGPT }",
        );
        let plan = house.plan(&["--target", "accessowl-northlight", "--expect-revocations", "accessowl-northlight=0"]);
        ids(&plan, "accessowl-northlight", "held").len()
    };
    assert_eq!(planned(""), 7);
    assert_eq!(planned("    include: [unlinked]\n"), 8);
    assert_eq!(planned("    include: [discovered]\n"), 10);
    assert_eq!(planned("    include: [unlinked, discovered]\n"), 11);
}
