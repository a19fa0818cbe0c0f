//! Remotes that hang, hide, or ask for a credential.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpListener,
    time::Duration,
};

use super::*;
use crate::watch::source::{address::Address, program::Program};

#[tokio::test]
async fn what_cannot_be_reached_says_what_to_do_and_is_found_again() {
    let Some(world) = World::new() else { return };
    let one = world.policy("1");
    let mut source = world.followed().await;
    world.git(&["checkout", "--quiet", "-b", "other"]);
    world.git(&["branch", "--quiet", "-D", "main"]);
    let told = source.fetch().await.unwrap_err();
    assert!(matches!(&told, SourceError::NoSuchRef { git_ref, .. } if git_ref == "refs/heads/main"), "{told}");
    // What shares its name in another place is not it.
    world.git(&["tag", "main"]);
    world.git(&["branch", "x/refs/heads/main"]);
    assert!(matches!(source.fetch().await, Err(SourceError::NoSuchRef { .. })));
    world.git(&["branch", "--quiet", "main"]);
    assert_eq!(commit_of(&source.fetch().await.unwrap()), one);

    fs::rename(world.at("origin"), world.at("away")).unwrap();
    let told = source.fetch().await.unwrap_err();
    assert!(matches!(told, SourceError::Unreachable { .. }), "{told}");
    drop(source);
    // A daemon that starts just now goes on with the commit in force, and only looks.
    let mut source = world.source();
    assert!(matches!(source.fetch().await, Err(SourceError::Unreachable { .. })));
    let last = source.last().await.unwrap().unwrap();
    assert_eq!((commit_of(&last), text_of(&last).as_str()), (one.as_str(), "1"));
    fs::rename(world.at("away"), world.at("origin")).unwrap();
    assert_eq!(source.fetch().await.unwrap(), last);
}

#[tokio::test]
async fn a_remote_that_hangs_ends_with_its_helpers() {
    let Some(world) = World::new() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/x.git", listener.local_addr().unwrap());
    // Takes the connection, never answers, and tells when the other end is gone.
    let gone = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Shorter than what the helper allows itself.
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        let mut part = [0; 4096];
        loop {
            match stream.read(&mut part) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            }
        }
    });
    let limits = Limits { ask: Duration::from_secs(2), ..Limits::default() };
    let told = world
        .source_within(GitOptions { address: address.into(), ..world.options() }, limits)
        .fetch()
        .await
        .unwrap_err();
    assert!(matches!(told, SourceError::TimedOut { .. }), "{told}");
    assert!(gone.join().unwrap(), "the helper that held the connection ended");
}

#[tokio::test]
async fn a_credential_goes_to_its_host_and_nowhere_else() {
    let Some(world) = World::new() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Asks for a credential, hears it, and refuses.
    let heard = std::thread::spawn(move || {
        loop {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut part = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                let read = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..read]);
            }
            let text = String::from_utf8(request).unwrap();
            let login = text.lines().find_map(|line| line.strip_prefix("Authorization: ").map(str::to_owned));
            let answer = if login.is_some() {
                "HTTP/1.1 403 Forbidden\r\n"
            } else {
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
            };
            stream.write_all(format!("{answer}Content-Length: 0\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
            if let Some(login) = login {
                return login;
            }
        }
    });
    let address = format!("http://robot:p%40ss%27%22$word@127.0.0.1:{port}/x.git");
    let options = || GitOptions { address: address.as_str().into(), ..world.options() };
    let mut source = world.source_with(options());
    let told = source.fetch().await.unwrap_err();
    assert!(matches!(told, SourceError::Unreachable { .. }), "{told}");
    // `robot:p@ss'"$word`
    assert_eq!(heard.join().unwrap(), "Basic cm9ib3Q6cEBzcyciJHdvcmQ=");
    let shown = format!("{told} {told:?} {} {:?} {:?}", source.place(), source, options());
    assert!(!shown.contains("ss'") && !shown.contains("p%40ss") && !shown.contains("$word"), "{shown}");
    assert_eq!(source.place(), format!("http://127.0.0.1:{port}/x.git"));
}

#[tokio::test]
async fn without_git_it_says_so() {
    let world = World { dir: tempfile::tempdir().unwrap() };
    let told = world.source().with_program("/nowhere/git").fetch().await.unwrap_err();
    assert!(matches!(told, SourceError::GitMissing { .. }), "{told}");
}

#[tokio::test]
async fn whoever_else_asks_for_the_credential_gets_none() {
    use tokio::io::AsyncWriteExt as _;

    let Some(world) = World::new() else { return };
    let address = Address::parse("https://robot:long-secret@git.example.com:8443/x.git").unwrap();
    let git = Program {
        name: "git".into(),
        keygen: "ssh-keygen".into(),
        repository: world.at("origin/.git"),
        settings: Vec::new(),
    };
    let asked = async |host: &str| {
        let mut command = git.command(Some(&address), &["credential".as_ref(), "fill".as_ref()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (mut child, _group) = Program::start(&mut command).unwrap();
        child.stdin.take().unwrap().write_all(format!("protocol=https\nhost={host}\n\n").as_bytes()).await.unwrap();
        String::from_utf8(child.wait_with_output().await.unwrap().stdout).unwrap()
    };
    assert!(asked("git.example.com:8443").await.contains("password=long-secret"));
    for other in ["git.example.com", "proxy.example.com:8443", "git.example.com.evil.example:8443"] {
        assert!(!asked(other).await.contains("long-secret"), "{other}");
    }
}

#[tokio::test]
async fn what_was_listed_and_could_not_be_written_down_is_written_down_once_it_can_be() {
    let Some(world) = World::new() else { return };
    world.policy("1");
    let mut source = world.followed().await;
    world.git(&["commit", "--quiet", "--amend", "--message", "rewritten"]);
    // As with a full disk: no new file.
    fs::create_dir(world.at("checkout/pinned.new")).unwrap();
    let told = source.fetch().await.unwrap_err();
    assert!(matches!(told, SourceError::Checkout { .. }), "{told}");
    assert!(source.is_behind());
    fs::remove_dir(world.at("checkout/pinned.new")).unwrap();
    fs::rename(world.at("origin"), world.at("away")).unwrap();
    assert!(matches!(source.fetch().await, Err(SourceError::Unreachable { .. })));
    drop(source);
    let mut source = world.source();
    source.last().await.unwrap().unwrap();
    assert!(source.is_behind(), "over a restart");
}

#[tokio::test]
async fn what_was_listed_and_not_taken_is_known_until_the_commit_in_force_is_listed_again() {
    let Some(world) = World::new() else { return };
    let one = world.policy("1");
    let mut source = world.followed().await;
    assert!(!source.is_behind());
    world.git(&["commit", "--quiet", "--amend", "--message", "rewritten"]);
    assert!(matches!(source.fetch().await, Err(SourceError::Rewritten { .. })));
    assert!(source.is_behind());
    fs::rename(world.at("origin"), world.at("away")).unwrap();
    assert!(matches!(source.fetch().await, Err(SourceError::Unreachable { .. })));
    assert!(source.is_behind(), "it told nothing since");
    drop(source);
    let mut source = world.source();
    source.last().await.unwrap().unwrap();
    assert!(source.is_behind(), "over a restart");
    fs::rename(world.at("away"), world.at("origin")).unwrap();
    world.git(&["reset", "--quiet", "--hard", &one]);
    source.fetch().await.unwrap();
    assert!(!source.is_behind());

    world.git(&["checkout", "--quiet", "-b", "other"]);
    world.git(&["branch", "--quiet", "-D", "main"]);
    assert!(matches!(source.fetch().await, Err(SourceError::NoSuchRef { .. })));
    assert!(source.is_behind());
    world.git(&["branch", "--quiet", "main"]);
    source.fetch().await.unwrap();
    // A head whose objects are not there.
    let two = world.policy("2");
    world.git(&["branch", "--quiet", "--force", "main", &two]);
    let tree = world.git(&["rev-parse", &format!("{two}^{{tree}}")]);
    let object = world.at("origin/.git/objects").join(&tree[..2]).join(&tree[2..]);
    fs::rename(&object, world.at("object")).unwrap();
    let told = source.fetch().await.unwrap_err();
    assert!(matches!(&told, SourceError::NotFetched { listed, .. } if *listed == two), "{told}");
    assert!(source.is_behind() && !told.is_out_of_reach());
    fs::rename(world.at("object"), &object).unwrap();
    assert_eq!(commit_of(&source.fetch().await.unwrap()), two);
    assert!(!source.is_behind());
}
