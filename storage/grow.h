/* Growing a plain array, checked for overflow. Private to storage/. */
#ifndef TM_STORAGE_GROW_H
#define TM_STORAGE_GROW_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The array with room for need elements of size bytes, moved if it had to grow (by half at least); its owner
 * stores the result. NULL when out of memory: the array and *capacity are then as before. */
static inline void *grow_array(void *array, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity && array)
        return array;
    size_t wanted = *capacity + *capacity / 2 + 16;
    if (wanted < need)
        wanted = need;
    if (wanted > SIZE_MAX / size)
        return NULL;
    void *grown = realloc(array, wanted * size);
    if (grown)
        *capacity = wanted;
    return grown;
}

#endif
