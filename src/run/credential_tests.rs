use std::os::unix::fs::PermissionsExt as _;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

const SECRET: &str = "tok-5f0c9b77";

async fn found(from: &CredentialRef) -> Result<String, CredentialError> {
    found_within(from, COMMAND_LIMIT).await
}

async fn found_within(from: &CredentialRef, limit: Duration) -> Result<String, CredentialError> {
    let environment = |name: &str| match name {
        "TOKEN" => Some(OsString::from(format!("{SECRET}\n"))),
        "EMPTY" => Some(OsString::from("\n")),
        "BROKEN" => Some(OsString::from(format!("{SECRET}\n{SECRET}"))),
        "SPOKEN" => Some(OsString::from(format!("Bearer {SECRET}"))),
        "PATH" => std::env::var_os("PATH"),
        _ => None,
    };
    let found = resolve_in(Whose::Target("s2-production"), from, environment, limit).await;
    if let Err(error) = &found {
        let told = format!("{error} {error:?}");
        assert!(told.contains("s2-production") && !told.contains(SECRET), "{told}");
    }
    found.map(|secret| secret.expose_secret().to_owned())
}

fn shell(script: &str) -> CredentialRef {
    CredentialRef::Command(["sh", "-c", script].map(str::to_owned).to_vec())
}

#[tokio::test]
async fn the_environment_gives_a_credential_or_a_named_error() {
    let env = |name: &str| CredentialRef::Env(name.to_owned());
    assert_eq!(found(&env("TOKEN")).await.unwrap(), SECRET);
    for (name, part) in
        [("MISSING", "is not set"), ("EMPTY", "is empty"), ("BROKEN", "control"), ("SPOKEN", "white space")]
    {
        let error = found(&env(name)).await.unwrap_err();
        assert!(error.what.contains(name) && error.what.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_everyone_can_read_is_refused_and_links_are_followed() {
    let place = tempfile::tempdir().unwrap();
    let real = place.path().join("..2026_11_21");
    std::fs::create_dir(&real).unwrap();
    let file = real.join("token");
    std::fs::write(&file, format!("{SECRET}\r\n")).unwrap();
    std::os::unix::fs::symlink("..2026_11_21", place.path().join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/token", place.path().join("token")).unwrap();
    let link = CredentialRef::File { path: place.path().join("token"), shown: true };

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o440)).unwrap();
    assert_eq!(found(&link).await.unwrap(), SECRET);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = found(&link).await.unwrap_err();
    assert!(error.what.contains("everyone can read") && error.advice.contains("defaultMode"), "{error}");
}

#[tokio::test]
async fn what_is_no_small_regular_file_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let error = found(&CredentialRef::File { path: place.path().to_owned(), shown: true }).await.unwrap_err();
    assert!(error.what.contains("no regular file"), "{error}");
    let large = place.path().join("large");
    std::fs::write(&large, vec![b'a'; MAX_CREDENTIAL_BYTES + 1]).unwrap();
    std::fs::set_permissions(&large, std::fs::Permissions::from_mode(0o600)).unwrap();
    let error = found(&CredentialRef::File { path: large, shown: true }).await.unwrap_err();
    assert!(error.what.contains("larger than"), "{error}");
    let error = found(&CredentialRef::File { path: place.path().join("missing"), shown: true }).await.unwrap_err();
    assert!(error.what.contains("cannot be read"), "{error}");
}

#[tokio::test]
async fn a_command_sees_only_path_and_home_and_gives_its_output() {
    assert_eq!(found(&shell(&format!("echo {SECRET}"))).await.unwrap(), SECRET);
    // PATH is handed over, TOKEN is not; the shell itself sets a few more.
    assert_eq!(found(&shell("echo \"${TOKEN:-none}${CARGO_MANIFEST_DIR:-none}\"")).await.unwrap(), "nonenone");
}

#[tokio::test]
async fn a_command_that_leaves_something_running_is_read_at_once() {
    // What stays behind keeps standard output open for longer than anybody waits for a credential.
    let from = shell(&format!("sleep 45 & echo {SECRET}"));
    assert_eq!(found(&from).await.unwrap(), SECRET);
    let from = shell(&format!("sleep 45 & echo {SECRET}; exit 3"));
    assert!(found(&from).await.unwrap_err().what.contains("failed"));
}

#[tokio::test]
async fn a_command_that_fails_hangs_or_floods_is_an_error_without_its_words() {
    let cases = [
        (format!("echo {SECRET}; echo {SECRET} >&2; exit 3"), "failed"),
        ("exec yes".to_owned(), "larger than"),
        ("true".to_owned(), "is empty"),
    ];
    for (script, part) in cases {
        let error = found(&shell(&script)).await.unwrap_err();
        assert!(error.what.contains(part), "{script}: {error}");
    }
    let hanging = shell(&format!("echo {SECRET}; exec sleep 60"));
    assert!(found_within(&hanging, Duration::from_millis(100)).await.unwrap_err().what.contains("did not end"));
    let missing = CredentialRef::Command(vec!["/nowhere/at/all".to_owned()]);
    assert!(found(&missing).await.unwrap_err().what.contains("does not start"));
}

#[tokio::test]
async fn what_a_command_started_is_killed_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let script = format!("sleep 600 & echo $! > '{0}.new'; mv '{0}.new' '{0}'; wait", pid.display());
    let child_is_gone = || {
        let child: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        // A killed one may be somebody's to wait for still: then it is there, as a zombie.
        let state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        state.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
    };
    let until = async |done: &dyn Fn() -> bool| {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while !done() {
            assert!(std::time::Instant::now() < deadline, "it did not come to that");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // At its deadline.
    let told = found_within(&shell(&script), Duration::from_secs(2)).await.unwrap_err();
    assert!(told.what.contains("did not end"), "{told}");
    until(&child_is_gone).await;
    // When nobody wants it any more.
    std::fs::remove_file(&pid).unwrap();
    let from = shell(&script);
    {
        let mut asking = std::pin::pin!(found(&from));
        let is_there = || pid.exists();
        tokio::select! {
            found = &mut asking => panic!("{found:?}"),
            () = until(&is_there) => {}
        }
    }
    until(&child_is_gone).await;
}

#[test]
fn only_the_named_claim_is_taken_from_a_jwt() {
    let jwt = |payload: &str| SecretString::from(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload)));
    let payload = r#"{"authenticationType":"scopedKey","scopedKeyKey":"k\u0031","scopedKeySecret":"s","n":[{}]}"#;
    assert_eq!(own_claim(&jwt(payload), "scopedKeyKey").as_deref(), Some("k1"));
    assert_eq!(own_claim(&jwt(payload), "other"), None);
    assert_eq!(own_claim(&jwt(payload), "n"), None, "a claim that is no text is none");
    assert_eq!(own_claim(&jwt(r#"{"k":"a","k":"b"}"#), "k"), None, "twice is none");
    assert_eq!(own_claim(&jwt(r#"{"k":"a"} x"#), "k"), None);
    for no_jwt in ["plain-token", "a.b", "a.!!.c", "a.b.c.d", ""] {
        assert_eq!(own_claim(&SecretString::from(no_jwt), "k"), None);
    }
}

#[tokio::test]
async fn a_credential_pasted_in_place_of_its_reference_is_not_echoed() {
    let path = std::path::PathBuf::from("/etc/portcullis").join(SECRET);
    let file = found(&CredentialRef::File { path, shown: false }).await.unwrap_err();
    let command = found(&CredentialRef::Command(vec![SECRET.to_owned()])).await.unwrap_err();
    for error in [file, command] {
        assert!(error.what.contains("named in `credential:`") && !format!("{error:?}").contains(SECRET), "{error:?}");
    }
}

#[tokio::test]
async fn an_error_names_whose_credential_it_is() {
    let from = CredentialRef::File { path: "/nowhere/x".into(), shown: false };
    let error = resolve(Whose::Watch("token"), &from).await.unwrap_err();
    assert!(error.to_string().starts_with("`watch: token:`: the file named in `token:` cannot be read"), "{error}");
    assert!(error.advice.ends_with("or change `token:`"), "{error:?}");
}
