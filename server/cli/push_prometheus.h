/* Prometheus text exposition to line protocol, one line at a time. Pure. */
#ifndef TM_CLI_PUSH_PROMETHEUS_H
#define TM_CLI_PUSH_PROMETHEUS_H

#include <stdbool.h>

#include "storage/model/bytes.h"
#include "storage/model/err.h"
#include "storage/model/str.h"

/* Appends `name,label=value value=V [TIMESTAMP]\n` for one line of the text format (with or without its
 * line end).
 * TM_OK with nothing appended: HELP, TYPE and other comments, empty lines, and labels-with-empty-value drop
 * out. Timestamps are milliseconds, so push with precision ms. TM_INVALID with "column N: ..." in why for bad
 * syntax, and for NaN and infinite values, which tidemark does not take. Nothing is appended on failure.
 * TM_NOMEM. */
enum tm_err prometheus_convert(struct str line, struct bytes *out, struct tm_why *why) TM_MUST_CHECK;

#endif
