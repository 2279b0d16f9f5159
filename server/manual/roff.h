/* Manual pages in the man macros of roff. Texts are those of --help: `words` in backquotes come out bold,
 * lines that begin with a blank as they are. Errors stay in out (ferror). */
#ifndef TM_MANUAL_ROFF_H
#define TM_MANUAL_ROFF_H

#include "storage/model/option.h"

/* The head of a page and its NAME: "tidemark-push - send ...". */
void roff_page(const char *name, int section, const char *summary, FILE *out);

/* A heading, like "SEE ALSO". */
void roff_section(const char *title, FILE *out);

/* Text within a line; nothing in it is taken as a request or an escape. */
void roff_text(const char *text, FILE *out);

/* The same in bold and without backquotes' meaning. */
void roff_bold(const char *text, FILE *out);

/* Paragraphs, one a line. */
void roff_paragraphs(const char *text, FILE *out);

/* Lines to type, as they are. */
void roff_lines(const char *lines, FILE *out);

/* An entry of a list: a bold term and paragraphs on it. */
void roff_entry(const char *term, const char *text, FILE *out);

/* The same of an option, with its argument and default. */
void roff_option(const struct option *option, FILE *out);

/* An argument as its table has it: words bold, what stands for others in italics. */
void roff_argument(const char *argument, FILE *out);

#endif
