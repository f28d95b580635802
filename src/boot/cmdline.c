// SPDX-License-Identifier: Apache-2.0
// Pavise's own command line, word by word. The line itself is left as it was: guests may ask for
// it.

#include "boot/cmdline.h"

#include "abi/errno.h"
#include "base/log.h"
#include "base/param.h"
#include "lib/string.h"

#define WORD_MAX 256

/* Copies the word at `*line`, which is moved past it and the blanks around it; its length. */
static size_t next_word(const char **line, char word[WORD_MAX])
{
    const char *at = *line;
    size_t length = 0;

    while (*at == ' ' || *at == '\t') {
        at++;
    }
    for (; *at != 0 && *at != ' ' && *at != '\t'; at++, length++) {
        if (length < WORD_MAX) {
            word[length] = *at;
        }
    }
    word[MIN(length, (size_t)WORD_MAX - 1)] = 0;
    *line = at;
    return length;
}

static void apply_word(char *word)
{
    char *value = strchr(word, '=');

    if (value != NULL) {
        *value++ = 0;
    }
    switch (param_set(word, value)) {
    case 0:
        break;
    case -ENOENT:
        log_warning("unknown option: %s", word);
        break;
    default:
        log_warning("option %s: cannot make sense of \"%s\"", word, value != NULL ? value : "");
    }
}

void cmdline_apply(const char *line)
{
    char word[WORD_MAX];
    size_t length;

    while ((length = next_word(&line, word)) != 0) {
        if (length >= WORD_MAX) {
            log_warning("option too long: %s...", word);
        } else {
            apply_word(word);
        }
    }
}
