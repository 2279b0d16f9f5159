#include "server/cli/access_log.h"

#include "storage/model/labels.h"

#define PATH_FIELD "path"

enum { TAG_VALUE_MAX = 256, TAGS_MAX = 16 };

bool access_log_is_format(const char *word, enum log_format *out)
{
    return log_format_parse(str_of(word), out) == TM_OK;
}

/* What a line of a log writes by itself can't be given beside it. */
static bool is_own(struct str name)
{
    static const char *const names[] = {"service", "env",   "host",  "method",
                                        "status",  "cache", "count", "__name__"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_equal(name, str_of(names[i])))
            return true;
    return false;
}

static enum tm_err add_tag(struct access_log *log, const struct args *args, size_t nth, struct tm_why *why)
{
    char name[LOG_TAG_MAX];
    const char *word = options_nth(args, "tag", nth);
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : 0;
    if (!equals || !equals[1] || strlen(equals + 1) > TAG_VALUE_MAX)
        return tm_fail(why, TM_INVALID, "--tag is NAME=VALUE, of at most %d bytes, not \"%.100s\"",
                       TAG_VALUE_MAX, word);
    if (len >= sizeof name || !label_name_valid((struct str){word, len}))
        return tm_fail(why, TM_INVALID, "\"%.*s\" is not a tag's name ([a-zA-Z_][a-zA-Z0-9_]*)",
                       len < 100 ? (int)len : 100, word);
    if (is_own((struct str){word, len}))
        return tm_fail(why, TM_INVALID, "the tag %.*s comes from the log or has an option of its own",
                       (int)len, word);
    memcpy(name, word, len);
    name[len] = '\0';
    for (size_t i = 0; i < nth; i++)
        if (strncmp(options_nth(args, "tag", i), word, len + 1) == 0)
            return tm_fail(why, TM_INVALID, "the tag %s is given twice; leave out one", name);
    log_tag_write(name, str_of(equals + 1), &log->tags);
    return TM_OK;
}

enum tm_err access_log_settings(const struct args *args, struct access_log *log, struct tm_why *why)
{
    enum tm_err err = TM_OK;
    bool is_json = log->format == LOG_NGINX_JSON || log->format == LOG_DATASTREAM2;
    log->service_from = options_text(args, "service-from");
    log->source = (struct log_source){.service = str_of(options_text(args, "service")),
                                      .env = str_of(options_text(args, "env")),
                                      .host_tag = options_given(args, "host-tag")};
    if (log->service_from && !is_json && strcmp(log->service_from, PATH_FIELD) != 0)
        return tm_fail(why, TM_INVALID, "a %.*s log has no members; --service-from can only be " PATH_FIELD,
                       STR_ARG(log_format_name(log->format)));
    for (size_t i = 0; !err && options_nth(args, "tag", i); i++)
        err = i < TAGS_MAX ? add_tag(log, args, i, why)
                           : tm_fail(why, TM_INVALID, "there are over %d tags; give fewer", TAGS_MAX);
    if (!err && bytes_error(&log->tags))
        err = tm_fail(why, TM_NOMEM, "out of memory");
    log->source.tags = bytes_view(&log->tags);
    return err;
}

enum tm_err access_log_unused(const struct args *args, const char *format, struct tm_why *why)
{
    static const struct option options[] = {ACCESS_LOG_OPTIONS};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (options_given(args, options[i].name))
            return tm_fail(why, TM_INVALID,
                           "--%s is for access logs, --format " ACCESS_LOG_FORMATS ", not %s",
                           options[i].name, format);
    return TM_OK;
}

/* "/blog/x?y" is of blog, "/" of none. */
static struct str first_part(struct str url)
{
    const char *end = url.ptr + url.len;
    const char *at = url.ptr;
    while (at < end && *at == '/')
        at++;
    const char *from = at;
    while (at < end && *at != '/' && *at != '?' && *at != '#')
        at++;
    return url.len && *url.ptr == '/' ? (struct str){from, (size_t)(at - from)} : (struct str){from, 0};
}

enum tm_err access_log_read(struct access_log *log, struct str line, struct log_record *out,
                            struct log_fault *fault)
{
    bool is_path = log->service_from && strcmp(log->service_from, PATH_FIELD) == 0;
    enum tm_err err =
        log_line_parse(log->format, line, is_path ? NULL : log->service_from, &log->scratch, out, fault);
    if (!err && is_path)
        out->member = first_part(out->url);
    return err;
}

void access_log_write(const struct access_log *log, const struct log_record *record, struct bytes *out)
{
    struct log_source source = log->source;
    if (log->service_from && record->member.len)
        source.service = record->member;
    log_record_write(record, &source, out);
}

bool access_log_is_blank(struct str line)
{
    size_t i = 0;
    while (i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t' || line.ptr[i] == '\r'))
        i++;
    return i == line.len;
}

void access_log_put_settings(const struct access_log *log, struct bytes *out)
{
    bytes_u8(out, (uint8_t)log->format);
    bytes_str(out, log->source.service);
    bytes_str(out, log->source.env);
    bytes_str(out, str_of(log->service_from));
    bytes_str(out, log->source.tags);
    bytes_u8(out, log->source.host_tag);
}

void access_log_fini(struct access_log *log)
{
    bytes_fini(&log->tags);
    bytes_fini(&log->scratch);
}
