/* Words that hold ids: user17, cart-7d9f8b6c5-x2x9q, cus_Nffrfeu1k. */
#include "storage/model/fingerprint_parts.h"

#define WORD(literal)                                                                                        \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }

/* Digits that name something, not one of many. */
static const struct str known[] = {
    WORD("utf8"),    WORD("utf16"),   WORD("utf32"),   WORD("http2"),   WORD("http3"),  WORD("ipv4"),
    WORD("ipv6"),    WORD("sha1"),    WORD("sha256"),  WORD("sha512"),  WORD("md5"),    WORD("base64"),
    WORD("oauth2"),  WORD("s3"),      WORD("ec2"),     WORD("log4j"),   WORD("slf4j"),  WORD("x86"),
    WORD("x64"),     WORD("i18n"),    WORD("k8s"),     WORD("h2"),      WORD("int8"),   WORD("int16"),
    WORD("int32"),   WORD("int64"),   WORD("uint8"),   WORD("uint16"),  WORD("uint32"), WORD("uint64"),
    WORD("float32"), WORD("float64"), WORD("rfc3339"), WORD("iso8601"), WORD("latin1"), WORD("win32"),
    WORD("amd64"),   WORD("arm64"),   WORD("v1"),      WORD("v2"),      WORD("v3"),
};

static bool is_known(struct str part)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t j = 0;
        if (known[i].len != part.len)
            continue;
        while (j < part.len && (part.ptr[j] | 0x20) == (known[i].ptr[j] | 0x20))
            j++;
        if (j == part.len)
            return true;
    }
    return false;
}

struct counts {
    size_t digits;
    size_t letters;
    size_t hex;
    size_t lower;
    size_t upper;
    size_t safe;  /* of the alphabet Kubernetes makes its suffixes of: no vowels, no 0, 1, 3 */
    size_t turns; /* from letter to digit or back */
};

static struct counts count(struct str part)
{
    struct counts c = {0};
    for (size_t i = 0; i < part.len; i++) {
        char at = part.ptr[i];
        c.digits += fold_is_digit(at);
        c.letters += fold_is_letter(at);
        c.hex += fold_is_hex(at);
        c.lower += at >= 'a' && at <= 'z';
        c.upper += at >= 'A' && at <= 'Z';
        c.safe += strchr("bcdfghjklmnpqrstvwxz2456789", at) != NULL;
        c.turns += i > 0 && fold_is_digit(at) != fold_is_digit(part.ptr[i - 1]);
    }
    return c;
}

/* What a part between '-' and '_' is: FOLD_COUNT is a word. *keep: that many letters in front stay. */
static enum fold classify(struct str part, bool behind_fold, size_t *keep)
{
    enum { HEX_MIN = 6, SUFFIX_LEN = 5, NO_VOWELS_MIN = 8, NO_VOWELS_MAX = 10, WORD_MAX = 64 };
    struct counts c = count(part);
    *keep = 0;
    bool suffix = behind_fold && part.len == SUFFIX_LEN;
    if (c.safe == part.len && (suffix || (part.len >= NO_VOWELS_MIN && part.len <= NO_VOWELS_MAX)))
        return c.digits == part.len ? FOLD_NUMBER : FOLD_ID;
    if (c.lower + c.upper + c.digits == part.len && part.len > WORD_MAX)
        return FOLD_ID;
    if (c.digits == 0 || is_known(part))
        return FOLD_COUNT;
    if (c.digits == part.len)
        return FOLD_NUMBER;
    if (c.hex == part.len && part.len >= HEX_MIN && (c.lower == 0 || c.upper == 0))
        return FOLD_HEX;
    if (c.turns == 1 && fold_is_letter(part.ptr[0])) {
        *keep = c.letters;
        return FOLD_NUMBER;
    }
    return FOLD_ID;
}

static size_t part_len(struct str text)
{
    size_t len = 0;
    while (fold_is_alnum(fold_at(text, len)))
        len++;
    return len;
}

static void put_bytes(struct fold_text *out, struct str text)
{
    for (size_t i = 0; i < text.len && !out->full; i++)
        fold_put_byte(out, text.ptr[i]);
}

/* Two folded parts with '-' or '_' between are one id. */
static void put_part(struct fold_text *out, enum fold fold, size_t *fold_at_len, char joint)
{
    if (out->full)
        return;
    if (*fold_at_len) {
        out->len = *fold_at_len - 1;
        fold_put(out, fold_names[FOLD_ID]);
    } else {
        *fold_at_len = out->len + (joint != '\0') + 1;
        if (joint)
            fold_put(out, (struct str){&joint, 1});
        fold_put(out, fold_names[fold]);
    }
}

size_t fold_word(struct str text, struct fold_text *out, enum fold *only)
{
    size_t at = 0;
    size_t last = 0; /* where the placeholder that the output ends in begins, + 1 */
    char joint = '\0';
    *only = FOLD_COUNT;
    for (;;) {
        struct str part = {text.ptr + at, part_len(fold_from(text, at))};
        size_t keep = 0;
        enum fold fold = part.len ? classify(part, last != 0, &keep) : FOLD_COUNT;
        at += part.len;
        char next = fold_at(text, at);
        bool ends = next != '_' && (next != '-' || !fold_is_word(fold_at(text, at + 1)));
        if (fold != FOLD_COUNT && keep == 0 && joint == '\0' && ends) {
            *only = fold;
            return at;
        }
        if (fold == FOLD_COUNT || keep) {
            if (joint)
                fold_put(out, (struct str){&joint, 1});
            put_bytes(out, (struct str){part.ptr, keep ? keep : part.len});
            last = keep ? out->len + 1 : 0;
            if (keep)
                fold_put(out, fold_names[fold]);
        } else {
            put_part(out, fold, &last, joint);
        }
        if (ends)
            return at;
        joint = next;
        at++;
    }
}
