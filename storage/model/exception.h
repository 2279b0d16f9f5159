/* An exception that somebody told of. */
#ifndef TM_MODEL_EXCEPTION_H
#define TM_MODEL_EXCEPTION_H

#include <stdint.h>

#include "storage/model/clock.h"
#include "storage/model/labels.h"
#include "storage/model/str.h"

enum { EXCEPTION_TEXT_MAX = 1024, EXCEPTION_MESSAGE_MAX = 4096, EXCEPTION_STACK_MAX = 16 << 10 };

/* Views. Longer texts than the bounds above are cut where it is kept. */
struct exception {
    time_ms_t time;
    struct str service;
    struct str env;
    struct str type;
    struct str release;
    struct str fingerprint; /* as given, or the hex digits of the computed one */
    struct str message;
    struct str stack;
    struct labels tags; /* the other tags */
    uint64_t count;     /* it stands for that many; at least 1 */
};

#endif
