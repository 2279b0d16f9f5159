/* Figures of a process, from /proc. Any thread. */
#ifndef TM_COUNTERS_PROCESS_H
#define TM_COUNTERS_PROCESS_H

#include <stdint.h>

/* Resident bytes of a process; 0 if it is gone. */
uint64_t process_resident_bytes(int pid);
/* Its open descriptors; 0 if it is gone, or not ours to look at. */
uint64_t process_descriptors(int pid);

#endif
