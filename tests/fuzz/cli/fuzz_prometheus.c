/* Prometheus text to line protocol: whatever comes in, what comes out of one line is nothing or exactly one
 * line that the daemon's reader takes whole, with the labels it had. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "server/cli/push_prometheus.h"
#include "server/wire/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(struct str text)
{
    static struct line line;
    struct bytes scratch = {0};
    struct line_reader reader;
    struct line_key key;
    struct tm_why why;
    line_reader_init(&reader, text, PRECISION_MS, 1);
    if (line_next(&reader, &line) == LINE_BAD) {
        assert(strstr(reader.why.text, "not UTF-8"));
        return;
    }
    assert(line.field_count == 1 && str_equal(line.field[0].name, STR("value")));
    assert(line.field[0].value.type == VALUE_FLOAT);
    enum tm_err err = line_key_parse(line.key, &scratch, &key, &why);
    /* The same label twice, or too many, is the daemon's to refuse. */
    assert(!err || err == TM_INVALID || err == TM_LIMIT);
    if (!err)
        assert(metric_name_valid(key.measurement));
    for (size_t i = 0; !err && i < key.tags.count; i++)
        assert(label_name_valid(key.tags.at[i].name) && key.tags.at[i].value.len);
    assert(line_next(&reader, &line) == LINE_END);
    bytes_fini(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct bytes out = {0};
    while (rest.len) {
        const char *feed = memchr(rest.ptr, '\n', rest.len);
        size_t len = feed ? (size_t)(feed - rest.ptr) + 1 : rest.len;
        struct tm_why why;
        size_t before = out.len;
        enum tm_err err = prometheus_convert((struct str){rest.ptr, len}, &out, &why);
        assert(err == TM_OK || (err == TM_INVALID && out.len == before));
        if (out.len > before) {
            struct str line = {(const char *)out.data + before, out.len - before};
            assert(memchr(line.ptr, '\n', line.len) == line.ptr + line.len - 1);
            check_line(line);
        }
        rest.ptr += len;
        rest.len -= len;
    }
    bytes_fini(&out);
    return 0;
}
