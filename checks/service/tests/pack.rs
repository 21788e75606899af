//! Every fixture of the pack, natively and through a worker.

plumb_pack_host::pack_test!(plumb_pack_service::pack());
