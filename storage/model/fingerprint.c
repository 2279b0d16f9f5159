#include "storage/model/fingerprint.h"

#include <stdio.h>

#include "storage/model/fingerprint_parts.h"

_Static_assert((int)STACK_FRAMES_MAX == (int)FINGERPRINT_FRAMES_MAX, "all frames of a section are used");

/* FNV-1a over 64 bits, then the finish of MurmurHash3, which spreads the last bytes over all bits. Every text
 * goes in behind its length, so that no two lists of texts are the same bytes. */
static const uint64_t fnv_basis = UINT64_C(0xcbf29ce484222325);
static const uint64_t fnv_prime = UINT64_C(0x100000001b3);

static uint64_t hash_byte(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * fnv_prime;
}

static uint64_t hash_text(uint64_t hash, struct str text)
{
    for (unsigned shift = 0; shift < 32; shift += 8)
        hash = hash_byte(hash, (unsigned char)(text.len >> shift));
    for (size_t i = 0; i < text.len; i++)
        hash = hash_byte(hash, (unsigned char)text.ptr[i]);
    return hash;
}

static uint64_t hash_finish(uint64_t hash)
{
    hash = (hash ^ hash >> 33) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ hash >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 33;
}

/* The message with '#' for each kind of id (rule 1). */
static uint64_t hash_message(uint64_t hash, struct str message)
{
    static const enum fold ids[] = {FOLD_NUMBER, FOLD_HEX, FOLD_ID, FOLD_UUID};
    char text[FINGERPRINT_MESSAGE_MAX];
    struct fold_text canonical = {.text = text, .max = sizeof text - 1};
    for (size_t at = 0; at < message.len;) {
        struct str rest = fold_from(message, at);
        size_t len = 0;
        for (size_t i = 0; len == 0 && i < sizeof ids / sizeof ids[0]; i++)
            len = fold_begins(rest, fold_names[ids[i]]) ? fold_names[ids[i]].len : 0;
        fold_put(&canonical, len ? STR("#") : (struct str){rest.ptr, 1});
        at += len ? len : 1;
    }
    return hash_text(hash, (struct str){text, canonical.len});
}

static struct str clip(struct str text, size_t max)
{
    return (struct str){text.ptr, text.len < max ? text.len : max};
}

/* java.lang.IllegalStateException is IllegalStateException in a list. */
static struct str short_type(struct str type)
{
    size_t from = 0;
    for (size_t i = 0; i + 1 < type.len; i++)
        if (type.ptr[i] == '.' || type.ptr[i] == '\\' || type.ptr[i] == ':')
            from = i + 1;
    return fold_from(type, from);
}

static void put_clean(struct fold_text *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        fold_put_byte(out, text.ptr[i]);
}

static void write_title(struct str type, struct fingerprint *out)
{
    struct fold_text title = {.text = out->title, .max = FINGERPRINT_TITLE_MAX};
    put_clean(&title, short_type(type));
    if (title.len > 0 && out->message[0])
        fold_put(&title, STR(": "));
    put_clean(&title, str_of(out->message));
    if (title.len == 0)
        fold_put(&title, STR("(no type, no message)"));
    fold_end(&title);
}

static void write_frames(const struct stack_section *section, struct fingerprint *out)
{
    const struct frame *frames = section->app_count ? section->app : section->any;
    out->frame_count = (uint32_t)(section->app_count ? section->app_count : section->any_count);
    for (uint32_t i = 0; i < out->frame_count; i++) {
        struct fold_text text = {.text = out->frame[i], .max = FINGERPRINT_FRAME_MAX};
        frame_write(&frames[i], &text);
        fold_end(&text);
    }
    struct fold_text cause = {.text = out->cause, .max = FINGERPRINT_FRAME_MAX};
    put_clean(&cause, section->type);
    fold_end(&cause);
}

void fingerprint_compute(struct str type, struct str message, struct str stack, struct fingerprint *out)
{
    struct stack_section section;
    // cppcheck-suppress ctuuninitvar ; only its address is taken, and it is cleared next
    struct fold_text folded = {.text = out->message, .max = FINGERPRINT_MESSAGE_MAX};
    memset(out, 0, sizeof *out);
    type = clip(type, FINGERPRINT_TYPE_MAX);
    fold_message(clip(message, FINGERPRINT_INPUT_MAX), &folded);
    fold_end(&folded);
    stack_read(clip(stack, FINGERPRINT_STACK_MAX), &section);
    write_frames(&section, out);
    write_title(type, out);

    uint64_t hash = hash_byte(fnv_basis, FINGERPRINT_VERSION);
    hash = hash_text(hash, type);
    hash = hash_message(hash, str_of(out->message));
    hash = hash_text(hash, str_of(out->cause));
    for (uint32_t i = 0; i < out->frame_count; i++)
        hash = hash_text(hash, str_of(out->frame[i]));
    out->hash = hash_finish(hash);
    (void)snprintf(out->hex, sizeof out->hex, "%016llx", (unsigned long long)out->hash);
}
