//! Every case of the pack, natively and through a worker.

plumb_pack_host::pack_test!({{CRATE}}::pack());
