#include "server/job/job_words.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/wire/reply.h"

enum { OWNERS_MAX = 1000, PAIR = 2 };

/* Takes text over; NULL: no memory. */
static bool add(struct job_words *words, char *text)
{
    if (!text || words->count >= JOB_WORDS_MAX) {
        free(text);
        return false;
    }
    words->at[words->count++] = text;
    words->at[words->count] = NULL;
    return true;
}

/* --name value; nothing where that is NULL. */
static bool add_pair(struct job_words *words, const char *name, const char *value)
{
    return !value || (add(words, strdup(name)) && add(words, strdup(value)));
}

static bool add_owners(struct job_words *words, const struct config *config)
{
    bool good = true;
    for (size_t i = 0; i < config->service_count && i < OWNERS_MAX && good; i++) {
        const struct config_service *service = &config->services[i];
        char *word = NULL;
        if (asprintf(&word, "%s=%s", service->name, service->owner ? service->owner : "") < 0)
            word = NULL;
        good = add(words, strdup("--owner")) && add(words, word);
    }
    return good;
}

static bool add_formats(struct job_words *words, const struct config *config)
{
    char list[64] = "";
    for (size_t i = 0; i < config->reports.formats.count; i++) {
        size_t len = strlen(list);
        (void)snprintf(list + len, sizeof list - len, "%s%s", i > 0 ? "," : "",
                       config->reports.formats.at[i]);
    }
    return add_pair(words, "--formats", list);
}

/* tidemark-report lies beside the program that runs. */
static enum tm_err find_program(char path[PATH_MAX], struct tm_why *why)
{
    static const char name[] = "/tidemark-report";
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - sizeof name);
    if (len <= 0)
        return tm_fail(why, TM_IO, "finding the daemon's own program: %s", strerror(errno));
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    if (slash)
        memcpy(slash, name, sizeof name);
    if (access(path, X_OK) != 0)
        return tm_fail(why, TM_IO, "%.200s can't be run (%s): install it beside tidemarkd", path,
                       strerror(errno));
    return TM_OK;
}

enum tm_err job_words_make(struct job_words *words, const struct config *config,
                           const struct job_report *report, const char *data_dir, struct tm_why *why)
{
    char program[PATH_MAX];
    const char *const pairs[][PAIR] = {
        {"--data-dir", data_dir},
        {"--out", report->out ? report->out : config->reports.dir},
        {"--zone", config->reports.timezone},
        {"--language", config->reports.language},
        {"--week", report->week},
        {"--service", report->service},
        {"--env", report->env},
        {"--from", report->from},
        {"--to", report->to},
        {"--due", report->due},
    };
    if (report->out && report->out[0] != '/')
        return tm_fail(why, TM_INVALID, "`out` must be an absolute path of a folder, like /srv/reports");
    enum tm_err err = find_program(program, why);
    if (err)
        return err;
    bool good = add(words, strdup(program)) && add(words, strdup("--job"));
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && good; i++)
        good = add_pair(words, pairs[i][0], pairs[i][1]);
    good = good && add_formats(words, config) && add_owners(words, config);
    return good ? TM_OK : tm_fail(why, TM_NOMEM, "out of memory");
}

/* ---- delivery ---- */

static void put_text(struct bytes *out, const char *name, const char *text)
{
    bytes_printf(out, "\"%s\":", name);
    bytes_json_string(out, str_of(text));
}

static void put_receivers(struct bytes *out, const struct config_strings *list, const char *service,
                          bool *any)
{
    for (size_t i = 0; i < list->count; i++) {
        bytes_printf(out, *any ? ",{" : "{");
        put_text(out, "to", list->at[i]);
        if (service)
            bytes_u8(out, ',');
        if (service)
            put_text(out, "service", service);
        bytes_u8(out, '}');
        *any = true;
    }
}

/* As reports/deliver/settings.h reads them. */
static void put_settings(struct bytes *out, const struct config *config)
{
    bool any = false;
    bytes_u8(out, '{');
    put_text(out, "url", config->reports.url);
    bytes_printf(out, ",\"timeout_ms\":%lld,\"mail\":{", (long long)config->reports.deliver_timeout_ms);
    put_text(out, "server", config->reports.mail.server);
    bytes_u8(out, ',');
    put_text(out, "from", config->reports.mail.from);
    bytes_u8(out, ',');
    put_text(out, "user", config->reports.mail.user);
    bytes_u8(out, ',');
    put_text(out, "password_file", config->reports.mail.password_file);
    bytes_printf(out, "},\"receivers\":[");
    put_receivers(out, &config->reports.deliver, NULL, &any);
    for (size_t i = 0; i < config->service_count; i++)
        put_receivers(out, &config->services[i].deliver, config->services[i].name, &any);
    bytes_printf(out, "]}");
}

/* In memory, not in a command line that all may read. -1: errno. */
static int keep_settings(const struct bytes *text)
{
    size_t at = 0;
    int fd = memfd_create("tidemark-delivery", MFD_CLOEXEC);
    while (fd >= 0 && at < text->len) {
        ssize_t n = write(fd, text->data + at, text->len - at);
        if (n <= 0) {
            (void)close(fd);
            return -1;
        }
        at += (size_t)n;
    }
    if (fd >= 0)
        (void)lseek(fd, 0, SEEK_SET);
    return fd;
}

enum tm_err job_words_make_delivery(struct job_words *words, const struct config *config,
                                    const char *data_dir, int *settings, struct tm_why *why)
{
    char program[PATH_MAX];
    struct bytes text = {0};
    *settings = -1;
    enum tm_err err = find_program(program, why);
    if (err)
        return err;
    bool good = add(words, strdup(program)) && add(words, strdup("--job")) &&
                add(words, strdup("--deliver")) && add_pair(words, "--data-dir", data_dir) &&
                add_pair(words, "--out", config->reports.dir) &&
                add_pair(words, "--zone", config->reports.timezone);
    put_settings(&text, config);
    if (!good || bytes_error(&text))
        err = tm_fail(why, TM_NOMEM, "out of memory");
    else if ((*settings = keep_settings(&text)) < 0)
        err = tm_fail(why, TM_IO, "keeping the receivers of reports in memory: %s", strerror(errno));
    bytes_fini(&text);
    return err;
}

void job_words_fini(struct job_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->at[i]);
    words->count = 0;
    words->at[0] = NULL;
}
