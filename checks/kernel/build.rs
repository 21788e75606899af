//! Turns the pages of the checks into code.

fn main() {
    plumb_pack_build::pack("kernel");
}
