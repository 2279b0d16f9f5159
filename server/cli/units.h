/* Numbers for people. Each function writes a NUL-terminated text and returns it. */
#ifndef TM_CLI_UNITS_H
#define TM_CLI_UNITS_H

#include <stdint.h>

enum { UNITS_TEXT_BYTES = 32 };

/* "512 B", "1.2 KiB", "64 MiB". */
const char *units_bytes(double bytes, char text[UNITS_TEXT_BYTES]);
/* "12,345,678" */
const char *units_count(int64_t count, char text[UNITS_TEXT_BYTES]);
/* "0.42", "950", "12.3 k", "1.25 M": three digits. */
const char *units_rate(double rate, char text[UNITS_TEXT_BYTES]);
/* "45 s", "12 min 5 s", "3 h 20 min", "12 d 4 h" */
const char *units_duration(double seconds, char text[UNITS_TEXT_BYTES]);
/* "0.45 ms", "12.3 ms", "1.25 s" */
const char *units_ms(double ms, char text[UNITS_TEXT_BYTES]);

#endif
