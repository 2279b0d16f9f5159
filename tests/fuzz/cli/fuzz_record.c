/* Cutting text into records: every byte belongs to exactly one record, a record ends at a line end, feeding
 * the text piece by piece gives the same records as feeding it whole, and the daemon's reader sees the same
 * lines in the cut text as in the whole. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "server/cli/push.h"
#include "server/wire/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines that the reader takes from the text. */
static size_t count_good(struct str text, size_t *bad)
{
    static struct line line;
    struct line_reader reader;
    enum line_step step;
    size_t good = 0;
    line_reader_init(&reader, text, PRECISION_NS, 1);
    while ((step = line_next(&reader, &line)) != LINE_END) {
        good += step == LINE_OK;
        *bad += step == LINE_BAD;
    }
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    size_t whole_bad = 0;
    size_t whole_good = count_good(text, &whole_bad);
    size_t good = 0;
    size_t bad = 0;
    for (size_t at = 0; at < size;) {
        struct str rest = {text.ptr + at, size - at};
        size_t len = push_record_length(rest, true, true);
        assert(len > 0 && len <= rest.len);
        assert(rest.ptr[len - 1] == '\n' || len == rest.len);
        /* What is known from fewer bytes does not change when more come. */
        for (size_t part = 1; part <= rest.len && rest.len < 200; part++) {
            size_t early = push_record_length((struct str){rest.ptr, part}, true, false);
            assert(early == 0 || early == len);
        }
        good += count_good((struct str){rest.ptr, len}, &bad);
        at += len;
    }
    /* A fault's reach may differ at the seam; good text is never cut. */
    if (!whole_bad)
        assert(good == whole_good && bad == 0);
    return 0;
}
