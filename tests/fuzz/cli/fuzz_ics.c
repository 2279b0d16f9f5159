/* Any bytes as a calendar: lines lie in the file, starts ascend, are within the years that there are and
 * never more than the bound, and the same text says the same twice. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/cli/ics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    uint64_t sum;
    uint32_t lines;
};

static bool take(void *arg, const struct ics_event *event)
{
    struct seen *seen = arg;
    struct ics_walk walk = {.event = event};
    int64_t start, last = INT64_MIN;
    size_t count = 0;
    assert(event->line >= 1 && event->line <= seen->lines && event->uid.len > 0);
    assert(event->rule.frequency == ICS_ONCE || event->rule.interval > 0);
    while (ics_next(&walk, INT64_MAX, &start)) {
        assert(start > last && start < INT64_C(253402300800000) && start >= INT64_C(-62135596800000));
        last = start;
        seen->sum = seen->sum * 31 + (uint64_t)start;
        count++;
    }
    assert(count <= ICS_TIMES_MAX);
    for (size_t i = 0; i < event->summary.len; i++)
        seen->sum = seen->sum * 31 + (uint8_t)event->summary.ptr[i];
    return true;
}

static bool fault(void *arg, uint32_t line, const struct tm_why *why)
{
    struct seen *seen = arg;
    assert(line >= 1 && line <= seen->lines && why->text[0]);
    seen->sum = seen->sum * 31 + line;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str text = {(const char *)data, size};
    struct seen seen[2] = {{0}};
    struct tm_why why;
    enum tm_err err[2];
    for (int i = 0; i < 2; i++) {
        seen[i].lines = 1;
        for (size_t at = 0; at < size; at++)
            seen[i].lines += data[at] == '\n';
        const struct ics_sink sink = {&seen[i], take, fault};
        err[i] = ics_read(text, &sink, &why);
    }
    assert(err[0] == err[1] && seen[0].sum == seen[1].sum);
    return 0;
}
