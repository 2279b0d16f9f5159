/* Selectors with what stands behind them, and lists of labels. */
#include <math.h>

#include "server/promql/parse_private.h"
#include "server/promql/text.h"
#include "storage/model/labels.h"

/* ---- matchers ---- */

static enum tm_err add_matcher(struct parser *p, struct ast_node *node, uint32_t at, enum matcher_op op,
                               struct str name, struct str value)
{
    struct selector *selector = &node->vector.selector;
    struct tm_why why = {{0}};
    if (selector->count == SELECTOR_MATCHERS_MAX)
        return tm_fail(p->why, TM_LIMIT, "a selector has at most %d matchers", SELECTOR_MATCHERS_MAX);
    enum tm_err err = matcher_new(op, name, value, &selector->matchers[selector->count], &why);
    if (err == TM_NOMEM)
        return err;
    if (err)
        return parse_fail(p, at, "error parsing regexp: %s", why.text);
    selector->count++;
    return TM_OK;
}

static bool read_op(const struct token *token, enum matcher_op *op)
{
    *op = token->kind == TOKEN_EQUAL       ? MATCH_EQUAL
          : token->kind == TOKEN_REGEX     ? MATCH_REGEX
          : token->kind == TOKEN_NOT_REGEX ? MATCH_NOT_REGEX
                                           : MATCH_NOT_EQUAL;
    return *op != MATCH_NOT_EQUAL || (token->kind == TOKEN_BINARY && token->which == AST_NEQ);
}

/* The operator is looked at, the name taken. */
static enum tm_err read_condition(struct parser *p, struct ast_node *node, uint32_t at, struct str name)
{
    enum matcher_op op;
    if (!read_op(&p->token, &op))
        return parse_unexpected(p, "label matching", "label matching operator");
    (void)parse_take(p);
    enum tm_err err = parse_look(p);
    if (err)
        return err;
    if (p->token.kind != TOKEN_STRING)
        return parse_unexpected(p, "label matching", "string");
    struct token token = parse_take(p);
    struct str value;
    err = parse_string_value(p, &token, &value);
    return err ? err : add_matcher(p, node, at, op, name, value);
}

/* A name in quotes is that of a label if an operator follows, else that of the metric. */
static enum tm_err read_quoted(struct parser *p, struct ast_node *node)
{
    struct token token = parse_take(p);
    struct str name;
    enum tm_err err = parse_string_value(p, &token, &name);
    if (!err)
        err = parse_look(p);
    if (err)
        return err;
    if (p->token.kind != TOKEN_COMMA && p->token.kind != TOKEN_RIGHT_BRACE)
        return read_condition(p, node, token.start, name);
    if (node->vector.name.len > 0 && name.len > 0) {
        struct bytes both = {0};
        text_quote(&both, node->vector.name, 0);
        bytes_put(&both, " or ", 4);
        text_quote(&both, name, 0);
        err = bytes_error(&both);
        if (!err)
            err = parse_fail(p, node->span.start, "metric name must not be set twice: %.*s",
                             STR_ARG(bytes_view(&both)));
        bytes_fini(&both);
        return err;
    }
    node->vector.name = name;
    return TM_OK;
}

static enum tm_err read_matcher(struct parser *p, struct ast_node *node)
{
    if (p->token.kind == TOKEN_STRING)
        return read_quoted(p, node);
    if (p->token.kind != TOKEN_IDENTIFIER)
        return parse_unexpected(p, "label matching", "identifier or \"}\"");
    struct token name = parse_take(p);
    enum tm_err err = parse_look(p);
    return err ? err : read_condition(p, node, name.start, name.text);
}

/* { ... }, the opening one looked at. */
static enum tm_err read_braces(struct parser *p, struct ast_node *node)
{
    (void)parse_take(p);
    enum tm_err err = parse_look(p);
    while (!err && p->token.kind != TOKEN_RIGHT_BRACE) {
        err = read_matcher(p, node);
        if (!err)
            err = parse_look(p);
        if (err || p->token.kind == TOKEN_RIGHT_BRACE)
            break;
        if (p->token.kind != TOKEN_COMMA)
            return parse_unexpected(p, "label matching", "\",\" or \"}\"");
        (void)parse_take(p);
        err = parse_look(p);
    }
    if (err)
        return err;
    node->span.end = parse_take(p).start + 1;
    return TM_OK;
}

enum tm_err parse_selector(struct parser *p, struct str name, uint32_t start, struct ast_node **out)
{
    struct ast_span span = {start, start + (uint32_t)name.len};
    enum tm_err err = parse_node(p, AST_SELECTOR_NODE, span, out);
    if (err)
        return err;
    struct ast_node *node = *out;
    node->type = AST_VECTOR;
    if (name.len > 0) {
        node->vector.name = ast_copy(p->ast, name);
        if (!node->vector.name.ptr)
            return TM_NOMEM;
    }
    if (p->token.kind == TOKEN_LEFT_BRACE)
        err = read_braces(p, node);
    if (err || node->vector.name.len == 0)
        return err;
    return add_matcher(p, node, start, MATCH_EQUAL, STR(LABEL_NAME), node->vector.name);
}

/* ---- offset and @ ---- */

/* Where a node's offset and @ stand; NULL: it can have none. */
static struct ast_shift *shift_of(struct ast_node *node)
{
    if (node->kind == AST_SELECTOR_NODE)
        return &node->vector.shift;
    if (node->kind == AST_RANGE_NODE)
        return &node->range.selector->vector.shift;
    return node->kind == AST_SUBQUERY_NODE ? &node->subquery.shift : NULL;
}

static enum tm_err read_offset(struct parser *p, struct ast_node *node)
{
    bool is_negative = false;
    int64_t ms;
    (void)parse_take(p);
    enum tm_err err = parse_look(p);
    if (!err && p->token.kind == TOKEN_BINARY && p->token.which == AST_SUB) {
        is_negative = true;
        (void)parse_take(p);
        err = parse_look(p);
    }
    if (err)
        return err;
    if (p->token.kind != TOKEN_DURATION)
        return parse_unexpected(p, "offset", "duration");
    struct token token = parse_take(p);
    err = parse_duration_value(p, &token, &ms);
    if (err)
        return err;
    struct ast_shift *shift = shift_of(node);
    if (!shift)
        return parse_fail(p, node->span.start,
                          "offset modifier must be preceded by an instant vector selector or range vector "
                          "selector or a subquery");
    if (shift->offset_ms != 0)
        return parse_fail(p, node->span.start, "offset may not be set multiple times");
    shift->offset_ms = is_negative ? -ms : ms;
    node->span.end = p->closing;
    return TM_OK;
}

/* The place of @ in node, if it has none yet. */
static enum tm_err find_at(struct parser *p, struct ast_node *node, struct ast_shift **out)
{
    *out = shift_of(node);
    if (!*out)
        return parse_fail(p, node->span.start,
                          "@ modifier must be preceded by an instant vector selector or range vector "
                          "selector or a subquery");
    if ((*out)->at != AST_AT_NONE)
        return parse_fail(p, node->span.start, "@ <timestamp> may not be set multiple times");
    return TM_OK;
}

static enum tm_err set_time(struct parser *p, struct ast_node *node, double seconds)
{
    struct ast_shift *shift;
    if (!(fabs(seconds) < 0x1p63)) {
        if (isfinite(seconds))
            return parse_fail(p, node->span.start, "timestamp out of bounds for @ modifier: %f", seconds);
        const char *word = isnan(seconds) ? "NaN" : seconds > 0 ? "+Inf" : "-Inf";
        return parse_fail(p, node->span.start, "timestamp out of bounds for @ modifier: %s", word);
    }
    enum tm_err err = find_at(p, node, &shift);
    if (err)
        return err;
    double ms = round(seconds * 1000);
    shift->at = AST_AT_TIME;
    shift->at_ms = fabs(ms) < 0x1p63 ? (time_ms_t)ms : INT64_MIN; /* as Go's conversion */
    node->span.end = p->closing;
    return TM_OK;
}

/* @ 12, @ -12; the number or its sign is looked at. */
static enum tm_err read_at_time(struct parser *p, struct ast_node *node)
{
    bool is_negative = false;
    enum tm_err err = TM_OK;
    if (p->token.kind == TOKEN_BINARY && (p->token.which == AST_ADD || p->token.which == AST_SUB)) {
        is_negative = parse_take(p).which == AST_SUB;
        err = parse_look(p);
    }
    if (err)
        return err;
    if (p->token.kind != TOKEN_NUMBER)
        return parse_unexpected(p, "@", "timestamp");
    struct token token = parse_take(p);
    double seconds;
    err = parse_number_value(p, &token, &seconds);
    return err ? err : set_time(p, node, is_negative ? -seconds : seconds);
}

/* @ start(), @ end(); the word is looked at. */
static enum tm_err read_at_word(struct parser *p, struct ast_node *node)
{
    struct ast_shift *shift;
    enum ast_at at = parse_take(p).kind == TOKEN_START ? AST_AT_START : AST_AT_END;
    static const enum token_kind wanted[] = {TOKEN_LEFT_PAREN, TOKEN_RIGHT_PAREN};
    for (size_t i = 0; i < 2; i++) {
        enum tm_err err = parse_look(p);
        if (err)
            return err;
        if (p->token.kind != wanted[i])
            return parse_unexpected(p, "@", "timestamp");
        (void)parse_take(p);
    }
    enum tm_err err = find_at(p, node, &shift);
    if (err)
        return err;
    shift->at = at;
    node->span.end = p->closing;
    return TM_OK;
}

static enum tm_err read_at(struct parser *p, struct ast_node *node)
{
    (void)parse_take(p);
    enum tm_err err = parse_look(p);
    if (err)
        return err;
    bool is_word = p->token.kind == TOKEN_START || p->token.kind == TOKEN_STOP;
    return is_word ? read_at_word(p, node) : read_at_time(p, node);
}

/* ---- ranges and subqueries ---- */

/* What stands in brackets. */
struct bracket {
    uint32_t start;
    bool is_subquery;
    int64_t range_ms;
    int64_t step_ms;
};

/* Behind the range of a subquery: `:1m]` or `:]`. */
static enum tm_err read_step(struct parser *p, struct bracket *bracket)
{
    (void)parse_take(p);
    bracket->is_subquery = true;
    enum tm_err err = parse_look(p);
    if (err || p->token.kind == TOKEN_RIGHT_BRACKET)
        return err;
    if (p->token.kind != TOKEN_DURATION)
        return parse_unexpected(p, "subquery selector", "duration or \"]\"");
    struct token token = parse_take(p);
    err = parse_duration_value(p, &token, &bracket->step_ms);
    if (!err)
        err = parse_look(p);
    if (!err && p->token.kind != TOKEN_RIGHT_BRACKET)
        err = parse_unexpected(p, "subquery selector", "\"]\"");
    return err;
}

/* Up to the closing bracket, which is taken. */
static enum tm_err read_bracket(struct parser *p, struct bracket *bracket)
{
    *bracket = (struct bracket){.start = parse_take(p).start};
    enum tm_err err = parse_look(p);
    if (err)
        return err;
    if (p->token.kind != TOKEN_DURATION)
        return parse_unexpected(p, "subquery selector", "duration");
    struct token token = parse_take(p);
    err = parse_duration_value(p, &token, &bracket->range_ms);
    if (!err)
        err = parse_look(p);
    if (!err && p->token.kind == TOKEN_COLON)
        err = read_step(p, bracket);
    if (err)
        return err;
    if (p->token.kind != TOKEN_RIGHT_BRACKET)
        return parse_unexpected(p, "subquery or range", "\":\" or \"]\"");
    (void)parse_take(p);
    return TM_OK;
}

static enum tm_err check_range(struct parser *p, const struct ast_node *inner, uint32_t start)
{
    if (inner->kind != AST_SELECTOR_NODE)
        return parse_fail(p, start, "ranges only allowed for vector selectors");
    if (inner->vector.shift.offset_ms != 0)
        return parse_fail(p, start, "no offset modifiers allowed before range");
    if (inner->vector.shift.at == AST_AT_TIME)
        return parse_fail(p, start, "no @ modifiers allowed before range");
    return TM_OK;
}

static enum tm_err read_range(struct parser *p, struct ast_node **node)
{
    struct bracket bracket;
    struct ast_node *inner = *node;
    enum tm_err err = read_bracket(p, &bracket);
    if (!err && !bracket.is_subquery)
        err = check_range(p, inner, bracket.start);
    if (err)
        return err;
    enum ast_kind kind = bracket.is_subquery ? AST_SUBQUERY_NODE : AST_RANGE_NODE;
    err = parse_node(p, kind, (struct ast_span){inner->span.start, p->closing}, node);
    if (err)
        return err;
    (*node)->type = AST_MATRIX;
    if (bracket.is_subquery) {
        (*node)->subquery.inner = inner;
        (*node)->subquery.range_ms = bracket.range_ms;
        (*node)->subquery.step_ms = bracket.step_ms;
    } else {
        (*node)->range.selector = inner;
        (*node)->range.range_ms = bracket.range_ms;
    }
    return parse_adopt(p, *node, inner);
}

enum tm_err parse_suffixes(struct parser *p, struct ast_node **node)
{
    enum tm_err err = parse_look(p);
    while (!err) {
        if (p->token.kind == TOKEN_LEFT_BRACKET)
            err = read_range(p, node);
        else if (p->token.kind == TOKEN_OFFSET)
            err = read_offset(p, *node);
        else if (p->token.kind == TOKEN_AT)
            err = read_at(p, *node);
        else
            break;
        if (!err)
            err = parse_look(p);
    }
    return err;
}

/* ---- lists of labels ---- */

/* Words that can be a label's name; keywords among them. */
static bool names_label(const struct token *token)
{
    switch (token->kind) {
    case TOKEN_IDENTIFIER:
    case TOKEN_AGGREGATE:
    case TOKEN_BOOL:
    case TOKEN_BY:
    case TOKEN_GROUP_LEFT:
    case TOKEN_GROUP_RIGHT:
    case TOKEN_IGNORING:
    case TOKEN_OFFSET:
    case TOKEN_ON:
    case TOKEN_START:
    case TOKEN_STOP:
    case TOKEN_STRING:
        return true;
    case TOKEN_BINARY:
        return ast_is_set_op((enum ast_binary_op)token->which) || token->which == AST_ATAN2;
    default:
        return false;
    }
}

static enum tm_err add_label(struct parser *p, struct ast_names *out, struct str **at)
{
    if (!names_label(&p->token))
        return parse_unexpected(p, "grouping opts", "label");
    struct token token = parse_take(p);
    *at = parse_grow(p, *at, out->count, sizeof **at);
    if (!*at)
        return TM_NOMEM;
    struct str *name = &(*at)[out->count++];
    out->at = *at;
    if (token.kind == TOKEN_STRING)
        return parse_string_value(p, &token, name);
    *name = ast_copy(p->ast, token.text);
    return name->ptr ? TM_OK : TM_NOMEM;
}

enum tm_err parse_labels(struct parser *p, struct ast_names *out)
{
    struct str *at = NULL;
    *out = (struct ast_names){NULL, 0};
    enum tm_err err = parse_look(p);
    if (err)
        return err;
    if (p->token.kind != TOKEN_LEFT_PAREN)
        return parse_unexpected(p, "grouping opts", "\"(\"");
    (void)parse_take(p);
    err = parse_look(p);
    while (!err && p->token.kind != TOKEN_RIGHT_PAREN) {
        err = add_label(p, out, &at);
        if (!err)
            err = parse_look(p);
        if (err || p->token.kind == TOKEN_RIGHT_PAREN)
            break;
        if (p->token.kind != TOKEN_COMMA)
            return parse_unexpected(p, "grouping opts", "\",\" or \")\"");
        (void)parse_take(p);
        err = parse_look(p);
    }
    if (!err)
        (void)parse_take(p);
    return err;
}
