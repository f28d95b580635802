# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Tables. They come as lines of fields between tabs, the first line being the heads of the columns;
# a column whose cells all begin with a digit (or are empty or -) stands to the right.

# table text|markdown: formats standard input.
table() {
    awk -F '\t' -v style="$1" '
        {
            for (i = 1; i <= NF; i++) {
                cell[NR, i] = $i
                if (length($i) > width[i]) width[i] = length($i)
                if (NR > 1 && $i !~ /^([0-9].*|-?)$/) word[i] = 1
            }
            if (NF > columns) columns = NF
        }
        function padded(text, i) { return sprintf(word[i] ? "%-" width[i] "s" : "%" width[i] "s", text) }
        function line(row,    i, text) {
            if (style == "markdown") {
                text = "|"
                for (i = 1; i <= columns; i++) text = text " " cell[row, i] " |"
                return text
            }
            for (i = 1; i <= columns; i++) text = text (i > 1 ? "  " : "") padded(cell[row, i], i)
            sub(/ +$/, "", text)
            return text
        }
        function rule(    i, text) {
            text = "|"
            for (i = 1; i <= columns; i++) text = text (word[i] ? " --- |" : " ---: |")
            return text
        }
        END {
            for (row = 1; row <= NR; row++) {
                print line(row)
                if (row == 1 && style == "markdown") print rule()
            }
        }'
}
