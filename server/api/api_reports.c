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

enum { OK = 200, NOT_FOUND = 404, ERROR = 500, PARTS_MAX = 6, PART_BYTES = 256, FILE_MAX = 8 << 20 };
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

/* All that lie there; NULL at without memory. */
static struct found list_reports(int folder, const char *service, const char *week)
{
    struct found found = {calloc(LIST_MAX, sizeof *found.at), 0};
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    const struct dirent *entry;
    size_t len = service ? strlen(service) : 0;
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
    (void)snprintf(path, sizeof path, "/reports/%s/%.8s/", name, where);
    bytes_json_string(out, str_of(path));
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

static size_t limit_of(const struct http_exchange *exchange)
{
    const char *text = http_query(exchange, "limit");
    long limit = text ? strtol(text, NULL, 10) : LIMIT;
    return limit < 1 ? 1 : limit > LIMIT_MAX ? LIMIT_MAX : (size_t)limit;
}

void api_reports(void *arg, struct http_exchange *exchange)
{
    const struct api *api = arg;
    struct bytes body = {0};
    const char *cursor = http_query(exchange, "cursor"), *next = NULL;
    size_t limit = limit_of(exchange), told = 0;
    int folder = open(api->config->reports.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct found found = {NULL, 0};
    if (folder >= 0)
        found = list_reports(folder, http_query(exchange, "service"), http_query(exchange, "week"));
    bytes_printf(&body, "{\"status\":\"success\",\"data\":{\"items\":[");
    for (size_t i = 0; i < found.count && !next; i++) {
        if (cursor && compare_found(&found.at[i], &cursor) <= 0)
            continue;
        if (told > 0)
            bytes_u8(&body, ',');
        put_report(&body, folder, found.at[i]);
        if (++told == limit && i + 1 < found.count)
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
