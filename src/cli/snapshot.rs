//! `portcullis snapshot`: a secret-free reading, to plan from without a credential.

use std::path::PathBuf;

use super::{
    Exit,
    failure::Result,
    files,
    resolve::Context,
    terminal::{self, say},
    work::{self, Readings},
};

/// Read targets and write down what is there, without any secret
///
/// `plan --snapshot FILE` then plans a pull request without a credential, with the reading's age shown. Run it where the
/// journal is: the file then holds what the journal knows of each entry, too, and the plan is the one that `apply` would
/// make. It names people and their access: treat it as internal.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis snapshot --out reading.json                  every target
  portcullis snapshot --out s2.json s2-production s2-staging")]
pub struct SnapshotArgs {
    /// The targets; all, where none is named
    #[arg(value_name = "TARGET")]
    pub of: Vec<String>,
    /// Where to write it; standard output otherwise
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Reads and writes.
///
/// # Errors
/// Configuration is broken, or the file cannot be written.
pub async fn run(context: &Context, args: &SnapshotArgs) -> Result<Exit> {
    let context = Context {
        targets: context.targets.iter().cloned().chain(args.of.iter().map(|name| name.as_str().into())).collect(),
        ..context.clone()
    };
    let readings = work::snapshot(&context).await?;
    match &args.out {
        // An empty file in place of an older reading would lose what there is.
        Some(path) if readings.read == 0 => {
            say(&format!("No target could be read, so {} is not written.", path.display()));
        }
        Some(path) => {
            files::write(path, &readings.text, "the reading")?;
            let targets = match readings {
                Readings { read, of, .. } if read < of => format!(" of {read} of {of} targets"),
                _ => String::new(),
            };
            say(&format!("The reading{targets} is in {0}: `portcullis plan --snapshot {0}`", path.display()));
        }
        None => terminal::print(&readings.text)?,
    }
    Ok(if readings.read < readings.of { Exit::Error } else { Exit::Done })
}
