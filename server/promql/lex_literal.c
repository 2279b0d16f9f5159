/* Strings, numbers and durations: where they end and whether they are well formed. */
#include "server/promql/lex_private.h"
#include "server/promql/text.h"

/* ---- strings ---- */

static uint32_t digit_of(int32_t rune)
{
    if (rune >= '0' && rune <= '9')
        return (uint32_t)(rune - '0');
    if (rune >= 'a' && rune <= 'f')
        return (uint32_t)(rune - 'a' + 10);
    if (rune >= 'A' && rune <= 'F')
        return (uint32_t)(rune - 'A' + 10);
    return 16;
}

/* count digits, the first of which is rune; NULL: fine, else what is wrong is in lx->fault. */
static bool read_escape_digits(struct lexer *lx, int32_t rune, uint32_t count, uint32_t base, uint32_t most)
{
    uint32_t code = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            rune = lex_rune(lx);
        uint32_t digit = digit_of(rune);
        if (digit >= base && rune == TEXT_NO_RUNE) {
            bytes_printf(&lx->fault, "escape sequence not terminated");
            return false;
        }
        if (digit >= base) {
            bytes_printf(&lx->fault, "illegal character ");
            text_name_rune(&lx->fault, rune);
            bytes_printf(&lx->fault, " in escape sequence");
            return false;
        }
        code = code * base + digit;
    }
    if (code > most || (code >= 0xd800 && code < 0xe000)) {
        bytes_printf(&lx->fault, "escape sequence is an invalid Unicode code point");
        return false;
    }
    return true;
}

/* Behind the backslash. */
static bool read_escape(struct lexer *lx, int32_t quote)
{
    int32_t rune = lex_rune(lx);
    if (rune == quote || (rune > 0 && rune < 0x80 && strchr("abfnrtv\\", (int)rune)))
        return true;
    if (rune >= '0' && rune <= '7')
        return read_escape_digits(lx, rune, 3, 8, 0xff);
    if (rune == 'x')
        return read_escape_digits(lx, lex_rune(lx), 2, 16, 0xff);
    if (rune == 'u')
        return read_escape_digits(lx, lex_rune(lx), 4, 16, 0x10ffff);
    if (rune == 'U')
        return read_escape_digits(lx, lex_rune(lx), 8, 16, 0x10ffff);
    if (rune == TEXT_NO_RUNE) {
        bytes_printf(&lx->fault, "escape sequence not terminated");
        return false;
    }
    bytes_printf(&lx->fault, "unknown escape sequence ");
    text_name_rune(&lx->fault, rune);
    return false;
}

struct token lex_string(struct lexer *lx, int32_t quote)
{
    bool is_raw = quote == '`';
    for (;;) {
        int32_t rune = lex_rune(lx);
        if (rune == quote)
            return lex_emit(lx, TOKEN_STRING, 0);
        if (rune == TEXT_NO_RUNE || (rune == '\n' && !is_raw))
            return lex_fail(lx, is_raw ? "unterminated raw string" : "unterminated quoted string");
        if (rune == TEXT_BAD_RUNE)
            return lex_fail(lx, "invalid UTF-8 rune");
        if (rune == '\\' && !is_raw && !read_escape(lx, quote))
            return lex_fail(lx, "");
    }
}

/* ---- numbers and durations ---- */

static const char digits[] = "0123456789";

static void accept_all(struct lexer *lx, const char *valid)
{
    while (lex_accept(lx, valid)) {
    }
}

/* Reads what may be a number; false: letters follow it. */
static bool read_number(struct lexer *lx)
{
    const char *valid = digits;
    if (lex_accept(lx, "0") && lex_accept(lx, "xX"))
        valid = "0123456789abcdefABCDEF";
    accept_all(lx, valid);
    if (lex_accept(lx, "."))
        accept_all(lx, valid);
    if (lex_accept(lx, "eE")) {
        (void)lex_accept(lx, "+-");
        accept_all(lx, digits);
    }
    return !lex_is_word(lex_peek(lx));
}

/* Behind its first number: a unit, then more numbers with units. Which units, in which order, is told when
 * its meaning is taken. */
static bool read_duration_rest(struct lexer *lx)
{
    if (!lex_accept(lx, "smhdwy"))
        return false;
    (void)lex_accept(lx, "s");
    while (lex_accept(lx, digits)) {
        accept_all(lx, digits);
        if (!lex_accept(lx, "smhdw"))
            return false;
        (void)lex_accept(lx, "s");
    }
    if (!lex_is_word(lex_peek(lx)))
        return true;
    (void)lex_rune(lx);
    return false;
}

/* "what "5x"" */
static struct token fail_text(struct lexer *lx, const char *what)
{
    bytes_put(&lx->fault, what, strlen(what));
    text_quote(&lx->fault, (struct str){lx->text.ptr + lx->start, lx->at - lx->start}, 0);
    return lex_fail(lx, "");
}

struct token lex_number(struct lexer *lx)
{
    if (read_number(lx))
        return lex_emit(lx, TOKEN_NUMBER, 0);
    if (read_duration_rest(lx))
        return lex_emit(lx, TOKEN_DURATION, 0);
    return fail_text(lx, "bad number or duration syntax: ");
}

struct token lex_duration(struct lexer *lx)
{
    if (read_number(lx))
        return lex_fail(lx, "missing unit character in duration");
    if (read_duration_rest(lx))
        return lex_emit(lx, TOKEN_DURATION, 0);
    return fail_text(lx, "bad duration syntax: ");
}
