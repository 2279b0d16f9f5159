#include "server/config/config_fault.h"

#include <assert.h>
#include <stdarg.h>

bool fault_has_room(const struct config_faults *faults)
{
    return faults->count < CONFIG_FAULTS_MAX;
}

size_t fault_total(const struct config_faults *faults)
{
    return faults->count + faults->left_out;
}

static bool is_behind(const struct config_fault *fault, struct place place)
{
    return fault->line > place.line || (fault->line == place.line && fault->column > place.column);
}

void fault_add(struct config_faults *faults, struct place place, const char *format, ...)
{
    assert(place.line >= 0 && place.column >= 0);
    if (!fault_has_room(faults)) {
        faults->left_out++;
        return;
    }
    size_t at = faults->count++;
    for (; at > 0 && is_behind(&faults->at[at - 1], place); at--)
        faults->at[at] = faults->at[at - 1];
    struct config_fault *fault = &faults->at[at];
    fault->line = place.line;
    fault->column = place.column;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
}

struct shown fault_shown(struct str text)
{
    struct shown out;
    const size_t room = sizeof out.text - sizeof "...";
    size_t len = text.len < room ? text.len : room;
    if (len < text.len)
        while (len > 0 && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
            len--;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        out.text[i] = text.ptr[i];
        if (c < 0x20 || c == 0x7F)
            out.text[i] = '?';
    }
    (void)snprintf(out.text + len, sizeof out.text - len, "%s", len < text.len ? "..." : "");
    return out;
}

void config_faults_print(const struct config_faults *faults, const char *name, FILE *out)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct config_fault *fault = &faults->at[i];
        if (fault->line > 0)
            (void)fprintf(out, "%s:%d:%d: %s\n", name, fault->line, fault->column, fault->text);
        else
            (void)fprintf(out, "%s: %s\n", name, fault->text);
    }
    if (faults->left_out > 0)
        (void)fprintf(out, "%s: %zu more faults are not shown; mend these first\n", name, faults->left_out);
}
