/* Packs that go wrong while they are loaded; which one is chosen when it is compiled. Never shipped. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plumb_pack.h"

__attribute__((unused)) static const char MANIFEST[] =
#include "manifest.inc"
    ;

#ifdef HANGING_INITIALISER
__attribute__((constructor)) static void hang(void) {
  for (;;) pause();
}
#endif

#ifdef READING_INITIALISER
/* An initialiser that gets hold of a secret stops the load; what the test wants to see is that it does not. */
__attribute__((constructor)) static void steal(void) {
  char byte;
  int fd = open("/etc/shadow", O_RDONLY);
  if (fd >= 0 && read(fd, &byte, 1) == 1) abort();
  fd = open("/tmp/plumb-zoo-was-here", O_WRONLY | O_CREAT, 0600);
  if (fd >= 0) abort();
  if (fork() >= 0) abort();
}
#endif

#if defined(FAKED_SEAL) || defined(WRITABLE_CODE)
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#endif

#ifdef FAKED_SEAL
#include <linux/filter.h>
#include <linux/seccomp.h>

/* From here on the kernel's answer to a filter is this one's: done, although nothing is. */
__attribute__((constructor)) static void fake(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {sizeof code / sizeof *code, code};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0) abort();
}
#endif

#ifdef WRITABLE_CODE
/* Memory to write and to run, by each way there is; one that works stops the load. */
__attribute__((constructor)) static void keep(void) {
  size_t page = 4096;
  int both = PROT_READ | PROT_WRITE | PROT_EXEC;
  if (mmap(NULL, page, both, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) abort();
  void *data = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED || mprotect(data, page, both) == 0) abort();
  if (mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) abort();
}
#endif

#ifndef MESSAGE
#define MESSAGE "loaded"
#endif

#define FINDING "{\"check\":\"sample.kernel-version\",\"outcome\":\"pass\",\"subject\":\"node\"," \
                "\"message\":\"" MESSAGE "\",\"likelihood\":\"setting\",\"confidence\":\"high\"}"
#define HEAD "{\"findings\":["

/* A reply with `n` findings; the test ends before anybody misses the memory. */
__attribute__((unused)) static PlumbBuffer findings(size_t n) {
  char *text = malloc(n * sizeof FINDING + sizeof HEAD + 2), *at = text;
  at = memcpy(at, HEAD, sizeof HEAD - 1);
  at += sizeof HEAD - 1;
  for (size_t i = 0; i < n; i++) {
    if (i > 0) *at++ = ',';
    memcpy(at, FINDING, sizeof FINDING - 1);
    at += sizeof FINDING - 1;
  }
  memcpy(at, "]}", 2);
  return (PlumbBuffer){(uint8_t *)text, (size_t)(at + 2 - text), 0};
}

__attribute__((unused)) static PlumbSlice manifest(void) {
#ifdef EMPTY_MANIFEST
  return (PlumbSlice){NULL, 0};
#else
  return (PlumbSlice){(const uint8_t *)MANIFEST, sizeof MANIFEST - 1};
#endif
}

__attribute__((unused)) static int32_t evaluate(PlumbSlice evidence, PlumbBuffer *reply) {
  (void)evidence;
#ifdef NULL_REPLY
  *reply = (PlumbBuffer){NULL, 99, 99};
#elif defined(STRANGE_STATUS)
  *reply = (PlumbBuffer){NULL, 0, 0};
  return 77;
#elif defined(NO_REPLY)
  (void)reply;
#else
#ifndef COUNT
#define COUNT 1
#endif
#ifdef LARGE_REPLY
  *reply = (PlumbBuffer){calloc(64, 1 << 20), 64 << 20, 0};
#else
  *reply = findings(COUNT);
#endif
#endif
  return PLUMB_STATUS_OK;
}

__attribute__((unused)) static void release(PlumbBuffer buffer) { (void)buffer; }

#ifndef TABLE_MAJOR
#define TABLE_MAJOR PLUMB_ABI_MAJOR
#endif
#ifndef TABLE_SIZE
#define TABLE_SIZE sizeof(PlumbPack)
#endif
#ifndef TABLE_MAGIC
#define TABLE_MAGIC PLUMB_PACK_MAGIC
#endif
#ifndef TABLE_MINOR
#define TABLE_MINOR PLUMB_ABI_MINOR
#endif
#ifdef NO_EVALUATE
#define EVALUATE NULL
#else
#define EVALUATE evaluate
#endif

/* What a later minor version might look like: fields that this plumb does not know follow. */
typedef struct {
  PlumbPack known;
  void (*later[4])(void);
} LaterPack;

__attribute__((unused)) static const LaterPack PACK = {
    .known =
        {
            .magic = TABLE_MAGIC,
            .abi_major = TABLE_MAJOR,
            .abi_minor = TABLE_MINOR,
            .size = TABLE_SIZE,
            .manifest = manifest,
            .evaluate = EVALUATE,
            .free = release,
        },
};

#ifdef OTHER_SYMBOL
__attribute__((visibility("default"))) const void *OTHER_SYMBOL(void);
const void *OTHER_SYMBOL(void) { return &PACK; }
#else
const PlumbPack *plumb_pack_v1(void) {
#ifdef NULL_TABLE
  return NULL;
#else
  return &PACK.known;
#endif
}
#endif
