//! Real keys and real signatures.

use super::*;

/// Keys of two people, of whom the first is allowed.
struct Keys<'a>(&'a World);

impl Keys<'_> {
    fn make(&self, name: &str) -> PathBuf {
        let path = self.0.at(name);
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&path).status();
        assert!(made.unwrap().success());
        path
    }

    fn allow(&self, names: &[&str]) -> PathBuf {
        let lines = names.iter().map(|name| {
            let key = fs::read_to_string(self.0.at(&format!("{name}.pub"))).unwrap();
            format!("{name}@example.com namespaces=\"git\" {key}")
        });
        let path = self.0.at("signers");
        fs::write(&path, lines.collect::<String>()).unwrap();
        path
    }

    fn signed(&self, key: &Path, text: &str) -> String {
        self.0.write("policies/a.yaml", text);
        self.0.git(&["add", "--all"]);
        let key = format!("user.signingKey={}", key.display());
        self.0.git(&["-c", "gpg.format=ssh", "-c", &key, "commit", "--quiet", "--gpg-sign", "--message", "signed"]);
        self.0.git(&["rev-parse", "HEAD"])
    }
}

#[tokio::test]
async fn only_signed_commits_are_taken_where_signatures_are_asked_for() {
    if !has("ssh-keygen") {
        return;
    }
    let Some(world) = World::new() else { return };
    let keys = Keys(&world);
    let (anna, eve) = (keys.make("anna"), keys.make("eve"));
    let signers = keys.allow(&["anna"]);
    let options = || GitOptions { allowed_signers: Some(signers.clone()), ..world.options() };
    let refused = |told: Result<Checkout, SourceError>, commit: &str, why: &str| {
        let told = told.unwrap_err();
        let is_it = matches!(&told, SourceError::NotSigned { commit: of, .. } if of == commit);
        assert!(is_it && told.to_string().contains(why), "{told}");
    };
    let good = keys.signed(&anna, "1");
    let mut source = world.source_with(options());
    assert_eq!(commit_of(&source.fetch().await.unwrap()), good);

    let unsigned = world.policy("2");
    refused(source.fetch().await, &unsigned, "it is not signed");
    assert_eq!(commit_of(&source.last().await.unwrap().unwrap()), good, "the last verified one stays");
    let by_eve = keys.signed(&eve, "3");
    refused(source.fetch().await, &by_eve, "none of the allowed signers");
    let words = world
        .commit_with(&["--message", "gpgsig -----BEGIN SSH SIGNATURE-----\n\ngpgsig -----BEGIN SSH SIGNATURE-----"]);
    refused(source.fetch().await, &words, "it is not signed");
    // Another kind of signature counts for nothing, whatever keys this user's keyring holds.
    let object = world.git(&["cat-file", "commit", "HEAD"]);
    let (header, message) = object.split_once("\n\n").unwrap();
    let pgp =
        format!("{header}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n{message}\n");
    let pgp = world.git_with(&["hash-object", "-t", "commit", "-w", "--stdin"], pgp.as_bytes());
    world.git(&["reset", "--quiet", "--hard", &by_eve]);
    world.git(&["update-ref", "refs/heads/main", &pgp]);
    refused(source.fetch().await, &pgp, "another way than by SSH");
    // A signature that was moved to another commit.
    let stolen = world.git(&["cat-file", "commit", &good]).replace("signed", "stolen");
    let stolen = world.git_with(&["hash-object", "-t", "commit", "-w", "--stdin"], format!("{stolen}\n").as_bytes());
    world.git(&["update-ref", "refs/heads/main", &stolen]);
    refused(
        world.source_with(GitOptions { checkout: Some(world.at("new")), ..options() }).fetch().await,
        &stolen,
        "wrong",
    );

    world.git(&["update-ref", "refs/heads/main", &by_eve]);
    world.git(&["reset", "--quiet", "--hard"]);
    keys.allow(&["anna", "eve"]);
    assert_eq!(commit_of(&source.fetch().await.unwrap()), by_eve, "the file is read anew");
    keys.allow(&["anna"]);
    refused(source.fetch().await, &by_eve, "none of the allowed signers");
    assert!(
        matches!(source.last().await, Err(SourceError::NotSigned { .. })),
        "what was verified once is not for ever"
    );
    fs::remove_file(&signers).unwrap();
    assert!(matches!(source.fetch().await, Err(SourceError::Signers { .. })));
}

#[tokio::test]
async fn a_key_that_ran_out_signs_nothing_whatever_date_a_commit_bears() {
    if !has("ssh-keygen") {
        return;
    }
    let Some(world) = World::new() else { return };
    let keys = Keys(&world);
    let anna = keys.make("anna");
    let signers = keys.allow(&["anna"]);
    let line = fs::read_to_string(&signers).unwrap();
    let allow = |window: &str| {
        fs::write(&signers, line.replacen("namespaces=\"git\"", &format!("namespaces=\"git\",{window}"), 1)).unwrap();
    };
    let options = || GitOptions { allowed_signers: Some(signers.clone()), ..world.options() };
    world.write("policies/a.yaml", "1");
    world.git(&["add", "--all"]);
    let key = format!("user.signingKey={}", anna.display());
    let mut command = world.command(&[
        "-c",
        "gpg.format=ssh",
        "-c",
        &key,
        "commit",
        "--quiet",
        "--gpg-sign",
        "--message",
        "backdated",
    ]);
    let made = command.env("GIT_COMMITTER_DATE", "2020-06-01T12:00:00Z").status().unwrap();
    assert!(made.success());
    let backdated = world.git(&["rev-parse", "HEAD"]);

    allow("valid-before=\"20210101\"");
    // So git itself would take it.
    let setting = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    world.git(&["-c", &setting, "verify-commit", &backdated]);
    let mut source = world.source_with(options());
    let told = source.fetch().await.unwrap_err();
    assert!(matches!(&told, SourceError::NotSigned { commit, .. } if *commit == backdated), "{told}");
    assert!(told.to_string().contains("as of now"), "{told}");
    allow("valid-before=\"20991231\"");
    assert_eq!(commit_of(&source.fetch().await.unwrap()), backdated);
    let left = fs::read_dir(world.at("checkout/repository.git")).unwrap();
    assert_eq!(
        left.filter(|found| found.as_ref().unwrap().file_name().to_string_lossy().starts_with("tmp_")).count(),
        0
    );
}

#[tokio::test]
async fn without_ssh_keygen_it_says_so_whatever_the_commit() {
    let Some(world) = World::new() else { return };
    world.policy("not signed");
    let signers = world.at("signers");
    fs::write(&signers, "").unwrap();
    let options = GitOptions { allowed_signers: Some(signers), ..world.options() };
    let told = world.source_with(options).with_keygen("/nowhere/ssh-keygen").fetch().await.unwrap_err();
    assert!(matches!(told, SourceError::KeygenMissing { .. }), "{told}");
    assert!(told.advice().contains("ssh-keygen"));
}
