/* A check pack in C: one check, which reads one value of the evidence.
 *
 * Build it with `make`; `plumb packs verify .` then tells whether it keeps the rules of the ABI. What matters:
 *  - the evidence holds what `pack.toml` declares in `needs`, and nothing else but `schema`;
 *  - a value that could not be collected is {"missing": "...", "reason": "..."}: answer `not-run`, never `pass`;
 *  - evidence that is not JSON is an error of the whole pack: return PLUMB_STATUS_ERROR with a reason.
 */
#include "plumb_pack.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char MANIFEST[] =
#include "manifest.inc"
    ;

/* ---- The check. */

#define CHECK "sample.kernel-version"
/* The limit that pack.toml documents. */
enum { MAJOR = 5, MINOR = 13 };

static int write_findings(const char *evidence, size_t length, char *out, size_t size) {
  static const char FINDING[] =
      "{\"findings\":[{\"check\":\"" CHECK "\",\"outcome\":\"%s\",\"subject\":\"node\",\"message\":\"%s\","
      "\"evidence\":[%s],\"likelihood\":\"setting\",\"confidence\":\"high\"}]}";
  Text whole = {evidence, evidence + length, 0}, node, value;
  char text[512], message[1024], citation[1024] = "";
  unsigned major, minor;
  const char *outcome = "not-run";

  Text rest = whole;
  if (!skip_value(&rest)) return -1;
  skip_space(&rest);
  if (rest.at != rest.end) return -1;

  if (!find(whole, "node", &node)) {
    snprintf(message, sizeof message, "the evidence has no `/node`");
  } else if (find(node, "missing", &value) && find(node, "reason", &value) && copy_string(value, text, sizeof text)) {
    snprintf(message, sizeof message, "%s", text);
  } else if (!find(node, "kernel", &value)) {
    snprintf(message, sizeof message, "the evidence has no `/node/kernel`");
  } else if (find(value, "reason", &rest) && copy_string(rest, text, sizeof text)) {
    snprintf(message, sizeof message, "%s", text);
  } else if (!copy_string(value, text, sizeof text) || sscanf(text, "%u.%u", &major, &minor) != 2) {
    snprintf(message, sizeof message, "`/node/kernel` is not a kernel release");
  } else {
    bool recent = major > MAJOR || (major == MAJOR && minor >= MINOR);
    outcome = recent ? "pass" : "warn";
    snprintf(message, sizeof message, recent ? "kernel %s has Landlock" : "kernel %s is older than Landlock", text);
    snprintf(citation, sizeof citation, "{\"source\":\"/proc/sys/kernel/osrelease\",\"value\":\"%s\"}", text);
  }
  return snprintf(out, size, FINDING, outcome, message, citation);
}

/* ---- The ABI. */

static PlumbSlice manifest(void) { return (PlumbSlice){(const uint8_t *)MANIFEST, sizeof MANIFEST - 1}; }

static int32_t reply_with(PlumbBuffer *reply, const char *text, size_t length, int32_t status) {
  uint8_t *copy = malloc(length + 1);
  if (copy == NULL) length = 0;
  else memcpy(copy, text, length);
  *reply = (PlumbBuffer){copy, length, length + 1};
  return status;
}

static int32_t evaluate(PlumbSlice evidence, PlumbBuffer *reply) {
  static const char NOT_JSON[] = "the evidence is not a JSON document";
  char out[4096];
  int length = write_findings((const char *)evidence.ptr, evidence.len, out, sizeof out);
  if (length < 0 || (size_t)length >= sizeof out) return reply_with(reply, NOT_JSON, sizeof NOT_JSON - 1, PLUMB_STATUS_ERROR);
  return reply_with(reply, out, (size_t)length, PLUMB_STATUS_OK);
}

static void release(PlumbBuffer buffer) { free(buffer.ptr); }

#if PLUMB_ABI_MINOR >= 1
/* There is one check only, so whichever is asked for, it is this one or none. */
static int32_t evaluate_checks(PlumbSlice checks, PlumbSlice evidence, PlumbBuffer *reply) {
  static const char NOTHING[] = "{\"findings\":[]}";
  size_t length = strlen(CHECK);
  for (size_t i = 0; i + length <= checks.len; i++) {
    if (memcmp(checks.ptr + i, CHECK, length) == 0) return evaluate(evidence, reply);
  }
  return reply_with(reply, NOTHING, sizeof NOTHING - 1, PLUMB_STATUS_OK);
}
#endif

static const PlumbPack PACK = {
    .magic = PLUMB_PACK_MAGIC,
    .abi_major = PLUMB_ABI_MAJOR,
    .abi_minor = PLUMB_ABI_MINOR,
    .size = sizeof(PlumbPack),
    .manifest = manifest,
    .evaluate = evaluate,
    .free = release,
#if PLUMB_ABI_MINOR >= 1
    .evaluate_checks = evaluate_checks,
#endif
};

const PlumbPack *plumb_pack_v1(void) { return &PACK; }
