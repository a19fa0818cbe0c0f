//! The command line of Portcullis.

fn main() -> std::process::ExitCode {
    portcullis::cli::main()
}
