/* The words of an expression. Private to parse*.c and its tests. */
#ifndef TM_PROMQL_LEX_H
#define TM_PROMQL_LEX_H

#include "server/promql/ast.h"
#include "storage/model/bytes.h"

enum token_kind {
    TOKEN_END,
    TOKEN_ERROR,
    TOKEN_IDENTIFIER,
    TOKEN_METRIC_IDENTIFIER, /* with a colon in it */
    TOKEN_NUMBER,
    TOKEN_DURATION,
    TOKEN_STRING,
    TOKEN_COMMA,
    TOKEN_COLON,
    TOKEN_EQUAL,
    TOKEN_LEFT_PAREN,
    TOKEN_RIGHT_PAREN,
    TOKEN_LEFT_BRACE,
    TOKEN_RIGHT_BRACE,
    TOKEN_LEFT_BRACKET,
    TOKEN_RIGHT_BRACKET,
    TOKEN_BINARY,    /* an operator between two expressions; which says enum ast_binary_op */
    TOKEN_REGEX,     /* =~ */
    TOKEN_NOT_REGEX, /* !~ */
    TOKEN_AT,
    TOKEN_AGGREGATE, /* which says enum ast_aggregate_op */
    TOKEN_BOOL,
    TOKEN_BY,
    TOKEN_GROUP_LEFT,
    TOKEN_GROUP_RIGHT,
    TOKEN_IGNORING,
    TOKEN_OFFSET,
    TOKEN_ON,
    TOKEN_WITHOUT,
    TOKEN_START,
    TOKEN_STOP, /* the word `end` */
    TOKEN_KIND_COUNT
};

struct token {
    enum token_kind kind;
    int which;
    uint32_t start;
    struct str text; /* view of the input */
};

/* Reading; zero it but for text. */
struct lexer {
    struct str text; /* at most AST_TEXT_MAX_BYTES */
    size_t at;
    size_t start; /* of the word that is read */
    uint32_t paren_depth;
    bool in_brace;
    bool in_bracket;
    bool got_colon;
    bool wants_duration; /* behind [ */
    struct bytes fault;  /* what is wrong, of TOKEN_ERROR; the holder's */
    uint32_t fault_start;
};

/* The next word; comments are none. Behind TOKEN_END and TOKEN_ERROR nothing is asked any more. */
struct token lex_next(struct lexer *lexer);

/* Appends how messages speak of a word: `identifier "foo"`, `<op:+>`, `end of input`. */
void token_describe(const struct token *token, struct bytes *out);

#endif
