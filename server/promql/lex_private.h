/* What the parts of the lexer share. Private to lex*.c. */
#ifndef TM_PROMQL_LEX_PRIVATE_H
#define TM_PROMQL_LEX_PRIVATE_H

#include "server/promql/lex.h"

/* The next character, stepping over it; TEXT_NO_RUNE at the end. */
int32_t lex_rune(struct lexer *lx);

/* The same without stepping. */
int32_t lex_peek(const struct lexer *lx);

/* Steps over the next character if it is one of valid (ASCII). */
bool lex_accept(struct lexer *lx, const char *valid);

/* A letter, a digit or _. */
bool lex_is_word(int32_t rune);

/* The word that was read, of this kind. */
struct token lex_emit(struct lexer *lx, enum token_kind kind, int which);

/* A fault at this word: what is appended to lx->fault. */
struct token lex_fail(struct lexer *lx, const char *what);

/* Reads a string behind its opening quote. Its meaning is taken later (literal.h). */
struct token lex_string(struct lexer *lx, int32_t quote);

/* Reads a number or a duration. */
struct token lex_number(struct lexer *lx);

/* Reads a duration alone, as behind [; a number is a fault. */
struct token lex_duration(struct lexer *lx);

#endif
