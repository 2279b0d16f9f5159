/* What the parts of the RE2 reader share. Private to matcher_re2*.c. */
#ifndef TM_STORAGE_MATCHER_RE2_PRIVATE_H
#define TM_STORAGE_MATCHER_RE2_PRIVATE_H

#include "storage/selector/matcher_re2.h"

struct re2_reader {
    struct str text;
    size_t at;
    struct bytes *out;
    struct tm_why *why;
    bool fold;       /* (?i) */
    bool lines;      /* (?m) */
    bool dot_all;    /* (?s), on from the start of a matcher's as in Prometheus */
    bool captures;   /* groups are kept, and so is laziness, which decides what they hold */
    bool lazy;       /* (?U), looked at if groups are kept */
    size_t depth;    /* open groups */
    uint32_t repeat; /* counted repetitions of the last atom, multiplied */
    size_t name_count;
    struct str names[RE2_NAMES_MAX];
};

/* Fails with the sentence "byte N of the pattern: what". */
enum tm_err re2_fail(const struct re2_reader *r, size_t at, const char *what) TM_MUST_CHECK;

/* Does the rest begin with token? */
bool re2_looking_at(const struct re2_reader *r, struct str token);

/* Reads one UTF-8 character into *code and steps over it; there is one. */
enum tm_err re2_read_code(struct re2_reader *r, uint32_t *code) TM_MUST_CHECK;

/* Reads an escape that stands for one character (the reader stands on its backslash) into *code. */
enum tm_err re2_read_escape(struct re2_reader *r, uint32_t *code) TM_MUST_CHECK;

/* Writes a character so that PCRE2 takes it literally, inside brackets or outside. */
void re2_put_code(struct re2_reader *r, uint32_t code);

/* Reads \d \D \s \S \w \W \pN \p{Name} and their negations if the reader stands on one; *found says so.
 * inside: within brackets. */
enum tm_err re2_read_class_escape(struct re2_reader *r, bool inside, bool *found) TM_MUST_CHECK;

/* Reads a bracket expression; the reader stands on its `[`. */
enum tm_err re2_read_brackets(struct re2_reader *r) TM_MUST_CHECK;

#endif
