/* Cleaning, cutting and measuring of texts. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>

#include "reports/figures/lettering.h"

enum {
    INPUT_MAX = 512,  /* bytes that are looked at: more fit into no figure */
    CLUSTER_MAX = 40, /* bytes of one character with its marks: more is mischief */
    REPLACEMENT = 0xfffd
};

enum tm_err lettering_open(struct lettering *lettering)
{
    int fault;
    PCRE2_SIZE at;
    pcre2_code *pattern = pcre2_compile((PCRE2_SPTR) "\\X", 2, PCRE2_UTF, &fault, &at, NULL);
    lettering->pattern = pattern;
    lettering->match = pattern ? pcre2_match_data_create(1, NULL) : NULL;
    return lettering->match ? TM_OK : TM_NOMEM;
}

void lettering_close(struct lettering *lettering)
{
    pcre2_match_data_free(lettering->match);
    pcre2_code_free(lettering->pattern);
    *lettering = (struct lettering){0};
}

/* ---- characters ---- */

/* The character at text and its length; REPLACEMENT and 1 where it is no UTF-8. */
static size_t decode(struct str text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *b = (const unsigned char *)text.ptr;
    size_t len = b[0] < 0x80             ? 1
                 : (b[0] & 0xe0) == 0xc0 ? 2
                 : (b[0] & 0xf0) == 0xe0 ? 3
                 : (b[0] & 0xf8) == 0xf0 ? 4
                                         : 0;
    *code = REPLACEMENT;
    if (len == 0 || len > text.len)
        return 1;
    uint32_t c = len == 1 ? b[0] : b[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 1;
        c = c << 6 | (b[i] & 0x3fU);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 1;
    *code = (c & 0xfffe) == 0xfffe ? REPLACEMENT : c; /* XML forbids U+FFFE and U+FFFF */
    return len;
}

static void put_code(struct bytes *out, uint32_t c)
{
    if (c < 0x80) {
        bytes_u8(out, (uint8_t)c);
        return;
    }
    if (c < 0x800) {
        bytes_u8(out, (uint8_t)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            bytes_u8(out, (uint8_t)(0xe0 | c >> 12));
        } else {
            bytes_u8(out, (uint8_t)(0xf0 | c >> 18));
            bytes_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        }
        bytes_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    }
    bytes_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
}

struct range {
    uint32_t first, last;
};

static bool lies_in(uint32_t c, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}
#define LIES_IN(c, ranges) lies_in((c), (ranges), sizeof(ranges) / sizeof(ranges)[0])

static bool is_space(uint32_t c)
{
    return c <= ' ' || (c >= 0x7f && c <= 0xa0) || c == 0x2028 || c == 0x2029;
}

/* Marks of direction, and what has no width and no meaning alone. */
static bool is_dropped(uint32_t c)
{
    static const struct range dropped[] = {{0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x200b, 0x200b},
                                           {0x200e, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x206f},
                                           {0xfeff, 0xfeff}, {0xfff9, 0xfffb}};
    return LIES_IN(c, dropped);
}

static bool runs_leftwards(uint32_t c)
{
    static const struct range leftwards[] = {
        {0x0590, 0x08ff}, {0xfb1d, 0xfdff}, {0xfe70, 0xfefc}, {0x10800, 0x10fff}, {0x1e800, 0x1efff}};
    return LIES_IN(c, leftwards);
}

/* ---- widths ---- */

static double width_of(uint32_t c)
{
    /* DejaVu Sans, one of the widest that are in use; from the space on, hundredths of an em */
    static const unsigned char ascii[] = {
        32, 40, 46, 84, 64, 95, 78, 27, 39,  39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
        64, 64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79,
        60, 79, 69, 63, 61, 73, 68, 99, 69,  61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63,
        63, 28, 28, 58, 28, 97, 63, 61, 63,  63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84};
    static const struct range full[] = {
        {0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xa960, 0xa97f}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},
        {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f000, 0x1faff}, {0x20000, 0x3fffd}};
    static const struct range none[] = {
        {0x0300, 0x036f}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0x2066, 0x2069}, {0xfe00, 0xfe0f}};
    if (c >= ' ' && c < ' ' + sizeof ascii)
        return ascii[c - ' '] / 100.0;
    return LIES_IN(c, full) ? 1.0 : LIES_IN(c, none) ? 0.0 : 0.68;
}

double lettering_width(struct str text)
{
    double width = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t code;
        at += decode((struct str){text.ptr + at, text.len - at}, &code);
        width += width_of(code);
    }
    return width;
}

/* ---- the whole ---- */

/* Returns whether anything in it runs leftwards. */
static bool clean(struct str text, struct bytes *out)
{
    bool leftwards = false, space = false;
    for (size_t at = 0; at < text.len;) {
        uint32_t code;
        at += decode((struct str){text.ptr + at, text.len - at}, &code);
        if (is_space(code)) {
            space = out->len > 0;
            continue;
        }
        if (is_dropped(code))
            continue;
        if (space)
            bytes_u8(out, ' ');
        space = false;
        put_code(out, code);
        leftwards = leftwards || runs_leftwards(code);
    }
    return leftwards;
}

/* The length of the character at the begin of text, which is UTF-8; 0: out of memory. */
static size_t cluster_len(const struct lettering *lettering, struct str text)
{
    int found = pcre2_match(lettering->pattern, (PCRE2_SPTR)text.ptr, text.len, 0,
                            PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK, lettering->match, NULL);
    return found < 0 ? 0 : pcre2_get_ovector_pointer(lettering->match)[1];
}

/* How much of text fits: all of it, or with room left for an ellipsis. */
static size_t fit(const struct lettering *lettering, struct str text, double room, bool *failed)
{
    double width = 0;
    size_t at = 0, cut = 0;
    while (at < text.len) {
        struct str rest = {text.ptr + at, text.len - at};
        size_t len = cluster_len(lettering, rest);
        *failed = len == 0;
        if (len == 0 || len > CLUSTER_MAX)
            return cut;
        double own = lettering_width((struct str){rest.ptr, len});
        if (width + own > room)
            return cut;
        width += own;
        at += len;
        if (width + 1.0 <= room)
            cut = at;
    }
    return at;
}

void lettering_put(const struct lettering *lettering, struct bytes *out, struct str text, double room)
{
    struct bytes whole = {0};
    bool cut = text.len > INPUT_MAX;
    bool leftwards = clean((struct str){text.ptr, cut ? INPUT_MAX : text.len}, &whole);
    struct str kept = bytes_view(&whole);
    bool failed = false;
    kept.len = fit(lettering, kept, cut && room > 1 ? room - 1 : room, &failed);
    cut = cut || kept.len < whole.len;
    while (cut && kept.ptr && kept.len && kept.ptr[kept.len - 1] == ' ')
        kept.len--;
    if (leftwards)
        bytes_put(out, "\xe2\x81\xa8", 3); /* FIRST STRONG ISOLATE */
    bytes_put(out, kept.ptr, kept.len);
    if (cut)
        bytes_put(out, "\xe2\x80\xa6", 3);
    if (leftwards)
        bytes_put(out, "\xe2\x81\xa9", 3); /* POP DIRECTIONAL ISOLATE */
    out->failed = out->failed || whole.failed || failed;
    bytes_fini(&whole);
}

void lettering_put_xml(struct bytes *out, struct str text)
{
    static const char *const names[128] = {
        ['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&quot;", ['\''] = "&#39;"};
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < sizeof names / sizeof names[0] && names[c])
            bytes_put(out, names[c], strlen(names[c]));
        else
            bytes_u8(out, c < ' ' ? ' ' : c);
    }
}
