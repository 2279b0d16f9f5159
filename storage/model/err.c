#include "storage/model/err.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const texts[TM_ERR_COUNT] = {
    [TM_OK] = "ok",
    [TM_NOMEM] = "out of memory",
    [TM_IO] = "input/output error",
    [TM_NO_SPACE] = "no space left on the disk",
    [TM_CORRUPT] = "stored data is damaged",
    [TM_INVALID] = "invalid input",
    [TM_TOO_LARGE] = "too large",
    [TM_LIMIT] = "limit reached",
    [TM_NOT_FOUND] = "not found",
    [TM_EXISTS] = "exists already",
    [TM_BUSY] = "busy",
    [TM_READ_ONLY] = "read only",
    [TM_FORBIDDEN] = "forbidden",
    [TM_CLOSED] = "closed",
};

const char *tm_err_text(enum tm_err err)
{
    if ((unsigned)err >= TM_ERR_COUNT)
        return "unknown error";
    return texts[err];
}

void tm_why_write(struct tm_why *why, const char *format, ...)
{
    va_list args;
    if (!why)
        return;
    va_start(args, format);
    (void)vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
}
