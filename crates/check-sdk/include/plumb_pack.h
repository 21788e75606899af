/* The C ABI of Plumb check packs. Generated from crates/check-sdk/src/abi.rs; do not edit. */

#ifndef PLUMB_PACK_H
#define PLUMB_PACK_H

#include <stddef.h>
#include <stdint.h>

/* The first eight bytes of every table. */
#define PLUMB_PACK_MAGIC {'P', 'L', 'U', 'M', 'B', 'P', 'C', 'K'}

/* A pack exports this function; nothing else of it need be visible. */
struct PlumbPack;
#ifdef __cplusplus
extern "C"
#endif
#ifdef __GNUC__
__attribute__((visibility("default")))
#endif
const struct PlumbPack *plumb_pack_v1(void);

// Major version of the ABI; part of the name of the exported function.
#define PLUMB_ABI_MAJOR 1

// Minor version of the ABI that this header describes. 1 added `evaluate_checks`; 2 added `words` and findings with
// object, variant, arguments, intents and cause.
#define PLUMB_ABI_MINOR 2

// `evaluate` succeeded; the reply is a JSON document.
#define PLUMB_STATUS_OK 0

// `evaluate` failed; the reply is the reason as UTF-8 text.
#define PLUMB_STATUS_ERROR 1

// The pack panicked and caught it; the reply is the message as UTF-8 text.
#define PLUMB_STATUS_PANIC 2

// Bytes that the callee may read for the duration of the call.
typedef struct PlumbSlice {
  // First byte; may be null if `len` is 0.
  const uint8_t *ptr;
  // Number of bytes.
  size_t len;
} PlumbSlice;

// Bytes that the pack allocated and that only the pack's `free` may release.
typedef struct PlumbBuffer {
  // First byte; null for an empty buffer.
  uint8_t *ptr;
  // Number of bytes in use.
  size_t len;
  // For the pack's own use: what its allocator needs to release the buffer.
  size_t capacity;
} PlumbBuffer;

// What a pack is and does. All functions are called from one thread of the worker, never at the same time.
typedef struct PlumbPack {
  // The eight bytes `PLUMBPCK`, without a terminating zero.
  uint8_t magic[8];
  // `PLUMB_ABI_MAJOR`.
  uint32_t abi_major;
  // `PLUMB_ABI_MINOR` of the header that the pack was built with.
  uint32_t abi_minor;
  // Size of this table in bytes, as the pack was built.
  size_t size;
  // Returns the manifest as JSON. The memory belongs to the pack and stays valid for the life of the process.
  // [worker thread]
  struct PlumbSlice (*manifest)(void);
  // Runs all checks on the evidence (JSON, lent for the call) and stores a buffer in `reply`: for
  // `PLUMB_STATUS_OK` the JSON document `{"findings": […]}`, else a text. Returns a `PLUMB_STATUS_…`.
  // [worker thread]
  int32_t (*evaluate)(struct PlumbSlice evidence, struct PlumbBuffer *reply);
  // Releases a buffer that `evaluate` or `evaluate_checks` stored. [worker thread]
  void (*free)(struct PlumbBuffer buffer);
  // As `evaluate`, for the checks whose ids are in the JSON array `checks` (lent for the call) only. May be null:
  // then one check that crashes takes the answers of the whole pack with it. Since ABI 1.1. [worker thread]
  int32_t (*evaluate_checks)(struct PlumbSlice checks,
                             struct PlumbSlice evidence,
                             struct PlumbBuffer *reply);
  // Returns the sentences of the pack's checks as JSON: by language, by check, the text of a message file
  // (`{"en": {"my.check": "title = …"}}`). The memory belongs to the pack and stays valid for the life of the process.
  // May be null: then findings carry their own `message`. Since ABI 1.2. [worker thread]
  struct PlumbSlice (*words)(void);
} PlumbPack;

#endif  /* PLUMB_PACK_H */
