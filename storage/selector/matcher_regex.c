#include "storage/selector/matcher_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "storage/selector/matcher_re2.h"
#include "storage/model/bytes.h"

/* Compile errors that pcre2.h has no name for. */
enum { ERROR_TOO_LARGE = 120, ERROR_NO_HEAP = 121 };

struct regex {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *bounds;
    struct bytes mended; /* the value with its broken bytes replaced */
    struct str matched;  /* the last value, or mended */
    bool captures;
};

static enum tm_err compile_code(struct regex *regex, struct str text, struct tm_why *why)
{
    int error;
    size_t offset;
    uint32_t options = PCRE2_UTF | PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C |
                       PCRE2_ANCHORED | (regex->captures ? 0 : PCRE2_NO_AUTO_CAPTURE);
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context)
        return tm_fail(why, TM_NOMEM, "no room for the pattern");
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    regex->code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &error, &offset, context);
    pcre2_compile_context_free(context);
    if (regex->code)
        return TM_OK;
    if (error == ERROR_NO_HEAP)
        return tm_fail(why, TM_NOMEM, "no room for the pattern");
    if (error == ERROR_TOO_LARGE)
        return tm_fail(why, TM_TOO_LARGE, "the pattern is too large: cut it, or use several selectors");
    char text_of_error[128] = "";
    (void)pcre2_get_error_message(error, (PCRE2_UCHAR *)text_of_error, sizeof text_of_error);
    return tm_fail(why, TM_INVALID, "the pattern is not supported: %s", text_of_error);
}

static enum tm_err set_bounds(struct regex *regex, struct tm_why *why)
{
    regex->data = pcre2_match_data_create_from_pattern(regex->code, NULL);
    regex->bounds = pcre2_match_context_create(NULL);
    if (!regex->data || !regex->bounds)
        return tm_fail(why, TM_NOMEM, "no room for the pattern");
    (void)pcre2_set_match_limit(regex->bounds, REGEX_STEPS_MAX);
    (void)pcre2_set_depth_limit(regex->bounds, REGEX_DEPTH_MAX);
    (void)pcre2_set_heap_limit(regex->bounds, REGEX_HEAP_MAX_KIB);
    return TM_OK;
}

static enum tm_err make_regex(struct str translated, bool captures, struct regex **out, struct tm_why *why)
{
    *out = NULL;
    struct bytes anchored = {0};
    struct regex *regex = calloc(1, sizeof *regex);
    enum tm_err err = TM_NOMEM;
    bytes_printf(&anchored, "^(?:");
    bytes_put(&anchored, translated.ptr, translated.len);
    bytes_printf(&anchored, ")$");
    if (!regex || bytes_error(&anchored)) {
        (void)tm_fail(why, err, "no room for the pattern");
        goto out;
    }
    regex->captures = captures;
    err = compile_code(regex, bytes_view(&anchored), why);
    if (!err)
        err = set_bounds(regex, why);
    if (err)
        goto out;
    /* Where there is no JIT (memory, policy of the machine) the interpreter does the same, slower. */
    (void)pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
    *out = regex;
    regex = NULL;
out:
    bytes_fini(&anchored);
    regex_free(regex);
    return err;
}

enum tm_err regex_new(struct str translated, struct regex **out, struct tm_why *why)
{
    return make_regex(translated, false, out, why);
}

enum tm_err regex_new_capturing(struct str translated, struct regex **out, struct tm_why *why)
{
    return make_regex(translated, true, out, why);
}

void regex_free(struct regex *regex)
{
    if (!regex)
        return;
    pcre2_match_context_free(regex->bounds);
    pcre2_match_data_free(regex->data);
    pcre2_code_free(regex->code);
    bytes_fini(&regex->mended);
    free(regex);
}

static bool is_ascii(struct str value)
{
    unsigned char all = 0;
    for (size_t i = 0; i < value.len; i++)
        all |= (unsigned char)value.ptr[i];
    return all < 0x80;
}

/* The value itself if it is ASCII, else a copy that is UTF-8. */
static enum tm_err mend_value(struct regex *regex, struct str value, struct str *out)
{
    *out = value;
    if (is_ascii(value))
        return TM_OK;
    bytes_clear(&regex->mended);
    for (size_t at = 0; at < value.len;) {
        uint32_t code;
        size_t len = utf8_decode((struct str){value.ptr + at, value.len - at}, &code);
        if (len > 0)
            bytes_put(&regex->mended, value.ptr + at, len);
        else
            bytes_put(&regex->mended, "\xef\xbf\xbd", 3);
        at += len > 0 ? len : 1;
    }
    *out = bytes_view(&regex->mended);
    return bytes_error(&regex->mended);
}

enum tm_err regex_matches(struct regex *regex, struct str value, bool *matches)
{
    struct str text;
    *matches = false;
    enum tm_err err = mend_value(regex, value, &text);
    if (err)
        return err;
    PCRE2_SPTR at = (PCRE2_SPTR)(text.len ? text.ptr : "");
    int found = pcre2_match(regex->code, at, text.len, 0, PCRE2_NO_UTF_CHECK, regex->data, regex->bounds);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found = pcre2_match(regex->code, at, text.len, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, regex->data,
                            regex->bounds);
    *matches = found >= 0;
    regex->matched = text;
    if (found >= 0 || found == PCRE2_ERROR_NOMATCH)
        return TM_OK;
    return found == PCRE2_ERROR_NOMEMORY ? TM_NOMEM : TM_LIMIT;
}

struct str regex_group(const struct regex *regex, size_t number)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(regex->data);
    if (number >= pcre2_get_ovector_count(regex->data) || ends[2 * number] == PCRE2_UNSET)
        return (struct str){"", 0};
    return (struct str){regex->matched.ptr + ends[2 * number], ends[2 * number + 1] - ends[2 * number]};
}

size_t regex_group_number(const struct regex *regex, struct str name)
{
    char copy[128];
    if (name.len >= sizeof copy)
        return 0;
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = '\0';
    int number = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)copy);
    return number > 0 ? (size_t)number : 0;
}
