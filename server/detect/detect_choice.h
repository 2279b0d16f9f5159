/* Which series are scored, as the configuration says it. Any thread. */
#ifndef TM_DETECT_CHOICE_H
#define TM_DETECT_CHOICE_H

#include <stdbool.h>

#include "server/config/config.h"
#include "server/detect/detect_engine.h"
#include "storage/model/err.h"

/* Reads scoring.include and .exclude. *out, all zero before, is to be released whatever it returns. TM_NOMEM;
 * or a selector that can't be read. */
enum tm_err detect_choice_read(const struct config *config, struct detect_choice *out,
                               struct tm_why *why) TM_MUST_CHECK;

/* Frees; all zero is allowed, and is what it leaves. */
void detect_choice_fini(struct detect_choice *choice);

/* Do two configurations choose by other words? */
bool detect_choice_differs(const struct config *a, const struct config *b);

#endif
