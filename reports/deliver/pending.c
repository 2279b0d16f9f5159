#include "reports/deliver/pending.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/files_private.h"

enum { LEDGER_MAX = 16 << 20, PATH_BYTES = 900, GROW = 64 };

/* ---- what lies there ---- */

/* Revision and hash, by the last entry of its ledger. */
static bool take_ledger(const json_t *ledger, struct pending_report *report)
{
    char file[FILES_FILE_BYTES];
    const json_t *all = json_object_get(ledger, "revisions"), *item;
    const json_t *last = json_array_get(all, json_array_size(all) - 1);
    json_int_t revision = json_integer_value(json_object_get(last, "revision"));
    size_t i;
    (void)files_file(report->name, report->week, RENDER_JSON, file);
    json_array_foreach(json_object_get(last, "files"), i, item)
    {
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *hash = json_string_value(json_object_get(item, "sha256"));
        if (name && hash && strcmp(name, file) == 0 && revision > 0) {
            (void)snprintf(report->hash, sizeof report->hash, "%s", hash);
            report->revision = (size_t)revision;
            return true;
        }
    }
    return false;
}

static bool look_at(int folder, struct pending_report *report)
{
    char path[PATH_BYTES];
    struct bytes text = {0};
    (void)snprintf(path, sizeof path, "%s/%s/ledger.json", report->name, report->week);
    json_t *ledger = files_get(folder, path, LEDGER_MAX, &text) == TM_OK
                         ? json_loadb((const char *)text.data, text.len, 0, NULL)
                         : NULL;
    bool is_there = take_ledger(ledger, report);
    json_decref(ledger);
    bytes_fini(&text);
    return is_there;
}

static enum tm_err add(struct pending_reports *out, const struct pending_report *report)
{
    if (out->count % GROW == 0) {
        struct pending_report *grown = realloc(out->at, (out->count + GROW) * sizeof *grown);
        if (!grown)
            return TM_NOMEM;
        out->at = grown;
    }
    out->at[out->count++] = *report;
    return TM_OK;
}

static enum tm_err add_weeks(int folder, const char *name, time_ms_t now, struct pending_reports *out)
{
    struct pending_report report;
    enum tm_err err = TM_OK;
    for (int ago = 1; ago <= PENDING_WEEKS && !err; ago++) {
        report = (struct pending_report){.weeks_ago = ago};
        (void)snprintf(report.name, sizeof report.name, "%s", name);
        (void)week_text(week_add(week_clock(now).week, -ago), report.week);
        if (look_at(folder, &report))
            err = add(out, &report);
    }
    return err;
}

static int compare(const void *a, const void *b)
{
    const struct pending_report *x = a, *y = b;
    return x->weeks_ago != y->weeks_ago ? x->weeks_ago - y->weeks_ago : strcmp(x->name, y->name);
}

enum tm_err pending_list(int folder, time_ms_t now, struct pending_reports *out)
{
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    const struct dirent *entry;
    enum tm_err err = TM_OK;
    while (dir && !err && (entry = readdir(dir)))
        if (entry->d_name[0] != '.' && strlen(entry->d_name) < FILES_NAME_BYTES)
            err = add_weeks(folder, entry->d_name, now, out);
    if (dir)
        (void)closedir(dir);
    else if (again >= 0)
        (void)close(again);
    if (out->count > 1)
        qsort(out->at, out->count, sizeof *out->at, compare);
    return err;
}

/* ---- what of it is sent ---- */

/* Its reports stand under its name, with or without an environment. */
static bool is_of(const struct pending_report *report, const char *service)
{
    char name[FILES_NAME_BYTES];
    if (!service)
        return true;
    if (files_name(service, "", name, NULL) != TM_OK)
        return false;
    size_t len = strlen(name);
    return strncmp(report->name, name, len) == 0 && (report->name[len] == '\0' || report->name[len] == '@');
}

bool pending_wanted(const struct pending_report *report, const struct receiver *receiver,
                    const struct ledger *ledger, struct ledger_entry *entry)
{
    const struct ledger_entry *last = ledger_find(ledger, receiver->id, report->name, report->week);
    bool is_over = last && (last->state == LEDGER_SENT || last->state == LEDGER_FAILED);
    bool is_same = last && last->revision == report->revision;
    if (!is_of(report, receiver->service) || (!last && report->weeks_ago > 1) ||
        (is_over && last->revision >= report->revision))
        return false;
    *entry = (struct ledger_entry){.revision = report->revision};
    memcpy(entry->receiver, receiver->id, sizeof entry->receiver);
    memcpy(entry->report, report->name, sizeof entry->report);
    memcpy(entry->week, report->week, sizeof entry->week);
    if (last) {
        entry->before = last->state == LEDGER_SENT ? last->revision : last->before;
        entry->attempts = is_same && !is_over ? last->attempts : 0;
    }
    return true;
}
