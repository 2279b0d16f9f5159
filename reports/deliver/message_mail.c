/* A mail (RFC 5322, 2045 to 2047): header, then text and HTML. Bodies are base64, so that no line of theirs
 * means anything; what stands in the header is encoded unless it is plain ASCII. */
#include <sodium.h>
#include <string.h>
#include <time.h>

#include "reports/deliver/channel.h"
#include "reports/escape.h"

enum {
    LINE_BYTES = 57,    /* that 76 characters of base64 hold */
    WORD_BYTES = 45,    /* of an encoded word: 75 characters */
    SUBJECT_BYTES = 66, /* that stand in one line as they are */
    BASE64_BYTES = 128
};

/* ---- encoding ---- */

static void put_base64(struct bytes *out, const uint8_t *data, size_t len)
{
    char text[BASE64_BYTES];
    (void)sodium_bin2base64(text, sizeof text, data, len, sodium_base64_VARIANT_ORIGINAL);
    bytes_printf(out, "%s", text);
}

static void put_body(struct bytes *out, const struct bytes *body)
{
    for (size_t at = 0; at < body->len; at += LINE_BYTES) {
        put_base64(out, body->data + at, body->len - at < LINE_BYTES ? body->len - at : LINE_BYTES);
        bytes_printf(out, "\r\n");
    }
    out->failed = out->failed || body->failed;
}

static bool is_plain(struct str text)
{
    bool plain = text.len <= SUBJECT_BYTES;
    for (size_t i = 0; i < text.len && plain; i++)
        plain = text.ptr[i] >= ' ' && text.ptr[i] <= '~' && text.ptr[i] != '=';
    return plain;
}

/* A text of the header, in words of whole characters. */
static void put_words(struct bytes *out, struct str text)
{
    if (is_plain(text)) {
        bytes_put(out, text.ptr, text.len);
        return;
    }
    const char *gap = "";
    while (text.len > 0) {
        struct str rest = text;
        size_t taken = 0;
        while (rest.len > 0) {
            (void)escape_next(&rest);
            size_t len = (size_t)(rest.ptr - text.ptr);
            if (len > WORD_BYTES)
                break;
            taken = len;
        }
        bytes_printf(out, "%s=?UTF-8?B?", gap);
        put_base64(out, (const uint8_t *)text.ptr, taken);
        bytes_printf(out, "?=");
        text = (struct str){text.ptr + taken, text.len - taken};
        gap = "\r\n ";
    }
}

/* Mon, 23 Nov 2026 07:00:00 +0000 */
static void put_date(struct bytes *out, time_ms_t now)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(now / 1000);
    struct tm tm;
    if (gmtime_r(&seconds, &tm))
        bytes_printf(out, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
                     months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* ---- HTML ---- */

static void put_html(struct bytes *out, struct bytes *scratch)
{
    bytes_u8(scratch, '\0');
    out->failed = out->failed || scratch->failed;
    escape_html(out, scratch->failed ? "" : (const char *)scratch->data, 0);
    bytes_clear(scratch);
}

static void put_html_figures(const struct summary *s, struct bytes *out, struct bytes *scratch)
{
    bytes_printf(out, "<h2>%s</h2>\n<table cellpadding=\"4\">\n", text_of(s->language, TEXT_STRIP));
    for (size_t i = 0; i < SUMMARY_FIGURES; i++) {
        bytes_printf(out, "<tr><td>%s</td><td>", text_of_key(s->language, summary_key(i)));
        summary_put_figure(s, summary_key(i), scratch);
        put_html(out, scratch);
        bytes_printf(out, "</td></tr>\n");
    }
    bytes_printf(out, "</table>\n");
}

static void put_html_actions(const struct summary *s, struct bytes *out, struct bytes *scratch)
{
    bytes_printf(out, "<h2>%s</h2>\n", text_of(s->language, TEXT_ACTIONS));
    if (s->action_count == 0)
        bytes_printf(out, "<p>%s</p>\n", text_of(s->language, TEXT_NO_ACTIONS));
    else
        bytes_printf(out, "<ol>\n");
    for (size_t i = 0; i < summary_actions(s); i++) {
        bytes_printf(out, "<li>");
        summary_put_action(s, &s->actions[i], scratch);
        put_html(out, scratch);
        bytes_printf(out, "</li>\n");
    }
    if (s->action_count > 0)
        bytes_printf(out, "</ol>\n");
}

/* The lines begin with a dash. */
static void put_html_changes(const struct summary *s, struct bytes *out, struct bytes *scratch)
{
    struct str rest = bytes_view(&s->changes);
    bytes_printf(out, "<h2>");
    summary_put_changed(s, scratch);
    put_html(out, scratch);
    bytes_printf(out, "</h2>\n<ul>\n");
    while (rest.len > 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.ptr) : rest.len;
        bytes_printf(out, "<li>");
        bytes_put(scratch, rest.ptr + 2, len > 2 ? len - 2 : 0);
        put_html(out, scratch);
        bytes_printf(out, "</li>\n");
        rest = (struct str){rest.ptr + len + (end != NULL), rest.len - len - (end != NULL)};
    }
    if (s->changes_more > 0)
        bytes_printf(out, "<li>… +%zu</li>\n", s->changes_more);
    bytes_printf(out, "</ul>\n");
}

static void make_html(const struct summary *s, struct bytes *out, struct bytes *scratch)
{
    bytes_printf(out, "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"></head><body>\n<h1>",
                 s->language == LANGUAGE_KO ? "ko" : "en");
    summary_put_title(s, scratch);
    put_html(out, scratch);
    bytes_printf(out, "</h1>\n<p>");
    summary_put_head(s, scratch);
    put_html(out, scratch);
    bytes_printf(out, "</p>\n");
    put_html_figures(s, out, scratch);
    put_html_actions(s, out, scratch);
    if (s->changes.len > 0)
        put_html_changes(s, out, scratch);
    if (s->link) {
        bytes_printf(out, "<p><a href=\"");
        escape_html(out, s->link, 0);
        bytes_printf(out, "\">%s</a></p>\n", text_of(s->language, TEXT_TITLE));
    } else if (s->attachment.len > 0) {
        bytes_printf(out, "<p>%s</p>\n", text_of(s->language, TEXT_ATTACHED));
    }
    bytes_printf(out, "</body></html>\n");
}

/* ---- the mail ---- */

static void put_part(struct bytes *out, const char *key, const char *type, const struct bytes *body)
{
    bytes_printf(out,
                 "--=_%s\r\nContent-Type: text/%s; charset=utf-8\r\n"
                 "Content-Transfer-Encoding: base64\r\n\r\n",
                 key, type);
    put_body(out, body);
}

static void put_header(const struct summary *s, const struct channel_letter *letter, struct bytes *out,
                       struct bytes *scratch)
{
    const char *from = letter->settings->mail_from;
    const char *domain = strrchr(from, '@');
    put_date(out, letter->now);
    bytes_printf(out, "From: tidemark <%s>\r\nTo: <%s>\r\nSubject: ", from,
                 letter->receiver->to + strlen("mailto:"));
    summary_put_title(s, scratch);
    put_words(out, bytes_view(scratch));
    out->failed = out->failed || scratch->failed;
    bytes_clear(scratch);
    bytes_printf(out, "\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
                 s->key, domain ? domain + 1 : "tidemark.invalid");
    if (s->attachment.len > 0)
        bytes_printf(out, "Content-Type: multipart/mixed; boundary=\"=_%s_\"\r\n\r\n--=_%s_\r\n", s->key,
                     s->key);
    bytes_printf(out, "Content-Type: multipart/alternative; boundary=\"=_%s\"\r\n\r\n", s->key);
}

/* The name is of bytes that mean nothing in a header (files_file). */
static void put_attachment(const struct summary *s, struct bytes *out)
{
    bytes_printf(out,
                 "--=_%s_\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Disposition: attachment; "
                 "filename=\"%s\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
                 s->key, s->is_attachment_html ? "html" : "markdown", s->attachment_name);
    put_body(out, &s->attachment);
    bytes_printf(out, "--=_%s_--\r\n", s->key);
}

void compose_mail(const struct summary *s, const struct channel_letter *letter, struct bytes *out)
{
    struct bytes scratch = {0}, text = {0}, html = {0};
    put_header(s, letter, out, &scratch);
    summary_put_all(s, &text);
    put_part(out, s->key, "plain", &text);
    make_html(s, &html, &scratch);
    put_part(out, s->key, "html", &html);
    bytes_printf(out, "--=_%s--\r\n", s->key);
    if (s->attachment.len > 0)
        put_attachment(s, out);
    bytes_fini(&scratch);
    bytes_fini(&text);
    bytes_fini(&html);
}
