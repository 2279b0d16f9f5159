/* hold DIR: begins a step of reading in the oldest day of a data folder, says "held" and stays there until it
 * is killed: what a reading process that hangs does to the daemon. For tests. */
#include <stdio.h>
#include <unistd.h>

#include "storage/partition/partition.h"

int main(int argc, char **argv)
{
    struct partitions *set;
    struct partition_entry entry;
    struct partition_step step;
    struct tm_why why = {""};
    size_t count = 0;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: hold DIR\n");
        return 2;
    }
    const struct partitions_options options = {.dir = argv[1], .clock = clock_system(), .read_only = true};
    enum tm_err err = partitions_open(&options, &set, &why);
    if (!err)
        partitions_list(set, PARTITION_RAW, (struct span){INT64_MIN, INT64_MAX}, &entry, 1, &count);
    if (!err && count == 0)
        err = tm_fail(&why, TM_NOT_FOUND, "there is no day");
    if (!err)
        err = partition_step_begin(set, entry.id, &step, &why);
    if (err) {
        (void)fprintf(stderr, "hold: %s\n", why.text);
        return 1;
    }
    (void)puts("held");
    (void)fflush(stdout);
    for (;;)
        (void)pause();
}
