//! Writes what the targets begin with: `cargo run --example seeds [BUNDLE…]`, in this folder.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bundles: Vec<std::path::PathBuf> = std::env::args_os().skip(1).map(Into::into).collect();
    plumb_fuzz::seeds::write(std::path::Path::new("corpus"), &bundles)
}
