/* A check pack in C whose findings have objects, sentences in several languages, and intents: ABI 1.2.
 *
 * Build it with `make`; `plumb packs verify .` then tells whether it keeps the rules of the ABI. What is new beside
 * samples/c-pack, which needs ABI 1.0 only:
 *  - a finding has no `message`: it names a sentence (`variant`) and the values in it (`args`), and `words` hands over the
 *    sentences, which are in en.ftl and de.ftl;
 *  - `object` says what was looked at, typed, and `intents` what would mend it: goals, never commands. Plumb holds each
 *    against the evidence, and makes commands of those that this node bears out;
 *  - `cause` is shared by findings that one change would mend.
 */
#include "plumb_pack.h"

#include "../c-pack/json.h"

#include <stdio.h>
#include <stdlib.h>

#if PLUMB_ABI_MINOR < 2
#error "this pack hands over its sentences, which came with ABI 1.2"
#endif

static const char MANIFEST[] =
#include "manifest.inc"
    ;

/* The message files as one JSON document: by language, by check. */
static const char WORDS[] =
#include "words.inc"
    ;

/* ---- The check. */

#define CHECK "sample.swappiness"
#define FILE_OF_IT "/proc/sys/vm/swappiness"
enum { HIGHEST = 10 };

static int write_findings(const char *evidence, size_t length, char *out, size_t size) {
  static const char HEAD[] =
      "{\"findings\":[{\"check\":\"" CHECK "\",\"outcome\":\"%s\",\"subject\":\"" FILE_OF_IT "\","
      "\"object\":{\"kind\":\"file\",\"id\":\"" FILE_OF_IT "\"},"
      "\"likelihood\":\"setting\",\"confidence\":\"high\",\"variant\":\"%s\"";
  /* Where evidence is missing, the sentence is Plumb's own, and needs the reason only. */
  static const char REASON[] = ",\"args\":{\"reason\":{\"text\":\"%s\"}}}]}";
  static const char VALUE[] =
      ",\"args\":{\"value\":{\"count\":%u}%s},\"evidence\":[{\"source\":\"" FILE_OF_IT "\",\"value\":\"%u\"}]%s}]}";
  Text whole = {evidence, evidence + length, 0}, rest = whole, sysctl, value, reason;
  char text[512], intent[512] = "", limit[64] = "";
  unsigned number;
  char end;

  if (!skip_value(&rest)) return -1;
  skip_space(&rest);
  if (rest.at != rest.end) return -1;

  bool missing = true;
  if (!find(whole, "sysctl", &sysctl)) {
    snprintf(text, sizeof text, "the evidence has no `/sysctl`");
  } else if (find(sysctl, "missing", &value) && find(sysctl, "reason", &reason) && copy_string(reason, text, sizeof text)) {
    /* All of it is missing, for the reason that is in `text` now. */
  } else if (!find(sysctl, "vm.swappiness", &value)) {
    snprintf(text, sizeof text, "the evidence has no `/sysctl/vm.swappiness`");
  } else if (find(value, "reason", &reason) && copy_string(reason, text, sizeof text)) {
    /* As above. */
  } else {
    missing = false;
  }

  int head, tail;
  if (missing) {
    head = snprintf(out, size, HEAD, "not-run", "no-answer");
    if (head < 0 || (size_t)head >= size) return head;
    tail = snprintf(out + head, size - (size_t)head, REASON, text);
  } else if (!copy_string(value, text, sizeof text) || sscanf(text, "%u %c", &number, &end) != 1) {
    head = snprintf(out, size, HEAD, "not-run", "not-a-number");
    if (head < 0 || (size_t)head >= size) return head;
    tail = snprintf(out + head, size - (size_t)head, "}]}");
  } else {
    bool high = number > HIGHEST;
    if (high) {
      snprintf(limit, sizeof limit, ",\"limit\":{\"count\":%d}", HIGHEST);
      snprintf(intent, sizeof intent,
               ",\"intents\":[{\"kind\":\"sysctl\",\"name\":\"vm.swappiness\",\"want\":\"%d\",\"was\":\"%u\"}],"
               "\"cause\":{\"key\":\"swapping\",\"object\":{\"kind\":\"node\"}}",
               HIGHEST, number);
    }
    head = snprintf(out, size, HEAD, high ? "fail" : "pass", high ? "swaps-early" : "swaps-late");
    if (head < 0 || (size_t)head >= size) return head;
    tail = snprintf(out + head, size - (size_t)head, VALUE, number, limit, number, intent);
  }
  return tail < 0 ? tail : head + tail;
}

/* ---- The ABI. */

static PlumbSlice manifest(void) { return (PlumbSlice){(const uint8_t *)MANIFEST, sizeof MANIFEST - 1}; }

static PlumbSlice words(void) { return (PlumbSlice){(const uint8_t *)WORDS, sizeof WORDS - 1}; }

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

/* There is one check only, so whichever is asked for, it is this one or none. */
static int32_t evaluate_checks(PlumbSlice checks, PlumbSlice evidence, PlumbBuffer *reply) {
  static const char NOTHING[] = "{\"findings\":[]}";
  size_t length = strlen(CHECK);
  for (size_t i = 0; i + length <= checks.len; i++) {
    if (memcmp(checks.ptr + i, CHECK, length) == 0) return evaluate(evidence, reply);
  }
  return reply_with(reply, NOTHING, sizeof NOTHING - 1, PLUMB_STATUS_OK);
}

static const PlumbPack PACK = {
    .magic = PLUMB_PACK_MAGIC,
    .abi_major = PLUMB_ABI_MAJOR,
    .abi_minor = PLUMB_ABI_MINOR,
    .size = sizeof(PlumbPack),
    .manifest = manifest,
    .evaluate = evaluate,
    .free = release,
    .evaluate_checks = evaluate_checks,
    .words = words,
};

const PlumbPack *plumb_pack_v1(void) { return &PACK; }
