#include "server/job/job_words.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

void job_words_fini(struct job_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->at[i]);
    words->count = 0;
    words->at[0] = NULL;
}
