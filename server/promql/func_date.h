/* The parts of a date, UTC, of any time that a double can hold, as Go's time package has them. */
#ifndef TM_PROMQL_FUNC_DATE_H
#define TM_PROMQL_FUNC_DATE_H

enum date_part {
    DATE_YEAR,
    DATE_MONTH,        /* 1..12 */
    DATE_DAY_OF_MONTH, /* 1..31 */
    DATE_DAY_OF_WEEK,  /* 0: Sunday */
    DATE_DAY_OF_YEAR,  /* 1..366 */
    DATE_DAYS_IN_MONTH,
    DATE_HOUR,
    DATE_MINUTE
};

/* A part of the date of a unix time in seconds, whose fraction is cut off. Any thread. */
double date_part(enum date_part part, double unix_s);

#endif
