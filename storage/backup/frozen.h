/* Names that making a frozen copy and copying it away agree on. Private to storage/backup. */
#ifndef TM_STORAGE_BACKUP_FROZEN_H
#define TM_STORAGE_BACKUP_FROZEN_H

#define FROZEN_NAME "frozen"
/* In it: lines `lsn N`, `time MS`, and `damaged PLACE` for each partition that was left out. Made last:
 * without it the copy is not whole. */
#define FROZEN_NOTE "FREEZE"

#endif
