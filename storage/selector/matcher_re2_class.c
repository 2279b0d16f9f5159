/* Characters, escapes and sets of characters. */
#include "storage/selector/matcher_re2_private.h"

enum { CODE_MAX = 0x10ffff };

static bool is_surrogate(uint32_t code)
{
    return code >= 0xd800 && code <= 0xdfff;
}

size_t utf8_decode(struct str text, uint32_t *code)
{
    const unsigned char *at = (const unsigned char *)text.ptr;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (at[0] < 0x80) {
        *code = at[0];
        return 1;
    }
    size_t len = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || text.len < len)
        return 0;
    *code = at[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (at[i] & 0x3fU);
    }
    return *code < least[len] || *code > CODE_MAX || is_surrogate(*code) ? 0 : len;
}

enum tm_err re2_read_code(struct re2_reader *r, uint32_t *code)
{
    size_t len = utf8_decode((struct str){r->text.ptr + r->at, r->text.len - r->at}, code);
    if (len == 0)
        return re2_fail(r, r->at, "not UTF-8");
    r->at += len;
    return TM_OK;
}

static bool is_alnum(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void re2_put_code(struct re2_reader *r, uint32_t code)
{
    if (is_alnum(code) || code == '_')
        bytes_u8(r->out, (uint8_t)code);
    else
        bytes_printf(r->out, "\\x{%x}", (unsigned)code);
}

/* ---- escapes for one character ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind "\x": two digits, or any number in braces. */
static enum tm_err read_hex(struct re2_reader *r, size_t begun, uint32_t *code)
{
    bool braces = re2_looking_at(r, STR("{"));
    size_t digits = 0;
    *code = 0;
    for (r->at += braces; r->at < r->text.len && (braces || digits < 2); r->at++, digits++) {
        int digit = hex_digit(r->text.ptr[r->at]);
        if (digit < 0)
            break;
        *code = *code * 16 + (uint32_t)digit;
        if (*code > CODE_MAX)
            return re2_fail(r, begun, "above the last character, 10FFFF");
    }
    if (digits < (braces ? 1 : 2) || (braces && !re2_looking_at(r, STR("}"))))
        return re2_fail(r, begun, "write \\x41 or \\x{41}");
    r->at += braces;
    return is_surrogate(*code) ? re2_fail(r, begun, "a surrogate is no character") : TM_OK;
}

/* Behind the backslash, on an octal digit: as in RE2, one digit but 0 would be a backreference. */
static enum tm_err read_octal(struct re2_reader *r, size_t begun, uint32_t *code)
{
    size_t digits = 0;
    *code = 0;
    for (; digits < 3 && r->at < r->text.len; r->at++, digits++) {
        char c = r->text.ptr[r->at];
        if (c < '0' || c > '7')
            break;
        *code = *code * 8 + (uint32_t)(c - '0');
    }
    if (digits == 1 && r->text.ptr[begun + 1] != '0')
        return re2_fail(r, begun, "backreferences are not supported");
    return TM_OK;
}

static enum tm_err refuse_escape(const struct re2_reader *r, size_t begun, char c)
{
    switch (c) {
    case '8':
    case '9':
    case 'g':
    case 'k':
        return re2_fail(r, begun, "backreferences are not supported");
    case 'K':
    case 'G':
    case 'X':
    case 'C':
    case 'R':
        return re2_fail(r, begun, "\\K, \\G, \\X, \\C and \\R are not supported");
    case 'Z':
        return re2_fail(r, begun, "\\Z is not supported: the end of the text is \\z");
    default:
        return re2_fail(r, begun, "not an escape that is supported: write \\\\ for a backslash");
    }
}

enum tm_err re2_read_escape(struct re2_reader *r, uint32_t *code)
{
    static const char letters[] = "afnrtv";
    static const char meant[] = "\a\f\n\r\t\v";
    size_t begun = r->at++;
    if (r->at == r->text.len)
        return re2_fail(r, begun, "a backslash ends the pattern: write \\\\ for the character");
    char c = r->text.ptr[r->at];
    if (c >= '0' && c <= '7')
        return read_octal(r, begun, code);
    if (c == 'x') {
        r->at++;
        return read_hex(r, begun, code);
    }
    const char *letter = c ? strchr(letters, c) : NULL;
    if (letter) {
        *code = (unsigned char)meant[letter - letters];
    } else if ((unsigned char)c < 0x80 && !is_alnum((unsigned char)c)) {
        *code = (unsigned char)c;
    } else {
        return refuse_escape(r, begun, c);
    }
    r->at++;
    return TM_OK;
}

/* ---- sets with a name ---- */

/* Spelled out, since PCRE2's \s, and every one of them under (?i), differ from RE2's. */
struct named_set {
    struct str name;
    const char *ranges;
    bool has_letters; /* folding reaches beyond ASCII from it */
};

static const struct named_set escapes[] = {
    {{"d", 1}, "0-9", false},
    {{"s", 1}, "\\x{9}\\x{a}\\x{c}\\x{d}\\x{20}", false},
    {{"w", 1}, "0-9A-Za-z_", true},
};

static const struct named_set posix_sets[] = {
    {{"alnum", 5}, "0-9A-Za-z", true},
    {{"alpha", 5}, "A-Za-z", true},
    {{"ascii", 5}, "\\x{0}-\\x{7f}", true},
    {{"blank", 5}, "\\x{9}\\x{20}", false},
    {{"cntrl", 5}, "\\x{0}-\\x{1f}\\x{7f}", false},
    {{"digit", 5}, "0-9", false},
    {{"graph", 5}, "\\x{21}-\\x{7e}", true},
    {{"lower", 5}, "a-z", true},
    {{"print", 5}, "\\x{20}-\\x{7e}", true},
    {{"punct", 5}, "\\x{21}-\\x{2f}\\x{3a}-\\x{40}\\x{5b}-\\x{60}\\x{7b}-\\x{7e}", false},
    {{"space", 5}, "\\x{9}-\\x{d}\\x{20}", false},
    {{"upper", 5}, "A-Z", true},
    {{"word", 4}, "0-9A-Za-z_", true},
    {{"xdigit", 6}, "0-9A-Fa-f", false},
};

static const char categories[] =
    " C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps "
    "S Sc Sk Sm So Z Zl Zp Zs ";

/* Unicode 13, as of the Go releases that built Prometheus 2.42. */
static const char scripts[] =
    " Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali "
    "Bhaiksuki "
    "Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham "
    "Cherokee "
    "Chorasmian Common Coptic Cuneiform Cypriot Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan "
    "Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati "
    "Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic "
    "Inherited "
    "Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kayah_Li Kharoshthi "
    "Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian "
    "Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek "
    "Mende_Kikakui "
    "Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nandinagari "
    "New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic "
    "Old_North_Arabian "
    "Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Oriya Osage Osmanya Pahawh_Hmong "
    "Palmyrene "
    "Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian "
    "Siddham "
    "SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le "
    "Tai_Tham Tai_Viet Takri Tamil Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Ugaritic Vai Wancho "
    "Warang_Citi Yezidi Yi Zanabazar_Square ";

static bool is_listed(const char *list, struct str name)
{
    char wanted[64];
    if (name.len + 3 > sizeof wanted || memchr(name.ptr, ' ', name.len) || memchr(name.ptr, '\0', name.len))
        return false;
    wanted[0] = ' ';
    memcpy(wanted + 1, name.ptr, name.len);
    memcpy(wanted + 1 + name.len, " ", 2);
    return strstr(list, wanted) != NULL;
}

/* RE2's C leaves unassigned characters out, PCRE2's has them. */
static void put_property(struct re2_reader *r, struct str name, bool negated, bool inside)
{
    if (str_equal(name, STR("C"))) {
        const char *members =
            negated ? "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Z}\\p{Cn}" : "\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}";
        bytes_printf(r->out, inside ? "%s" : "[%s]", members);
        return;
    }
    bool plain = str_equal(name, STR("Any")) || is_listed(categories, name);
    bytes_printf(r->out, "\\%c{%s%.*s}", negated ? 'P' : 'p', plain ? "" : "sc:", STR_ARG(name));
}

/* The reader stands on \p or \P. */
static enum tm_err read_property(struct re2_reader *r, bool inside)
{
    size_t begun = r->at;
    bool negated = r->text.ptr[begun + 1] == 'P';
    r->at += 2;
    if (r->at == r->text.len)
        return re2_fail(r, begun, "write \\pL or \\p{Greek}");
    struct str name = {r->text.ptr + r->at, 1};
    if (name.ptr[0] == '{') {
        const char *end = memchr(name.ptr, '}', r->text.len - r->at);
        if (!end)
            return re2_fail(r, begun, "write \\pL or \\p{Greek}");
        name = (struct str){name.ptr + 1, (size_t)(end - name.ptr - 1)};
        r->at += 2;
    }
    r->at += name.len;
    if (name.len > 0 && name.ptr[0] == '^') {
        negated = !negated;
        name = (struct str){name.ptr + 1, name.len - 1};
    }
    if (name.len == 0 ||
        (!is_listed(categories, name) && !is_listed(scripts, name) && !str_equal(name, STR("Any"))))
        return re2_fail(r, begun, "no such Unicode category or script");
    if (r->fold)
        return re2_fail(r, begun, "\\p is not supported under (?i)");
    put_property(r, name, negated, inside);
    return TM_OK;
}

static enum tm_err put_set(struct re2_reader *r, size_t at, const struct named_set *set, bool negated,
                           bool inside, bool is_escape)
{
    if (!inside) {
        bytes_printf(r->out, "[%s%s]", negated ? "^" : "", set->ranges);
        return TM_OK;
    }
    if (!negated) {
        bytes_printf(r->out, "%s", set->ranges);
        return TM_OK;
    }
    if (r->fold && set->has_letters)
        return re2_fail(r, at, "a negated set of letters in brackets is not supported under (?i)");
    if (is_escape && set->name.ptr[0] == 's')
        bytes_printf(r->out, "\\x{0}-\\x{8}\\x{b}\\x{e}-\\x{1f}\\x{21}-\\x{10ffff}");
    else if (is_escape)
        bytes_printf(r->out, "[:^%s:]", set->name.ptr[0] == 'd' ? "digit" : "word");
    else
        bytes_printf(r->out, "[:^%.*s:]", STR_ARG(set->name));
    return TM_OK;
}

enum tm_err re2_read_class_escape(struct re2_reader *r, bool inside, bool *found)
{
    *found = false;
    if (!re2_looking_at(r, STR("\\")) || r->text.len - r->at < 2)
        return TM_OK;
    char c = r->text.ptr[r->at + 1];
    if (c == 'p' || c == 'P') {
        *found = true;
        return read_property(r, inside);
    }
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        if ((c | 0x20) != escapes[i].name.ptr[0])
            continue;
        *found = true;
        r->at += 2;
        return put_set(r, r->at - 2, &escapes[i], (c & 0x20) == 0, inside, true);
    }
    return TM_OK;
}

/* ---- brackets ---- */

/* [:name:] and [:^name:]; without ":]" the bracket is a character. */
static enum tm_err read_posix(struct re2_reader *r, bool *found)
{
    *found = false;
    if (!re2_looking_at(r, STR("[:")))
        return TM_OK;
    size_t from = r->at + 2;
    const char *end = memmem(r->text.ptr + from, r->text.len - from, ":]", 2);
    if (!end)
        return TM_OK;
    *found = true;
    struct str name = {r->text.ptr + from, (size_t)(end - r->text.ptr) - from};
    bool negated = name.len > 0 && name.ptr[0] == '^';
    if (negated)
        name = (struct str){name.ptr + 1, name.len - 1};
    for (size_t i = 0; i < sizeof posix_sets / sizeof posix_sets[0]; i++) {
        if (!str_equal(posix_sets[i].name, name))
            continue;
        size_t begun = r->at;
        r->at = (size_t)(end - r->text.ptr) + 2;
        return put_set(r, begun, &posix_sets[i], negated, true, false);
    }
    return re2_fail(r, r->at,
                    "no such set of characters: alnum alpha ascii blank cntrl digit graph lower print "
                    "punct space upper word xdigit");
}

static enum tm_err read_member(struct re2_reader *r, uint32_t *code)
{
    return r->text.ptr[r->at] == '\\' ? re2_read_escape(r, code) : re2_read_code(r, code);
}

static enum tm_err read_range(struct re2_reader *r)
{
    size_t begun = r->at;
    uint32_t low = 0;
    enum tm_err err = read_member(r, &low);
    if (err)
        return err;
    re2_put_code(r, low);
    bool is_range = re2_looking_at(r, STR("-")) && r->text.len - r->at >= 2 && r->text.ptr[r->at + 1] != ']';
    if (!is_range)
        return TM_OK;
    r->at++;
    uint32_t high = 0;
    err = read_member(r, &high);
    if (err)
        return err;
    if (high < low)
        return re2_fail(r, begun, "a range in brackets runs backwards");
    bytes_printf(r->out, "-");
    re2_put_code(r, high);
    return TM_OK;
}

enum tm_err re2_read_brackets(struct re2_reader *r)
{
    size_t begun = r->at++;
    bool negated = re2_looking_at(r, STR("^"));
    r->at += negated;
    bytes_printf(r->out, negated ? "[^" : "[");
    for (bool first = true; first || !re2_looking_at(r, STR("]")); first = false) {
        if (r->at == r->text.len)
            return re2_fail(r, begun, "this bracket is not closed");
        bool found;
        enum tm_err err = read_posix(r, &found);
        if (!err && !found)
            err = re2_read_class_escape(r, true, &found);
        if (!err && !found)
            err = read_range(r);
        if (err)
            return err;
    }
    r->at++;
    bytes_printf(r->out, "]");
    return TM_OK;
}
