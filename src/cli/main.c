/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/heap.h"

int main(int argc, char **argv)
{
    heap_keep_small();
    return cli_main(argc, argv);
}
