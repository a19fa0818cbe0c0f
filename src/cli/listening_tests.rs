use std::{fs, path::Path};

use super::*;

const FIRST: &str = "the-first-token-of-them-all";
const SECOND: &str = "the-second-token-of-them-all";

fn write(path: &Path, secret: &str) {
    fs::write(path, secret).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// A configuration whose `watch:` is this.
fn config(dir: &Path, watch: &str) -> Config {
    let text = format!(
        "version: 1\npolicies: policies/\njournal: ephemeral\nwatch: {{ {watch} }}\ntargets:\n  s2:\n    system: s2\n    \
         credential: {{ env: X }}\n    own: {{ access_tokens: [{{ id: x }}] }}\n    account: x\n"
    );
    crate::config::load(
        "portcullis.yaml",
        &dir.join("portcullis.yaml"),
        text.as_bytes(),
        &crate::systems::descriptions(),
    )
    .unwrap_or_else(|problems| panic!("{problems:?}"))
}

const BOTH: &str = "token: { file: ./token }, webhooks: [{ from: github, secret: { file: ./hook } }]";

async fn begun(dir: &Path, watch: &str) -> Listening {
    let board = Arc::new(Board::default());
    match Listening::begin(&config(dir, watch), None, board).await {
        Ok(listening) => listening,
        Err(failure) => panic!("{failure}"),
    }
}

fn token(listening: &Listening) -> Option<String> {
    listening.door.options().token.as_ref().map(|token| token.expose_secret().to_owned())
}

fn hook(listening: &Listening) -> Option<String> {
    listening.door.options().webhooks.first().map(|(_, secret)| secret.expose_secret().to_owned())
}

#[tokio::test]
async fn a_secret_that_was_changed_in_its_place_counts_without_a_new_configuration() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("token"), FIRST);
    write(&dir.path().join("hook"), FIRST);
    let mut listening = begun(dir.path(), BOTH).await;
    assert_eq!((token(&listening).as_deref(), hook(&listening).as_deref()), (Some(FIRST), Some(FIRST)));
    write(&dir.path().join("token"), SECOND);
    write(&dir.path().join("hook"), SECOND);
    listening.follow(&config(dir.path(), BOTH), Instant::now()).await;
    assert_eq!((token(&listening).as_deref(), hook(&listening).as_deref()), (Some(SECOND), Some(SECOND)));
    assert_eq!(listening.board.listener().problems, Vec::<String>::new());
}

#[tokio::test]
async fn a_secret_that_is_gone_stays_valid_for_minutes_and_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("token"), FIRST);
    write(&dir.path().join("hook"), FIRST);
    let mut listening = begun(dir.path(), BOTH).await;
    let (config, now) = (config(dir.path(), BOTH), Instant::now());
    fs::remove_file(dir.path().join("token")).unwrap();
    write(&dir.path().join("hook"), "too-short");
    listening.follow(&config, now).await;
    assert_eq!((token(&listening).as_deref(), hook(&listening).as_deref()), (Some(FIRST), Some(FIRST)));
    let problems = listening.board.listener().problems;
    assert!(problems.len() == 2 && problems[0].contains("stays valid for 5 minutes"), "{problems:?}");
    assert!(!problems.concat().contains("too-short"), "{problems:?}");
    listening.follow(&config, now + KEPT).await;
    assert_eq!((token(&listening), hook(&listening)), (None, None));
    assert!(listening.door.options().locked, "not open for want of a token");
    assert!(listening.board.listener().problems[0].contains("nobody is let in"));
    write(&dir.path().join("token"), SECOND);
    write(&dir.path().join("hook"), SECOND);
    listening.follow(&config, now + KEPT * 2).await;
    assert_eq!((token(&listening).as_deref(), hook(&listening).as_deref()), (Some(SECOND), Some(SECOND)));
    assert!(!listening.door.options().locked && listening.board.listener().problems.is_empty());
}

#[tokio::test]
async fn another_reference_that_gives_nothing_ends_the_old_secret_at_once() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("token"), FIRST);
    let mut listening = begun(dir.path(), "token: { file: ./token }").await;
    listening.follow(&config(dir.path(), "token: { file: ./other }"), Instant::now()).await;
    assert_eq!(token(&listening), None);
    assert!(listening.door.options().locked);
}

#[tokio::test]
async fn what_the_configuration_says_of_the_listener_holds_at_once_but_its_address() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("token"), FIRST);
    let mut listening = begun(dir.path(), "interval: 5m").await;
    let now = Instant::now();
    listening.follow(&config(dir.path(), "metrics: open, token: { file: ./token }"), now).await;
    assert!(listening.door.options().open_metrics && token(&listening).as_deref() == Some(FIRST));
    assert!(listening.board.listener().problems.is_empty());
    listening.follow(&config(dir.path(), "listen: 127.0.0.1:9999"), now).await;
    assert_eq!(token(&listening), None, "it was taken away, and loopback needs none");
    let problems = listening.board.listener().problems;
    assert!(
        problems.len() == 1 && problems[0].contains("127.0.0.1:9999") && problems[0].contains("restart"),
        "{problems:?}"
    );
}

#[tokio::test]
async fn an_open_address_whose_token_is_taken_away_is_locked() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("token"), FIRST);
    let typed = Some("0.0.0.0:0".parse().unwrap());
    let with = config(dir.path(), "token: { file: ./token }");
    let Ok(mut listening) = Listening::begin(&with, typed, Arc::default()).await else { panic!("it has a token") };
    listening.follow(&config(dir.path(), "interval: 5m"), Instant::now()).await;
    assert!(token(&listening).is_none() && listening.door.options().locked);
    assert!(Listening::begin(&config(dir.path(), "interval: 5m"), typed, Arc::default()).await.is_err());
}

#[tokio::test]
async fn a_short_secret_of_a_webhook_is_no_beginning() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("hook"), "fifteen-bytes--");
    let watch = "webhooks: [{ from: github, secret: { file: ./hook } }]";
    let Err(failure) = Listening::begin(&config(dir.path(), watch), None, Arc::default()).await else {
        panic!("short")
    };
    assert!(failure.to_string().contains("at least 16"), "{failure}");
}
