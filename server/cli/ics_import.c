#include "server/cli/ics_import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/cli/command.h"
#include "server/cli/ics.h"
#include "server/cli/talk.h"
#include "storage/model/when.h"

enum { FILE_MAX = 16 << 20, MARKERS_MADE_MAX = 20000, ZONE_MAX = 64, MARKERS_PAGE = 1000 };

#define DAY_MS  INT64_C(86400000)
#define YEAR_MS (366 * DAY_MS)

/* An import under way. */
struct import_ics {
    const struct args *args;
    const char *zone; /* of times without one */
    time_ms_t last;   /* of repetitions that have no end */
    json_t *wanted;   /* {"ics:UID#START": body or null (its UID is in the file, the time is not)} */
    json_t *uids;     /* {"ics:UID": true} of the file */
    size_t made, faults;
    bool is_full;
    bool failed; /* without memory */
};

/* ---- zones ---- */

static bool is_zone(const char *name)
{
    char path[ZONE_MAX + 32];
    if (strcmp(name, "UTC") == 0)
        return true;
    if (name[0] == '\0' || name[0] == '/' || strstr(name, ".."))
        return false;
    (void)snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    return access(path, R_OK) == 0;
}

/* UTC of a local time; false: no such zone. */
static bool to_utc(const struct import_ics *in, const struct ics_time *time, int64_t local_ms, time_ms_t *out)
{
    char zone[ZONE_MAX], env[ZONE_MAX + 1];
    *out = local_ms;
    if (time->is_utc)
        return true;
    (void)snprintf(zone, sizeof zone, "%.*s",
                   time->zone.len > 0 ? (int)time->zone.len : (int)strlen(in->zone),
                   time->zone.len > 0 ? time->zone.ptr : in->zone);
    if (!is_zone(zone))
        return false;
    (void)snprintf(env, sizeof env, ":%s", zone);
    (void)setenv("TZ", env, 1);
    tzset();
    time_t seconds = (time_t)(local_ms / 1000 - (local_ms % 1000 < 0));
    struct tm tm;
    if (!gmtime_r(&seconds, &tm))
        return false;
    tm.tm_isdst = -1;
    *out = (time_ms_t)mktime(&tm) * 1000;
    return true;
}

/* ---- from events to markers ---- */

static bool note_fault(void *arg, uint32_t line, const struct tm_why *why)
{
    struct import_ics *in = arg;
    in->faults++;
    fprintf(stderr, "tidemark: %s:%u: %s\n", options_text(in->args, "ics"), (unsigned)line, why->text);
    return true;
}

/* Where a time of it ends; MARKER's none: INT64_MIN. */
static bool find_end(const struct import_ics *in, const struct ics_event *event, int64_t local_ms,
                     time_ms_t start, time_ms_t *out)
{
    if (event->duration_ms > 0) {
        *out = start + event->duration_ms;
        return true;
    }
    if (!event->has_end) {
        *out = INT64_MIN;
        return !event->start.is_date || to_utc(in, &event->start, local_ms + DAY_MS, out);
    }
    time_ms_t first, last;
    bool is_alike = event->end.is_utc == event->start.is_utc && str_equal(event->end.zone, event->start.zone);
    if (is_alike)
        return to_utc(in, &event->end, local_ms + event->end.local_ms - event->start.local_ms, out);
    if (!to_utc(in, &event->start, event->start.local_ms, &first) ||
        !to_utc(in, &event->end, event->end.local_ms, &last))
        return false;
    *out = start + last - first;
    return true;
}

static json_t *text_of(struct str text)
{
    return json_stringn(text.ptr, text.len > 1000 ? 1000 : text.len);
}

static void add_marker(struct import_ics *in, const struct ics_event *event, time_ms_t start, time_ms_t end)
{
    char from[WHEN_TEXT_BYTES], to[WHEN_TEXT_BYTES], by[512];
    const char *kind = options_given(in->args, "kind") ? options_text(in->args, "kind") : "event";
    const char *class = options_given(in->args, "class") ? options_text(in->args, "class") : NULL;
    struct str category = event->category.len > 0 ? event->category : event->summary;
    (void)snprintf(by, sizeof by, "ics:%.*s#%s", (int)(event->uid.len > 400 ? 400 : event->uid.len),
                   event->uid.ptr, when_text(start, from));
    json_t *body =
        json_pack("{s:s, s:s, s:o, s:s, s:o?}", "kind", kind, "time", from, "class",
                  class ? json_string(class) : text_of(category), "by", by, "note", text_of(event->summary));
    if (body && end > start)
        (void)json_object_set_new(body, "end", json_string(when_text(end, to)));
    static const char *const names[] = {"service", "env"};
    for (size_t i = 0; i < 2 && body; i++)
        if (options_given(in->args, names[i]))
            (void)json_object_set_new(body, names[i], json_string(options_text(in->args, names[i])));
    if (!body || json_object_set_new(in->wanted, by, body) != 0)
        in->failed = true;
    in->made++;
}

static bool take_event(void *arg, const struct ics_event *event)
{
    struct import_ics *in = arg;
    struct ics_walk walk = {.event = event};
    struct tm_why why;
    char uid[512];
    int64_t local_ms;
    (void)snprintf(uid, sizeof uid, "ics:%.*s", (int)(event->uid.len > 400 ? 400 : event->uid.len),
                   event->uid.ptr);
    if (json_object_set_new(in->uids, uid, json_true()) != 0)
        in->failed = true;
    int64_t last = event->rule.has_until || event->rule.count > 0 ? INT64_MAX - DAY_MS : in->last;
    while (!event->is_cancelled && ics_next(&walk, last, &local_ms) && !in->failed) {
        time_ms_t start, end;
        if (!to_utc(in, &event->start, local_ms, &start) || !find_end(in, event, local_ms, start, &end)) {
            tm_why_write(&why, "there is no zone \"%.*s\" on this machine", (int)event->start.zone.len,
                         event->start.zone.ptr);
            return note_fault(in, event->line, &why);
        }
        if (event->rule.has_until && event->rule.until.is_utc && start > event->rule.until.local_ms)
            break;
        in->is_full = in->made == MARKERS_MADE_MAX;
        if (in->is_full)
            return false;
        add_marker(in, event, start, end);
    }
    return !in->failed;
}

/* ---- telling the daemon ---- */

struct counts {
    size_t added, changed, removed, same;
};

static bool is_same(const json_t *marker, const json_t *body)
{
    static const char *const names[] = {"kind", "class", "time", "end", "note"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!str_equal(talk_text(marker, names[i]), talk_text(body, names[i])))
            return false;
    return true;
}

/* Is it of the service and env that the calendar is for? */
static bool is_of(const struct args *args, const json_t *marker, const char *name)
{
    return str_equal(talk_text(marker, name),
                     str_of(options_given(args, name) ? options_text(args, name) : ""));
}

/* A marker that is there and bears a UID of the file: it stays, changes, or goes. */
static int settle_one(struct import_ics *in, struct talk *talk, const json_t *marker, struct counts *counts)
{
    char path[64];
    const json_t *data;
    struct str by = talk_text(marker, "by");
    const char *hash = by.len > 4 && memcmp(by.ptr, "ics:", 4) == 0 ? memrchr(by.ptr, '#', by.len) : NULL;
    char *uid = hash ? strndup(by.ptr, (size_t)(hash - by.ptr)) : NULL;
    bool is_ours = uid && json_object_get(in->uids, uid) && is_of(in->args, marker, "service") &&
                   is_of(in->args, marker, "env");
    free(uid);
    if (!is_ours)
        return EXIT_OK;
    (void)snprintf(path, sizeof path, "/api/v1/markers/%.16s", talk_text(marker, "id").ptr);
    json_t *body = json_object_get(in->wanted, by.ptr);
    if (!body) {
        counts->removed++;
        return talk_ask(talk, "DELETE", path, NULL, &data);
    }
    int code = EXIT_OK;
    if (is_same(marker, body)) {
        counts->same++;
    } else {
        counts->changed++;
        if (!json_object_get(body, "end"))
            (void)json_object_set_new(body, "end", json_null());
        code = talk_ask(talk, "PATCH", path, body, &data);
    }
    (void)json_object_del(in->wanted, by.ptr);
    return code;
}

static json_t *list_all(struct talk *talk, int *code)
{
    json_t *all = json_array();
    char path[256] = "/api/v1/markers?limit=1000";
    for (bool is_more = all != NULL; is_more && !*code;) {
        const json_t *data = NULL;
        *code = talk_ask(talk, "GET", path, NULL, &data);
        if (*code)
            break;
        (void)json_array_extend(all, json_object_get(data, "items"));
        struct str next = talk_text(data, "next");
        is_more = next.len > 0 && json_array_size(all) < MARKERS_PAGE * 200;
        (void)snprintf(path, sizeof path, "/api/v1/markers?limit=1000&cursor=%.*s", STR_ARG(next));
    }
    return all;
}

static int settle(struct import_ics *in, struct counts *counts)
{
    struct talk talk = {0};
    const json_t *data;
    const char *by;
    json_t *body, *marker;
    size_t i;
    int code = talk_open(in->args, &talk);
    json_t *all = code ? NULL : list_all(&talk, &code);
    json_array_foreach(all, i, marker)
    {
        if (!code)
            code = settle_one(in, &talk, marker, counts);
    }
    json_object_foreach(in->wanted, by, body)
    {
        if (!code)
            code = talk_ask(&talk, "POST", "/api/v1/markers", body, &data);
        counts->added += !code;
    }
    json_decref(all);
    talk_close(&talk);
    return code;
}

/* ---- the file ---- */

static enum tm_err read_file(const char *name, struct bytes *out, struct tm_why *why)
{
    FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
    size_t got = 1;
    if (!file)
        return tm_fail(why, TM_IO, "%s: %s", name, strerror(errno));
    while (got > 0 && out->len <= FILE_MAX) {
        uint8_t *room = bytes_reserve(out, 65536);
        got = room ? fread(room, 1, 65536, file) : 0;
        out->len += got;
    }
    bool is_bad = ferror(file);
    if (file != stdin)
        (void)fclose(file);
    if (bytes_error(out))
        return tm_fail(why, TM_NOMEM, "out of memory");
    if (is_bad)
        return tm_fail(why, TM_IO, "%s: it could not be read", name);
    return out->len <= FILE_MAX ? TM_OK
                                : tm_fail(why, TM_TOO_LARGE, "%s: a calendar has at most 16 MiB", name);
}

static enum tm_err read_calendar(struct import_ics *in, struct tm_why *why)
{
    struct bytes text = {0};
    const struct ics_sink sink = {in, take_event, note_fault};
    time_ms_t now = (time_ms_t)time(NULL) * 1000;
    enum tm_err err = TM_OK;
    in->last = now + YEAR_MS;
    if (options_given(in->args, "to"))
        err = when_parse(str_of(options_text(in->args, "to")), now, &in->last, why);
    if (!err && !is_zone(in->zone))
        err = tm_fail(why, TM_INVALID,
                      "there is no zone \"%.60s\" on this machine; name one like Europe/Berlin", in->zone);
    if (!err)
        err = read_file(options_text(in->args, "ics"), &text, why);
    if (!err)
        err = ics_read(bytes_view(&text), &sink, why);
    if (!err && in->is_full)
        err = tm_fail(why, TM_LIMIT, "the calendar has more than %d times; name an earlier --to",
                      MARKERS_MADE_MAX);
    if (!err && in->failed)
        err = tm_fail(why, TM_NOMEM, "out of memory, or a text is no UTF-8");
    bytes_fini(&text);
    return err;
}

static int report(const struct import_ics *in, const struct counts *counts)
{
    if (options_given(in->args, "json")) {
        json_t *data = json_pack("{s:I, s:I, s:I, s:I, s:I}", "added", (json_int_t)counts->added, "changed",
                                 (json_int_t)counts->changed, "removed", (json_int_t)counts->removed, "same",
                                 (json_int_t)counts->same, "faults", (json_int_t)in->faults);
        int code = data ? talk_print_json(data) : EXIT_FAILED;
        json_decref(data);
        return code;
    }
    printf("%zu markers added, %zu changed, %zu removed, %zu as they were; %zu events left out\n",
           counts->added, counts->changed, counts->removed, counts->same, in->faults);
    return EXIT_OK;
}

int ics_import(const struct args *args)
{
    struct import_ics in = {
        .args = args, .zone = options_text(args, "timezone"), .wanted = json_object(), .uids = json_object()};
    struct counts counts = {0};
    struct tm_why why;
    enum tm_err err =
        in.wanted && in.uids ? read_calendar(&in, &why) : tm_fail(&why, TM_NOMEM, "out of memory");
    int code = err ? command_fail(err == TM_INVALID ? EXIT_USAGE : EXIT_FAILED, &why) : settle(&in, &counts);
    if (!code)
        code = report(&in, &counts);
    json_decref(in.wanted);
    json_decref(in.uids);
    return code || in.faults == 0 ? code : EXIT_FAILED;
}
