/* The words of a command: that of tidemark-report, from the configuration. Private to server/job. */
#ifndef TM_JOB_WORDS_H
#define TM_JOB_WORDS_H

#include "server/config/config.h"
#include "server/job/job.h"

enum { JOB_WORDS_MAX = 2100 };

/* NULL ends them. Zero-initialised is empty; the holder owns the texts. */
struct job_words {
    char *at[JOB_WORDS_MAX + 1];
    size_t count;
};

/* Makes them; the first one is the program's path. TM_INVALID (out is no absolute path), TM_NOMEM, TM_IO. */
enum tm_err job_words_make(struct job_words *words, const struct config *config,
                           const struct job_report *report, const char *data_dir,
                           struct tm_why *why) TM_MUST_CHECK;
/* Likewise of a pass of delivery. *settings: a descriptor that it reads its receivers from, to be closed by
 * the caller; -1 where this fails. TM_NOMEM, TM_IO. */
enum tm_err job_words_make_delivery(struct job_words *words, const struct config *config,
                                    const char *data_dir, int *settings, struct tm_why *why) TM_MUST_CHECK;
/* Frees the texts; words are empty then. */
void job_words_fini(struct job_words *words);

#endif
