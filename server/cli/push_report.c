/* What was refused, told. */
#include <inttypes.h>
#include <stdio.h>

#include "server/cli/push.h"

void push_print_refusal(const struct push *push, const struct push_refusal *refusal)
{
    fprintf(stderr, "%s:%" PRIu32, push->file_names[refusal->origin.file], refusal->origin.line);
    if (refusal->origin.column)
        fprintf(stderr, ":%" PRIu32, refusal->origin.column);
    fprintf(stderr, ": %s\n", refusal->why.text);
}

void push_print_refusals(const struct push *push, size_t max, uint64_t count)
{
    size_t shown = push->refusal_count < max ? push->refusal_count : max;
    for (size_t i = 0; i < shown; i++)
        push_print_refusal(push, &push->refusals[i]);
    if (count > shown && shown)
        fprintf(stderr, "... and %" PRIu64 " more\n", count - shown);
}

void push_json_refusals(const struct push *push, struct bytes *out)
{
    bytes_u8(out, '[');
    for (size_t i = 0; i < push->refusal_count; i++) {
        const struct push_refusal *refusal = &push->refusals[i];
        bytes_printf(out, "%s{\"file\":", i ? "," : "");
        bytes_json_string(out, str_of(push->file_names[refusal->origin.file]));
        bytes_printf(out, ",\"line\":%" PRIu32, refusal->origin.line);
        if (refusal->origin.column)
            bytes_printf(out, ",\"column\":%" PRIu32, refusal->origin.column);
        bytes_printf(out, ",\"reason\":");
        bytes_json_string(out, str_of(refusal->why.text));
        bytes_u8(out, '}');
    }
    bytes_u8(out, ']');
}
