/* Any bytes as a name: what stands in a figure is UTF-8 without controls and marks of direction, cut to its
 * room. Any bytes as what Gnuplot wrote: the picture is well-formed, or it is refused; no byte of it stands
 * in the picture but as part of a number. */
#include <stdlib.h>
#include <string.h>

#include "reports/figures/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool good)
{
    if (!good)
        abort();
}

static void require_utf8(struct str text)
{
    for (size_t i = 0; i < text.len;) {
        unsigned char c = (unsigned char)text.ptr[i];
        size_t len = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
        require(c >= ' ' && c != 0x7f && (c < 0x80 || c >= 0xc2) && c < 0xf5 && i + len <= text.len);
        for (size_t j = 1; j < len; j++)
            require(((unsigned char)text.ptr[i + j] & 0xc0) == 0x80);
        i += len;
    }
}

static void check_name(const struct lettering *lettering, struct str name, double room)
{
    struct bytes out = {0}, xml = {0};
    lettering_put(lettering, &out, name, room);
    require(bytes_error(&out) == TM_OK);
    struct str cut = bytes_view(&out);
    require_utf8(cut);
    require(!memmem(cut.ptr, cut.len, "\xe2\x80\xae", 3));
    require(lettering_width(cut) <= (room > 1 ? room : 1) + 1e-9); /* an ellipsis at the least */
    lettering_put_xml(&xml, cut);
    for (size_t i = 0; i < xml.len; i++)
        require(!strchr("<>\"'", xml.data[i]) || xml.data[i] == 0);
    bytes_fini(&out);
    bytes_fini(&xml);
}

/* Elements lie in one another, and all that stands in a body is from a small set. */
static void require_well_formed(struct str svg)
{
    int depth = 0;
    for (size_t i = 0; i < svg.len; i++) {
        if (svg.ptr[i] != '<')
            continue;
        const char *close = memchr(svg.ptr + i, '>', svg.len - i);
        require(close != NULL);
        require(!memchr(svg.ptr + i + 1, '<', (size_t)(close - svg.ptr) - i - 1));
        if (svg.ptr[i + 1] == '/')
            depth--;
        else if (close[-1] != '/')
            depth++;
        require(depth >= 0);
    }
    require(depth == 0);
}

static void check_picture(struct drawing *drawing, struct str source)
{
    struct picture picture = {.drawing = drawing,
                              .id = "f",
                              .name = "x",
                              .theme = FIGURE_BOTH,
                              .title = STR("title"),
                              .text = STR("text"),
                              .width = 720,
                              .height = 100};
    struct bytes out = {0};
    struct tm_why why;
    struct str rest = source, page;
    while ((page = picture_next(&rest)).len) {
        bytes_clear(&out);
        enum tm_err err = picture_write(&picture, page, &out, &why);
        require(err == TM_OK || err == TM_CORRUPT);
        require_well_formed(bytes_view(&out));
        require(!memmem(out.data, out.len, "script", 6));
    }
    bytes_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct drawing drawing;
    if (len < 2)
        return 0;
    struct str rest = {(const char *)data + 2, len - 2};
    require(drawing_open(&drawing, FIGURE_ENGLISH) == TM_OK);
    if (data[0] % 2) {
        drawing.width = drawing.height = 100;
        drawing_note(&drawing, (struct note){.x = 1, .y = 1}, STR("a <name>"));
        check_picture(&drawing, rest);
    } else {
        check_name(&drawing.lettering, rest, data[1] / 4.0);
    }
    drawing_close(&drawing);
    return 0;
}
