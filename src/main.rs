//! The command line of Portcullis.

/// Gives memory back once a large reading is done: the system's allocator keeps it, and the daemon reads for months.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    portcullis::cli::main()
}
