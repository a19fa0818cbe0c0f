//! Northlight's Buildkite: tokens of people and of one robot, some idle, some forgotten, one leaked.

use super::{days_ago, employees, in_groups, uuid_of};
use crate::sandbox::{
    buildkite::{Owner, State, Token},
    call::Right,
};

const BOT: &str = "deploy-bot";
const CLI: &[&str] = &["READ_BUILDS", "READ_PIPELINES", "READ_USER"];

pub(super) fn state() -> State {
    let mut state = State::empty("northlight");
    let own = state.credentials.iter().find(|known| known.right == Right::Full).map(|known| known.label.clone());
    state.credentials.retain(|known| known.right == Right::Full);
    state.tokens.retain(|token| Some(&token.uuid) == own.as_ref());

    let mut put = |user: &str, description: &str, scopes: &[&str], age, used| {
        state.tokens.push(token(user, description, scopes, age, used));
    };
    for (age, key) in (40..).step_by(3).zip(in_groups(&["platform"])) {
        put(&key, "bk cli", CLI, age, Some(age % 9));
    }
    for (age, key) in (60..).step_by(5).zip(in_groups(&["product-engineering"]).iter().take(10)) {
        // Farid has not used his for long; Ivana never did.
        let used = match key.as_str() {
            "farid" => Some(200),
            "ivana" => None,
            _ => Some(age % 11),
        };
        put(key, "bk cli", CLI, if used == Some(200) { 400 } else { age }, used);
    }
    put("anna", "terraform", &["GRAPHQL", "READ_PIPELINES", "WRITE_PIPELINES", "READ_TEAMS"], 300, Some(0));
    put("tomas", "terraform", &["GRAPHQL", "READ_PIPELINES", "WRITE_PIPELINES", "READ_TEAMS"], 290, Some(1));
    put(BOT, "deployments", &["READ_BUILDS", "WRITE_BUILDS"], 350, Some(0));
    // More than declared: only its report is asked for.
    put(BOT, "artifact cleanup", &["READ_ARTIFACTS", "WRITE_ARTIFACTS"], 310, Some(0));
    // What must not exist: it was found in a public place.
    put("chloe", "old ci export", &["READ_BUILDS", "READ_ARTIFACTS", "READ_BUILD_LOGS"], 500, Some(3));
    // What nobody declares.
    put("nora", "my laptop", CLI, 420, Some(30));
    put("liam", "graphql experiments", &["GRAPHQL", "READ_BUILDS"], 90, Some(25));
    // Buildkite's own: it has no owner, and no selector reaches it.
    let mut hosted = token("", "Hosted Queue API Access Token", &["READ_AGENTS"], 200, None);
    hosted.owner = None;
    state.tokens.push(hosted);
    state
}

fn token(user: &str, description: &str, scopes: &[&str], age: i64, used: Option<i64>) -> Token {
    let person = employees().into_iter().find(|person| person.key == user);
    let (email, name) = match &person {
        Some(person) => (person.email.clone(), format!("{} {}", person.first, person.last)),
        None => ("deploy@example.com".to_owned(), "Deploy Bot".to_owned()),
    };
    Token {
        uuid: uuid_of(&format!("buildkite token {user} {description}")),
        description: Some(description.to_owned()),
        owner: Some(Owner { uuid: uuid_of(&format!("buildkite user {user}")), email, name, bot: false }),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        created_at: days_ago(age),
        expires_at: None,
        last_accessed_at: used.map(days_ago),
    }
}
