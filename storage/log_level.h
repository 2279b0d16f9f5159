/* The levels that store_options.log is given: those of server/log, which this layer may not include. */
#ifndef TM_STORAGE_LOG_LEVEL_H
#define TM_STORAGE_LOG_LEVEL_H

enum store_log_level { STORE_LOG_ERROR = 0, STORE_LOG_WARNING = 1, STORE_LOG_INFO = 2 };

#endif
