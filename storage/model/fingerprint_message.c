/* A message without what varies: placeholders for it, one after the other (fingerprint.h, rule 1). */
#include "storage/model/fingerprint_parts.h"

#define NAME(literal)                                                                                        \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }

const struct str fold_names[FOLD_COUNT] = {
    [FOLD_URL] = NAME("{url}"),   [FOLD_EMAIL] = NAME("{email}"), [FOLD_TIME] = NAME("{time}"),
    [FOLD_UUID] = NAME("{uuid}"), [FOLD_IP] = NAME("{ip}"),       [FOLD_PATH] = NAME("{path}"),
    [FOLD_TEXT] = NAME("{str}"),  [FOLD_HEX] = NAME("{hex}"),     [FOLD_NUMBER] = NAME("{n}"),
    [FOLD_ID] = NAME("{id}"),
};

void fold_put(struct fold_text *out, struct str piece)
{
    if (out->full || piece.len > out->max - out->len) {
        out->full = true;
        return;
    }
    if (piece.len)
        memcpy(out->text + out->len, piece.ptr, piece.len);
    out->len += piece.len;
}

void fold_put_byte(struct fold_text *out, char c)
{
    if ((unsigned char)c < 0x20 || c == 0x7f)
        c = '?';
    fold_put(out, (struct str){&c, 1});
}

/* How long the sequence is that begins with this byte; 1 for what can't begin one. */
static size_t sequence_len(unsigned char lead)
{
    if (lead >= 0xf0)
        return 4;
    if (lead >= 0xe0)
        return 3;
    return lead >= 0xc0 ? 2 : 1;
}

void fold_end(struct fold_text *out)
{
    size_t back = 0;
    while (back < 3 && back < out->len && ((unsigned char)out->text[out->len - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back < out->len && out->full) {
        unsigned char lead = (unsigned char)out->text[out->len - 1 - back];
        if (lead >= 0xc0 && sequence_len(lead) > back + 1)
            out->len -= back + 1;
    }
    out->text[out->len] = '\0';
}

size_t fold_find(struct str text, struct str needle)
{
    const char *found = text.len ? memmem(text.ptr, text.len, needle.ptr, needle.len) : NULL;
    return found ? (size_t)(found - text.ptr) : text.len;
}

struct matcher_row {
    size_t (*match)(struct str text, char before);
    enum fold fold;
};

/* Tried in this order at each place: a URL holds a path, a path may hold a date, and so on. */
static const struct matcher_row matchers[] = {
    {.match = match_url, .fold = FOLD_URL},       {.match = match_email, .fold = FOLD_EMAIL},
    {.match = match_time, .fold = FOLD_TIME},     {.match = match_uuid, .fold = FOLD_UUID},
    {.match = match_mac, .fold = FOLD_HEX},       {.match = match_ip, .fold = FOLD_IP},
    {.match = match_path, .fold = FOLD_PATH},     {.match = match_pointer, .fold = FOLD_HEX},
    {.match = match_number, .fold = FOLD_NUMBER},
};

struct message {
    struct str text;
    size_t at;
    struct fold_text *out;
    enum fold last;    /* the placeholder that the output ended in at last_end, FOLD_COUNT if there is none */
    size_t last_end;   /* length of the output behind it */
    unsigned unclosed; /* quotes (by bit) that are known not to close any more */
};

/* Ids look like one another: a list may mix them. */
static enum fold list_kind(enum fold fold)
{
    return fold == FOLD_HEX || fold == FOLD_ID || fold == FOLD_UUID ? FOLD_NUMBER : fold;
}

static bool is_list_gap(struct str gap)
{
    return str_equal(gap, STR(",")) || str_equal(gap, STR(", ")) || str_equal(gap, STR("; "));
}

/* One more of a list is not written, nor what stands between. */
static void put_fold(struct message *m, enum fold fold)
{
    struct fold_text *out = m->out;
    struct str gap = {out->text + m->last_end, out->len - m->last_end};
    if (m->last != FOLD_COUNT && list_kind(m->last) == list_kind(fold) && is_list_gap(gap)) {
        out->len = m->last_end;
        return;
    }
    fold_put(out, fold_names[fold]);
    m->last = fold;
    m->last_end = out->len;
}

/* The length of a quoted text at the start of rest with its quotes, 0 if it is none. A quote inside a word is
 * an apostrophe. */
static size_t quoted_len(struct message *m, struct str rest, char before)
{
    static const char quotes[] = "'\"`";
    const char *quote = rest.ptr[0] ? strchr(quotes, rest.ptr[0]) : NULL;
    unsigned bit = quote ? 1U << (quote - quotes) : 0;
    if (!quote || fold_is_alnum(before) || m->unclosed & bit)
        return 0;
    for (size_t i = 1; i < rest.len; i++) {
        if (rest.ptr[i] == '\\')
            i++;
        else if (rest.ptr[i] == *quote && !fold_is_alnum(fold_at(rest, i + 1)))
            return i + 1;
    }
    m->unclosed |= bit;
    return 0;
}

static void step_space(struct message *m)
{
    while (fold_is_space(fold_at(m->text, m->at)))
        m->at++;
    if (m->out->len > 0 && m->at < m->text.len)
        fold_put(m->out, STR(" "));
}

/* A word, or a byte that is part of none. */
static void step_plain(struct message *m, struct str rest)
{
    enum fold only = FOLD_COUNT;
    if (!fold_is_word(rest.ptr[0])) {
        fold_put_byte(m->out, rest.ptr[0]);
        m->at++;
        return;
    }
    m->at += fold_word(rest, m->out, &only);
    if (only != FOLD_COUNT)
        put_fold(m, only);
}

static void step(struct message *m)
{
    struct str rest = fold_from(m->text, m->at);
    char before = m->at ? m->text.ptr[m->at - 1] : '\0';
    if (fold_is_space(rest.ptr[0])) {
        step_space(m);
        return;
    }
    size_t len = quoted_len(m, rest, before);
    if (len) {
        m->at += len;
        put_fold(m, FOLD_TEXT);
        return;
    }
    for (size_t i = 0; i < sizeof matchers / sizeof matchers[0]; i++) {
        len = matchers[i].match(rest, before);
        if (!len)
            continue;
        m->at += len;
        put_fold(m, matchers[i].fold);
        return;
    }
    step_plain(m, rest);
}

void fold_message(struct str message, struct fold_text *out)
{
    struct message m = {.text = message, .out = out, .last = FOLD_COUNT};
    while (m.at < message.len && !out->full)
        step(&m);
    while (out->len > 0 && out->text[out->len - 1] == ' ')
        out->len--;
}
