/* civicshield-sensor: options, wiring, exit status. */
#include <stdio.h>

#include "common/obs/log.h"
#include "sensor/pipeline/options.h"
#include "sensor/pipeline/pipeline.h"
#include "sensor/pipeline/settings.h"

int main(int argc, char **argv)
{
    struct options options;
    struct settings settings;
    struct diag diag;
    int status = PIPELINE_WRONG;

    enum options_result parsed = options_parse(&options, argc, argv);
    if (parsed != OPTIONS_RUN) {
        options_fini(&options);
        return parsed == OPTIONS_DONE ? PIPELINE_OK : PIPELINE_WRONG;
    }
    if (options.print_config) {
        settings_print_defaults();
        options_fini(&options);
        return PIPELINE_OK;
    }
    log_set_level(options.verbose ? LOG_LEVEL_DEBUG
                  : options.quiet ? LOG_LEVEL_ERROR
                                  : LOG_LEVEL_INFO);
    diag_init(&diag);
    if (settings_read(&settings, &options, &diag)) {
        status = pipeline_run(&options, &settings);
    }
    diag_print(&diag, stderr);
    diag_fini(&diag);
    settings_fini(&settings);
    options_fini(&options);
    return status;
}
