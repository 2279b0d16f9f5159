/* A view of bytes somebody else owns: a pointer with its length, never NUL-terminated by promise. */
#ifndef TM_MODEL_STR_H
#define TM_MODEL_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
    const char *ptr;
    size_t len;
};

/* A string literal as a view. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

/* For printf("%.*s", STR_ARG(view)). */
#define STR_ARG(view) (int)(view).len, (view).ptr

static inline struct str str_of(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Byte order, shorter first on a tie: < 0, 0, > 0. */
static inline int str_compare(struct str a, struct str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

#endif
