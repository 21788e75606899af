//! How memory is taken from the system while many bundles are analysed.

/// Lets memory that one bundle needed stay for the next: each of them is read into some ten thousand pieces, and by default
/// the C library gives them back and takes them again every time, which is a tenth of the whole time.
pub(crate) fn keep() {
    #[cfg(target_env = "gnu")]
    {
        const KEPT: libc::c_int = 256 << 20;
        const PIECE: libc::c_int = 64 << 20;
        #[expect(unsafe_code, reason = "the C library's allocator has no other interface")]
        // SAFETY: the calls take numbers only; a setting that is refused changes nothing, so that their result is of no use.
        unsafe {
            libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
            libc::mallopt(libc::M_MMAP_THRESHOLD, PIECE);
            libc::mallopt(libc::M_TOP_PAD, 16 << 20);
        }
    }
}
