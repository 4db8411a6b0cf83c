#include <pcap/pcap.h>
#include <stdio.h>

#include "analyzer/batch/batch.h"
#include "analyzer/listings.h"
#include "analyzer/options.h"
#include "analyzer/pipeline.h"
#include "dissectors/ndpi_bridge.h"

int main(int argc, char **argv)
{
    if (batch_is_command(argc, argv))
        return batch_main(argc, argv);
    struct options options;
    struct error error;
    enum exit_status status = EXIT_HEALTHY;
    switch (options_parse(argc, argv, &options, &error)) {
    case OPTIONS_RUN:
        status = pipeline_run(&options);
        break;
    case OPTIONS_HELP:
        status = options_write_help(stdout) ? EXIT_HEALTHY : EXIT_USAGE;
        break;
    case OPTIONS_VERSION:
        status = options_write_version(stdout, pcap_lib_version(), ndpi_bridge_version())
                     ? EXIT_HEALTHY
                     : EXIT_USAGE;
        break;
    case OPTIONS_LIST_PROFILES:
        status = list_profiles(stdout, &options) ? EXIT_HEALTHY : EXIT_USAGE;
        break;
    case OPTIONS_LIST_INTERFACES:
        status = list_interfaces(stdout) ? EXIT_HEALTHY : EXIT_USAGE;
        break;
    case OPTIONS_ERROR:
        options_write_error(stderr, &error);
        status = EXIT_USAGE;
        break;
    }
    options_free(&options);
    return (int)status;
}
