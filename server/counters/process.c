#include "server/counters/process.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

uint64_t process_resident_bytes(int pid)
{
    char path[64];
    unsigned long long all = 0, resident = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *statm = fopen(path, "re");
    if (!statm)
        return 0;
    if (fscanf(statm, "%llu %llu", &all, &resident) != 2)
        resident = 0;
    (void)fclose(statm);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t process_descriptors(int pid)
{
    char path[64];
    uint64_t count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}
