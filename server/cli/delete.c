/* `tidemark delete`. */
#include <jansson.h>

#include "server/cli/command.h"
#include "server/cli/http.h"
#include "server/cli/json_print.h"
#include "server/cli/source.h"

/* What is in memory is flushed first. */
enum { TIMEOUT_MS = 300000 };

static const struct option delete_options[] = {
    {.name = "from", .argument = "TIME", .text = "first instant that goes; without it: from the beginning"},
    {.name = "to", .argument = "TIME", .text = "the instant behind the last one; without it: to the end"},
    {.name = "all", .text = "yes, a selector that takes every series, without --from and --to"},
    {0},
};

static void make_path(const struct args *args, struct bytes *path)
{
    static const char *const names[] = {"from", "to"};
    bytes_printf(path, "/api/v1/admin/delete?all=%d", options_given(args, "all"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!options_given(args, names[i]))
            continue;
        bytes_printf(path, "&%s=", names[i]);
        http_escape(str_of(options_text(args, names[i])), path);
    }
    for (int i = 0; i < args->operand_count; i++) {
        bytes_printf(path, "&match%%5B%%5D=");
        http_escape(str_of(args->operands[i]), path);
    }
    bytes_u8(path, '\0');
}

static int print_answer(const struct args *args, const struct http_answer *answer)
{
    enum { OK = 200, BAD_REQUEST = 400 };
    struct tm_why why = {0};
    json_t *root = json_loadb((const char *)answer->body.data, answer->body.len, 0, NULL);
    const json_t *data = json_object_get(root, "data");
    int code = EXIT_OK;
    if (answer->status != OK || !json_is_object(data)) {
        http_error_text(answer, &why);
        code = command_fail(answer->status == BAD_REQUEST ? EXIT_USAGE : EXIT_FAILED, &why);
    } else if (options_given(args, "json")) {
        code = json_print_document(data);
    } else {
        json_int_t series = json_integer_value(json_object_get(data, "series"));
        printf("deleted from %" JSON_INTEGER_FORMAT " series\n", series);
    }
    json_decref(root);
    return code;
}

static int run_delete(const struct args *args)
{
    struct tm_why why = {0};
    struct http *http = NULL;
    struct http_answer answer = {0};
    struct bytes path = {0};
    if (args->operand_count == 0) {
        (void)tm_fail(&why, TM_INVALID,
                      "which series? For example `tidemark delete 'cpu{service=\"cart\"}' --to -7d`; put the "
                      "selector in quotes");
        return command_fail(EXIT_USAGE, &why);
    }
    if (source_check_selectors(args, &why))
        return command_fail(EXIT_USAGE, &why);
    enum tm_err err = command_connect(args, &http, &why);
    if (err)
        return command_fail(err == TM_INVALID ? EXIT_USAGE : EXIT_FAILED, &why);
    make_path(args, &path);
    if (bytes_error(&path))
        err = tm_fail(&why, TM_NOMEM, "out of memory");
    else
        err = http_post(http, (const char *)path.data, STR(""), TIMEOUT_MS, &answer, &why);
    int code = err ? command_fail(EXIT_FAILED, &why) : print_answer(args, &answer);
    bytes_fini(&path);
    bytes_fini(&answer.body);
    http_close(http);
    return code;
}

const struct command delete_command = {
    .name = "delete",
    .summary = "delete the samples of some series, for good",
    .operands = "SELECTOR...",
    .details = "Samples of all series that any SELECTOR takes go, between --from (inclusive) and --to "
               "(exclusive), as far as they were acknowledged before. So do counts of the 10 seconds "
               "that begin there. When the command returns nobody sees them any more, after a restart "
               "neither; disk space comes back within minutes, for today's when the day is over. What "
               "is sent afterwards for the same series and times is new data and stays. Of days whose "
               "samples retention has removed the 5-minute and hourly values go that lie wholly in the "
               "span; one that it cuts stays as it is. Events are not deleted.\n" OPTIONS_TIME,
    .examples = "tidemark delete 'cpu{pod=\"a1\"}' --from -1d\n"
                "tidemark delete 'load{host=~\"test.*\"}' --to 2026-11-01",
    .options = delete_options,
    .run = run_delete,
};
