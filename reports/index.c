#include "reports/index.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/escape.h"
#include "reports/html.h"
#include "reports/names.h"

enum { NAMES_MAX = 20000, JSON_MAX = 64 << 20, PATH_BYTES = 900 };

/* ---- names in a folder, in order ---- */

struct names {
    char **at;
    size_t count;
};

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->at[i]);
    free(names->at);
    *names = (struct names){NULL, 0};
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_week(const char *name)
{
    struct week_name week;
    return week_parse(str_of(name), &week, NULL) == TM_OK;
}

/* Folders of a folder; weeks only, or all but `index`. */
static enum tm_err list_folders(int folder, const char *path, bool weeks, struct names *out)
{
    int fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    enum tm_err err = TM_OK;
    *out = (struct names){calloc(NAMES_MAX, sizeof *out->at), 0};
    if (!out->at)
        err = TM_NOMEM;
    while (dir && !err && out->count < NAMES_MAX && (entry = readdir(dir))) {
        struct stat info;
        bool fits =
            weeks ? is_week(entry->d_name) : entry->d_name[0] != '.' && strcmp(entry->d_name, "index") != 0;
        if (!fits || fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(info.st_mode))
            continue;
        out->at[out->count] = strdup(entry->d_name);
        if (!out->at[out->count])
            err = TM_NOMEM;
        else
            out->count++;
    }
    if (dir)
        (void)closedir(dir);
    else if (fd >= 0)
        (void)close(fd);
    if (out->count > 1)
        qsort(out->at, out->count, sizeof *out->at, compare_names);
    return err;
}

/* ---- rows ---- */

static const enum report_key shown[] = {KEY_EXCEPTIONS, KEY_SERVER_ERRORS, KEY_NEW, KEY_REGRESSED,
                                        KEY_BAD_DEPLOYS};
enum { SHOWN = sizeof shown / sizeof *shown };

/* The name in paths, as people read it: %XX as the byte it stands for. */
static const char *plain_name(const char *name, char text[FILES_NAME_BYTES])
{
    size_t len = 0;
    for (const char *at = name; *at && len + 1 < FILES_NAME_BYTES; at++) {
        unsigned byte;
        if (*at == '%' && sscanf(at + 1, "%2X", &byte) == 1 && byte != 0) {
            text[len++] = (char)byte;
            at += 2;
        } else {
            text[len++] = *at;
        }
    }
    text[len] = '\0';
    return text;
}

static void put_cells(struct bytes *out, enum language language, const struct files *files, const char *path)
{
    struct bytes text = {0};
    char figure[TEXT_FIGURE_BYTES];
    enum tm_err err = files_read(files, path, JSON_MAX, &text);
    json_t *report = err ? NULL : json_loadb((const char *)text.data, text.len, 0, NULL);
    const json_t *strip = json_object_get(report, "strip");
    for (size_t i = 0; i < SHOWN; i++) {
        const json_t *now = json_object_get(json_object_get(strip, name_of_key(shown[i])), "now");
        bytes_printf(out, "<td role=\"cell\" class=\"n\" data-l=\"%s\">%s</td>",
                     text_of_key(language, shown[i]),
                     json_is_number(now) ? text_key_value(shown[i], json_number_value(now), figure) : "–");
    }
    json_decref(report);
    bytes_fini(&text);
}

/* A row that leads to a report, from a page one folder below DIR. Without one nothing. */
static void put_row(struct bytes *out, enum language language, const struct files *files, const char *name,
                    const char *week, bool by_week)
{
    char file[FILES_FILE_BYTES], path[PATH_BYTES], json[PATH_BYTES], plain[FILES_NAME_BYTES];
    struct stat info;
    const char *links = "";
    bool is_there = false;
    struct bytes url = {0};
    for (int f = 0; f < RENDER_FORMATS; f++) {
        (void)snprintf(path, sizeof path, "%s/%s/%s", name, week,
                       files_file(name, week, (enum render_format)f, file));
        if (fstatat(files->folder, path, &info, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        bytes_clear(&url);
        /* A path's own % has to be written as one. */
        for (const char *at = path; *at; at++)
            bytes_printf(&url, *at == '%' ? "%%25" : "%c", *at);
        bytes_u8(&url, 0);
        if (!is_there)
            bytes_printf(out, "<tr role=\"row\"><td role=\"cell\">");
        bytes_printf(out, "%s<a href=\"../%s\">", links, url.data ? (const char *)url.data : "");
        if (is_there)
            bytes_printf(out, "%s", render_extension((enum render_format)f));
        else if (by_week)
            bytes_printf(out, "%s", week);
        else
            html_text(out, plain_name(name, plain), 0);
        bytes_printf(out, "</a>");
        is_there = true;
        links = " · ";
    }
    bytes_fini(&url);
    if (!is_there)
        return;
    (void)snprintf(json, sizeof json, "%s/%s/%s", name, week, files_file(name, week, RENDER_JSON, file));
    bytes_printf(out, "</td>");
    put_cells(out, language, files, json);
    bytes_printf(out, "</tr>\n");
}

static void begin_page(struct bytes *out, enum language language, const char *title, enum text first)
{
    html_begin(out, language, title);
    bytes_printf(out, "<header><p class=\"kicker\">%s</p>\n<h1>", text_of(language, TEXT_TITLE));
    html_text(out, title, 0);
    bytes_printf(out,
                 "</h1></header>\n<main>\n<table class=\"stack\" role=\"table\">\n<thead "
                 "role=\"rowgroup\"><tr role=\"row\">"
                 "<th scope=\"col\" role=\"columnheader\">%s</th>",
                 text_of(language, first));
    for (size_t i = 0; i < SHOWN; i++)
        bytes_printf(out, "<th scope=\"col\" role=\"columnheader\" class=\"n\">%s</th>",
                     text_of_key(language, shown[i]));
    bytes_printf(out, "</tr></thead>\n<tbody role=\"rowgroup\">\n");
}

static void end_page(struct bytes *out, const char *link, const char *text)
{
    bytes_printf(out, "</tbody></table>\n</main>\n<footer><a href=\"%s\">%s</a></footer>\n", link, text);
    html_end(out);
}

static enum tm_err write_page(const struct files *files, const char *path, struct bytes *page,
                              struct tm_why *why)
{
    enum tm_err err = bytes_error(page) ? tm_fail(why, TM_NOMEM, "out of memory")
                                        : files_write(files, path, bytes_view(page), why);
    bytes_fini(page);
    return err;
}

/* ---- pages ---- */

static enum tm_err list_weeks(const struct files *files, enum language language, struct tm_why *why)
{
    struct bytes page = {0};
    int folder = openat(files->folder, "index", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = folder >= 0 ? fdopendir(folder) : NULL;
    const struct dirent *entry;
    struct names weeks = {calloc(NAMES_MAX, sizeof *weeks.at), 0};
    while (dir && weeks.at && weeks.count < NAMES_MAX && (entry = readdir(dir))) {
        const char *dot = strchr(entry->d_name, '.');
        char *name =
            dot && strcmp(dot, ".html") == 0 ? strndup(entry->d_name, (size_t)(dot - entry->d_name)) : NULL;
        if (name && is_week(name))
            weeks.at[weeks.count++] = name;
        else
            free(name);
    }
    if (dir)
        (void)closedir(dir);
    if (weeks.count > 1)
        qsort(weeks.at, weeks.count, sizeof *weeks.at, compare_names);
    html_begin(&page, language, text_of(language, TEXT_TITLE));
    bytes_printf(&page, "<h1>%s</h1>\n<main><ul class=\"plain\">\n", text_of(language, TEXT_TITLE));
    for (size_t i = weeks.count; i-- > 0;)
        bytes_printf(&page, "<li><a href=\"%s.html\">%s</a></li>\n", weeks.at[i], weeks.at[i]);
    bytes_printf(&page, "</ul></main>\n");
    html_end(&page);
    free_names(&weeks);
    return write_page(files, "index/index.html", &page, why);
}

enum tm_err index_week(const struct files *files, const char *week, const char *language, struct tm_why *why)
{
    struct bytes page = {0};
    struct names names;
    char path[PATH_BYTES], title[PATH_BYTES];
    enum language l = text_language(language);
    enum tm_err err = list_folders(files->folder, ".", false, &names);
    (void)snprintf(title, sizeof title, "%s %s", text_of(l, TEXT_INDEX), week);
    begin_page(&page, l, title, TEXT_SERVICE);
    for (size_t i = 0; i < names.count; i++)
        put_row(&page, l, files, names.at[i], week, false);
    end_page(&page, "index.html", text_of(l, TEXT_EARLIER));
    free_names(&names);
    (void)snprintf(path, sizeof path, "index/%s.html", week);
    if (err) {
        bytes_fini(&page);
        return tm_fail(why, err, "out of memory");
    }
    err = write_page(files, path, &page, why);
    return err ? err : list_weeks(files, l, why);
}

enum tm_err index_service(const struct files *files, const char *name, const char *language,
                          struct tm_why *why)
{
    struct bytes page = {0};
    struct names weeks;
    char path[PATH_BYTES], title[FILES_NAME_BYTES];
    enum language l = text_language(language);
    enum tm_err err = list_folders(files->folder, name, true, &weeks);
    begin_page(&page, l, plain_name(name, title), TEXT_WEEK);
    for (size_t i = weeks.count; i-- > 0;)
        put_row(&page, l, files, name, weeks.at[i], true);
    end_page(&page, "../index/index.html", text_of(l, TEXT_EARLIER));
    free_names(&weeks);
    (void)snprintf(path, sizeof path, "%s/index.html", name);
    if (err) {
        bytes_fini(&page);
        return tm_fail(why, err, "out of memory");
    }
    return write_page(files, path, &page, why);
}
