#include "storage/model/own_name.h"

#include <string.h>

static const char *const counted[] = {"http_events_total", "http_event_bytes_total",
                                      "exception_events_total"};
static const char *const counted_prefixes[] = {"http_event_duration_seconds_", "http_event_origin_seconds_",
                                               "http_event_edge_seconds_", "tally_"};

static bool begins_with(struct str name, const char *prefix)
{
    size_t len = strlen(prefix);
    return name.len >= len && memcmp(name.ptr, prefix, len) == 0;
}

bool own_name_is_counted(struct str name)
{
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++) {
        if (str_equal(name, str_of(counted[i])))
            return true;
    }
    for (size_t i = 0; i < sizeof counted_prefixes / sizeof counted_prefixes[0]; i++) {
        if (begins_with(name, counted_prefixes[i]))
            return true;
    }
    return false;
}

bool own_name_is_reserved(struct str name)
{
    return own_name_is_counted(name) || str_equal(name, STR("anomaly_score")) ||
           begins_with(name, "tidemark_");
}
