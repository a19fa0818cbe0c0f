//! CI: no pull request gets a credential, forges its own plan or runs what it brought; only the protected branch applies.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{listed, text, texts, yaml};
use crate::needs::has;

const GITHUB: &str = "examples/ci/github";
const PULL_REQUEST: [&str; 2] = ["branch/policies", "branch/people.yaml"];

fn workflows() -> Vec<(String, Value)> {
    listed(GITHUB).into_iter().map(|name| (name.clone(), yaml(&format!("{GITHUB}/{name}")))).collect()
}

fn jobs(workflow: &Value) -> impl Iterator<Item = (&String, &Value)> {
    workflow["jobs"].as_object().unwrap().iter()
}

fn steps(job: &Value) -> &Vec<Value> {
    job["steps"].as_array().unwrap()
}

/// What a workflow does wrong, as far as that can be told from its text.
fn mistakes(workflow: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if !workflow["permissions"].as_object().is_some_and(serde_json::Map::is_empty) {
        found.push("rights for every job".to_owned());
    }
    for (name, job) in jobs(workflow) {
        if job["permissions"].as_object().is_none_or(|rights| rights.values().any(|right| right == "write-all")) {
            found.push(format!("{name}: no rights of its own"));
        }
        if job.to_string().contains("secrets.") && !job["environment"].is_string() {
            found.push(format!("{name}: a secret without an environment"));
        }
        for step in steps(job) {
            let run = step["run"].as_str().unwrap_or_default();
            if run.contains("${{") {
                found.push(format!("{name}: an expression becomes part of a script: {run}"));
            }
            if let Some(uses) = step["uses"].as_str() {
                let commit = uses.split_once('@').map_or("", |(_, commit)| commit);
                if commit.len() != 40 || !commit.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                    found.push(format!("{name}: not pinned: {uses}"));
                }
                if uses.starts_with("actions/checkout@") && step["with"]["persist-credentials"] != false {
                    found.push(format!("{name}: the checkout keeps a token"));
                }
            }
        }
    }
    if workflow["on"].as_object().is_some_and(|on| on.contains_key("pull_request_target")) {
        found.extend(mistakes_with_a_stranger(workflow));
    }
    found
}

/// A job for a stranger's branch: it may lie there and be read, and no more.
fn mistakes_with_a_stranger(workflow: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let whole = workflow.to_string();
    for word in ["secrets.", "working-directory", "actions/cache", "pull_request.head"] {
        if whole.contains(word) {
            found.push(format!("{word} in a job for a stranger's branch"));
        }
    }
    for (_, job) in jobs(workflow) {
        let mut refuses_links = false;
        for step in steps(job) {
            let with = &step["with"];
            let of_stranger = with["ref"].as_str().is_some_and(|of| of.contains("refs/pull/"));
            if of_stranger != (with["path"] == "branch") {
                found.push("a stranger's branch lies where the protected one belongs".to_owned());
            }
            let Some(run) = step["run"].as_str() else { continue };
            if run.contains("find branch") && run.contains("-type l") {
                refuses_links = true;
                continue;
            }
            if !run.contains("branch/") && !run.contains("cd branch") {
                continue;
            }
            if !refuses_links || step.get("env").is_some() || job["env"].to_string().contains("token") {
                found.push(format!("a step reads the branch with its links, or with a token at hand: {run}"));
            }
            let words: Vec<&str> = run.split_whitespace().collect();
            let read = |pair: &[&str]| match pair {
                ["--policies" | "--people", value] => PULL_REQUEST.contains(value),
                [_, value] => !value.starts_with("branch"),
                _ => true,
            };
            if !words.windows(2).all(read) || words[0] != "portcullis" {
                found.push(format!("something of the branch is run: {run}"));
            }
        }
    }
    found
}

#[test]
fn github_workflows_are_tight() {
    let names: Vec<String> = workflows().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["check.yaml", "plan.yaml", "reviewed.yaml", "unattended.yaml"]);
    for (name, workflow) in workflows() {
        assert_eq!(mistakes(&workflow), [""; 0], "{name}");
        for line in text(&format!("{GITHUB}/{name}")).lines().filter(|line| line.contains("uses: ")) {
            assert!(line.contains(" # v"), "{name}: which version is it? {line}");
        }
    }
}

#[test]
fn a_workflow_with_a_mistake_is_found() {
    let plan = text(&format!("{GITHUB}/plan.yaml"));
    for (right, wrong) in [
        ("permissions: {}", "permissions: { contents: write }"),
        ("@11bd71901bbe5b1630ceea73d27597364c9af683", "@v4"),
        ("path: branch\n          persist-credentials: false", "path: branch\n          persist-credentials: true"),
        ("path: branch\n", "path: protected\n"),
        ("\"$NUMBER\" --body-file", "${{ github.event.pull_request.title }} --body-file"),
        ("portcullis plan --config", "branch/run --config"),
        ("          portcullis plan --config", "          cd branch && portcullis plan --config"),
        ("-type l", "-type f"),
        ("        id: plan\n", "        env: { GH_TOKEN: \"${{ github.token }}\" }\n"),
        ("env: { GH_TOKEN: \"${{ github.token }}\" }", "env: { S2_TOKEN: \"${{ secrets.S2_TOKEN }}\" }"),
    ] {
        assert!(plan.contains(right), "{right}");
        let workflow: Value = serde_yaml::from_str(&plan.replace(right, wrong)).unwrap();
        assert_ne!(mistakes(&workflow), [""; 0], "{wrong}");
    }
}

#[test]
fn github_plans_as_a_comment_and_applies_only_what_was_reviewed_on_main() {
    let of = |name: &str| yaml(&format!("{GITHUB}/{name}"));
    let plan = text(&format!("{GITHUB}/plan.yaml"));
    for part in [
        "--config protected/portcullis.yaml --policies branch/policies --people branch/people.yaml",
        "--snapshot reading.json",
        "--format markdown",
        "<!-- portcullis:plan -->",
        "--event schedule",
    ] {
        assert!(plan.contains(part), "{part}");
    }
    assert_eq!(of("reviewed.yaml")["on"]["push"]["branches"], serde_json::json!(["main"]));
    let reviewed = &of("reviewed.yaml")["jobs"];
    assert_ne!(reviewed["apply"]["environment"], reviewed["plan"]["environment"], "one needs a reviewer");
    assert!(reviewed["apply"].to_string().contains("apply plan.json --reviewed-by"));
    // Whose name is it that goes into the journal?
    let script = reviewed["apply"]["steps"][2]["run"].as_str().unwrap();
    let (_, filter) = script.split_once("--jq").unwrap();
    let filter = filter.split('\'').nth(1).unwrap();
    let approval = |state: &str, environment: &str, login: &str| serde_json::json!({ "state": state, "environments": [{ "name": environment }], "user": { "login": login } });
    let (anna, ben) = (approval("approved", "access", "anna"), approval("rejected", "access", "ben"));
    let other = approval("approved", "elsewhere", "eve");
    if has("jq") {
        assert_eq!(jq(filter, &serde_json::json!([ben, other, anna, anna])).as_deref(), Some("anna"));
        assert_eq!(jq(filter, &serde_json::json!([ben, other])), None, "nobody approved it");
        assert_eq!(jq(filter, &serde_json::json!([anna, approval("approved", "access", "carl")])), None, "two did");
    }
    for (name, job) in [("check.yaml", "check"), ("unattended.yaml", "apply")] {
        let workflow = of(name);
        assert!(workflow["on"]["schedule"][0]["cron"].is_string(), "{name}");
        assert_eq!(workflow["jobs"][job]["if"], "github.ref == 'refs/heads/main'", "{name}");
    }
    let check = of("check.yaml").to_string();
    assert!(check.contains("--detailed-exitcode") && check.contains("snapshot --out") && !check.contains("apply"));
    // Only the step that reads has the credential, not what was installed to read.
    for step in of("check.yaml")["jobs"]["check"]["steps"].as_array().unwrap() {
        let reads = step["run"].as_str().is_some_and(|run| run.starts_with("portcullis snapshot"));
        assert_eq!(step.to_string().contains("secrets."), reads, "{step}");
    }
}

#[test]
fn gitlab_jobs_stand_in_stages_and_only_the_default_branch_has_credentials() {
    const ENVIRONMENTS: [&str; 3] = ["access", "access-check", "access-comment"];
    let pipeline = yaml("examples/ci/gitlab/gitlab-ci.yaml");
    let stages: BTreeSet<String> = texts(&pipeline["stages"]).into_iter().collect();
    let jobs: Vec<(&String, &Value)> =
        pipeline.as_object().unwrap().iter().filter(|(name, _)| *name != "stages").collect();
    assert_eq!(jobs.len(), 7);
    for (name, job) in &jobs {
        assert!(stages.contains(job["stage"].as_str().unwrap()), "{name}");
        for needed in job.get("needs").map(texts).unwrap_or_default() {
            assert!(pipeline.get(&needed).is_some(), "{name} needs {needed}");
        }
        let script = texts(&job["script"]).join("\n");
        let [rule] = job["rules"].as_array().unwrap().as_slice() else { panic!("{name}: one rule") };
        let when = rule["if"].as_str().unwrap();
        let environment = job["environment"]["name"].as_str();
        assert!(environment.is_none_or(|name| ENVIRONMENTS.contains(&name)), "{name}");
        // Without it `curl --header` hands the token to whatever host a redirect names.
        assert!(!script.contains("--location") && !script.contains("curl -L"), "{name}");
        if when.contains("merge_request_event") {
            assert!(when.contains("$CI_PROJECT_PATH == $CI_MERGE_REQUEST_SOURCE_PROJECT_PATH"), "{name} of a fork");
            assert!(matches!(environment, None | Some("access-comment")), "{name} has a credential of a system");
            assert!(job.get("tags").is_none() && !script.contains("apply"), "{name}");
        } else {
            assert!(when.contains("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"), "{name}: {when}");
        }
        if script.contains("portcullis apply") {
            assert_eq!((&job["resource_group"], environment), (&"access".into(), Some("access")), "{name}");
        }
        if script.contains("--reviewed-by") {
            assert_eq!(rule["when"], "manual", "{name}");
        }
    }
    let plan = texts(&pipeline["access plan"]["script"]);
    refuses_links_before_it_reads(&plan);
    let tell = texts(&pipeline["access comment"]["script"]).join("\n");
    assert!(tell.contains("<!-- portcullis:plan -->") && tell.contains("$COMMENT_TOKEN"));
    assert!(!plan.join("\n").contains("COMMENT_TOKEN"), "what reads the branch has no token to comment");
}

#[test]
fn buildkite_steps_of_pull_requests_run_where_no_credential_is() {
    let pipeline = yaml("examples/ci/buildkite/pipeline.yaml");
    let mut applies = 0;
    for step in pipeline["steps"].as_array().unwrap() {
        let label = step.get("label").or(step.get("block")).unwrap();
        let when = step["if"].as_str().unwrap();
        let of_protected = when.contains("build.branch == pipeline.default_branch && build.pull_request.id == null");
        assert_ne!(of_protected, when.contains("build.pull_request.id != null"), "{label}: {when}");
        let Some(commands) = step.get("commands").map(texts) else {
            assert!(step.get("block").is_some() && of_protected, "{label}");
            continue;
        };
        assert_eq!(step["agents"]["queue"] == "access", of_protected, "{label}");
        for command in &commands {
            assert!(!command.replace("$$", "").contains('$'), "{label}: filled in while uploading: {command}");
        }
        let script = commands.join("\n");
        if script.contains("portcullis apply") || script.contains("plan.json") {
            assert_eq!((&step["concurrency"], &step["concurrency_group"]), (&1.into(), &"access".into()), "{label}");
            applies += 1;
        }
        if script.contains("--policies") {
            refuses_links_before_it_reads(&commands);
            assert_eq!(step["agents"]["queue"], "default", "{label}");
        }
        if script.contains("gh ") {
            assert_eq!(step["agents"]["queue"], "comment", "{label}");
            assert_eq!(step["checkout"]["skip"], true, "{label}: nothing of the branch lies beside the token");
            assert!(script.contains("<!-- portcullis:plan -->"), "{label}");
        }
    }
    assert_eq!(applies, 3);
    let whole = pipeline.to_string();
    assert!(whole.contains("--reviewed-by") && whole.contains("--detailed-exitcode"));
}

/// A plan may wait for its review for days, and a job be run again: the merge that it is of may be reverted by then.
#[test]
fn what_is_planned_to_be_applied_and_what_applies_goes_by_the_head_of_the_protected_branch() {
    let acts = |script: &str| script.contains("portcullis apply") || script.contains("--out plan.json");
    let mut jobs_seen = 0;
    for (name, workflow) in workflows() {
        for (job, steps) in jobs(&workflow).map(|(name, job)| (name, steps(job))) {
            if steps.iter().any(|step| step["run"].as_str().is_some_and(acts)) {
                assert_eq!(steps[0]["with"]["ref"], "refs/heads/main", "{name}: {job}");
                jobs_seen += 1;
            }
        }
    }
    let gitlab = yaml("examples/ci/gitlab/gitlab-ci.yaml");
    let scripts = gitlab.as_object().unwrap().values().filter_map(|job| job.get("script"));
    let buildkite = yaml("examples/ci/buildkite/pipeline.yaml");
    let commands = buildkite["steps"].as_array().unwrap().iter().filter_map(|step| step.get("commands"));
    for lines in scripts.chain(commands).map(texts).filter(|lines| acts(&lines.join("\n"))) {
        goes_to_the_head(&lines[0].replace("$$", "$"));
        jobs_seen += 1;
    }
    assert_eq!(jobs_seen, 9);
}

/// Runs the first line of a job in a checkout of an older commit, with the reviewed plan beside it and a tag in the way.
fn goes_to_the_head(line: &str) {
    if !has("git") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let run = |program: &str, args: &[&str]| {
        let mut command = std::process::Command::new(program);
        command.current_dir(dir.path()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", dir.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Anna").env(format!("GIT_{who}_EMAIL"), "anna@example.com");
        }
        command.env("CI_DEFAULT_BRANCH", "main").env("BUILDKITE_PIPELINE_DEFAULT_BRANCH", "main");
        let output = command.args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let git = |args: &[&str]| run("git", args);
    git(&["init", "--quiet", "--initial-branch=main", "origin"]);
    git(&["-C", "origin", "commit", "--quiet", "--allow-empty", "--message", "a merge"]);
    git(&["clone", "--quiet", "origin", "checkout"]);
    std::fs::write(dir.path().join("checkout/plan.json"), "reviewed").unwrap();
    git(&["-C", "origin", "tag", "main"]);
    git(&["-C", "origin", "commit", "--quiet", "--allow-empty", "--message", "its revert"]);
    run("sh", &["-c", &format!("cd checkout && {line}")]);
    let head = |place: &str| git(&["-C", place, "rev-parse", "HEAD"]);
    assert_eq!(head("checkout"), head("origin"), "{line}");
    assert_eq!(std::fs::read_to_string(dir.path().join("checkout/plan.json")).unwrap(), "reviewed", "{line}");
}

/// What the filter says to a document; none where it ends with an error.
fn jq(filter: &str, document: &Value) -> Option<String> {
    use std::io::Write as _;
    let mut command = std::process::Command::new("jq");
    command
        .env("BOT", "bot")
        .args(["--arg", "me", "bot", "--raw-output", filter])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped());
    let mut child = command.stderr(std::process::Stdio::null()).spawn().expect("the program `jq`");
    child.stdin.take().unwrap().write_all(document.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// Anybody may write a comment that begins like the plan; a job that fills it in lends its words to whoever may edit it.
#[test]
fn a_plan_takes_the_place_of_its_own_comment_only() {
    if !has("jq") {
        return;
    }
    let own = |login: &str| serde_json::json!([{ "id": 7, "user": { "login": login }, "author": { "username": login }, "body": "<!-- portcullis:plan -->\n" }]);
    for (file, bot) in [
        (format!("{GITHUB}/plan.yaml"), "github-actions[bot]"),
        ("examples/ci/buildkite/pipeline.yaml".to_owned(), "bot"),
        ("examples/ci/gitlab/gitlab-ci.yaml".to_owned(), "bot"),
    ] {
        let text = text(&file);
        let filter = text.split('\'').find(|part| part.contains("portcullis:plan")).unwrap();
        assert_eq!(jq(filter, &own(bot)).as_deref(), Some("7"), "{file}");
        assert_eq!(jq(filter, &own("eve")).unwrap_or_default(), "", "{file}");
    }
}

/// The operator's file of another base branch may be anything.
#[test]
fn only_pull_requests_for_the_protected_branch_are_planned() {
    assert_eq!(
        yaml(&format!("{GITHUB}/plan.yaml"))["on"]["pull_request_target"]["branches"],
        serde_json::json!(["main"])
    );
    for step in yaml("examples/ci/buildkite/pipeline.yaml")["steps"].as_array().unwrap() {
        let when = step["if"].as_str().unwrap();
        let planned = when.contains("build.pull_request.id != null");
        assert_eq!(planned, when.contains("build.pull_request.base_branch == pipeline.default_branch"), "{when}");
    }
}

#[test]
fn buildkite_agents_run_nothing_of_a_branch_and_lend_credentials_to_the_protected_one_only() {
    let settings = text("examples/ci/buildkite/buildkite-agent.cfg");
    for line in ["no-local-hooks=true", "no-plugins=true", "no-git-submodules=true"] {
        assert!(settings.lines().any(|one| one == line), "{line}");
    }
    let header = text("examples/ci/buildkite/pipeline.yaml");
    for part in ["buildkite-agent.cfg", "hooks/pre-bootstrap", "Build no pull request before"] {
        assert!(header.contains(part), "{part}");
    }
    let dir = tempfile::tempdir().unwrap();
    let lets_in = |lines: &str| {
        let file = dir.path().join("env");
        std::fs::write(&file, lines).unwrap();
        let mut hook = std::process::Command::new(super::path("examples/ci/buildkite/hooks/pre-bootstrap"));
        hook.env("BUILDKITE_ENV_FILE", file).output().unwrap().status.success()
    };
    let build = |pipeline: &str, branch: &str, pull_request: &str| {
        let own = format!("BUILDKITE_PIPELINE_SLUG=\"{pipeline}\"\nBUILDKITE_BRANCH=\"{branch}\"\n");
        lets_in(&format!(
            "A=\"x\\nBUILDKITE_PULL_REQUEST=\\\"false\\\"\"\n{own}BUILDKITE_PULL_REQUEST=\"{pull_request}\"\n"
        ))
    };
    assert!(build("access", "main", "false"));
    for (pipeline, branch, pull_request) in
        [("access", "main", "7"), ("access", "feature", "false"), ("other", "main", "false"), ("access", "", "false")]
    {
        assert!(!build(pipeline, branch, pull_request), "{pipeline} {branch} {pull_request}");
    }
    assert!(!lets_in(""), "what is not known is not let in");
}

/// The plan of a branch: the operator's file of the protected branch, the branch's policies, and no link among them.
fn refuses_links_before_it_reads(commands: &[String]) {
    let links = commands.iter().position(|line| line.contains("find policies people.yaml -type l")).unwrap();
    let plan = commands.iter().position(|line| line.starts_with("portcullis plan")).unwrap();
    assert!(links < plan, "{commands:?}");
    // A bare name may be a tag's, which whoever may push anything can set.
    let fetch = commands.iter().find(|line| line.starts_with("git fetch origin \"refs/heads/$")).unwrap();
    assert!(fetch.contains("protected FETCH_HEAD"), "{fetch}");
    for part in [
        "--config protected/portcullis.yaml --policies policies --people people.yaml",
        "--snapshot",
        "--format markdown",
    ] {
        assert!(commands[plan].contains(part), "{part}");
    }
}
