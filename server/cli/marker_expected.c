#include "server/cli/marker_expected.h"

#include <inttypes.h>
#include <string.h>

#include "server/cli/command.h"
#include "server/cli/talk.h"

enum { ROWS = 48, BAR = 40, MINUTE_S = 60, HOUR_S = 3600 };

static double number_of(const json_t *point, size_t place)
{
    return json_number_value(json_array_get(point, place));
}

static double find_most(const json_t *points)
{
    const json_t *point;
    size_t i;
    double most = 0;
    json_array_foreach(points, i, point)
    {
        double own = number_of(point, json_is_number(json_array_get(point, 3)) ? 3 : 1);
        most = own > most ? own : most;
    }
    return most;
}

/* "+01:30 expected low high ###---": to the median, and on to the most. */
static void print_point(const json_t *point, double most)
{
    char bar[BAR + 1];
    long long at = (long long)number_of(point, 0), size = at < 0 ? -at : at;
    double share = most > 0 ? BAR / most : 0;
    size_t median = (size_t)(number_of(point, 1) * share), high = (size_t)(number_of(point, 3) * share);
    for (size_t i = 0; i < BAR; i++)
        bar[i] = i < median ? '#' : i < high ? '-' : ' ';
    bar[BAR] = '\0';
    printf("%c%02lld:%02lld %12.5g", at < 0 ? '-' : '+', size / HOUR_S, size % HOUR_S / MINUTE_S,
           number_of(point, 1));
    if (json_is_number(json_array_get(point, 2)))
        printf(" %12.5g %12.5g", number_of(point, 2), number_of(point, 3));
    else
        printf(" %12s %12s", "", "");
    printf("  %s\n", bar);
}

static void print_curve(const json_t *data)
{
    const json_t *points = json_object_get(data, "points");
    size_t count = json_array_size(points), step = count / ROWS + 1;
    double most = find_most(points);
    if (count > 0)
        printf("%6s %12s %12s %12s\n", "from", "expected", "least", "most");
    for (size_t i = 0; i < count; i += step)
        print_point(json_array_get(points, i), most);
    printf("%.*s\n", STR_ARG(talk_text(data, "text")));
}

int marker_expected(const struct args *args, const char *id)
{
    struct talk talk = {0};
    struct bytes path = {0};
    struct tm_why why;
    const json_t *data = NULL;
    bytes_printf(&path, "/api/v1/markers/%.16s/expected", id);
    if (options_given(args, "match"))
        talk_put_value("match[]", str_of(options_text(args, "match")), &path);
    talk_put_option(args, "step", &path);
    bytes_u8(&path, '\0');
    int code = bytes_error(&path) ? (tm_why_write(&why, "out of memory"), command_fail(EXIT_FAILED, &why))
                                  : talk_open(args, &talk);
    if (!code)
        code = talk_ask(&talk, "GET", (const char *)path.data, NULL, &data);
    if (!code && options_given(args, "json"))
        code = talk_print_json(data);
    else if (!code)
        print_curve(data);
    bytes_fini(&path);
    talk_close(&talk);
    return code;
}
