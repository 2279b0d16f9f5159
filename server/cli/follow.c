#include "server/cli/follow.h"

#include <string.h>
#include <time.h>

#include "server/cli/command.h"

enum { OK = 200, UNAVAILABLE = 503, EVENT_MAX_BYTES = 1 << 20, PAUSE_S = 3 };

/* ---- events ---- */

void follow_parser_fini(struct follow_parser *parser)
{
    bytes_fini(&parser->line);
    bytes_fini(&parser->data);
}

/* A whole line without its end; an empty one ends the event. */
static void take_line(struct follow_parser *parser, follow_fn *each, void *arg)
{
    static const char field[] = "data:";
    struct str line = bytes_view(&parser->line);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    bool is_data = line.len >= sizeof field - 1 && memcmp(line.ptr, field, sizeof field - 1) == 0;
    if (is_data && parser->data.len <= EVENT_MAX_BYTES) /* one that is longer is no JSON then */
        bytes_put(&parser->data, line.ptr + sizeof field - 1, line.len - (sizeof field - 1));
    if (line.len > 0)
        return;
    json_t *item = parser->data.len > 0 && parser->data.len <= EVENT_MAX_BYTES
                       ? json_loadb((const char *)parser->data.data, parser->data.len, 0, NULL)
                       : NULL;
    if (item)
        each(arg, item);
    json_decref(item);
    bytes_clear(&parser->data);
}

enum tm_err follow_parse(struct follow_parser *parser, struct str piece, follow_fn *each, void *arg)
{
    while (piece.len > 0) {
        const char *end = memchr(piece.ptr, '\n', piece.len);
        size_t len = end ? (size_t)(end - piece.ptr) : piece.len;
        if (parser->line.len <= EVENT_MAX_BYTES) /* of a longer one the rest is left out */
            bytes_put(&parser->line, piece.ptr, len);
        if (parser->line.failed || parser->data.failed)
            return TM_NOMEM;
        if (!end)
            return TM_OK;
        take_line(parser, each, arg);
        bytes_clear(&parser->line);
        piece = (struct str){end + 1, piece.len - len - 1};
    }
    return TM_OK;
}

/* ---- the stream ---- */

struct following {
    struct follow_parser parser;
    follow_fn *each;
    void *arg;
    bool is_begun; /* something came: the address is right */
};

static bool take_piece(void *arg, struct str piece)
{
    struct following *f = arg;
    f->is_begun = true;
    return follow_parse(&f->parser, piece, f->each, f->arg) == TM_OK;
}

/* /api/v1/stream?topics=KIND[.SERVICE]; in a topic the service is escaped as in a path. */
static enum tm_err write_path(const struct args *args, const char *kind, struct bytes *path)
{
    struct bytes topic = {0};
    const char *service = options_text(args, "service");
    bytes_printf(&topic, "%s", kind);
    if (service && *service) {
        bytes_u8(&topic, '.');
        http_escape(str_of(service), &topic);
    }
    bytes_printf(path, "/api/v1/stream");
    talk_put_value("topics", bytes_view(&topic), path);
    bytes_u8(path, '\0');
    path->failed = path->failed || topic.failed;
    bytes_fini(&topic);
    return bytes_error(path);
}

/* EXIT_OK: to be tried again. */
static int follow_once(struct talk *talk, const char *path, struct following *f)
{
    struct tm_why why = {0};
    enum tm_err err = http_stream(talk->http, path, take_piece, f, &talk->answer, &why);
    bytes_clear(&f->parser.line);
    bytes_clear(&f->parser.data);
    if (!err && talk->answer.status != OK && talk->answer.status != UNAVAILABLE) {
        http_error_text(&talk->answer, &why);
        return command_fail(EXIT_FAILED, &why);
    }
    if (err && !f->is_begun)
        return command_fail(EXIT_FAILED, &why);
    if (err != TM_OK || talk->answer.status == OK)
        (void)fprintf(stderr, "tidemark: the stream ended; asking again every %d s\n", PAUSE_S);
    return EXIT_OK;
}

int follow(const struct args *args, const char *kind, follow_fn *each, void *arg)
{
    struct following f = {.each = each, .arg = arg};
    struct bytes path = {0};
    struct talk talk = {0};
    struct tm_why why;
    int code = write_path(args, kind, &path)
                   ? command_fail(EXIT_FAILED, (tm_why_write(&why, "out of memory"), &why))
                   : talk_open(args, &talk);
    while (!code) {
        const struct timespec pause = {PAUSE_S, 0};
        code = follow_once(&talk, (const char *)path.data, &f);
        if (!code)
            (void)nanosleep(&pause, NULL);
    }
    follow_parser_fini(&f.parser);
    bytes_fini(&path);
    talk_close(&talk);
    return code;
}
