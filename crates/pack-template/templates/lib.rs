//! The pack `{{PACK}}`: say in one line what its checks have in common.

use plumb_check_sdk::export_pack;

#[doc(hidden)]
pub mod pages {
    //! What the build makes of the pages beside the checks.
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}
mod {{MODULE}};

export_pack! {
    id: "{{PACK}}",
    pages: pages,
}
