//! Messages as they are sent. Names in them are as hostile as they can be.

use uuid::Uuid;

use super::news;
use crate::{
    config::NotifyOn,
    plan::render::neutral,
    watch::{
        News,
        news::{ALL, MAX_LINES},
        tell::{
            document::{self, Message},
            slack,
        },
    },
};

const HOSTILE: &str =
    "a\u{1b}[2J\u{202e}b\n```\n<!channel> <https://evil.example|ok> & @here :boom: *x* https://evil.example `y`";

fn message(news: Vec<News>) -> Message {
    let id = Uuid::parse_str("01a1fea9-b97c-76b6-a9cf-cc8a8443baad").unwrap();
    Message { id, ..Message::new("2026-11-21T10:00:01Z".parse().unwrap(), news, 0) }
}

fn hostile() -> Message {
    let lines = vec!["revoke access_token service/old (undeclared)".to_owned(), HOSTILE.to_owned()];
    message(vec![News {
        title: format!("s2-production: 2 revocations, one of {HOSTILE}"),
        lines,
        lines_left_out: 3,
        commit: Some("4be1f0d3c5a1".into()),
        ..news(NotifyOn::Revocations, "s2-production/run", "01a1")
    }])
}

fn merged() -> Message {
    let mut all: Vec<News> = (0..60).map(|n| news(NotifyOn::Changes, &format!("t{n}"), "out of sync")).collect();
    all.insert(1, News { target: None, ..news(NotifyOn::Failures, "source", HOSTILE) });
    Message { dropped: 7, ..message(all) }
}

fn slack_text(message: &Message) -> String {
    let body: serde_json::Value = serde_json::from_str(&slack::render(message)).unwrap();
    assert_eq!((&body["unfurl_links"], &body["unfurl_media"]), (&false.into(), &false.into()));
    body["text"].as_str().unwrap().to_owned()
}

#[test]
fn slack_shows_one() {
    insta::assert_snapshot!(slack_text(&hostile()));
}

#[test]
fn slack_shows_several() {
    insta::assert_snapshot!(slack_text(&merged()));
}

#[test]
fn merged_news_keep_the_lines_of_revocations_above_all() {
    let lines = |sort: &str, count: usize| (0..count).map(|n| format!("{sort} {n}")).collect::<Vec<_>>();
    let mut all: Vec<News> = (0..60)
        .map(|n| News { lines: lines("broken", 20), ..news(NotifyOn::Failures, &format!("t{n}"), "down") })
        .collect();
    for n in 0..2 {
        all.push(News { lines: lines("gone", 13), ..news(NotifyOn::Revocations, &format!("r{n}"), "sent") });
    }
    let message = message(all);
    let text = slack_text(&message);
    assert_eq!(text.lines().filter(|line| line.starts_with("  gone")).count(), 26, "{text}");
    let document: serde_json::Value = serde_json::from_str(&document::render(&message)).unwrap();
    let items = document["news"].as_array().unwrap();
    let of = |about: &'static str| items.iter().filter(move |item| item["about"] == about);
    let count = |item: &serde_json::Value| item["lines"].as_array().unwrap().len();
    assert_eq!(of("revocations").map(count).collect::<Vec<_>>(), [13, 13]);
    assert_eq!(items.iter().map(count).sum::<usize>(), document::MERGED_LINES);
    let last = of("failures").next_back().unwrap();
    assert_eq!((count(last), &last["lines_left_out"]), (0, &20.into()));
    assert_eq!((items.len(), &document["news_left_out"]), (50, &12.into()));
}

#[test]
fn our_own_backticks_read_as_quotes() {
    let one = News { title: "`target` is missing".into(), ..news(NotifyOn::Failures, "s", "a") };
    assert!(slack_text(&message(vec![one])).contains("\n'target' is missing\n"));
}

#[test]
fn the_document_of_one() {
    insta::assert_snapshot!(pretty(&document::render(&hostile())));
}

#[test]
fn the_document_of_several() {
    let document: serde_json::Value = serde_json::from_str(&document::render(&merged())).unwrap();
    assert_eq!(document["news"].as_array().unwrap().len(), 50);
    let mut short = document;
    short["news"].as_array_mut().unwrap().truncate(2);
    insta::assert_snapshot!(pretty(&short.to_string()));
}

/// With its escapes as they are sent.
fn pretty(document: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(document).unwrap();
    neutral::json(&serde_json::to_string_pretty(&value).unwrap())
}

#[test]
fn the_readme_shows_the_document() {
    let readme = include_str!("../../../../README.md");
    let (_, rest) = readme.split_once("## Notifications").unwrap();
    let shown = rest.split_once("```json").unwrap().1.split_once("```").unwrap().0;
    let shown: serde_json::Value = serde_json::from_str(shown).unwrap();
    let news = News {
        subject: "s2-production revocations".into(),
        title: "s2-production: 2 revocations sent".to_owned(),
        lines: vec!["access token service/old-export (absent, irreversible): done".to_owned()],
        lines_left_out: 1,
        commit: Some("4be1f0d3c5a17e92b6084fd1c3a95e7b20d86f43".into()),
        ..news(NotifyOn::Revocations, "", "9f3745e0c2b86d1a74f05b3e8d916c27a0e4f85b1d6372c9ae50184fb7d3692c")
    };
    let rendered: serde_json::Value = serde_json::from_str(&document::render(&message(vec![news]))).unwrap();
    assert_eq!(shown, rendered);
}

#[test]
fn nothing_raw_goes_out_and_programs_get_the_true_names() {
    for rendered in [slack::render(&hostile()), slack::render(&merged()), document::render(&hostile())] {
        assert!(!rendered.chars().any(neutral::is_unsafe), "{rendered}");
    }
    let document: serde_json::Value = serde_json::from_str(&document::render(&hostile())).unwrap();
    assert_eq!(document["news"][0]["lines"][1], HOSTILE);
}

#[test]
fn slack_text_stays_within_its_bounds_whatever_the_names() {
    for c in ['&', '`', '\u{e0041}', '\u{202e}', ':', '/', 'x', '語'] {
        let long: String = std::iter::repeat_n(c, 300).collect();
        for count in [1, 3, MAX_LINES] {
            let one =
                News { title: long.clone(), lines: vec![long.clone(); count], ..news(NotifyOn::Failures, "s", "a") };
            let several = ALL.iter().map(|on| News { on: *on, ..one.clone() }).collect();
            for message in [message(vec![one.clone()]), message(several)] {
                let text = slack_text(&message);
                assert!(text.chars().count() <= slack::TEXT, "{c:?} {}", text.chars().count());
                assert_eq!(text.matches("```").count(), 2, "{text}");
            }
        }
    }
}
