/* Any bytes as a text from outside: in no format can it be more than a text, and none of it comes out but as
 * UTF-8 without controls and marks of direction. The first byte is how much of it may be shown. */
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "reports/escape.h"
#include "reports/html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool good)
{
    if (!good)
        abort();
}

/* What is read by people: whole characters that neither command nor turn the text around. */
static size_t require_shown(struct str text)
{
    size_t count = 0;
    while (text.len > 0) {
        const char *at = text.ptr;
        uint32_t c = escape_next(&text);
        require(c != 0xFFFD || memcmp(at, "\xef\xbf\xbd", 3) == 0);
        require(c >= 0x20 && (c < 0x7F || c > 0x9F) && c != 0x2028 && c != 0x2029);
        require((c < 0x202A || c > 0x202E) && (c < 0x2066 || c > 0x2069) && c != 0x200E && c != 0x200F);
        count++;
    }
    return count;
}

/* No character with a meaning, but & as the begin of a whole entity. */
static void check_html(const char *text, size_t most)
{
    struct bytes out = {0};
    escape_html(&out, text, most);
    struct str html = bytes_view(&out);
    require(bytes_error(&out) == TM_OK);
    (void)require_shown(html);
    size_t shown = 0;
    for (size_t i = 0; i < html.len; i++) {
        static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
        bool is_entity = false;
        require(!strchr("<>\"'", html.ptr[i]));
        for (size_t k = 0; html.ptr[i] == '&' && k < sizeof entities / sizeof *entities; k++)
            if (html.len - i >= strlen(entities[k]) &&
                memcmp(html.ptr + i, entities[k], strlen(entities[k])) == 0) {
                is_entity = true;
                i += strlen(entities[k]) - 1;
                break;
            }
        require(html.ptr[i] != '&' || is_entity);
        shown += ((unsigned char)html.ptr[i] & 0xC0) != 0x80;
    }
    require(most == 0 || shown <= most);
    bytes_fini(&out);
}

/* All that is markup anywhere has a backslash in front, or stands as an entity. */
static void check_markdown(const char *text, size_t most)
{
    struct bytes out = {0};
    escape_markdown(&out, text, most);
    struct str markdown = bytes_view(&out);
    require(bytes_error(&out) == TM_OK);
    (void)require_shown(markdown);
    for (size_t i = 0; i < markdown.len; i++) {
        char c = markdown.ptr[i];
        require(c != '<' && c != ':' && c != '@');
        if (c == '\\') {
            require(++i < markdown.len && strchr("\\`*_{}[]()#+-.!|>~=^$\"'", markdown.ptr[i]));
        } else if (c == '&') {
            const char *end = memchr(markdown.ptr + i, ';', markdown.len - i);
            require(end && end - (markdown.ptr + i) <= 5);
            i = (size_t)(end - markdown.ptr);
        } else {
            require(!strchr("`*_{}[]()#+-.!|>~=^$\"'", c));
        }
    }
    bytes_fini(&out);
}

/* Read again by the rules of RFC 4180 it is one field of one line, and what a spreadsheet takes for a formula
 * it does not begin with. */
static void check_csv(const char *text)
{
    struct bytes out = {0};
    escape_csv(&out, text);
    struct str csv = bytes_view(&out);
    require(bytes_error(&out) == TM_OK);
    (void)require_shown(csv);
    bool is_quoted = csv.len > 0 && csv.ptr[0] == '"';
    size_t from = is_quoted, to = csv.len - is_quoted;
    require(!is_quoted || (csv.len >= 2 && csv.ptr[csv.len - 1] == '"'));
    for (size_t i = from; i < to; i++) {
        require(is_quoted || !strchr(",\";", csv.ptr[i]));
        if (csv.ptr[i] == '"')
            require(++i < to && csv.ptr[i] == '"');
    }
    while (from < to && csv.ptr[from] == ' ')
        from++;
    require(from == to || !strchr("=+-@", csv.ptr[from]));
    bytes_fini(&out);
}

static void check_json(const char *text)
{
    struct bytes out = {0};
    escape_json(&out, text);
    require(bytes_error(&out) == TM_OK);
    (void)require_shown(bytes_view(&out));
    json_t *value = json_loadb((const char *)out.data, out.len, JSON_DECODE_ANY, NULL);
    require(json_is_string(value));
    json_decref(value);
    bytes_fini(&out);
}

static void check_url(const char *text)
{
    struct bytes out = {0};
    escape_url(&out, text);
    for (size_t i = 0; i < out.len; i++)
        require(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-%", out.data[i]) &&
                out.data[i] != 0);
    bytes_fini(&out);
}

/* A whole page has as many tags as with no text at all. */
static void check_page(const char *text)
{
    struct bytes out = {0};
    size_t tags = 0;
    html_begin(&out, LANGUAGE_EN, text);
    html_text(&out, text, 0);
    html_end(&out);
    for (size_t i = 0; i < out.len; i++)
        tags += out.data[i] == '<';
    struct bytes empty = {0};
    html_begin(&empty, LANGUAGE_EN, "");
    html_text(&empty, "", 0);
    html_end(&empty);
    for (size_t i = 0; i < empty.len; i++)
        tags -= empty.data[i] == '<';
    require(tags == 0);
    bytes_fini(&out);
    bytes_fini(&empty);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len < 1)
        return 0;
    char *text = malloc(len);
    if (!text)
        return 0;
    memcpy(text, data + 1, len - 1);
    text[len - 1] = '\0';
    check_html(text, data[0]);
    check_markdown(text, data[0]);
    check_csv(text);
    check_json(text);
    check_url(text);
    check_page(text);
    free(text);
    return 0;
}
