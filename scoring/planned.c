#include "scoring/planned.h"

#include <math.h>

struct score_planned score_planned_step(const double *values, size_t count)
{
    double sorted[SCORE_PLANNED_EVENTS];
    size_t known = 0;
    for (size_t i = 0; i < count && known < SCORE_PLANNED_EVENTS; i++) {
        if (isnan(values[i]) || isinf(values[i]))
            continue;
        size_t at = known++;
        for (; at > 0 && sorted[at - 1] > values[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = values[i];
    }
    if (known == 0)
        return (struct score_planned){NAN, NAN, NAN, 0};
    double median = (sorted[(known - 1) / 2] + sorted[known / 2]) / 2;
    if (known == 1)
        return (struct score_planned){median, NAN, NAN, 1};
    return (struct score_planned){median, sorted[0], sorted[known - 1], known};
}
