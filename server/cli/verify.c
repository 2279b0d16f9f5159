/* `tidemark verify`. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/cli/command.h"
#include "server/cli/job.h"
#include "server/cli/json_print.h"
#include "storage/check/check_document.h"

static const struct option verify_options[] = {
    {.name = "data-dir", .argument = "DIR", .text = "check this folder here, without asking a daemon"},
    {0},
};

static double number_of(const json_t *data, const char *name)
{
    return json_number_value(json_object_get(data, name));
}

static void print_text(const json_t *data)
{
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(data, "items"), i, item)
    {
        const char *kind = json_string_value(json_object_get(item, "kind"));
        const char *place = json_string_value(json_object_get(item, "place"));
        const char *text = json_string_value(json_object_get(item, "text"));
        printf("%s%s: %s\n", kind && strcmp(kind, "note") == 0 ? "note: " : "", place ? place : "?",
               text ? text : "?");
    }
    double bytes = number_of(data, "bytes"), cpu_s = number_of(data, "cpu_s");
    printf("%.0f partitions (%.0f sealed), %.0f chunks, %.0f samples, %.0f series, %.0f event blocks, %.0f "
           "journal "
           "records; %.1f MB in %.2f s, %.2f s of CPU (%.0f MB/s)\n",
           number_of(data, "partitions"), number_of(data, "sealed"), number_of(data, "chunks"),
           number_of(data, "samples"), number_of(data, "series"), number_of(data, "event_blocks"),
           number_of(data, "records"), bytes / 1e6, number_of(data, "elapsed_s"), cpu_s,
           cpu_s > 0 ? bytes / 1e6 / cpu_s : 0);
    double damages = number_of(data, "damages");
    if (json_is_true(json_object_get(data, "sound")))
        puts("sound: nothing is damaged");
    else
        printf("DAMAGED: %.0f damage%s\n", damages, damages == 1 ? "" : "s");
}

static enum tm_err verify_here(const char *dir, json_t **out, struct tm_why *why)
{
    struct bytes text = {0};
    struct job_line line;
    job_line_begin(&line, "verify");
    enum tm_err err = check_document(dir, job_line_show, &line, &text, why);
    job_line_end(&line);
    *out = err ? NULL : json_loadb((const char *)text.data, text.len, 0, NULL);
    bytes_fini(&text);
    if (!err && !*out)
        err = tm_fail(why, TM_NOMEM, "out of memory");
    return err;
}

static int run_verify(const struct args *args)
{
    struct tm_why why = {0};
    json_t *data = NULL;
    const char *dir = options_text(args, "data-dir");
    enum tm_err err = dir ? verify_here(dir, &data, &why)
                          : job_ask(args, "/api/v1/admin/verify", "", "verify", &data, &why);
    if (err)
        return command_fail(err == TM_INVALID ? EXIT_USAGE : EXIT_FAILED, &why);
    if (options_given(args, "json")) {
        (void)json_print_document(data);
    } else {
        print_text(data);
    }
    int code = json_is_true(json_object_get(data, "sound")) ? EXIT_OK : EXIT_FAILED;
    json_decref(data);
    return code;
}

const struct command verify_command = {
    .name = "verify",
    .summary = "read all that is stored and compare it with its checksums",
    .details = "Reads journal, index and all partitions, and says for each damage where it is, what it "
               "means and what to do. With --data-dir it works on a folder at rest (a backup, too) and "
               "beside a running daemon; without, the daemon does it beside its work.",
    .examples = "tidemark verify\n"
                "tidemark verify --data-dir /var/lib/tidemark",
    .exits = "0 sound\n1 damaged, or not done\n2 wrong usage",
    .options = verify_options,
    .run = run_verify,
};
