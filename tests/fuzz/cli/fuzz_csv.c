/* CSV to line protocol: however the text is cut into pieces the same records come, every byte is used once,
 * places lie inside the text, and a row becomes whole lines or nothing. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <xxhash.h>

#include "server/cli/import_map.h"
#include "server/wire/line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lines(struct str lines, size_t count)
{
    static struct line line;
    struct line_reader reader;
    line_reader_init(&reader, lines, PRECISION_MS, 1);
    size_t taken = 0;
    enum line_step state;
    while ((state = line_next(&reader, &line)) != LINE_END) {
        /* Labels are bytes of the table's; what is no UTF-8 is the daemon's to refuse. */
        assert(state != LINE_BAD || strstr(reader.why.text, "UTF-8") || strstr(reader.why.text, "NUL") ||
               strstr(reader.why.text, "control"));
        taken++;
    }
    assert(taken == count);
}

static void check_row(const struct csv *row, struct bytes *out)
{
    struct import_map map = {.values = {{.column = "2", .given = "m", .metric = "m", .index = 1},
                                        {.column = "3", .given = "n", .metric = "n", .index = 2}},
                             .value_count = 2,
                             .labels = {{.name = STR("a"), .column = "4", .index = 3}},
                             .label_count = 1,
                             .until = INT64_MAX};
    struct csv_place fault;
    struct tm_why why;
    time_ms_t time;
    size_t count = 0;
    bytes_clear(out);
    if (import_time(&map, row, &time, &fault, &why))
        return;
    enum tm_err err = import_row(&map, row, time, out, &count, &fault, &why);
    assert(!err || (err == TM_INVALID && out->len == 0));
    assert(count <= 2);
    check_lines(bytes_view(out), count);
}

/* A hash over all that came. */
static uint64_t read_all(struct str text, size_t piece, bool check)
{
    static struct csv csv;
    struct bytes all = {0}, out = {0};
    size_t from = 0, to = 0;
    csv_init(&csv, ',');
    for (;;) {
        struct tm_why why;
        size_t used;
        bool last = to == text.len;
        enum csv_state state = csv_next(&csv, (struct str){text.ptr + from, to - from}, last, &used, &why);
        assert(used <= to - from);
        assert(state == CSV_MORE || used > 0);
        from += used;
        if (state == CSV_MORE && last)
            break;
        if (state == CSV_MORE)
            to = text.len - to > piece ? to + piece : text.len;
        bytes_varint(&all, state == CSV_MORE ? 0 : (uint64_t)state + 1);
        if (state == CSV_MORE)
            all.len--;
        if (state == CSV_BAD) {
            assert(csv.fault.line >= 1 && csv.fault.column >= 1);
            bytes_u32(&all, csv.fault.line);
            bytes_u32(&all, csv.fault.column);
        }
        for (size_t i = 0; state == CSV_RECORD && i < csv.count; i++) {
            bytes_str(&all, csv.fields[i].text);
            bytes_u32(&all, csv.fields[i].place.line);
            bytes_u32(&all, csv.fields[i].place.column);
        }
        if (check && state == CSV_RECORD)
            check_row(&csv, &out);
    }
    assert(from == text.len);
    uint64_t hash = XXH3_64bits(all.data, all.len);
    bytes_fini(&all);
    bytes_fini(&out);
    csv_fini(&csv);
    return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    if (size > 4096)
        return 0;
    uint64_t whole = read_all(text, size + 1, true);
    assert(read_all(text, 1, false) == whole);
    assert(read_all(text, 7, false) == whole);
    return 0;
}
