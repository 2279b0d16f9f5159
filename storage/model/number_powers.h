/* Powers of ten for number_shortest.c. Private to this folder. */
#ifndef TM_MODEL_NUMBER_POWERS_H
#define TM_MODEL_NUMBER_POWERS_H

#include <stdint.h>

enum { NUMBER_POWER_LEAST = -292, NUMBER_POWER_MOST = 324 };

struct number_power {
    uint64_t high;
    uint64_t low;
};

/* 10^(NUMBER_POWER_LEAST + i), rounded up to 128 bits. */
extern const struct number_power number_powers[NUMBER_POWER_MOST - NUMBER_POWER_LEAST + 1];

#endif
