#include "server/config/config_check.h"

#include <stdlib.h>
#include <unistd.h>
#include <fcntl.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "storage/selector/selector.h"
#include "server/config/config_fault.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

static const char zone_folder[] = "/usr/share/zoneinfo";

static bool consists_of(const char *value, const char *allowed)
{
    return value[0] != '\0' && strspn(value, allowed) == strlen(value);
}

static bool is_in(const char *value, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(value, *words) == 0)
            return true;
    return false;
}

/* The characters that YAML takes as line breaks or refuses, and the C1 controls, as UTF-8 starts at p. */
static bool is_invisible(const unsigned char *p, size_t left)
{
    if (left >= 2 && p[0] == 0xC2 && p[1] < 0xA0)
        return true;
    if (left >= 3 && p[0] == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9))
        return true;
    return left >= 3 && p[0] == 0xEF &&
           ((p[1] == 0xBB && p[2] == 0xBF) || (p[1] == 0xBF && (p[2] == 0xBE || p[2] == 0xBF)));
}

enum tm_err check_text(struct str value, struct tm_why *why)
{
    for (size_t i = 0; i < value.len; i++) {
        const unsigned char *p = (const unsigned char *)value.ptr + i;
        if (*p < 0x20 || *p == 0x7F || is_invisible(p, value.len - i))
            return tm_fail(
                why, TM_INVALID,
                "\"%s\" holds a line break, a control or an invisible character at byte %zu; remove it",
                fault_shown(value).text, i + 1);
    }
    return TM_OK;
}

enum tm_err check_data_dir(const char *value, struct tm_why *why)
{
    if (strncmp(value, "DATA_DIR", strlen("DATA_DIR")) == 0)
        return tm_fail(
            why, TM_INVALID,
            "\"%s\" begins with DATA_DIR, which stands for this folder in other settings; name the folder",
            fault_shown(str_of(value)).text);
    return TM_OK;
}

enum tm_err check_label(const char *value, struct tm_why *why)
{
    if (!consists_of(value, LETTERS DIGITS "_") || strchr(DIGITS, value[0]))
        return tm_fail(why, TM_INVALID,
                       "\"%s\" is no label name; write letters, digits and _, and no digit first",
                       fault_shown(str_of(value)).text);
    return TM_OK;
}

enum tm_err check_own_label(const char *value, struct tm_why *why)
{
    static const char *const taken[] = {"service", "env", "page_group", "method", "status", "le", NULL};
    if (is_in(value, taken) || strncmp(value, "__", 2) == 0)
        return tm_fail(why, TM_INVALID, "\"%s\" is set by tidemark itself; remove it from this list",
                       fault_shown(str_of(value)).text);
    return check_label(value, why);
}

enum tm_err check_key_name(const char *value, struct tm_why *why)
{
    if (!consists_of(value, LETTERS DIGITS "_.-"))
        return tm_fail(why, TM_INVALID, "\"%s\" is no name of a key; write letters, digits, _, . and - only",
                       fault_shown(str_of(value)).text);
    return TM_OK;
}

enum tm_err check_scope(const char *value, struct tm_why *why)
{
    if (strcmp(value, "read") == 0 || strcmp(value, "admin") == 0)
        return TM_OK;
    if (strncmp(value, "write:", strlen("write:")) == 0 && value[strlen("write:")] != '\0')
        return TM_OK;
    return tm_fail(why, TM_INVALID, "\"%s\" is no scope; write one of write:SERVICE, write:*, read, admin",
                   fault_shown(str_of(value)).text);
}

enum tm_err check_pattern(const char *value, struct tm_why *why)
{
    int code;
    PCRE2_SIZE offset;
    pcre2_code *pattern = pcre2_compile((PCRE2_SPTR)value, strlen(value), 0, &code, &offset, NULL);
    if (pattern) {
        pcre2_code_free(pattern);
        return TM_OK;
    }
    if (code == PCRE2_ERROR_HEAP_FAILED)
        return TM_NOMEM;
    char reason[120] = "";
    (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)reason, sizeof reason);
    return tm_fail(why, TM_INVALID, "\"%s\" is no valid pattern, at offset %zu: %s; mend it there",
                   fault_shown(str_of(value)).text, (size_t)offset, reason);
}

enum tm_err check_selector(const char *value, struct tm_why *why)
{
    struct selector selector;
    struct tm_why fault = {""};
    enum tm_err err = selector_parse(str_of(value), &selector, &fault);
    selector_fini(&selector);
    if (!err || err == TM_NOMEM)
        return err;
    return tm_fail(why, TM_INVALID,
                   "\"%s\" is no selector, at %.200s; write a metric's name, labels in braces, or both",
                   fault_shown(str_of(value)).text, fault.text);
}

/* Zone files begin with these bytes; lists and indexes beside them do not. */
static bool is_zone_file(const char *path)
{
    char magic[4];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, magic, sizeof magic);
    (void)close(fd);
    return got == (ssize_t)sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
}

enum tm_err check_timezone(const char *value, struct tm_why *why)
{
    char path[192];
    if (strcmp(value, "UTC") == 0)
        return TM_OK;
    int len = snprintf(path, sizeof path, "%s/%s", zone_folder, value);
    bool is_name = consists_of(value, LETTERS DIGITS "_+-/") && value[0] != '/';
    if (is_name && len > 0 && (size_t)len < sizeof path && is_zone_file(path))
        return TM_OK;
    return tm_fail(
        why, TM_INVALID,
        "\"%s\" is no time zone under %s; write UTC or a name such as Europe/Berlin (package tzdata)",
        fault_shown(str_of(value)).text, zone_folder);
}

enum tm_err check_week_time(const char *value, struct tm_why *why)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", NULL};
    char day[4] = "";
    bool shaped = strlen(value) == strlen("Mon 07:00") && value[3] == ' ' && value[6] == ':' &&
                  strspn(value + 4, DIGITS) == 2 && strspn(value + 7, DIGITS) == 2;
    if (shaped) {
        memcpy(day, value, 3);
        if (is_in(day, days) && atoi(value + 4) < 24 && atoi(value + 7) < 60)
            return TM_OK;
    }
    return tm_fail(why, TM_INVALID,
                   "\"%s\" is no time of the week; write one of Mon Tue Wed Thu Fri Sat Sun and HH:MM, for "
                   "example Mon 07:00",
                   fault_shown(str_of(value)).text);
}
