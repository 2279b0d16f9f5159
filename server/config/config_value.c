#include "server/config/config_value.h"

#include <inttypes.h>
#include <strings.h>

#include "server/config/config_fault.h"

#define DAY_MS       INT64_C(86400000)
#define KIB          INT64_C(1024)
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct unit {
    const char *name;
    int64_t factor;
    bool printed; /* else only read */
};

/* The largest first: printing takes the first that divides. */
static const struct unit duration_units[] = {
    {.name = "y", .factor = 365 * DAY_MS, .printed = true}, {.name = "w", .factor = 7 * DAY_MS},
    {.name = "d", .factor = DAY_MS, .printed = true},       {.name = "h", .factor = 3600000, .printed = true},
    {.name = "m", .factor = 60000, .printed = true},        {.name = "s", .factor = 1000, .printed = true},
    {.name = "ms", .factor = 1, .printed = true},
};

static const struct unit size_units[] = {
    {.name = "TiB", .factor = KIB * KIB * KIB * KIB, .printed = true},
    {.name = "GiB", .factor = KIB * KIB * KIB, .printed = true},
    {.name = "MiB", .factor = KIB * KIB, .printed = true},
    {.name = "KiB", .factor = KIB, .printed = true},
    {.name = "TB", .factor = INT64_C(1000000000000)},
    {.name = "GB", .factor = 1000000000},
    {.name = "MB", .factor = 1000000},
    {.name = "KB", .factor = 1000},
    {.name = "kB", .factor = 1000},
    {.name = "B", .factor = 1, .printed = true},
    {.name = "", .factor = 1},
};

/* The digits at the start of text, saturated; *len is how many. */
static int64_t read_digits(struct str text, size_t *len)
{
    int64_t value = 0;
    size_t i = 0;
    for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text.ptr[i] - '0', &value))
            value = INT64_MAX;
    *len = i;
    return value;
}

static const struct unit *find_unit(const struct unit *units, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(str_of(units[i].name), name))
            return &units[i];
    return NULL;
}

/* The unit that was meant, in other letters. */
static const struct unit *guess_unit(const struct unit *units, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(units[i].name) == name.len && strncasecmp(units[i].name, name.ptr, name.len) == 0)
            return &units[i];
    return NULL;
}

static enum tm_err read_measure(const struct unit *units, size_t count, struct str text, const char *help,
                                int64_t *out, struct tm_why *why)
{
    size_t len;
    int64_t number = read_digits(text, &len);
    struct str name = {text.ptr + len, text.len - len};
    const struct unit *unit = find_unit(units, count, name);
    if (len > 0 && unit) {
        if (__builtin_mul_overflow(number, unit->factor, out))
            *out = INT64_MAX;
        return TM_OK;
    }
    const struct unit *meant = len > 0 ? guess_unit(units, count, name) : NULL;
    if (meant)
        return tm_fail(why, TM_INVALID, "\"%s\" has an unknown unit; write %.*s%s", fault_shown(text).text,
                       (int)(len < 20 ? len : 20), text.ptr, meant->name);
    return tm_fail(why, TM_INVALID, "\"%s\" %s", fault_shown(text).text, help);
}

enum tm_err value_duration(struct str text, int64_t *out_ms, struct tm_why *why)
{
    return read_measure(duration_units, COUNT(duration_units), text,
                        "is not a duration; write a whole number and one unit of ms, s, m, h, d, w, y, "
                        "for example 30d",
                        out_ms, why);
}

enum tm_err value_size(struct str text, int64_t *out_bytes, struct tm_why *why)
{
    return read_measure(size_units, COUNT(size_units), text,
                        "is not a size; write a whole number and one unit of B, KiB, MiB, GiB, TiB, "
                        "for example 64MiB",
                        out_bytes, why);
}

enum tm_err value_integer(struct str text, int64_t *out, struct tm_why *why)
{
    bool signed_text = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+');
    struct str digits = {text.ptr + signed_text, text.len - signed_text};
    size_t len;
    int64_t value = read_digits(digits, &len);
    if (len == 0 || len < digits.len)
        return tm_fail(why, TM_INVALID, "\"%s\" is not an integer; write digits only, for example 1000",
                       fault_shown(text).text);
    *out = text.ptr[0] == '-' ? -value : value;
    return TM_OK;
}

static bool is_one_of(struct str text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(words[i]) == text.len && strncasecmp(words[i], text.ptr, text.len) == 0)
            return true;
    return false;
}

/* YAML 1.2: `true`, `True`, `TRUE`. The yes and on of YAML 1.1 are refused, since their meaning depends on
 * who reads the file. */
enum tm_err value_bool(struct str text, bool *out, struct tm_why *why)
{
    static const char *const yes[] = {"yes", "y", "on", "1", "true"};
    static const char *const no[] = {"no", "n", "off", "0", "false"};
    if (str_equal(text, STR("true")) || str_equal(text, STR("True")) || str_equal(text, STR("TRUE"))) {
        *out = true;
        return TM_OK;
    }
    if (str_equal(text, STR("false")) || str_equal(text, STR("False")) || str_equal(text, STR("FALSE"))) {
        *out = false;
        return TM_OK;
    }
    const char *meant = is_one_of(text, yes, COUNT(yes)) ? "true"
                        : is_one_of(text, no, COUNT(no)) ? "false"
                                                         : "true or false";
    return tm_fail(why, TM_INVALID, "\"%s\" is not a boolean; write %s", fault_shown(text).text, meant);
}

static struct value_text measure_text(const struct unit *units, int64_t value)
{
    while (!units->printed || value % units->factor != 0)
        units++;
    struct value_text out;
    (void)snprintf(out.text, sizeof out.text, "%" PRId64 "%s", value / units->factor, units->name);
    return out;
}

struct value_text value_integer_text(int64_t value)
{
    struct value_text out;
    (void)snprintf(out.text, sizeof out.text, "%" PRId64, value);
    return out;
}

struct value_text value_duration_text(int64_t value_ms)
{
    if (value_ms == 0)
        return (struct value_text){"0s"};
    return measure_text(duration_units, value_ms);
}

struct value_text value_size_text(int64_t value_bytes)
{
    if (value_bytes == 0)
        return (struct value_text){"0"};
    return measure_text(size_units, value_bytes);
}
