/* `tidemark backup`. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/cli/command.h"
#include "server/cli/job.h"
#include "server/cli/json_print.h"
#include "storage/backup/backup.h"

enum { QUERY_BYTES = 3 * PATH_MAX };

static const struct option backup_options[] = {
    {.name = "data-dir",
     .argument = "DIR",
     .text = "back up this folder here, no daemon writing to it; with --restore: the folder to make"},
    {.name = "restore",
     .argument = "SRC",
     .text = "make the folder --data-dir from this backup, or the newest in it"},
    {0},
};

/* The daemon has another working folder than we. */
static enum tm_err make_absolute(const char *path, char out[PATH_MAX], struct tm_why *why)
{
    char here[PATH_MAX];
    int len;
    if (path[0] == '/')
        len = snprintf(out, PATH_MAX, "%s", path);
    else if (getcwd(here, sizeof here))
        len = snprintf(out, PATH_MAX, "%s/%s", here, path);
    else
        return tm_fail(why, TM_IO, "finding the working folder failed: %s", strerror(errno));
    return len < PATH_MAX ? TM_OK : tm_fail(why, TM_INVALID, "the path %.200s... is too long", path);
}

/* "to=" and the path, percent-encoded. */
static enum tm_err make_query(const char *path, char out[QUERY_BYTES], struct tm_why *why)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
    char absolute[PATH_MAX];
    enum tm_err err = make_absolute(path, absolute, why);
    size_t at = (size_t)snprintf(out, QUERY_BYTES, "to=");
    for (const char *c = absolute; !err && *c && at + 4 < QUERY_BYTES; c++) {
        if (strchr(plain, *c))
            out[at++] = *c;
        else
            at += (size_t)snprintf(out + at, 4, "%%%02X", (unsigned char)*c);
    }
    out[at] = '\0';
    return err;
}

typedef enum tm_err backup_fn(const struct backup_options *options, struct bytes *out, struct tm_why *why);

static enum tm_err work_here(backup_fn *work, const char *name, const char *from, const char *to,
                             json_t **out, struct tm_why *why)
{
    struct bytes text = {0};
    struct job_line line;
    job_line_begin(&line, name);
    const struct backup_options options = {.from = from, .to = to, .progress = job_line_show, .arg = &line};
    enum tm_err err = work(&options, &text, why);
    job_line_end(&line);
    *out = err ? NULL : json_loadb((const char *)text.data, text.len, 0, NULL);
    bytes_fini(&text);
    if (!err && !*out)
        err = tm_fail(why, TM_NOMEM, "out of memory");
    return err;
}

static const char *text_of(const json_t *data, const char *name)
{
    const char *text = json_string_value(json_object_get(data, name));
    return text ? text : "?";
}

static void print_text(const json_t *data, bool is_restore)
{
    double bytes = json_number_value(json_object_get(data, "bytes"));
    double files = json_number_value(json_object_get(data, "files"));
    size_t i;
    const json_t *place;
    if (is_restore)
        printf("%s restored to %s: %.0f files, %.1f MB, as of %s; verified\n", text_of(data, "from"),
               text_of(data, "to"), files, bytes / 1e6, text_of(data, "time"));
    else
        printf("%s: %.0f files, %.1f MB, of which %.1f MB are new; as of %s\n", text_of(data, "to"), files,
               bytes / 1e6, json_number_value(json_object_get(data, "copied_bytes")) / 1e6,
               text_of(data, "time"));
    json_array_foreach(json_object_get(data, "damaged"), i, place)
    {
        printf("%s is damaged in the data folder: keep the older backups; `tidemark verify` says more\n",
               json_string_value(place));
    }
    if (json_integer_value(json_object_get(data, "damages")) > 0)
        puts("it has the damages that the data folder had when the backup was made: `tidemark verify "
             "--data-dir`");
}

static enum tm_err back_up(const struct args *args, json_t **data, struct tm_why *why)
{
    const char *dir = options_text(args, "data-dir"), *source = options_text(args, "restore");
    char query[QUERY_BYTES];
    if (source)
        return work_here(backup_restore, "restore", source, dir, data, why);
    if (dir)
        return work_here(backup_offline, "backup", dir, args->operands[0], data, why);
    enum tm_err err = make_query(args->operands[0], query, why);
    return err ? err : job_ask(args, "/api/v1/admin/backup", query, "backup", data, why);
}

static int run_backup(const struct args *args)
{
    struct tm_why why = {0};
    json_t *data = NULL;
    bool is_restore = options_given(args, "restore");
    if (is_restore ? !options_text(args, "data-dir") || args->operand_count > 0 : args->operand_count != 1) {
        (void)tm_fail(&why, TM_INVALID, "%s",
                      is_restore ? "say where to: `tidemark backup --restore SRC --data-dir DIR`"
                                 : "say where to: `tidemark backup DEST`");
        return command_fail(EXIT_USAGE, &why);
    }
    if (back_up(args, &data, &why))
        return command_fail(EXIT_FAILED, &why);
    if (options_given(args, "json")) {
        (void)json_print_document(data);
    } else {
        print_text(data, is_restore);
    }
    bool is_damaged = json_array_size(json_object_get(data, "damaged")) > 0 ||
                      json_integer_value(json_object_get(data, "damages")) > 0;
    json_decref(data);
    return is_damaged ? EXIT_FAILED : EXIT_OK;
}

const struct command backup_command = {
    .name = "backup",
    .summary = "copy all that is stored, beside the daemon's work, and back",
    .operands = "[DEST]",
    .details = "Makes a folder in DEST, named by its moment, that holds all that was acknowledged then "
               "and nothing else; what did not change since the last backup there is not copied again. "
               "The daemon does it, with its own rights; with --data-dir a folder at rest is copied "
               "here. --restore makes a data folder from a backup and verifies it.",
    .examples = "tidemark backup /srv/backups\n"
                "tidemark backup --restore /srv/backups --data-dir restored",
    .exits = "0 ok\n1 failed, or made with damaged days left out\n2 wrong usage",
    .options = backup_options,
    .run = run_backup,
};
