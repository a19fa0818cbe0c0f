//! What a plan is compared with: the same pages fetched and decoded into plain structs, and the same files walked by the
//! parser's events, one after the other, in one thread, with nothing done about it.

use std::{fs, hint::black_box};

use serde::Deserialize;

/// The first argument of a process that is the baseline.
pub const ROLE: &str = "baseline";

#[derive(Deserialize)]
struct Page {
    access_tokens: Vec<Token>,
    has_more: bool,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, and not looked at")]
struct Token {
    id: String,
    expires_at: Option<String>,
    auto_prefix_streams: bool,
    scope: Scope,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, and not looked at")]
struct Scope {
    basins: Option<Names>,
    streams: Option<Names>,
    access_tokens: Option<Names>,
    op_groups: Option<Groups>,
    ops: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, and not looked at")]
struct Names {
    exact: Option<String>,
    prefix: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, and not looked at")]
struct Groups {
    account: Option<Both>,
    basin: Option<Both>,
    stream: Option<Both>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, and not looked at")]
struct Both {
    read: Option<bool>,
    write: Option<bool>,
}

/// Does it all, and prints how much there was.
pub fn run(url: &str, policies: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let tokens = runtime.block_on(fetch(url));
    println!("{} tokens, {} events", tokens.len(), walk(policies));
    black_box(tokens);
}

async fn fetch(url: &str) -> Vec<Token> {
    let client = reqwest::Client::new();
    let mut tokens: Vec<Token> = Vec::new();
    loop {
        let mut query = vec![("limit", "1000")];
        query.extend(tokens.last().map(|last| ("start_after", last.id.as_str())));
        let request = client.get(format!("{url}/access-tokens")).query(&query).bearer_auth("s2-full");
        let answer = request.send().await.unwrap().error_for_status().unwrap();
        let page: Page = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        tokens.extend(page.access_tokens);
        if !page.has_more {
            return tokens;
        }
    }
}

fn walk(policies: &str) -> usize {
    let mut events = 0;
    for file in fs::read_dir(policies).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let mut parser = granit_parser::Parser::new_from_str(&text);
        while let Some(event) = parser.next_event() {
            black_box(event.unwrap());
            events += 1;
        }
    }
    events
}
