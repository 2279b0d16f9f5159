/* An access log as a command takes it: what a line says, and what the options add to it. For import and push.
 */
#ifndef TM_CLI_ACCESS_LOG_H
#define TM_CLI_ACCESS_LOG_H

#include "server/cli/formats/formats.h"
#include "server/cli/options.h"

/* Zero-initialised, then access_log_settings; access_log_fini frees. */
struct access_log {
    enum log_format format;
    struct log_source source; /* views into the options and tags */
    const char *service_from; /* a JSON object's member, or "path"; NULL: source.service is it */
    struct bytes tags;
    struct bytes scratch; /* of the line that was read last */
};

/* "clf|combined|nginx-json|datastream2", for an option's argument. */
#define ACCESS_LOG_FORMATS "clf|combined|nginx-json|datastream2"

/* The options of a command whose logs these are: rows of its table of struct option. */
/* clang-format off */
#define ACCESS_LOG_OPTIONS \
    {.name = "service", .argument = "NAME", \
     .text = "access logs: the service of each request; with --service-from of those that name none"}, \
    {.name = "service-from", .argument = "FIELD", \
     .text = "access logs: take the service from this member of the JSON object, or, for path, from the first " \
             "part of the URL's path"}, \
    {.name = "env", .argument = "NAME", .text = "access logs: the environment, for example prod"}, \
    {.name = "tag", .argument = "NAME=VALUE", \
     .text = "access logs: a tag for every request; may be given more than once"}, \
    {.name = "host-tag", .text = "access logs: the requested host as tag host"}
/* clang-format on */

/* True if word names one of the formats: *out. */
bool access_log_is_format(const char *word, enum log_format *out);

/* Reads the options above; log->format is set. TM_INVALID, TM_NOMEM. Views of args stay in log. */
enum tm_err access_log_settings(const struct args *args, struct access_log *log,
                                struct tm_why *why) TM_MUST_CHECK;

/* TM_INVALID if one of the options above is given, for what is no access log. */
enum tm_err access_log_unused(const struct args *args, const char *format, struct tm_why *why) TM_MUST_CHECK;

/* As log_line_parse. Views in *out are valid until the next call and as long as line. */
enum tm_err access_log_read(struct access_log *log, struct str line, struct log_record *out,
                            struct log_fault *fault) TM_MUST_CHECK;

/* Appends the record as a line with its end, in ns. Errors stay in out. */
void access_log_write(const struct access_log *log, const struct log_record *record, struct bytes *out);

/* True for a line without content. */
bool access_log_is_blank(struct str line);

/* Appends what decides how a line is written, for a hash of it. */
void access_log_put_settings(const struct access_log *log, struct bytes *out);

/* Frees its buffers, and so ends the views that reading gave. */
void access_log_fini(struct access_log *log);

#endif
