#include "server/promql/lex.h"

#include <stdarg.h>
#include <strings.h>

#include "server/promql/lex_private.h"
#include "server/promql/text.h"

/* ---- characters ---- */

int32_t lex_rune(struct lexer *lx)
{
    size_t width;
    int32_t rune = text_rune(lx->text, lx->at, &width);
    lx->at += width;
    return rune;
}

int32_t lex_peek(const struct lexer *lx)
{
    size_t width;
    return text_rune(lx->text, lx->at, &width);
}

bool lex_accept(struct lexer *lx, const char *valid)
{
    int32_t rune = lex_peek(lx);
    if (rune <= 0 || rune >= 0x80 || !strchr(valid, (int)rune))
        return false;
    lx->at++;
    return true;
}

static bool is_space(int32_t rune)
{
    return rune == ' ' || rune == '\t' || rune == '\n' || rune == '\r';
}

static bool is_digit(int32_t rune)
{
    return rune >= '0' && rune <= '9';
}

static bool is_alpha(int32_t rune)
{
    return rune == '_' || (rune >= 'a' && rune <= 'z') || (rune >= 'A' && rune <= 'Z');
}

bool lex_is_word(int32_t rune)
{
    return is_alpha(rune) || is_digit(rune);
}

/* ---- results ---- */

struct token lex_emit(struct lexer *lx, enum token_kind kind, int which)
{
    struct token token = {.kind = kind,
                          .which = which,
                          .start = (uint32_t)lx->start,
                          .text = {lx->text.ptr + lx->start, lx->at - lx->start}};
    lx->start = lx->at;
    return token;
}

struct token lex_fail(struct lexer *lx, const char *what)
{
    bytes_put(&lx->fault, what, strlen(what));
    lx->fault_start = (uint32_t)lx->start;
    return lex_emit(lx, TOKEN_ERROR, 0);
}

/* "what 'x'" */
static struct token fail_rune(struct lexer *lx, const char *what, int32_t rune)
{
    bytes_put(&lx->fault, what, strlen(what));
    text_quote_rune(&lx->fault, rune);
    return lex_fail(lx, "");
}

/* ---- words ---- */

struct keyword {
    struct str word;
    enum token_kind kind;
    int which;
};

static const struct keyword keywords[] = {
    {{"and", 3}, TOKEN_BINARY, AST_AND},
    {{"or", 2}, TOKEN_BINARY, AST_OR},
    {{"unless", 6}, TOKEN_BINARY, AST_UNLESS},
    {{"atan2", 5}, TOKEN_BINARY, AST_ATAN2},
    {{"sum", 3}, TOKEN_AGGREGATE, AST_SUM},
    {{"avg", 3}, TOKEN_AGGREGATE, AST_AVG},
    {{"count", 5}, TOKEN_AGGREGATE, AST_COUNT},
    {{"min", 3}, TOKEN_AGGREGATE, AST_MIN},
    {{"max", 3}, TOKEN_AGGREGATE, AST_MAX},
    {{"group", 5}, TOKEN_AGGREGATE, AST_GROUP},
    {{"stddev", 6}, TOKEN_AGGREGATE, AST_STDDEV},
    {{"stdvar", 6}, TOKEN_AGGREGATE, AST_STDVAR},
    {{"topk", 4}, TOKEN_AGGREGATE, AST_TOPK},
    {{"bottomk", 7}, TOKEN_AGGREGATE, AST_BOTTOMK},
    {{"count_values", 12}, TOKEN_AGGREGATE, AST_COUNT_VALUES},
    {{"quantile", 8}, TOKEN_AGGREGATE, AST_QUANTILE},
    {{"offset", 6}, TOKEN_OFFSET, 0},
    {{"by", 2}, TOKEN_BY, 0},
    {{"without", 7}, TOKEN_WITHOUT, 0},
    {{"on", 2}, TOKEN_ON, 0},
    {{"ignoring", 8}, TOKEN_IGNORING, 0},
    {{"group_left", 10}, TOKEN_GROUP_LEFT, 0},
    {{"group_right", 11}, TOKEN_GROUP_RIGHT, 0},
    {{"bool", 4}, TOKEN_BOOL, 0},
    {{"start", 5}, TOKEN_START, 0},
    {{"end", 3}, TOKEN_STOP, 0},
    {{"inf", 3}, TOKEN_NUMBER, 0},
    {{"nan", 3}, TOKEN_NUMBER, 0},
};

static struct token read_word(struct lexer *lx)
{
    while (lex_is_word(lex_peek(lx)) || lex_peek(lx) == ':')
        lx->at++;
    struct str word = {lx->text.ptr + lx->start, lx->at - lx->start};
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        const struct keyword *k = &keywords[i];
        if (word.len == k->word.len && strncasecmp(word.ptr, k->word.ptr, word.len) == 0)
            return lex_emit(lx, k->kind, k->which);
    }
    bool has_colon = memchr(word.ptr, ':', word.len) != NULL;
    return lex_emit(lx, has_colon ? TOKEN_METRIC_IDENTIFIER : TOKEN_IDENTIFIER, 0);
}

/* ---- inside braces: keywords are names ---- */

static struct token read_brace_operator(struct lexer *lx, int32_t first)
{
    if (first == '=')
        return lex_accept(lx, "~") ? lex_emit(lx, TOKEN_REGEX, 0) : lex_emit(lx, TOKEN_EQUAL, 0);
    int32_t rune = lex_rune(lx);
    if (rune == '~')
        return lex_emit(lx, TOKEN_NOT_REGEX, 0);
    if (rune == '=')
        return lex_emit(lx, TOKEN_BINARY, AST_NEQ);
    return fail_rune(lx, "unexpected character after '!' inside braces: ", rune);
}

static struct token read_in_braces(struct lexer *lx)
{
    int32_t rune = lex_rune(lx);
    if (rune == TEXT_NO_RUNE)
        return lex_fail(lx, "unexpected end of input inside braces");
    if (is_alpha(rune)) {
        while (lex_is_word(lex_peek(lx)))
            lx->at++;
        return lex_emit(lx, TOKEN_IDENTIFIER, 0);
    }
    switch (rune) {
    case ',':
        return lex_emit(lx, TOKEN_COMMA, 0);
    case '"':
    case '\'':
    case '`':
        return lex_string(lx, rune);
    case '=':
    case '!':
        return read_brace_operator(lx, rune);
    case '{':
        return fail_rune(lx, "unexpected left brace ", rune);
    case '}':
        lx->in_brace = false;
        return lex_emit(lx, TOKEN_RIGHT_BRACE, 0);
    default:
        return fail_rune(lx, "unexpected character inside braces: ", rune);
    }
}

/* ---- outside ---- */

static struct token read_end(struct lexer *lx)
{
    if (lx->paren_depth != 0)
        return lex_fail(lx, "unclosed left parenthesis");
    if (lx->in_bracket)
        return lex_fail(lx, "unclosed left bracket");
    return lex_emit(lx, TOKEN_END, 0);
}

/* = == =~ != < <= > >=; first is read. */
static struct token read_comparison(struct lexer *lx, int32_t first)
{
    int32_t rune = lex_peek(lx);
    if (first == '!') {
        (void)lex_rune(lx);
        return rune == '=' ? lex_emit(lx, TOKEN_BINARY, AST_NEQ)
                           : fail_rune(lx, "unexpected character after '!': ", rune);
    }
    if (first == '=' && rune == '~')
        return fail_rune(lx, "unexpected character after '=': ", rune);
    if (rune == '=')
        lx->at++;
    if (first == '=')
        return rune == '=' ? lex_emit(lx, TOKEN_BINARY, AST_EQL) : lex_emit(lx, TOKEN_EQUAL, 0);
    if (first == '<')
        return lex_emit(lx, TOKEN_BINARY, rune == '=' ? AST_LTE : AST_LSS);
    return lex_emit(lx, TOKEN_BINARY, rune == '=' ? AST_GTE : AST_GTR);
}

static struct token read_bracket(struct lexer *lx, int32_t rune)
{
    if (rune == '[' && lx->in_bracket)
        return fail_rune(lx, "unexpected left bracket ", rune);
    if (rune == ']' && !lx->in_bracket)
        return fail_rune(lx, "unexpected right bracket ", rune);
    lx->in_bracket = rune == '[';
    lx->wants_duration = rune == '[';
    lx->got_colon = false;
    return lex_emit(lx, rune == '[' ? TOKEN_LEFT_BRACKET : TOKEN_RIGHT_BRACKET, 0);
}

static struct token read_paren(struct lexer *lx, int32_t rune)
{
    if (rune == ')' && lx->paren_depth == 0) {
        lx->start = lx->at; /* as Prometheus places it */
        return fail_rune(lx, "unexpected right parenthesis ", rune);
    }
    if (rune == '(')
        lx->paren_depth++;
    else
        lx->paren_depth--;
    return lex_emit(lx, rune == '(' ? TOKEN_LEFT_PAREN : TOKEN_RIGHT_PAREN, 0);
}

/* A letter or a colon; rune is read. In brackets only the colon is one. */
static struct token read_letter(struct lexer *lx, int32_t rune)
{
    if (!lx->in_bracket) {
        lx->at--;
        return read_word(lx);
    }
    if (rune != ':') {
        bytes_put(&lx->fault, "unexpected character: ", 22);
        text_quote_rune(&lx->fault, rune);
        return lex_fail(lx, ", expected ':'");
    }
    if (lx->got_colon)
        return fail_rune(lx, "unexpected colon ", rune);
    lx->got_colon = true;
    return lex_emit(lx, TOKEN_COLON, 0);
}

static struct token read_symbol(struct lexer *lx, int32_t rune)
{
    static const char arithmetic[] = "*/%+-^";
    static const enum ast_binary_op ops[] = {AST_MUL, AST_DIV, AST_MOD, AST_ADD, AST_SUB, AST_POW};
    const char *found = rune > 0 && rune < 0x80 ? strchr(arithmetic, (int)rune) : NULL;
    if (found)
        return lex_emit(lx, TOKEN_BINARY, (int)ops[found - arithmetic]);
    switch (rune) {
    case ',':
        return lex_emit(lx, TOKEN_COMMA, 0);
    case '@':
        return lex_emit(lx, TOKEN_AT, 0);
    case '{':
        lx->in_brace = true;
        return lex_emit(lx, TOKEN_LEFT_BRACE, 0);
    case '=':
    case '!':
    case '<':
    case '>':
        return read_comparison(lx, rune);
    case '[':
    case ']':
        return read_bracket(lx, rune);
    case '(':
    case ')':
        return read_paren(lx, rune);
    case '"':
    case '\'':
    case '`':
        return lex_string(lx, rune);
    default:
        return fail_rune(lx, "unexpected character: ", rune);
    }
}

static struct token read_outside(struct lexer *lx)
{
    int32_t rune = lex_rune(lx);
    if (rune == TEXT_NO_RUNE)
        return read_end(lx);
    if (is_digit(rune) || (rune == '.' && is_digit(lex_peek(lx)))) {
        lx->at--;
        return lex_number(lx);
    }
    if (is_alpha(rune) || rune == ':')
        return read_letter(lx, rune);
    return read_symbol(lx, rune);
}

/* Spaces and comments. */
static void skip_between(struct lexer *lx)
{
    for (;;) {
        int32_t rune = lex_peek(lx);
        if (is_space(rune)) {
            lx->at++;
        } else if (rune == '#') {
            while (lx->at < lx->text.len && lx->text.ptr[lx->at] != '\n' && lx->text.ptr[lx->at] != '\r')
                lx->at++;
        } else {
            break;
        }
    }
    lx->start = lx->at;
}

struct token lex_next(struct lexer *lx)
{
    if (lx->wants_duration) {
        lx->wants_duration = false;
        while (is_space(lex_peek(lx)))
            lx->at++;
        lx->start = lx->at;
        return lex_duration(lx);
    }
    skip_between(lx);
    return lx->in_brace ? read_in_braces(lx) : read_outside(lx);
}

/* ---- how messages speak of a word ---- */

static const char *kind_text(enum token_kind kind)
{
    static const char *const texts[TOKEN_KIND_COUNT] = {
        [TOKEN_END] = "end of input",      [TOKEN_ERROR] = "error",
        [TOKEN_IDENTIFIER] = "identifier", [TOKEN_METRIC_IDENTIFIER] = "metric identifier",
        [TOKEN_NUMBER] = "number",         [TOKEN_DURATION] = "duration",
        [TOKEN_STRING] = "string"};
    return texts[kind];
}

static void put_marked(struct bytes *out, const char *before, struct str text)
{
    bytes_put(out, before, strlen(before));
    bytes_put(out, text.ptr, text.len);
    bytes_u8(out, '>');
}

void token_describe(const struct token *token, struct bytes *out)
{
    const char *kind = kind_text(token->kind);
    if (kind)
        bytes_put(out, kind, strlen(kind));
    if (token->kind == TOKEN_END)
        return;
    if (kind)
        bytes_u8(out, ' ');
    if (token->kind == TOKEN_IDENTIFIER || token->kind == TOKEN_METRIC_IDENTIFIER) {
        text_quote(out, token->text, 0);
    } else if (token->kind >= TOKEN_BOOL && token->kind <= TOKEN_WITHOUT) {
        put_marked(out, "<", token->text);
    } else if (token->kind >= TOKEN_BINARY && token->kind <= TOKEN_AT) {
        put_marked(out, "<op:", token->text);
    } else if (token->kind == TOKEN_AGGREGATE) {
        put_marked(out, "<aggr:", token->text);
    } else {
        enum { SHOWN = 10 };
        text_quote(out, token->text, SHOWN);
        bytes_put(out, "...", token->text.len > SHOWN ? 3 : 0);
    }
}
