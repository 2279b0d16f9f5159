/* What the parts of the parser share. Private to parse*.c.
 *
 * It is written by hand: one function a construct, operators by climbing their precedence. It ends at the
 * first fault, which is the one that Prometheus' own, a table-driven one, reports: faults of the words come
 * when a word is looked at, so words are looked at only where that one looks at them. */
#ifndef TM_PROMQL_PARSE_PRIVATE_H
#define TM_PROMQL_PARSE_PRIVATE_H

#include "server/promql/lex.h"
#include "server/promql/parse.h"

struct parser {
    struct lexer lexer;
    struct ast *ast;
    struct tm_why *why;
    struct token token;  /* the one that was looked at last */
    bool is_ahead;       /* it is not taken yet */
    uint32_t closing;    /* behind the last ) ] } or duration */
    uint32_t depth;      /* of the recursion */
    uint32_t aggregates; /* how many are open around this place */
};

/* Looks at the next word; p->token is it until it is taken. TM_INVALID: it is none. */
enum tm_err parse_look(struct parser *p) TM_MUST_CHECK;
/* Takes the word that was looked at. */
struct token parse_take(struct parser *p);

/* Fails with a sentence about the place at start. */
enum tm_err parse_fail(const struct parser *p, uint32_t start, const char *format, ...)
    TM_PRINTF(3, 4) TM_MUST_CHECK;
/* Fails with "what "text"" or, if behind, `what "text"behind`; text in quotes. */
enum tm_err parse_fail_text(const struct parser *p, uint32_t start, const char *what, struct str text,
                            const char *behind) TM_MUST_CHECK;
/* Fails since the word that was looked at last is none for this place: context "": the innermost aggregation,
 * if there is one; expected "": nothing is said. */
enum tm_err parse_unexpected(const struct parser *p, const char *context, const char *expected) TM_MUST_CHECK;

/* A new node of the tree, with its place. */
enum tm_err parse_node(struct parser *p, enum ast_kind kind, struct ast_span span,
                       struct ast_node **out) TM_MUST_CHECK;
/* Sets a node's depth above a child. TM_LIMIT: it is too deep. */
enum tm_err parse_adopt(struct parser *p, struct ast_node *node, const struct ast_node *child) TM_MUST_CHECK;
/* Room for one more behind `count` elements of `size` bytes at *at, which may move; NULL without memory. */
void *parse_grow(struct parser *p, void *at, size_t count, size_t size);
/* A copy of a string's meaning in the tree. */
enum tm_err parse_string_value(struct parser *p, const struct token *token, struct str *out) TM_MUST_CHECK;
/* The value of a number. */
enum tm_err parse_number_value(struct parser *p, const struct token *token, double *out) TM_MUST_CHECK;
/* The length of a duration. TM_INVALID: it is none, or too long. */
enum tm_err parse_duration_value(struct parser *p, const struct token *token, int64_t *out_ms) TM_MUST_CHECK;

/* Reads an expression whose operators bind at least as strongly as precedence (0: all). */
enum tm_err parse_expression(struct parser *p, int precedence, struct ast_node **out) TM_MUST_CHECK;
/* Reads a vector selector: name is that before the braces (len 0: none) and taken, start where it began. */
enum tm_err parse_selector(struct parser *p, struct str name, uint32_t start,
                           struct ast_node **out) TM_MUST_CHECK;
/* Reads what follows an expression and changes it: [5m], [5m:1m], offset, @. */
enum tm_err parse_suffixes(struct parser *p, struct ast_node **node) TM_MUST_CHECK;
/* Reads the list of labels behind by, without, on, ignoring, group_left, group_right. */
enum tm_err parse_labels(struct parser *p, struct ast_names *out) TM_MUST_CHECK;

/* Checks types and the rules that need the whole tree; also completes what binary nodes say. */
enum tm_err parse_check(struct parser *p, struct ast_node *node) TM_MUST_CHECK;

#endif
