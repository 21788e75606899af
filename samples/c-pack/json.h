/* As much JSON as the samples need: skip a value, find a member, copy a string. */
#ifndef SAMPLE_JSON_H
#define SAMPLE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct {
  const char *at;
  const char *end;
  int depth;
} Text;

static void skip_space(Text *t) {
  while (t->at < t->end && strchr(" \t\r\n", *t->at) != NULL && *t->at != '\0') t->at++;
}

static bool skip_string(Text *t) {
  if (t->at >= t->end || *t->at != '"') return false;
  for (t->at++; t->at < t->end; t->at++) {
    if (*t->at == '\\') {
      t->at++;
    } else if (*t->at == '"') {
      t->at++;
      return true;
    }
  }
  return false;
}

static bool skip_value(Text *t);

/* Skips an object or array; `t` is behind the opening bracket. */
static bool skip_members(Text *t, char closing) {
  skip_space(t);
  if (t->at < t->end && *t->at == closing) {
    t->at++;
    return true;
  }
  for (;;) {
    if (closing == '}') {
      skip_space(t);
      if (!skip_string(t)) return false;
      skip_space(t);
      if (t->at >= t->end || *t->at++ != ':') return false;
    }
    if (!skip_value(t)) return false;
    skip_space(t);
    if (t->at >= t->end) return false;
    char c = *t->at++;
    if (c == closing) return true;
    if (c != ',') return false;
  }
}

static bool skip_value(Text *t) {
  skip_space(t);
  if (t->at >= t->end || t->depth > 256) return false;
  if (*t->at == '"') return skip_string(t);
  if (*t->at == '{' || *t->at == '[') {
    char closing = *t->at == '{' ? '}' : ']';
    t->at++;
    t->depth++;
    bool whole = skip_members(t, closing);
    t->depth--;
    return whole;
  }
  const char *start = t->at;
  while (t->at < t->end && *t->at != '\0' && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *t->at) != NULL) t->at++;
  return t->at > start;
}

/* Finds the value of a member of the object at `t`. */
static bool find(Text t, const char *name, Text *value) {
  size_t length = strlen(name);
  skip_space(&t);
  if (t.at >= t.end || *t.at++ != '{') return false;
  for (;;) {
    skip_space(&t);
    const char *key = t.at;
    if (!skip_string(&t)) return false;
    bool same = (size_t)(t.at - key) == length + 2 && memcmp(key + 1, name, length) == 0;
    skip_space(&t);
    if (t.at >= t.end || *t.at++ != ':') return false;
    skip_space(&t);
    const char *start = t.at;
    if (!skip_value(&t)) return false;
    if (same) {
      *value = (Text){start, t.at, 0};
      return true;
    }
    skip_space(&t);
    if (t.at >= t.end || *t.at++ != ',') return false;
  }
}

/* Copies a string value as it stands in the JSON text, escapes included: it goes back into JSON text. */
static bool copy_string(Text t, char *to, size_t size) {
  size_t length = (size_t)(t.end - t.at);
  if (length < 2 || *t.at != '"' || length - 2 >= size) return false;
  memcpy(to, t.at + 1, length - 2);
  to[length - 2] = '\0';
  return true;
}

#endif
