//! The help of every command is a golden file, and the command line is consistent in itself.

use clap::{CommandFactory as _, Parser as _};

use super::args::{Cli, Command};

#[test]
fn the_command_line_is_consistent() {
    super::command().debug_assert();
}

#[test]
fn the_help_of_every_command() {
    let mut command = super::command().term_width(100).max_term_width(100);
    command.build();
    let mut help = format!("$ portcullis --help\n{}", command.render_long_help());
    let names: Vec<String> = command.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != "help") {
        if let Some(one) = command.find_subcommand_mut(name) {
            help.push_str(&format!("\n\n$ portcullis {name} --help\n{}", one.render_long_help()));
        }
    }
    insta::assert_snapshot!(help);
}

#[test]
fn every_command_has_examples() {
    for command in Cli::command().get_subcommands() {
        let examples = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        assert!(examples.starts_with("Examples:\n  portcullis "), "{}", command.get_name());
    }
}

#[test]
fn what_the_documents_say_can_be_typed() {
    for line in [
        "plan --out plan.json --snapshot r.json --detailed-exitcode --check-guards --strict --expect-revocations a=1 --expect-revocations b=2",
        "apply plan.json --yes --reviewed-by anna --expect-revocations a=1 --retry-refused --new-journal --lock-wait 5",
        "apply --yes --lock-wait 3s --answer-within 2m",
        "revoke s2 service/x --because leaked --yes --kind access_tokens",
        "expect s2 28 --until 2h",
        "history --target s2 --target t --id x --principal y --since 2d --limit 5",
        "history --verify --format json",
        "snapshot --out r.json s2 t",
        "import s2 --config other.yaml",
        "sandbox --dir play --seed s2-tokens=5 --port 9000 --approve-after 3",
        "init --dir d --system s2 --schemas",
        "demo --keep kept",
        "schema plan",
        "completions zsh",
        "watch --git https://git.example.com/x.git --ref main --path p --people-path q.yaml --checkout d --allowed-signers f",
        "watch --git /srv/x.git --accept-rewrite 6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        "plan -vv --color never --log-format json --format markdown --policies p --people q",
    ] {
        let words = std::iter::once("portcullis").chain(line.split(' '));
        assert!(super::heed::parse(words).is_ok(), "{line}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for line in [
        "apply --reviewed-by anna",
        "plan --expect-revocations a",
        "revoke s2 x",
        "revoke s2 x --because  ",
        "expect s2 28",
        "history --verify --id x",
        "plan --format yaml",
        "watch-me",
        "validate --target s2",
        "schema policy --config x",
        "watch --ref main",
        "watch --path policies",
        "watch --accept-rewrite x",
    ] {
        let words = std::iter::once("portcullis").chain(line.split(' '));
        assert!(super::heed::parse(words).is_err(), "{line}");
    }
}

#[test]
fn a_repeated_target_narrows_to_all_of_them() {
    let cli = Cli::try_parse_from(["portcullis", "plan", "--target", "a", "--target", "b"]).unwrap();
    assert_eq!(cli.global.target, ["a", "b"]);
    assert!(matches!(cli.command, Command::Plan(_)));
}
