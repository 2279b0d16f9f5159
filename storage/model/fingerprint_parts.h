/* Pieces of the fingerprint. Private to storage/model. */
#ifndef TM_MODEL_FINGERPRINT_PARTS_H
#define TM_MODEL_FINGERPRINT_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "storage/model/str.h"

/* What a placeholder stands for. */
enum fold {
    FOLD_URL,
    FOLD_EMAIL,
    FOLD_TIME,
    FOLD_UUID,
    FOLD_IP,
    FOLD_PATH,
    FOLD_TEXT,
    FOLD_HEX,
    FOLD_NUMBER,
    FOLD_ID,
    FOLD_COUNT
};

/* "{url}" and so on, by enum fold. */
extern const struct str fold_names[FOLD_COUNT];

/* Text of a bounded size being written. Past its end everything is dropped; what is there stays whole. */
struct fold_text {
    char *text; /* room for max bytes and a NUL */
    size_t max;
    size_t len;
    bool full;
};

/* Appends all of piece or, if it does not fit, nothing for good. */
void fold_put(struct fold_text *out, struct str piece);
/* Appends one byte of input; control bytes as '?'. */
void fold_put_byte(struct fold_text *out, char c);
/* Ends the text with NUL, behind its last whole UTF-8 sequence. */
void fold_end(struct fold_text *out);

static inline bool fold_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool fold_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static inline bool fold_is_alnum(char c)
{
    return fold_is_digit(c) || fold_is_letter(c);
}

static inline bool fold_is_word(char c)
{
    return fold_is_alnum(c) || c == '_';
}

static inline bool fold_is_hex(char c)
{
    return fold_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static inline bool fold_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The byte at i, 0 past the end. */
static inline char fold_at(struct str text, size_t i)
{
    return i < text.len ? text.ptr[i] : '\0';
}

static inline struct str fold_from(struct str text, size_t i)
{
    return i < text.len ? (struct str){text.ptr + i, text.len - i} : (struct str){text.ptr, 0};
}

static inline bool fold_begins(struct str text, struct str prefix)
{
    return text.len >= prefix.len && (prefix.len == 0 || memcmp(text.ptr, prefix.ptr, prefix.len) == 0);
}

/* Where needle begins in text, text.len if nowhere. */
size_t fold_find(struct str text, struct str needle);

/* These say how many bytes from the start of text are one thing of a kind, 0 if none. before is the byte in
 * front of text, 0 at the start. None looks further than needed to tell. */

/* A URL with its scheme. */
size_t match_url(struct str text, char before);

/* An address of mail; a stop that ends the sentence is not in it. */
size_t match_email(struct str text, char before);

/* A date, a time of day or both, in the many ways that logs write them. */
size_t match_time(struct str text, char before);

/* A UUID with its four dashes. */
size_t match_uuid(struct str text, char before);

/* An address of IPv4, or of IPv6, bare or in brackets, with what belongs to it (port, prefix). */
size_t match_ip(struct str text, char before);

/* Six bytes of a network card in hex, with colons or dashes between. */
size_t match_mac(struct str text, char before);

/* A path of a file, absolute or relative, of Unix or Windows. */
size_t match_path(struct str text, char before);

/* 0x and hex digits, or the hash behind the @ of a Java object. */
size_t match_pointer(struct str text, char before);

/* A number with sign, fraction, exponent and units (17, -3.5, 1.5GB, 1m30s), but not the start of a word. */
size_t match_number(struct str text, char before);

/* Writes the word at the start of text (letters, digits, '_' and '-', at least one byte) with its ids folded
 * and returns its length. *only tells the one fold the whole word became, FOLD_COUNT otherwise; then nothing
 * was written for it. */
size_t fold_word(struct str text, struct fold_text *out, enum fold *only);

/* Writes message normalised. */
void fold_message(struct str message, struct fold_text *out);

enum frame_kind { FRAME_MANAGED, FRAME_NODE, FRAME_PYTHON, FRAME_GO, FRAME_C, FRAME_PHP, FRAME_KIND_COUNT };

/* One line of a stack; views into it. */
struct frame {
    enum frame_kind kind;
    struct str function;
    struct str file; /* empty where the function tells all */
};

enum { STACK_FRAMES_MAX = 3, STACK_SECTIONS_MAX = 8 };

/* One exception of a chain: its top frames. */
struct stack_section {
    struct str type; /* as its header line names it, empty if none does */
    struct frame app[STACK_FRAMES_MAX];
    size_t app_count;
    struct frame any[STACK_FRAMES_MAX];
    size_t any_count;
};

/* Finds the section that counts (rules 2 and 3 of fingerprint.h) in a stack's text. */
void stack_read(struct str stack, struct stack_section *out);

/* Is line, without its indentation, a frame? before is the line in front of it (Go writes two). */
bool frame_parse(struct str line, struct str before, struct frame *out);
/* Does it belong to the application? */
bool frame_is_app(const struct frame *frame);
/* Are they the same place, but for line numbers? */
bool frame_same(const struct frame *a, const struct frame *b);
/* Writes its normalised form. */
void frame_write(const struct frame *frame, struct fold_text *out);

#endif
