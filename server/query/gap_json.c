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
