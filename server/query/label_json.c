#include "server/query/label_json.h"

#include "server/wire/reply.h"
#include "storage/model/labels.h"

void encoded_label_json(const struct bytes *encoded, struct bytes *out)
{
    struct labels labels;
    if (bytes_error(encoded))
        out->failed = true;
    if (bytes_error(encoded) || labels_decode(bytes_view(encoded), &labels) != TM_OK)
        labels.count = 0; /* the series table holds none but sound ones */
    bytes_u8(out, '{');
    for (size_t i = 0; i < labels.count; i++) {
        if (i > 0)
            bytes_u8(out, ',');
        bytes_json_string(out, labels.at[i].name);
        bytes_u8(out, ':');
        bytes_json_string(out, labels.at[i].value);
    }
    bytes_u8(out, '}');
}

void label_json(const struct reader *reader, uint32_t series, struct bytes *scratch, struct bytes *out)
{
    bytes_clear(scratch);
    reader_labels(reader, series, scratch);
    encoded_label_json(scratch, out);
}
