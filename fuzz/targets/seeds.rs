//! Writes what the targets begin with: `cargo run --bin seeds`, in this folder.

fn main() -> std::io::Result<()> {
    plumb_fuzz::write_seeds(std::path::Path::new("corpus"))
}
