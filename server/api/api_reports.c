/* Reports: POST /api/v1/admin/report makes them, GET /api/v1/reports lists them, /reports/PATH serves the
 * files. The folder is written by tidemark-report (reports/files.h). */
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/api/api_change.h"
#include "server/wire/reply.h"

enum { OK = 200, NOT_FOUND = 404, ERROR = 500, PARTS_MAX = 8, PART_BYTES = 256, FILE_MAX = 8 << 20 };
enum {
    LIST_MAX = 20000,
    LIMIT = 100,
    LIMIT_MAX = 10000,
    NAME_BYTES = 600,
    WEEK_CHARS = 8,
    LEDGER_MAX = 1 << 20
};

static const char nothing_there[] = "there is no such report; GET /api/v1/reports lists them";

/* ---- files ---- */

static const char *type_of(const char *name)
{
    static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".md", "text/markdown; charset=utf-8"},
                                           {".csv", "text/csv; charset=utf-8"},
                                           {".json", "application/json"}};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    return NULL;
}

/* The next part of a path; false: none, or one that a report's path does not have. */
static bool next_part(struct str *path, char part[PART_BYTES])
{
    const char *slash = path->len > 0 ? memchr(path->ptr, '/', path->len) : NULL;
    size_t len = slash ? (size_t)(slash - path->ptr) : path->len;
    if (len == 0 || len >= PART_BYTES || path->ptr[0] == '.' || memchr(path->ptr, 0, len))
        return false;
    memcpy(part, path->ptr, len);
    part[len] = '\0';
    path->ptr += slash ? len + 1 : len;
    path->len -= slash ? len + 1 : len;
    return true;
}

/* Opens a file below the folder, step by step, so that no link leads out of it; -1: none. */
static int open_below(const char *dir, struct str path, char name[PART_BYTES])
{
    int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; at >= 0 && i < PARTS_MAX; i++) {
        if (!next_part(&path, name))
            break;
        bool is_last = path.len == 0;
        int flags = is_last ? O_RDONLY | O_NONBLOCK : O_RDONLY | O_DIRECTORY;
        int next = openat(at, name, flags | O_CLOEXEC | O_NOFOLLOW);
        (void)close(at);
        at = next;
        if (is_last)
            return at;
    }
    if (at >= 0)
        (void)close(at);
    return -1;
}

static enum tm_err read_file(int fd, size_t most, struct bytes *out)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (uint64_t)info.st_size > most)
        return TM_NOT_FOUND;
    size_t size = (size_t)info.st_size;
    uint8_t *room = bytes_reserve(out, size + 1);
    while (room && out->len < size) {
        ssize_t n = read(fd, out->data + out->len, size - out->len);
        if (n <= 0)
            return TM_IO;
        out->len += (size_t)n;
    }
    return bytes_error(out);
}

void api_report_file(void *arg, struct http_exchange *exchange)
{
    const struct api *api = arg;
    struct str path = http_path_part(exchange);
    struct bytes content = {0};
    char name[PART_BYTES] = "";
    if (path.len == 0)
        path = STR("index/index.html");
    int fd = open_below(api->config->reports.dir, path, name);
    const char *type = type_of(name);
    enum tm_err err = fd < 0 || !type ? TM_NOT_FOUND : read_file(fd, FILE_MAX, &content);
    if (fd >= 0)
        (void)close(fd);
    if (err)
        api_not_found(exchange, nothing_there);
    else
        http_respond(exchange, OK, type, bytes_view(&content));
    bytes_fini(&content);
}

/* ---- the list ---- */

/* `2026-W47/shop`: newest week first, then by name. */
struct found {
    char **at;
    size_t count;
};

static int compare_found(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    int weeks = strncmp(y, x, WEEK_CHARS);
    return weeks ? weeks : strcmp(x, y);
}

static bool is_week(const char *name)
{
    return strlen(name) == WEEK_CHARS && strspn(name, "0123456789") == 4 && name[4] == '-' &&
           name[5] == 'W' && strspn(name + 6, "0123456789") == 2;
}

static void list_weeks(int folder, const char *name, const char *week, struct found *out)
{
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    while (dir && out->count < LIST_MAX && (entry = readdir(dir))) {
        char *text = NULL;
        if (!is_week(entry->d_name) || (week && strcmp(week, entry->d_name) != 0))
            continue;
        if (asprintf(&text, "%s/%s", entry->d_name, name) >= 0)
            out->at[out->count++] = text;
    }
    if (dir)
        (void)closedir(dir);
    else if (fd >= 0)
        (void)close(fd);
}

/* All that lie there, or those of the service whose folder that is; NULL at without memory. */
static struct found list_reports(int folder, const char *service, const char *week)
{
    struct found found = {calloc(LIST_MAX, sizeof *found.at), 0};
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    const struct dirent *entry;
    size_t len = strlen(service);
    while (dir && found.at && (entry = readdir(dir))) {
        const char *name = entry->d_name;
        bool fits =
            name[0] != '.' && strcmp(name, "index") != 0 &&
            (len == 0 || (strncmp(name, service, len) == 0 && (name[len] == '\0' || name[len] == '@')));
        if (fits)
            list_weeks(folder, name, week, &found);
    }
    if (dir)
        (void)closedir(dir);
    if (found.at && found.count > 1)
        qsort(found.at, found.count, sizeof *found.at, compare_found);
    return found;
}

static void put_json(struct bytes *out, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);
    bytes_printf(out, "%s", text ? text : "null");
    free(text);
}

/* Where it is served, as a URL has it: the folder's own % is escaped once more. */
static void put_url(struct bytes *out, const char *name, const char *week)
{
    bytes_printf(out, "\"/reports/");
    for (; *name; name++) {
        bytes_u8(out, (uint8_t)*name);
        if (*name == '%')
            bytes_printf(out, "25");
    }
    bytes_printf(out, "/%.8s/\"", week);
}

/* One report, by its ledger's last entry. */
static void put_report(struct bytes *out, int folder, const char *where)
{
    struct bytes text = {0};
    char path[NAME_BYTES];
    const char *name = where + WEEK_CHARS + 1;
    (void)snprintf(path, sizeof path, "%s/%.8s/ledger.json", name, where);
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    json_t *ledger = fd >= 0 && read_file(fd, LEDGER_MAX, &text) == TM_OK
                         ? json_loadb((const char *)text.data, text.len, 0, NULL)
                         : NULL;
    const json_t *all = json_object_get(ledger, "revisions");
    const json_t *last = json_array_get(all, json_array_size(all) - 1);
    bytes_printf(out, "{\"report\":");
    bytes_json_string(out, str_of(name));
    bytes_printf(out, ",\"week\":\"%.8s\",\"path\":", where);
    put_url(out, name, where);
    bytes_printf(out, ",\"revision\":");
    put_json(out, json_object_get(last, "revision"));
    bytes_printf(out, ",\"made\":");
    put_json(out, json_object_get(last, "made"));
    bytes_printf(out, ",\"files\":");
    put_json(out, json_object_get(last, "files"));
    bytes_u8(out, '}');
    json_decref(ledger);
    bytes_fini(&text);
    if (fd >= 0)
        (void)close(fd);
}

/* A service as its folder names it (reports/names.h). False: no folder has such a name. */
static bool folder_of(const char *service, char out[PART_BYTES])
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t at = 0;
    for (const char *c = service; *c; c++) {
        if (at + 4 > PART_BYTES)
            return false;
        if (strchr(plain, *c) && !(c == service && *c == '.'))
            out[at++] = *c;
        else
            at += (size_t)snprintf(out + at, PART_BYTES - at, "%%%02X", (unsigned char)*c);
    }
    out[at] = '\0';
    return true;
}

/* What of the list is asked for. */
struct reports_wanted {
    char service[PART_BYTES]; /* as its folder; empty: all */
    const char *week;         /* NULL: all */
    const char *cursor;       /* NULL: from the first on */
    size_t limit;
};

static enum tm_err read_wanted(const struct http_exchange *exchange, struct reports_wanted *out,
                               struct tm_why *why)
{
    struct params params = {.count = 0};
    const char *service = http_query(exchange, "service");
    *out = (struct reports_wanted){.week = http_query(exchange, "week"),
                                   .cursor = http_query(exchange, "cursor")};
    enum tm_err err = params_read(&params, exchange, why);
    if (!err)
        err = params_page(&params, LIMIT, LIMIT_MAX, &out->limit, why);
    params_fini(&params);
    if (err)
        return err;
    if (out->week && !*out->week)
        out->week = NULL;
    if (out->cursor && !*out->cursor)
        out->cursor = NULL;
    if (out->week && !is_week(out->week))
        return tm_fail(why, TM_INVALID, "invalid parameter \"week\": it is an ISO week such as 2026-W47");
    if (out->cursor && (strlen(out->cursor) <= WEEK_CHARS || out->cursor[WEEK_CHARS] != '/'))
        return tm_fail(why, TM_INVALID, "invalid parameter \"cursor\": it is no \"next\" of a list before");
    if (service && !folder_of(service, out->service))
        return tm_fail(why, TM_INVALID, "invalid parameter \"service\": it is too long");
    return TM_OK;
}

void api_reports(void *arg, struct http_exchange *exchange)
{
    const struct api *api = arg;
    struct bytes body = {0};
    struct tm_why why = {""};
    struct reports_wanted wanted;
    const char *next = NULL;
    size_t told = 0;
    enum tm_err err = read_wanted(exchange, &wanted, &why);
    if (err) {
        params_refuse(exchange, err, &why);
        return;
    }
    int folder = open(api->config->reports.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct found found = {NULL, 0};
    if (folder >= 0)
        found = list_reports(folder, wanted.service, wanted.week);
    bytes_printf(&body, "{\"status\":\"success\",\"data\":{\"items\":[");
    for (size_t i = 0; i < found.count && !next; i++) {
        if (wanted.cursor && compare_found(&found.at[i], &wanted.cursor) <= 0)
            continue;
        if (told > 0)
            bytes_u8(&body, ',');
        put_report(&body, folder, found.at[i]);
        if (++told == wanted.limit && i + 1 < found.count)
            next = found.at[i];
    }
    bytes_printf(&body, "],\"next\":");
    if (next)
        bytes_json_string(&body, str_of(next));
    else
        bytes_printf(&body, "null");
    bytes_printf(&body, "}}\n");
    for (size_t i = 0; i < found.count; i++)
        free(found.at[i]);
    free(found.at);
    if (folder >= 0)
        (void)close(folder);
    api_respond_body(exchange, &body);
}
