/* A reader of the few elements that Gnuplot's svg terminal writes, and the writer of ours. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "reports/figures/picture.h"

/* An element as it stands: name, and its attributes unread. */
struct element {
    struct str name, attributes;
};

struct reader {
    const struct picture *picture;
    struct bytes *out; /* the body: the head is written when it is known what that uses */
    struct str rest;
    uint32_t inks;     /* that it uses, a bit each */
    double line_width; /* of the group that is open */
    struct {
        double x, y, size;
        unsigned ink;
        char anchor; /* s, m, e */
    } text;          /* of the group that is open */
};

/* ---- reading ---- */

static bool begins(struct str text, const char *with)
{
    size_t len = strlen(with);
    return text.len >= len && memcmp(text.ptr, with, len) == 0;
}

static void skip(struct str *text, size_t len)
{
    text->ptr += len;
    text->len -= len;
}

static bool next_element(struct str *rest, struct element *out)
{
    for (;;) {
        const char *open = memchr(rest->ptr, '<', rest->len);
        if (!open)
            return false;
        skip(rest, (size_t)(open - rest->ptr) + 1);
        const char *end = memchr(rest->ptr, '>', rest->len);
        if (!end)
            return false;
        struct str whole = {rest->ptr, (size_t)(end - rest->ptr)};
        skip(rest, whole.len + 1);
        if (whole.len == 0 || whole.ptr[0] == '/' || whole.ptr[0] == '?' || whole.ptr[0] == '!')
            continue;
        size_t len = 0;
        while (len < whole.len && whole.ptr[len] > ' ' && whole.ptr[len] != '/')
            len++;
        out->name = (struct str){whole.ptr, len};
        out->attributes = (struct str){whole.ptr + len, whole.len - len};
        return true;
    }
}

/* The value of an attribute; empty if there is none. */
static struct str attribute(struct str in, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 1; i + len < in.len; i++) {
        if (in.ptr[i - 1] > ' ' || memcmp(in.ptr + i, name, len) != 0)
            continue;
        size_t at = i + len;
        while (at < in.len && (in.ptr[at] == ' ' || in.ptr[at] == '='))
            at++;
        if (at >= in.len || (in.ptr[at] != '"' && in.ptr[at] != '\''))
            continue;
        const char *from = in.ptr + at + 1;
        const char *to = memchr(from, in.ptr[at], in.len - at - 1);
        if (to)
            return (struct str){from, (size_t)(to - from)};
    }
    return STR("");
}

/* Steps over the next number and returns it; false if there is none. */
static bool next_number(struct str *text, double *out)
{
    char digits[32];
    size_t len = 0;
    while (text->len && !strchr("+-.0123456789", text->ptr[0]))
        skip(text, 1);
    while (len < text->len && len < sizeof digits - 1 && strchr("+-.0123456789eE", text->ptr[len])) {
        digits[len] = text->ptr[len];
        len++;
    }
    digits[len] = '\0';
    skip(text, len);
    *out = strtod(digits, NULL);
    return len > 0 && fabs(*out) < 1e7; /* NAN is none either */
}

/* The ink of "rgb(  1,  0,  5)", which is used then; INK_COUNT if it is none of ours. */
static unsigned ink_of(struct reader *r, struct str colour)
{
    double parts[3] = {0};
    for (int i = 0; i < 3; i++)
        if (!next_number(&colour, &parts[i]))
            return INK_COUNT;
    if (parts[0] != 1 || parts[1] != 0 || parts[2] < 0 || parts[2] >= INK_COUNT)
        return INK_COUNT;
    r->inks |= 1U << (unsigned)parts[2];
    return (unsigned)parts[2];
}

/* ---- writing ---- */

/* A coordinate with one digit behind the point, none where it is zero. */
static void put_number(struct bytes *out, double value)
{
    double rounded = round(value * 10) / 10;
    bytes_printf(out, "%.*f", rounded == floor(rounded) ? 0 : 1, rounded + 0.0);
}

/* The numbers of a list of points. */
static void put_points(struct bytes *out, struct str points)
{
    double number;
    for (size_t i = 0; next_number(&points, &number); i++) {
        if (i)
            bytes_u8(out, i % 2 ? ',' : ' ');
        put_number(out, number);
    }
}

/* A path of M, L and Z; a second M begins a new part. Lines are what follows points anyway. */
static void put_path(struct bytes *out, struct str path)
{
    size_t count = 0;
    while (path.len) {
        char c = path.ptr[0];
        double number;
        if (c == 'M' || c == 'Z' || c == 'z') {
            bytes_u8(out, (uint8_t)c);
            count = 0;
        }
        if (c > ' ' && c != ',' && !strchr("+-.0123456789", c)) {
            skip(&path, 1);
            continue;
        }
        if (c == ' ' || c == ',' || c == '\n' || c == '\t') {
            skip(&path, 1);
            continue;
        }
        if (!next_number(&path, &number))
            return;
        if (count)
            bytes_u8(out, count % 2 ? ',' : ' ');
        put_number(out, number);
        count++;
    }
}

static void write_path(struct reader *r, struct str attributes)
{
    unsigned ink = ink_of(r, attribute(attributes, "stroke"));
    struct str points = attribute(attributes, "d"), dashes = attribute(attributes, "stroke-dasharray");
    if (ink == INK_COUNT || !memchr(points.ptr, 'L', points.len))
        return;
    bytes_printf(r->out, "<path class=\"s%u\"", ink);
    if (r->line_width != 1) {
        bytes_printf(r->out, " stroke-width=\"");
        put_number(r->out, r->line_width);
        bytes_u8(r->out, '"');
    }
    if (dashes.len) {
        bytes_printf(r->out, " stroke-dasharray=\"");
        put_points(r->out, dashes);
        bytes_u8(r->out, '"');
    }
    bytes_printf(r->out, " d=\"");
    put_path(r->out, points);
    bytes_printf(r->out, "\"/>\n");
}

static void write_polygon(struct reader *r, struct str attributes)
{
    unsigned ink = ink_of(r, attribute(attributes, "fill"));
    if (ink == INK_COUNT)
        return;
    bytes_printf(r->out, "<polygon class=\"f%u\" points=\"", ink);
    put_points(r->out, attribute(attributes, "points"));
    bytes_printf(r->out, "\"/>\n");
}

/* A sign: circle or triangle, full or hollow. */
static void write_sign(struct reader *r, struct str attributes)
{
    struct str numbers = attribute(attributes, "transform"), which = attribute(attributes, "xlink:href");
    unsigned ink = ink_of(r, attribute(attributes, "color"));
    double x, y, scale;
    if (ink == INK_COUNT || !next_number(&numbers, &x) || !next_number(&numbers, &y) ||
        !next_number(&numbers, &scale))
        return;
    bool is_full = str_equal(which, STR("#gpPt6")) || str_equal(which, STR("#gpPt10"));
    if (str_equal(which, STR("#gpPt5")) || str_equal(which, STR("#gpPt6"))) {
        bytes_printf(r->out, "<circle class=\"%c%u\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"", is_full ? 'f' : 's',
                     ink, x, y, scale);
    } else {
        double half = scale * 1.33, top = y - scale * 0.67;
        bytes_printf(r->out, "<path class=\"%c%u\" d=\"M%.1f,%.1f %.1f,%.1f %.1f,%.1fz\"",
                     is_full ? 'f' : 's', ink, x - half, top, x + half, top, x, y + scale * 1.33);
    }
    bytes_printf(r->out, is_full ? "/>\n" : " stroke-width=\"1.6\"/>\n");
}

static void open_group(struct reader *r, struct str attributes)
{
    struct str width = attribute(attributes, "stroke-width"), size = attribute(attributes, "font-size");
    struct str numbers = attribute(attributes, "transform"), anchor = attribute(attributes, "text-anchor");
    if (width.len && !next_number(&width, &r->line_width))
        r->line_width = 1;
    if (!size.len || !next_number(&numbers, &r->text.x) || !next_number(&numbers, &r->text.y) ||
        !next_number(&size, &r->text.size))
        return;
    r->text.ink = ink_of(r, attribute(attributes, "fill"));
    r->text.anchor = anchor.len ? anchor.ptr[0] : 's';
}

/* What stands between <text> and </text> is a token: @12@. */
static bool write_text(struct reader *r)
{
    const struct drawing *drawing = r->picture->drawing;
    const struct drawing_text *entries = (const void *)drawing->entries.data;
    size_t token = 0;
    if (!begins(r->rest, "@"))
        return begins(r->rest, "<") || begins(r->rest, " "); /* the label of a sign */
    for (size_t i = 1; i < r->rest.len && i < 9 && r->rest.ptr[i] >= '0' && r->rest.ptr[i] <= '9'; i++)
        token = token * 10 + (size_t)(r->rest.ptr[i] - '0');
    if (token >= drawing->entries.len / sizeof *entries || r->text.ink == INK_COUNT)
        return false;
    const struct drawing_text *entry = &entries[token];
    bytes_printf(r->out, "<text class=\"f%u\" x=\"%.1f\" y=\"%.1f\" font-size=\"%g\"", r->text.ink, r->text.x,
                 r->text.y, r->text.size);
    if (r->text.anchor != 's')
        bytes_printf(r->out, " text-anchor=\"%s\"", r->text.anchor == 'm' ? "middle" : "end");
    bytes_printf(r->out, entry->is_bold ? " font-weight=\"600\">" : ">");
    bytes_put(r->out, drawing->texts.data + entry->at, entry->len);
    bytes_printf(r->out, "</text>\n");
    return true;
}

/* ---- the whole ---- */

static void put_head(const struct picture *picture, uint32_t inks, struct bytes *out)
{
    const char *id = picture->id, *name = picture->name;
    bytes_printf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"%s-%s\" role=\"img\" "
        "aria-labelledby=\"%s-%s-t %s-%s-d\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\"%s>\n"
        "<title id=\"%s-%s-t\">",
        id, name, id, name, id, name, picture->width, picture->height, picture->width, picture->height,
        picture->drawing->language == FIGURE_KOREAN ? " xml:lang=\"ko\"" : " xml:lang=\"en\"", id, name);
    lettering_put_xml(out, picture->title);
    bytes_printf(out, "</title>\n<desc id=\"%s-%s-d\">", id, name);
    lettering_put_xml(out, picture->text);
    bytes_printf(out, "</desc>\n");
    picture_put_styles(picture, inks, out);
}

struct str picture_next(struct str *written)
{
    static const char end[] = "</svg>";
    const char *close = written->len ? memmem(written->ptr, written->len, end, sizeof end - 1) : NULL;
    if (!close)
        return STR("");
    struct str found = {written->ptr, (size_t)(close - written->ptr) + sizeof end - 1};
    skip(written, found.len);
    return found;
}

enum tm_err picture_write(const struct picture *picture, struct str source, struct bytes *out,
                          struct tm_why *why)
{
    struct bytes body = {0};
    struct reader r = {
        .picture = picture, .out = &body, .rest = source, .line_width = 1, .text = {.ink = INK_COUNT}};
    struct element element;
    bool fine = source.len > 0;
    while (fine && next_element(&r.rest, &element)) {
        if (str_equal(element.name, STR("g")))
            open_group(&r, element.attributes);
        else if (str_equal(element.name, STR("path")))
            write_path(&r, element.attributes);
        else if (str_equal(element.name, STR("polygon")))
            write_polygon(&r, element.attributes);
        else if (str_equal(element.name, STR("use")))
            write_sign(&r, element.attributes);
        else if (str_equal(element.name, STR("text")))
            fine = write_text(&r);
    }
    put_head(picture, r.inks, out);
    bytes_put(out, body.data, body.len);
    bytes_printf(out, "</svg>\n");
    out->failed = out->failed || body.failed;
    bytes_fini(&body);
    if (!fine)
        return tm_fail(why, TM_CORRUPT, "Gnuplot wrote what is no figure; is its version 5.4 or later?");
    return bytes_error(out);
}
