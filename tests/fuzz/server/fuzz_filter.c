/* Any text as a filter. What is taken answers the same twice, its negation the opposite, and twice itself the
 * same; what is refused has a place in the text. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "server/events/filter.h"
#include "storage/model/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_event events[] = {
    {.url = {"/p/17", 5},
     .method = {"GET", 3},
     .status = 404,
     .bytes = 5,
     .count = 1,
     .duration_us = 4500,
     .origin_us = -1,
     .edge_us = -1,
     .agent = {"bot", 3}},
    {.service = {"s", 1},
     .page_group = {"product", 7},
     .status = 200,
     .bytes = -1,
     .count = 7,
     .duration_us = -1,
     .origin_us = 1000,
     .edge_us = 2000,
     .agent = {"mobile", 6}},
};

/* before, the text and, if twice, " or (" and the text again, each in brackets. */
static void check_form(struct str text, const char *before, bool twice, bool same)
{
    struct bytes form = {0};
    struct filter *plain;
    struct filter *formed;
    struct filter_fault fault;
    assert(filter_new(text, &plain, &fault) == TM_OK);
    bytes_printf(&form, "%s(", before);
    bytes_put(&form, text.ptr, text.len);
    if (twice) {
        bytes_printf(&form, ") or (");
        bytes_put(&form, text.ptr, text.len);
    }
    bytes_printf(&form, ")");
    enum tm_err err = filter_new(bytes_view(&form), &formed, &fault);
    assert(err == TM_OK || err == TM_LIMIT || err == TM_NOMEM);
    for (size_t i = 0; !err && i < sizeof events / sizeof events[0]; i++) {
        bool truth = filter_matches(plain, &events[i]);
        assert((filter_matches(formed, &events[i]) == truth) == same);
    }
    filter_free(formed);
    filter_free(plain);
    bytes_fini(&form);
}

static bool is_blank(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != ' ' && (text.ptr[i] < '\t' || text.ptr[i] > '\r'))
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct filter *filter;
    struct filter_fault fault = {0};
    enum tm_err err = filter_new(text, &filter, &fault);
    filter_free(filter);
    if (err) {
        assert(fault.column >= 1 && fault.column <= size + 1 && fault.why.text[0] != '\0');
        return 0;
    }
    if (is_blank(text))
        return 0;
    check_form(text, "", false, true);
    check_form(text, "not ", false, false);
    check_form(text, "", true, true);
    return 0;
}
