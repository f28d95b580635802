# SPDX-License-Identifier: Apache-2.0
#
# coverage.awk: reads tests/unreached, then what llvm-cov shows of sources (branches, macros expanded,
# instances of inline functions together), and prints a line a file, what nothing reached, and a total
# a room. A branch has two sides; one in a macro belongs to the line that uses the macro. The sides of
# the hypervisor's own assertions, and of what tests/unreached names with its reason, are no guest's
# to choose. Exits 1 where `complete` (rooms, separated by spaces) has others that nothing reached.

function trimmed(s) { sub(/^[ \t]+/, "", s); sub(/[ \t]+$/, "", s); return s }

function begin_file(path) {
    end_file()
    file = path
    sub(/^.*\/src\//, "src/", file)
    lines = hit_lines = 0
    split("", text)
    split("", sides)
    order_length = 0
}

# A side that was not reached: is it a guest's to choose?
function is_own(at, side,    code) {
    code = text[at]
    if (code ~ /(BUG_ON|ASSERT)\(/) return 1
    if ((file, code, side) in allowed) { used[file, code, side] = 1; return 1 }
    if ((file, code, "both") in allowed) { used[file, code, "both"] = 1; return 1 }
    return 0
}

function end_file(    i, key, part, side, n, hit, own) {
    if (file == "" || lines == 0) return
    for (i = 1; i <= order_length; i++) {
        key = order[i]
        split(key, part, SUBSEP)
        side = part[3]
        n++
        if (sides[key]) hit++
        else if (is_own(part[1], side)) own++
        else missing[++missed] = sprintf("  %s:%d: never %s: %s", file, part[1], side, text[part[1]])
        if (sides[key] && (file, text[part[1]], side) in allowed) reached[file, text[part[1]], side] = 1
    }
    room = file
    sub(/\/[^\/]*$/, "", room)
    if (!(room in room_lines)) rooms[++room_count] = room
    room_lines[room] += lines; room_hit_lines[room] += hit_lines
    room_sides[room] += n - own; room_hit[room] += hit; room_own[room] += own
    printf "%-30s lines %4d of %4d   branches %4d of %4d%s\n", file, hit_lines, lines, hit, n - own,
        own ? sprintf("   (%d not a guest's)", own) : ""
}

function note(at, position, side, count,    key) {
    key = at SUBSEP position SUBSEP side
    if (!(key in sides)) { order[++order_length] = key; sides[key] = 0 }
    if (count !~ /^0$/) sides[key] = 1
}

FILENAME ~ /unreached$/ {
    if ($0 ~ /^#/ || NF == 0) next
    split($0, field, / \| /)
    allowed[trimmed(field[1]), trimmed(field[2]), trimmed(field[3])] = 1
    next
}

/^\/.*:$/ { begin_file(substr($0, 1, length($0) - 1)); next }

/^ *[0-9]+\| *[0-9.]*[kMGT]?\|/ {
    at = $0; sub(/\|.*/, "", at); at += 0
    count = $0; sub(/^[^|]*\|/, "", count); code = count; sub(/\|.*/, "", count); sub(/^[^|]*\|/, "", code)
    text[at] = trimmed(code)
    count = trimmed(count)
    if (count != "") { lines++; if (count != "0") hit_lines++ }
    next
}

/Branch \([0-9]+:[0-9]+\): \[True: / {
    position = $0; sub(/^.*Branch \(/, "", position); sub(/\).*/, "", position)
    # In a macro: which depth, beside where.
    depth = $0; sub(/Branch.*/, "", depth); depth = gsub(/\|/, "", depth)
    yes = $0; sub(/^.*True: /, "", yes); sub(/,.*/, "", yes)
    no = $0; sub(/^.*False: /, "", no); sub(/\].*/, "", no)
    # The last line of an inline function repeats all of its branches.
    owner = depth == 1 ? position + 0 : at
    note(owner, depth ":" position, "true", yes)
    note(owner, depth ":" position, "false", no)
}

END {
    end_file()
    print ""
    for (i = 1; i <= missed; i++) print missing[i]
    for (key in allowed) {
        split(key, part, SUBSEP)
        if (!(key in used)) {
            printf "  tests/unreached: %s: %s is reached, or is no more: %s\n", part[1], part[3], part[2]
            stale++
        }
    }
    if (missed + stale) print ""
    for (i = 1; i <= room_count; i++) {
        room = rooms[i]
        printf "%s: %.1f %% of %d lines; branches that a guest can choose: %d of %d", room,
            100 * room_hit_lines[room] / room_lines[room], room_lines[room], room_hit[room], room_sides[room]
        printf room_own[room] ? "; %d not a guest's to choose\n" : "\n", room_own[room]
        if (index(" " complete " ", " " room " ") && room_hit[room] < room_sides[room]) short = 1
    }
    exit short || (stale && check_stale)
}
