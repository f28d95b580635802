// SPDX-License-Identifier: Apache-2.0
// console_io: writing and reading the hypervisor's console.

#include "tap.h"

TEST("a write of a line returns 0")
{
    static const char line[] = "# a line by console_io\n";

    CHECK_OK(console_io(CONSOLEIO_write, sizeof(line) - 1, line));
}

TEST("a write of nothing returns 0")
{
    CHECK_OK(console_io(CONSOLEIO_write, 0, NULL));
}

TEST("a line longer than any buffer is written whole")
{
    static char line[3000];

    memset(line, 'x', sizeof(line));
    memcpy(line, "# ", 2);
    line[sizeof(line) - 1] = '\n';
    CHECK_OK(console_io(CONSOLEIO_write, sizeof(line), line));
}

TEST("a write from memory that is not there gets -EFAULT")
{
    CHECK_ERR(console_io(CONSOLEIO_write, 10, (void *)SPARE_VA), XEN_EFAULT);
}

TEST("a read without input returns 0 at once")
{
    char buffer[16];

    CHECK_EQ(console_io(CONSOLEIO_read, sizeof(buffer), buffer), 0);
}

TEST("a command nobody knows gets -ENOSYS")
{
    CHECK_ERR(console_io(99, 0, NULL), XEN_ENOSYS);
}
