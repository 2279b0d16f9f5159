#include "server/query/promql_params.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/promql/literal.h"
#include "storage/model/when.h"

enum { QUOTED_MAX_BYTES = 100, NUMBER_MAX_BYTES = 64 };

static const double ms_per_s = 1000;

/* A time that leaves room for what is added to it: half a million years. */
static const double time_max_s = 0x1p44;

/* All of text as a number with a sign. */
static bool read_number(struct str text, double *out)
{
    char copy[NUMBER_MAX_BYTES];
    char *end;
    if (text.len == 0 || text.len >= sizeof copy || text.ptr[0] == ' ')
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = strtod(copy, &end);
    return end == copy + text.len;
}

static enum tm_err fail_parse(const char *name, struct str text, const char *inner, const char *what,
                              struct tm_why *why)
{
    int len = (int)(text.len > QUOTED_MAX_BYTES ? QUOTED_MAX_BYTES : text.len);
    return tm_fail(why, TM_INVALID, "invalid parameter \"%s\": %scannot parse \"%.*s\" to a valid %s", name,
                   inner, len, text.ptr, what);
}

/* Whole seconds and what is behind them apart, as Prometheus rounds. */
static bool read_time(struct str text, time_ms_t *out)
{
    double seconds;
    struct tm_why unused;
    if (!read_number(text, &seconds))
        return when_parse(text, 0, out, &unused) == TM_OK;
    if (!(fabs(seconds) < time_max_s))
        return false;
    double whole;
    double rest = modf(seconds, &whole);
    *out = (time_ms_t)whole * (time_ms_t)ms_per_s + (time_ms_t)round(rest * ms_per_s);
    return true;
}

enum tm_err promql_params_time(const struct params *params, const char *name, time_ms_t otherwise,
                               time_ms_t *out, struct tm_why *why)
{
    struct str text;
    *out = otherwise;
    if (!params_get(params, name, &text) || text.len == 0 || read_time(text, out))
        return TM_OK;
    return fail_parse(name, text, "Invalid time value for 'time': ", "timestamp", why);
}

enum tm_err promql_params_time_needed(const struct params *params, const char *name, time_ms_t *out,
                                      struct tm_why *why)
{
    struct str text = {"", 0};
    (void)params_get(params, name, &text);
    return read_time(text, out) ? TM_OK : fail_parse(name, text, "", "timestamp", why);
}

enum tm_err promql_params_duration(const struct params *params, const char *name, int64_t *out_ms,
                                   struct tm_why *why)
{
    struct str text = {"", 0};
    double seconds;
    (void)params_get(params, name, &text);
    if (read_number(text, &seconds)) {
        if (!(fabs(seconds) < time_max_s))
            return fail_parse(name, text, "", "duration. It overflows int64", why);
        double ms = seconds * ms_per_s;
        *out_ms = ms >= 1e-6 && ms < 1 ? 1 : (int64_t)ms; /* less than a nanosecond is none */
        return TM_OK;
    }
    *out_ms = 0;
    const char *fault = text.len > 0 ? literal_duration(text, out_ms) : "";
    bool is_zero =
        fault && *out_ms == 0 && strncmp(fault, "duration must be", strlen("duration must be")) == 0;
    return !fault || is_zero ? TM_OK : fail_parse(name, text, "", "duration", why);
}
