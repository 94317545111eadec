/* pipeline: the one room that sees every stage.  It opens the source, makes the workers,
 * runs them to the end and draws up the ledger. */
#ifndef CIVICSHIELD_PIPELINE_H
#define CIVICSHIELD_PIPELINE_H

#include <signal.h>

#include "sensor/pipeline/options.h"
#include "sensor/pipeline/settings.h"

/* Exit statuses of the program. */
enum { PIPELINE_OK = 0, PIPELINE_INCOMPLETE = 1, PIPELINE_WRONG = 2 };

/* Runs to the end of the capture or until a signal; returns the exit status.  Reports by
 * itself on standard error. */
int pipeline_run(const struct options *, struct settings *);

#endif
