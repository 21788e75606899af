//! The pack `{{PACK}}`: say in one line what its checks have in common.

use plumb_check_sdk::export_pack;

mod {{MODULE}};

export_pack! {
    id: "{{PACK}}",
    pages: pages,
}
