//! Deliveries as the hosts document them, and every way in which one could be forged.

use super::*;

const SECRET: &[u8] = b"It's a Secret to Everybody";
const COMMIT: &str = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";

fn sign(secret: &[u8], body: &str) -> String {
    let tag = digest(secret, body.as_bytes()).unwrap().finalize().into_bytes();
    tag.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn deliver(host: GitHost, headers: &[(&str, &str)], body: &str) -> Result<Hook, WebhookError> {
    read(host, SECRET, headers.iter().map(|(name, value)| (*name, value.as_bytes())), body.as_bytes())
}

fn proof(host: GitHost, body: &str) -> (&'static str, String) {
    let value = match host {
        GitHost::GitLab => String::from_utf8(SECRET.to_vec()).unwrap(),
        GitHost::Gitea => sign(SECRET, body),
        GitHost::GitHub | GitHost::Bitbucket => format!("sha256={}", sign(SECRET, body)),
    };
    (host.proof_header(), value)
}

fn heard(host: GitHost, event: &str, body: &str) -> Result<Hook, WebhookError> {
    let (header, value) = proof(host, body);
    deliver(host, &[(header, &value), (host.event_header(), event)], body)
}

fn push(git_ref: &str, commit: Option<&str>) -> Hook {
    Hook::Push(vec![Pushed { git_ref: git_ref.into(), commit: commit.map(Text::from) }])
}

#[test]
fn the_signature_is_the_documented_one() {
    // The example of the host's own documentation, so that both ends cannot be wrong alike.
    assert_eq!(
        sign(b"It's a Secret to Everybody", "Hello, World!"),
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    );
}

#[test]
fn every_host_tells_which_ref_moved() {
    let body = format!(r#"{{"ref":"refs/heads/main","before":"x","after":"{COMMIT}","commits":[{{"id":"y"}}]}}"#);
    let main = push("refs/heads/main", Some(COMMIT));
    assert_eq!(heard(GitHost::GitHub, "push", &body), Ok(main.clone()));
    assert_eq!(heard(GitHost::Gitea, "push", &body), Ok(main.clone()));
    assert_eq!(heard(GitHost::GitLab, "Push Hook", &body), Ok(main.clone()));
    assert_eq!(heard(GitHost::GitLab, "Tag Push Hook", &body), Ok(main.clone()));
    let body = format!(
        r#"{{"push":{{"changes":[{{"old":null,"new":{{"type":"branch","name":"main","target":{{"hash":"{COMMIT}"}}}}}}]}}}}"#
    );
    assert_eq!(heard(GitHost::Bitbucket, "repo:push", &body), Ok(main.clone()));
    let body = format!(r#"{{"changes":[{{"refId":"refs/heads/main","toHash":"{COMMIT}"}}]}}"#);
    assert_eq!(heard(GitHost::Bitbucket, "repo:refs_changed", &body), Ok(main));
}

#[test]
fn a_deleted_ref_is_a_push_without_a_commit() {
    let body = r#"{"ref":"refs/heads/main","after":"0000000000000000000000000000000000000000","deleted":true}"#;
    assert_eq!(heard(GitHost::GitHub, "push", body), Ok(push("refs/heads/main", None)));
    let body = r#"{"push":{"changes":[{"old":{"type":"branch","name":"main"},"new":null}]}}"#;
    assert_eq!(heard(GitHost::Bitbucket, "repo:push", body), Ok(push("refs/heads/main", None)));
}

#[test]
fn pings_and_other_events_are_heard_and_are_no_reason_to_look() {
    assert_eq!(heard(GitHost::GitHub, "ping", r#"{"zen":"Keep it logically awesome."}"#), Ok(Hook::Ping));
    assert_eq!(heard(GitHost::Bitbucket, "diagnostics:ping", r#"{"test":true}"#), Ok(Hook::Ping));
    for (host, event) in [(GitHost::GitHub, "issues"), (GitHost::GitLab, "Note Hook"), (GitHost::Gitea, "create")] {
        assert_eq!(heard(host, event, "{}"), Ok(Hook::Other));
        assert_eq!(heard(host, "", "{}"), Ok(Hook::Other));
    }
    assert!(!Hook::Ping.concerns(None) && !Hook::Other.concerns(None));
}

#[test]
fn only_the_watched_ref_counts() {
    let main = push("refs/heads/main", None);
    for (watched, counts) in [
        (None, true),
        (Some("main"), true),
        (Some("refs/heads/main"), true),
        (Some("mai"), false),
        (Some("refs/heads/mai"), false),
        (Some("heads/main"), false),
        (Some("refs/tags/main"), false),
    ] {
        assert_eq!(main.concerns(watched), counts, "{watched:?}");
    }
    assert!(!push("refs/tags/main", None).concerns(Some("main")), "a tag is no branch");
    assert!(push("refs/tags/live", None).concerns(Some("refs/tags/live")));
    assert!(!push("main", None).concerns(Some("main")), "a host tells whole names");
}

#[test]
fn nothing_unproved_is_heard() {
    let body = r#"{"ref":"refs/heads/main"}"#;
    for host in GitHost::ALL {
        let (header, right) = proof(host, body);
        let event = (host.event_header(), "push");
        assert_eq!(deliver(host, &[event], body), Err(WebhookError::NoProof(header)));
        assert_eq!(
            deliver(host, &[event, (header, &right), (header, &right)], body),
            Err(WebhookError::NoProof(header)),
            "{host:?}: two proofs are none"
        );
        let mut wrong = right.clone();
        let last = wrong.pop().unwrap();
        let other = if last == '0' { '1' } else { '0' };
        let altered =
            [String::new(), wrong.clone(), format!("{wrong}{other}"), format!("{right}{last}"), " ".to_owned()];
        for forged in altered {
            let told = deliver(host, &[event, (header, &forged)], body);
            assert_eq!(told, Err(WebhookError::WrongProof(header)), "{host:?} {forged:?}");
        }
        let upper = header.to_ascii_uppercase();
        assert!(deliver(host, &[(&upper, &right)], body).is_ok(), "{host:?}: names of headers have no case");
    }
    // The body is under the signature.
    for host in [GitHost::GitHub, GitHost::Gitea, GitHost::Bitbucket] {
        let (header, right) = proof(host, body);
        let changed = body.replace("main", "evil");
        assert_eq!(deliver(host, &[(header, &right)], &changed), Err(WebhookError::WrongProof(header)));
    }
    // A signature of another form is none, nor one by another secret.
    let header = GitHost::GitHub.proof_header();
    for forged in [
        sign(SECRET, body),
        format!("sha1={}", sign(SECRET, body)),
        format!("sha256={}", sign(b"another secret", body)),
        format!("sha256={}", "é".repeat(32)),
        format!("sha256=sha256={}", sign(SECRET, body)),
    ] {
        assert_eq!(deliver(GitHost::GitHub, &[(header, &forged)], body), Err(WebhookError::WrongProof(header)));
    }
}

#[test]
fn a_secret_that_proves_nothing_is_refused() {
    for (host, secret) in GitHost::ALL.into_iter().flat_map(|host| [(host, b"".as_slice()), (host, b"short")]) {
        let value = match host {
            GitHost::GitLab => String::from_utf8(secret.to_vec()).unwrap(),
            GitHost::Gitea => sign(secret, "{}"),
            GitHost::GitHub | GitHost::Bitbucket => format!("sha256={}", sign(secret, "{}")),
        };
        let told = read(host, secret, [(host.proof_header(), value.as_bytes())], b"{}");
        assert_eq!(told, Err(WebhookError::WeakSecret));
    }
}

#[test]
fn what_is_proved_and_no_push_is_malformed() {
    let deep = "[".repeat(100_000);
    for body in ["", "payload=%7B%7D", "{}", "[]", r#"{"ref":7}"#, deep.as_str(), "\u{0}"] {
        assert_eq!(heard(GitHost::GitHub, "push", body), Err(WebhookError::Malformed));
        assert_eq!(heard(GitHost::Bitbucket, "repo:push", body), Err(WebhookError::Malformed));
        assert_eq!(heard(GitHost::Bitbucket, "repo:refs_changed", body), Err(WebhookError::Malformed));
    }
    let long = format!(r#"{{"ref":"refs/heads/{}"}}"#, "x".repeat(MAX_REF_BYTES));
    assert_eq!(heard(GitHost::GitHub, "push", &long), Ok(Hook::Push(Vec::new())));
    let odd = r#"{"ref":"refs/heads/main","after":"../../etc"}"#;
    assert_eq!(heard(GitHost::GitHub, "push", odd), Ok(push("refs/heads/main", None)));
}
