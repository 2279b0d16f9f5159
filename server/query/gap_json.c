#include "server/query/gap_json.h"

#include "server/wire/reply.h"

void gap_json(const struct reader_gaps *gaps, struct bytes *out)
{
    for (size_t i = 0; i < gaps->listed; i++) {
        if (i > 0)
            bytes_u8(out, ',');
        bytes_json_string(out, str_of(gaps->at[i].text));
    }
    if (gaps->count > gaps->listed)
        bytes_printf(out, ",\"%zu more partitions were set aside\"", gaps->count - gaps->listed);
}

enum tm_err gap_json_member(struct reader *reader, enum reader_tier what, const struct span *spans,
                            size_t count, const char *first, struct bytes *out, struct tm_why *why)
{
    bool any = first != NULL;
    if (any) {
        bytes_printf(out, ",\"warnings\":[");
        bytes_json_string(out, str_of(first));
    }
    for (size_t i = 0; i < count; i++) {
        struct reader_gaps gaps;
        enum tm_err err = reader_gaps(reader, what, spans[i], &gaps, why);
        if (err)
            return err;
        if (gaps.count == 0)
            continue;
        bytes_printf(out, any ? "," : ",\"warnings\":[");
        gap_json(&gaps, out);
        any = true;
    }
    bytes_printf(out, any ? "]" : "");
    return TM_OK;
}
